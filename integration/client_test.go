package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// smallBuffer is the buffer size of connections that must not hold much of a
// list that nobody has read.
const smallBuffer = 32 << 10

// newClient returns a client with its own connections, which the end of the
// test closes.
func newClient(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// newSmallClient is newClient with small buffers.
func newSmallClient(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				err = connection.(*net.TCPConn).SetReadBuffer(smallBuffer)
			}
			return connection, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// A reply is an answer as a client saw it.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of the request, or of reading the answer to its end
}

// request sends a GET request and returns its response, with an unread body.
func request(ctx context.Context, client *http.Client, url string, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	return client.Do(r)
}

// get sends a GET request and reads the answer to its end.
func get(ctx context.Context, client *http.Client, url string, header http.Header) reply {
	response, err := request(ctx, client, url, header)
	if err != nil {
		return reply{err: err}
	}
	return finish(response)
}

// finish reads what is left of a response.
func finish(response *http.Response) reply {
	defer response.Body.Close()
	a := reply{status: response.StatusCode, header: response.Header}
	a.body, a.err = io.ReadAll(response.Body)
	return a
}

// isList reports whether a client would take the answer for a session list, and
// how many sessions it has.
func (r reply) isList() (rows int, ok bool) {
	if r.err != nil || r.status != http.StatusOK {
		return 0, false
	}
	if len(r.body) <= 256<<10 {
		var list capi.Envelope[[]json.RawMessage]
		err := json.Unmarshal(r.body, &list)
		return len(list.Msg), err == nil
	}
	// Decoding large ones would take seconds under the race detector.
	return bytes.Count(r.body, []byte(`{"session_id":"`)), bytes.HasPrefix(r.body, []byte(`{"msg":[{"session_id":"`)) &&
		bytes.HasSuffix(r.body, listEnd)
}

// listEnd is the end of a whole list.
var listEnd = []byte(`"}],"error":false,"status":200}`)

// requireList fails the test if r is not a whole list with that many rows.
func (r reply) requireList(t testing.TB, rows int) {
	t.Helper()
	require.NoError(t, r.err)
	require.Equal(t, http.StatusOK, r.status, "%.200s", r.body)
	got, ok := r.isList()
	require.True(t, ok, "%.200s", r.body)
	require.Equal(t, rows, got)
}

// requireRefused fails the test if r is not exactly the error with that status.
func (r reply) requireRefused(t testing.TB, status int) {
	t.Helper()
	messages := map[int]string{
		http.StatusUnauthorized:        `{"msg":"Not authenticated.","error":true,"status":401}`,
		http.StatusForbidden:           `{"msg":"Not authorized.","error":true,"status":403}`,
		http.StatusInternalServerError: `{"msg":"Internal server error.","error":true,"status":500}`,
	}
	require.NoError(t, r.err)
	assert.Equal(t, status, r.status)
	assert.Equal(t, messages[status], string(r.body))
}

// requireCut fails the test if r is not a list whose end is missing, or if the
// client did not notice that.
func (r reply) requireCut(t testing.TB) {
	t.Helper()
	require.Error(t, r.err, "an answer of %d bytes ended in order", len(r.body))
	require.Equal(t, http.StatusOK, r.status)
	require.False(t, bytes.HasSuffix(r.body, []byte("}")) && json.Valid(r.body))
	require.False(t, bytes.HasSuffix(r.body, listEnd))
}
