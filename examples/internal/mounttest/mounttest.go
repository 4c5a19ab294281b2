// Package mounttest tests examples that mount the session list inside the
// middlewares of a router.
package mounttest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Program builds and runs the example in the current directory, and asks it for
// the list as a user would.
func Program(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	cookie := regexp.MustCompile(`--cookie (\S+)`).FindStringSubmatch(program.Output())
	require.NotNil(t, cookie)

	status, body, header := program.Get(t, demo.Path, "Cookie", cookie[1])
	require.Equal(t, http.StatusOK, status)
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Greater(t, len(list.Msg), 500)
	assert.NotEmpty(t, header.Get("X-Request-Id"))

	status, body, _ = program.Get(t, demo.Path)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.JSONEq(t, `{"msg":"Not authenticated.","error":true,"status":401}`, body)

	program.Interrupt(t)
	assert.NotContains(t, strings.TrimPrefix(program.Output(), cookie[0]), cookie[1]+"\n", "cookies are not logged")
}

// Lists tests that the handler returned by mount sends whole lists, and that a
// list that was cut never looks whole, with any protocol and compression.
func Lists(t *testing.T, mount func(sessions http.Handler) http.Handler) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make(capi.Payload, 4000)
	for i := range noise {
		noise[i] = byte('!' + random.IntN(90))
	}
	for _, data := range []struct {
		name string
		of   func(row int) capi.Payload
	}{
		{"random data", func(row int) capi.Payload { return noise[row*7%2000:][:2000] }},
		// It compresses so well that a compressor may still have all of it in
		// its buffers when the list is cut.
		{"repetitive data", func(int) capi.Payload { return bytes.Repeat([]byte("joomla"), 300) }},
	} {
		t.Run(data.name, func(t *testing.T) {
			store := &store{data: data.of}
			allow := capi.AuthorizerFunc(func(*http.Request) error { return nil })
			sessions, err := capi.HandlerOptions{Logger: slog.New(slog.DiscardHandler)}.NewHandler(store, allow)
			require.NoError(t, err)
			for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
				server := httptest.NewUnstartedServer(mount(sessions))
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				if protocol == "HTTP/2.0" {
					server.EnableHTTP2 = true
					server.StartTLS()
				} else {
					server.Start()
				}
				t.Cleanup(server.Close)
				for _, encoding := range []string{"identity", "gzip"} {
					t.Run(protocol+" "+encoding, func(t *testing.T) {
						const whole = 200 // Sessions of about 2 KB each.
						store.set(whole, nil)
						status, body, err := get(t, server, encoding, protocol)
						require.NoError(t, err)
						assert.Equal(t, http.StatusOK, status)
						assert.Equal(t, whole, count(t, body))

						gone := errors.New("the database went away")
						for _, rows := range []int{40, whole} {
							store.set(rows, gone)
							_, body, err = get(t, server, encoding, protocol)
							assert.Error(t, err, "cut after %d sessions", rows)
							assert.False(t, json.Valid(body), "cut after %d sessions", rows)
						}

						store.set(0, gone)
						status, body, err = get(t, server, encoding, protocol)
						require.NoError(t, err)
						assert.Equal(t, http.StatusInternalServerError, status)
						assert.JSONEq(t, `{"msg":"Internal server error.","error":true,"status":500}`, string(body))

						store.set(whole, nil)
						_, body, err = get(t, server, encoding, protocol)
						require.NoError(t, err)
						assert.Equal(t, whole, count(t, body), "the next list is whole again")
					})
				}
			}
		})
	}
}

// A store has some sessions and then an error.
type store struct {
	data func(row int) capi.Payload
	mu   sync.Mutex
	rows int
	err  error
}

// set changes the contents of the store.
func (s *store) set(rows int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, s.err = rows, err
}

func (s *store) Sessions(context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		s.mu.Lock()
		rows, err := s.rows, s.err
		s.mu.Unlock()
		for row := range rows {
			if !yield(capi.Session{ID: "8hnls2dk5cr0p1dqi8hbe5tdbc", Data: s.data(row)}, nil) {
				return
			}
		}
		if err != nil {
			yield(capi.Session{}, err)
		}
	}
}

// get asks server for the list, and returns the part before the error.
func get(t *testing.T, server *httptest.Server, encoding, protocol string) (status int, body []byte, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+demo.Path, nil)
	require.NoError(t, err)
	r.Header.Set("Accept-Encoding", encoding)
	response, err := server.Client().Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	require.Equal(t, protocol, response.Proto)
	reader := io.Reader(response.Body)
	if response.Header.Get("Content-Encoding") == "gzip" {
		if reader, err = gzip.NewReader(response.Body); err != nil {
			return response.StatusCode, nil, err
		}
	} else if encoding == "gzip" && response.StatusCode == http.StatusOK {
		require.Fail(t, "the list is not compressed")
	}
	body, err = io.ReadAll(reader)
	return response.StatusCode, body, err
}

// count returns the number of sessions in body.
func count(t *testing.T, body []byte) int {
	t.Helper()
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(body, &list))
	return len(list.Msg)
}
