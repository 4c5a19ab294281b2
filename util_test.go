package capi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// spyStore counts calls of a Store, and separately reads: a call of Sessions
// reads nothing by itself.
type spyStore struct {
	capi.Store
	called, ranged atomic.Int64
}

func (s *spyStore) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	s.called.Add(1)
	sessions := s.Store.Sessions(ctx)
	return func(yield func(capi.Session, error) bool) {
		s.ranged.Add(1)
		sessions(yield)
	}
}

// answering returns an Authorizer whose answer is err.
func answering(err error) capi.Authorizer {
	return capi.AuthorizerFunc(func(*http.Request) error { return err })
}

// failing returns a Store that fails with err after n sessions whose Data is of
// size bytes.
func failing(n, size int, err error) capi.Store {
	data := bytes.Repeat([]byte("x"), size)
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for range n {
				if !yield(capi.Session{ID: "id", Data: data}, nil) {
					return
				}
			}
			yield(capi.Session{}, err)
		}
	})
}

// logged returns HandlerOptions that log to the buffer. Read it only after the
// handler has returned.
func logged() (capi.HandlerOptions, *bytes.Buffer) {
	var buffer bytes.Buffer
	return capi.HandlerOptions{Logger: slog.New(slog.NewJSONHandler(&buffer, nil))}, &buffer
}

func newHandler(t *testing.T, config capi.HandlerOptions, store capi.Store, auth capi.Authorizer) http.Handler {
	t.Helper()
	handler, err := config.NewHandler(store, auth)
	require.NoError(t, err)
	return handler
}

// serve returns a server that does not log its own errors, such as panics.
func serve(t *testing.T, handler http.Handler, http2 bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.EnableHTTP2 = http2; http2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// headers returns the headers of alternating names and values.
func headers(pairs ...string) http.Header {
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return header
}

var (
	contractCORS = []string{
		"Access-Control-Allow-Origin", "*",
		"Access-Control-Allow-Headers", "X-Requested-With, Origin, Content-Type, token, dlid, nonce",
		"Access-Control-Allow-Methods", "PUT, GET, POST, DELETE, OPTIONS",
	}
	withBody = append([]string{
		"Content-Type", "application/json", "Cache-Control", "no-store", "X-Content-Type-Options", "nosniff",
	}, contractCORS...)
)

// chunks is a ResponseWriter that keeps the size of each write, and can fail.
type chunks struct {
	header http.Header
	sizes  []int
	err    error // the error of the second write
}

func (c *chunks) Header() http.Header { return c.header }
func (c *chunks) WriteHeader(int)     {}

// SetWriteDeadline is for [http.ResponseController].
func (c *chunks) SetWriteDeadline(time.Time) error { return nil }

func (c *chunks) Write(p []byte) (int, error) {
	c.sizes = append(c.sizes, len(p))
	if len(c.sizes) > 1 && c.err != nil {
		return 0, c.err
	}
	return len(p), nil
}

// repeated returns session n times.
func repeated(session capi.Session, n int) capi.Sessions {
	sessions := make(capi.Sessions, n)
	for i := range sessions {
		sessions[i] = session
	}
	return sessions
}

// within waits for done, but not forever.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		require.Fail(t, what)
	}
}

// lockedBuffer is for logs that are read while a handler may write.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// answer returns the answer of a handler of sessions with the zero
// HandlerOptions.
func answer(t testing.TB, sessions ...capi.Session) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	capi.NewHandler(capi.Sessions(sessions), answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.Bytes()
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}

// payloadVector is a value of the column data that PHP itself serialized, with
// its decoded value.
type payloadVector struct {
	Name    string          `json:"name"`
	Stored  []byte          `json:"stored_base64"`
	Error   bool            `json:"error"`
	Decoded json.RawMessage `json:"decoded"`
}

func payloadVectors(t testing.TB) []payloadVector {
	t.Helper()
	text, err := os.ReadFile("testdata/session_payload.json")
	require.NoError(t, err)
	var vectors []payloadVector
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.NotEmpty(t, vectors)
	return vectors
}

// joomlaPayloads returns every session payload that real sites wrote, by site
// and session id.
func joomlaPayloads(t testing.TB) map[string]capi.Payload {
	t.Helper()
	payloads := map[string]capi.Payload{}
	for _, site := range joomlatest.Recordings() {
		for _, row := range joomlatest.Recorded(site).Tables["session"] {
			var data capi.Payload
			if text, ok := row["data"].(string); ok {
				data = capi.Payload(text)
			}
			payloads[site+" "+row["session_id"].(string)] = data
		}
	}
	return payloads
}

// registry wraps serialized data as Joomla 3.4.7 and later does.
func registry(data string) string {
	serialized := `O:24:"Joomla\Registry\Registry":1:{s:7:"` + "\x00*\x00" + `data";` + data + `}`
	return base64.StdEncoding.EncodeToString([]byte(serialized))
}

// variable returns a session text with a single string.
func variable(name, value string) string {
	return name + "|" + phpString(value)
}

func phpString(s string) string {
	return "s:" + strconv.Itoa(len(s)) + `:"` + s + `";`
}

func newClient(t testing.TB, url string, config capi.ClientOptions) *capi.Client {
	t.Helper()
	if config.HTTPClient == nil {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		config.HTTPClient = &http.Client{Transport: transport}
	}
	client, err := config.NewClient(url)
	require.NoError(t, err)
	return client
}

// A sessionDataFunc is a function as a SessionData.
type sessionDataFunc func(ctx context.Context, ids []string) ([]capi.Payload, error)

func (f sessionDataFunc) Payloads(ctx context.Context, ids []string) ([]capi.Payload, error) {
	return f(ctx, ids)
}

// inRedis makes a site keep its sessions in Redis, where data finds them.
func inRedis(data capi.SessionData) func(*capi.SiteConfig, *capi.SiteOptions) {
	return func(c *capi.SiteConfig, o *capi.SiteOptions) { c.SessionHandler, o.SessionData = "redis", data }
}

// fields returns s without the odd columns that it remembers.
func fields(s capi.Session) capi.Session {
	return capi.Session{
		ID: s.ID, ClientID: s.ClientID, Guest: s.Guest, Time: s.Time, Data: s.Data, UserID: s.UserID, Username: s.Username,
	}
}

// serveOnce returns the handler's answer to a GET.
func serveOnce(handler http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil))
	return w
}
