package capi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// spyStore counts what is asked of a Store. That Sessions was called is not yet that anything was read.
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

// failing returns a Store that fails with err after n sessions whose Data is of size bytes.
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

// logged returns a Config whose log goes to the buffer. Reading that is safe when the handler is through.
func logged() (capi.Config, *bytes.Buffer) {
	var buffer bytes.Buffer
	return capi.Config{Logger: slog.New(slog.NewJSONHandler(&buffer, nil))}, &buffer
}

func newHandler(t *testing.T, config capi.Config, store capi.Store, auth capi.Authorizer) http.Handler {
	t.Helper()
	handler, err := config.NewHandler(store, auth)
	require.NoError(t, err)
	return handler
}

// serve returns a server whose own complaints, such as of a panic, are not of interest.
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

// headers returns the headers of names and values, alternately.
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

func TestWhatARequestGets(t *testing.T) {
	errCause := errors.New("the cause of it")
	const (
		unauthenticated = `{"msg":"Not authenticated.","error":true,"status":401}`
		forbidden       = `{"msg":"Not authorized.","error":true,"status":403}`
		notAllowed      = `{"msg":"Method not allowed.","error":true,"status":405}`
		failed          = `{"msg":"Internal server error.","error":true,"status":500}`
		list            = `{"msg":[{"session_id":"a","client_id":"0","guest":"0","time":"0","data":null,"userid":"0","username":""}],` +
			`"error":false,"status":200}`
	)
	type request struct {
		method string
		header http.Header
	}
	preflight := headers("Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
	tests := []struct {
		name    string
		request request
		auth    error
		store   capi.Store
		status  int
		header  http.Header
		body    string
		asked   bool // The Authorizer is.
		ranged  bool // The Store is.
	}{
		{
			name: "list", request: request{method: "GET"}, store: capi.Sessions{{ID: "a"}},
			status: 200, header: headers(withBody...), body: list, asked: true, ranged: true,
		},
		{
			name: "list of none", request: request{method: "GET"}, store: capi.Sessions{},
			status: 200, header: headers(withBody...), body: `{"msg":[],"error":false,"status":200}`, asked: true, ranged: true,
		},
		{
			name: "list to a page elsewhere", request: request{"GET", headers("Origin", "https://elsewhere.example")},
			store: capi.Sessions{{ID: "a"}}, status: 200, header: headers(withBody...), body: list, asked: true, ranged: true,
		},
		{name: "HEAD", request: request{method: "HEAD"}, status: 200, header: headers(withBody...), asked: true},
		{name: "preflight", request: request{"OPTIONS", preflight}, auth: capi.ErrForbidden, status: 204, header: headers(contractCORS...)},
		{
			name: "preflight for a method that is not there", auth: capi.ErrForbidden,
			request: request{"OPTIONS", headers("Origin", "https://elsewhere.example", "Access-Control-Request-Method", "PATCH")},
			status:  204, header: headers(contractCORS...),
		},
		{
			name: "OPTIONS that is no preflight", request: request{method: "OPTIONS"}, auth: capi.ErrForbidden,
			status: 204, header: headers(append([]string{"Allow", "GET, HEAD, OPTIONS"}, contractCORS...)...),
		},
		{
			name: "no credentials", request: request{method: "GET"}, auth: capi.ErrUnauthenticated,
			status: 401, header: headers(append([]string{"WWW-Authenticate", "Bearer"}, withBody...)...), body: unauthenticated, asked: true,
		},
		{
			name: "unusable credentials", request: request{method: "GET"}, auth: fmt.Errorf("%w: expired", capi.ErrUnauthenticated),
			status: 401, header: headers(append([]string{"WWW-Authenticate", "Bearer"}, withBody...)...), body: unauthenticated, asked: true,
		},
		{
			name: "HEAD without credentials", request: request{method: "HEAD"}, auth: capi.ErrUnauthenticated,
			status: 401, header: headers(append([]string{"WWW-Authenticate", "Bearer"}, withBody...)...), body: unauthenticated, asked: true,
		},
		{
			name: "no Super Admin", request: request{method: "GET"}, auth: capi.ErrForbidden,
			status: 403, header: headers(withBody...), body: forbidden, asked: true,
		},
		{
			name: "blocked", request: request{method: "GET"}, auth: fmt.Errorf("blocked: %w", capi.ErrForbidden),
			status: 403, header: headers(withBody...), body: forbidden, asked: true,
		},
		{
			name: "HEAD by no Super Admin", request: request{method: "HEAD"}, auth: capi.ErrForbidden,
			status: 403, header: headers(withBody...), body: forbidden, asked: true,
		},
		{
			name: "the authorizer fails", request: request{method: "GET"}, auth: errCause,
			status: 500, header: headers(withBody...), body: failed, asked: true,
		},
		{
			name: "the store fails at once", request: request{method: "GET"}, store: failing(0, 0, errCause),
			status: 500, header: headers(withBody...), body: failed, asked: true, ranged: true,
		},
		{
			name: "the store fails before the first chunk", request: request{method: "GET"}, store: failing(3, 100, errCause),
			status: 500, header: headers(withBody...), body: failed, asked: true, ranged: true,
		},
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "LIST"} {
		test := tests[0]
		test.name, test.request, test.asked, test.ranged = method, request{method: method}, false, false
		test.status, test.body = 405, notAllowed
		test.header = headers(append([]string{"Allow", "GET, HEAD, OPTIONS"}, withBody...)...)
		tests = append(tests, test)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.store == nil {
				tt.store = capi.Sessions{{ID: "a"}}
			}
			store, asked := &spyStore{Store: tt.store}, false
			auth := capi.AuthorizerFunc(func(r *http.Request) error {
				asked = true
				assert.Equal(t, "/api/v1/user/sessions", r.URL.Path)
				return tt.auth
			})
			config, logs := logged()
			r := httptest.NewRequest(tt.request.method, "/api/v1/user/sessions", nil)
			for name, values := range tt.request.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			newHandler(t, config, store, auth).ServeHTTP(w, r)

			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.header, w.Header())
			assert.Equal(t, tt.body, w.Body.String())
			assert.Equal(t, tt.asked, asked, "authorizer asked")
			if tt.ranged {
				assert.EqualValues(t, 1, store.ranged.Load(), "ranges")
			} else {
				assert.Zero(t, store.called.Load(), "calls of the store")
				assert.Zero(t, store.ranged.Load(), "ranges")
			}
			if tt.status == 500 {
				assert.Contains(t, logs.String(), errCause.Error())
			} else {
				assert.Empty(t, logs.String())
			}
		})
	}
}

func TestHeadGetsTheHeadersOfGet(t *testing.T) {
	server := serve(t, capi.NewHandler(capi.Sessions{{ID: "a"}}, answering(nil)), false)
	get, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer get.Body.Close()
	head, err := server.Client().Head(server.URL)
	require.NoError(t, err)
	defer head.Body.Close()
	assert.Equal(t, get.StatusCode, head.StatusCode)
	for _, header := range []http.Header{get.Header, head.Header} {
		header.Del("Date")
		header.Del("Content-Length") // Which HEAD, that has not run the query, cannot know.
	}
	assert.Equal(t, get.Header, head.Header)
}

func TestQueryParametersAreIgnored(t *testing.T) {
	handler := capi.NewHandler(capi.Sessions{{ID: "a"}}, answering(nil))
	var bodies []string
	for _, target := range []string{"/", "/?limit=0&page[offset]=1&client_id=1%27", "/?%zz;;&=&a", "/any/path"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		assert.Equal(t, 200, w.Code, target)
		bodies = append(bodies, w.Body.String())
	}
	for _, body := range bodies {
		assert.Equal(t, bodies[0], body)
	}
}

func TestUnusualSessionsAreServed(t *testing.T) {
	w := httptest.NewRecorder()
	sessions := capi.Sessions{{}, {Data: capi.Payload{}}, {Time: time.Unix(-1, 0), UserID: -1}}
	capi.NewHandler(sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, `{"msg":[`+
		`{"session_id":"","client_id":"0","guest":"0","time":"0","data":null,"userid":"0","username":""},`+
		`{"session_id":"","client_id":"0","guest":"0","time":"0","data":"","userid":"0","username":""},`+
		`{"session_id":"","client_id":"0","guest":"0","time":"-1","data":null,"userid":"-1","username":""}`+
		`],"error":false,"status":200}`, w.Body.String())
}

func TestNewHandlerPanicsOnNil(t *testing.T) {
	tests := []struct {
		name  string
		store capi.Store
		auth  capi.Authorizer
		want  string
	}{
		{"store", nil, answering(nil), "capi: nil Store"},
		{"store func", capi.StoreFunc(nil), answering(nil), "capi: nil Store"},
		{"authorizer", capi.Sessions(nil), nil, "capi: nil Authorizer"},
		{"authorizer func", capi.Sessions(nil), capi.AuthorizerFunc(nil), "capi: nil Authorizer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.PanicsWithValue(t, tt.want, func() { capi.NewHandler(tt.store, tt.auth) })
			assert.PanicsWithValue(t, tt.want, func() { _, _ = capi.Config{}.NewHandler(tt.store, tt.auth) })
		})
	}
	assert.NotPanics(t, func() { capi.NewHandler(capi.Sessions(nil), answering(nil)) }, "no sessions are a store")
}

func TestConfigErrorNamesEverything(t *testing.T) {
	config := capi.Config{
		CORS:         capi.CORS{AllowedOrigins: []string{"nonsense"}, MaxAge: -time.Second},
		StallTimeout: -time.Minute,
	}
	handler, err := config.NewHandler(capi.Sessions{}, answering(nil))
	assert.Nil(t, handler)
	require.Error(t, err)
	for _, line := range strings.Split(err.Error(), "\n") {
		assert.True(t, strings.HasPrefix(line, "capi: "), line)
	}
	assert.ErrorContains(t, err, `"nonsense"`)
	assert.ErrorContains(t, err, "MaxAge -1s")
	assert.ErrorContains(t, err, "StallTimeout -1m0s")
}

func TestConfigIsCopied(t *testing.T) {
	origins := []string{"https://a.example"}
	config := capi.Config{CORS: capi.CORS{AllowedOrigins: origins}}
	handler := newHandler(t, config, capi.Sessions{}, answering(nil))
	origins[0] = "https://b.example"
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://a.example")
	handler.ServeHTTP(w, r)
	assert.Equal(t, "https://a.example", w.Header().Get("Access-Control-Allow-Origin"))
}

func TestConfigRedact(t *testing.T) {
	sessions := capi.Sessions{{ID: "secret", Data: capi.Payload("payload"), Username: "steve"}}
	config := capi.Config{Redact: []capi.Redaction{nil, func(s capi.Session) capi.Session {
		s.ID, s.Data = "", nil
		return s
	}, func(s capi.Session) capi.Session {
		s.Username += s.ID + " in order"
		return s
	}}}
	w := httptest.NewRecorder()
	newHandler(t, config, sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Contains(t, w.Body.String(), `"session_id":""`)
	assert.Contains(t, w.Body.String(), `"data":null`)
	assert.Contains(t, w.Body.String(), `"username":"steve in order"`)
	assert.Equal(t, "secret", sessions[0].ID, "the store's own")
}

func TestCausesAreLoggedAndNeverSent(t *testing.T) {
	tests := []struct {
		name, doing string
		store       capi.Store
		auth        error
	}{
		{"authorizer", "capi: authorizing a request", capi.Sessions{}, errors.New("cause: table jos_users")},
		{"store", "capi: listing sessions", failing(2, 10, errors.New("cause: table jos_users")), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, logs := logged()
			// Whatever a client can write, marked.
			r := httptest.NewRequest("GET", "http://marker.example/marker?marker=marker", strings.NewReader("marker"))
			r.RemoteAddr = "marker"
			for _, name := range []string{"Authorization", "Cookie", "Token", "X-Joomla-Token", "User-Agent", "Referer", "Origin", "Marker"} {
				r.Header.Set(name, "marker=marker\r\nmarker")
			}
			w := httptest.NewRecorder()
			newHandler(t, config, tt.store, answering(tt.auth)).ServeHTTP(w, r)
			assert.Equal(t, 500, w.Code)
			assert.NotContains(t, w.Body.String(), "cause")
			assert.NotContains(t, fmt.Sprint(w.Header()), "cause")

			var line map[string]any
			require.NoError(t, json.Unmarshal(logs.Bytes(), &line), "one line")
			delete(line, "time")
			assert.Equal(t, map[string]any{"level": "ERROR", "msg": tt.doing, "error": "cause: table jos_users"}, line)
			assert.NotContains(t, logs.String(), "marker")
		})
	}
}

// contextHandler keeps the context that its last record came with.
type contextHandler struct {
	slog.Handler
	ctx context.Context
}

func (h *contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	h.ctx = ctx
	return nil
}

func TestLogGetsTheContextOfTheRequest(t *testing.T) {
	type key struct{}
	logger := &contextHandler{Handler: slog.NewTextHandler(io.Discard, nil)}
	config := capi.Config{Logger: slog.New(logger)}
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), key{}, "trace"))
	newHandler(t, config, capi.Sessions{}, answering(errors.New("down"))).ServeHTTP(httptest.NewRecorder(), r)
	require.NotNil(t, logger.ctx)
	assert.Equal(t, "trace", logger.ctx.Value(key{}))
}

func TestEndOfTheContextIsNoEndOfTheList(t *testing.T) {
	// A store that should say that its context has ended, but does not.
	silent := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			if yield(capi.Session{ID: "a"}, nil) {
				<-ctx.Done()
			}
		}
	})
	deadline, cancelDeadline := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelDeadline()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name  string
		ctx   context.Context
		store capi.Store
		level string
		cause error
	}{
		{"deadline", deadline, capi.Sessions{{ID: "a"}}, "ERROR", context.DeadlineExceeded},
		{"deadline and a silent store", deadline, silent, "ERROR", context.DeadlineExceeded},
		{"client left", cancelled, capi.Sessions{{ID: "a"}}, "INFO", context.Canceled},
		{"client left and a silent store", cancelled, silent, "INFO", context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, logs := logged()
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil).WithContext(tt.ctx)
			newHandler(t, config, tt.store, answering(nil)).ServeHTTP(w, r)
			assert.Equal(t, 500, w.Code)
			assert.NotContains(t, w.Body.String(), "session_id")
			assert.Contains(t, logs.String(), `"level":"`+tt.level+`"`)
			assert.Contains(t, logs.String(), tt.cause.Error())
		})
	}
}

func TestAuthorizerAndStoreGetTheContextOfTheRequest(t *testing.T) {
	type key struct{}
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), key{}, "value"))
	var got []any
	store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		got = append(got, ctx.Value(key{}))
		return capi.Sessions{}.Sessions(ctx)
	})
	auth := capi.AuthorizerFunc(func(r *http.Request) error {
		got = append(got, r.Context().Value(key{}))
		return nil
	})
	capi.NewHandler(store, auth).ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, []any{"value", "value"}, got)
}

// chunks is a ResponseWriter that keeps how large each write was, and can fail.
type chunks struct {
	header http.Header
	sizes  []int
	err    error // what the write after the first fails with
}

func (c *chunks) Header() http.Header { return c.header }
func (c *chunks) WriteHeader(int)     {}
func (c *chunks) Write(p []byte) (int, error) {
	c.sizes = append(c.sizes, len(p))
	if len(c.sizes) > 1 && c.err != nil {
		return 0, c.err
	}
	return len(p), nil
}

func TestTheListIsSentInChunks(t *testing.T) {
	tests := []struct {
		name     string
		sessions capi.Sessions
	}{
		{"many sessions", repeated(capi.Session{ID: "id", Data: bytes.Repeat([]byte("a/"), 1<<10)}, 5000)},
		{"a large payload", capi.Sessions{{Data: bytes.Repeat([]byte("é"), 5<<20)}}},
		{"a large payload that grows much", capi.Sessions{{Data: make(capi.Payload, 2<<20)}}},
		{"a large username", capi.Sessions{{Username: strings.Repeat("\x01", 2<<20)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &chunks{header: http.Header{}}
			capi.NewHandler(tt.sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			require.Greater(t, len(w.sizes), 100)
			for i, size := range w.sizes {
				require.LessOrEqual(t, size, 80<<10)
				if i < len(w.sizes)-1 {
					require.GreaterOrEqual(t, size, 32<<10)
				}
			}
		})
	}
}

// repeated returns session n times.
func repeated(session capi.Session, n int) capi.Sessions {
	sessions := make(capi.Sessions, n)
	for i := range sessions {
		sessions[i] = session
	}
	return sessions
}

func TestAFailedWriteEndsTheRange(t *testing.T) {
	var ctxErr error
	yielded, after := 0, 0
	store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			defer func() { ctxErr = ctx.Err() }()
			for yielded = range 1000 {
				if !yield(capi.Session{Data: make(capi.Payload, 1<<10)}, nil) {
					return
				}
				if ctx.Err() != nil {
					after++
				}
			}
		}
	})
	config, logs := logged()
	w := &chunks{header: http.Header{}, err: errors.New("broken pipe")}
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		newHandler(t, config, store, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
	assert.Less(t, yielded, 100)
	assert.Zero(t, after)
	assert.Len(t, w.sizes, 2, "nothing is written after an error")
	assert.ErrorIs(t, ctxErr, context.Canceled, "the query should be dropped rather than read to its end")
	assert.Contains(t, logs.String(), "broken pipe")
	assert.Contains(t, logs.String(), `"level":"INFO"`)
}

func TestAFailureAmidTheListPanics(t *testing.T) {
	config, logs := logged()
	w := httptest.NewRecorder() // Which knows no deadlines.
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		newHandler(t, config, failing(100, 4<<10, errors.New("the cause")), answering(nil)).
			ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
	assert.Equal(t, 200, w.Code)
	assert.False(t, json.Valid(w.Body.Bytes()))
	assert.NotContains(t, w.Body.String(), "the cause")
	assert.Contains(t, logs.String(), `"level":"ERROR"`)
	assert.Contains(t, logs.String(), "the cause")
}

// recovering is what many services have around their handlers.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = recover() }()
		next.ServeHTTP(w, r)
	})
}

// plain hides what else a ResponseWriter can do.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

func TestNoClientTakesAPartForTheWhole(t *testing.T) {
	errDown := errors.New("the database went away")
	panics := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for session := range failing(100, 4<<10, nil).Sessions(ctx) {
				if session.ID == "" {
					panic("a fault of the store")
				}
				if !yield(session, nil) {
					return
				}
			}
		}
	})
	bare := func(next http.Handler) http.Handler { return next }
	tests := []struct {
		name  string
		store capi.Store
		wrap  func(http.Handler) http.Handler
		http2 bool
		// whole says that the answer can only be told by its JSON: its transport came to an orderly end.
		whole bool
	}{
		{"error", failing(100, 4<<10, errDown), bare, false, false},
		{"error in HTTP/2", failing(100, 4<<10, errDown), bare, true, false},
		{"error recovered from", failing(100, 4<<10, errDown), recovering, false, false},
		{"error recovered from in HTTP/2", failing(100, 4<<10, errDown), recovering, true, false},
		{"error after one chunk recovered from", failing(18, 4<<10, errDown), recovering, false, false},
		{"error without deadlines", failing(100, 4<<10, errDown), plain, false, false},
		{"error without deadlines recovered from", failing(100, 4<<10, errDown),
			func(next http.Handler) http.Handler { return recovering(plain(next)) }, false, true},
		{"panic", panics, bare, false, false},
		{"panic recovered from", panics, recovering, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, _ := logged()
			server := serve(t, tt.wrap(newHandler(t, config, tt.store, answering(nil))), tt.http2)
			response, err := server.Client().Get(server.URL)
			if err != nil {
				assert.False(t, tt.whole)
				return // Cut before its first byte arrived is just as good.
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			switch {
			case tt.whole:
				require.NoError(t, err)
			case tt.http2:
				require.Error(t, err)
			default:
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			assert.Equal(t, 200, response.StatusCode)
			assert.False(t, json.Valid(body))
			assert.NotContains(t, string(body), errDown.Error())
			assert.NotContains(t, string(body), "Internal server error")
		})
	}
}

func TestAStorePanicBeforeTheListIsNoList(t *testing.T) {
	store := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { panic("a fault of the store") })
	handler := capi.NewHandler(store, answering(nil))
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, "a fault of the store", func() {
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}, "the panics of others are theirs to handle")
	assert.Empty(t, w.Body.String())

	server := serve(t, handler, false)
	_, err := server.Client().Get(server.URL)
	assert.Error(t, err)
}

func TestTheConnectionServesOnAfterTheList(t *testing.T) {
	const stall = 50 * time.Millisecond
	config := capi.Config{StallTimeout: stall}
	handler := newHandler(t, config, failing(0, 0, errors.New("unused")), answering(capi.ErrForbidden))
	list := newHandler(t, config, repeated(capi.Session{Data: make(capi.Payload, 4<<10)}, 100), answering(nil))
	connections := map[string]bool{}
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if r.URL.Path == "/list" {
			list.ServeHTTP(w, r)
			return
		}
		<-time.After(2 * stall) // The deadline of the list before must not be that of this answer.
		handler.ServeHTTP(w, r)
	}), false)
	for _, path := range []string{"/list", "/", "/list", "/"} {
		response, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.True(t, json.Valid(body))
	}
	assert.Len(t, connections, 1)
}

// within waits for done, but not for good.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		require.Fail(t, what)
	}
}

// endless returns a Store without an end, and a channel that is closed when the first range over it has ended.
func endless() (capi.Store, <-chan struct{}) {
	ended := make(chan struct{})
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			defer close(ended)
			for session := (capi.Session{Data: make(capi.Payload, 8<<10)}); yield(session, nil); {
			}
		}
	}), ended
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

func TestAStalledClientIsDropped(t *testing.T) {
	store, ended := endless()
	var logs lockedBuffer
	config := capi.Config{StallTimeout: 50 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	returned := make(chan struct{})
	handler := newHandler(t, config, store, answering(nil))
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		handler.ServeHTTP(w, r)
	}), false)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: site.example\r\n\r\n")
	require.NoError(t, err)
	within(t, ended, "the range over the store went on")
	within(t, returned, "the handler did not return")
	assert.Contains(t, logs.String(), "cut short")
	assert.Contains(t, logs.String(), `"level":"INFO"`)

	require.NoError(t, connection.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer, _ := io.ReadAll(connection)
	assert.False(t, bytes.HasSuffix(answer, []byte("0\r\n\r\n")), "an orderly end")
}

func TestAClientThatLeavesCancelsTheQuery(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for range 20 {
				if !yield(capi.Session{Data: make(capi.Payload, 4<<10)}, nil) {
					return
				}
			}
			close(started)
			<-ctx.Done()
			close(cancelled)
			yield(capi.Session{}, ctx.Err())
		}
	})
	var logs lockedBuffer
	config := capi.Config{Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	returned := make(chan struct{})
	handler := newHandler(t, config, store, answering(nil))
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		handler.ServeHTTP(w, r)
	}), false)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	require.NoError(t, err)
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	within(t, started, "the list did not begin")
	leave()
	within(t, cancelled, "the context of the store did not end")
	within(t, returned, "the handler did not return")
	assert.Contains(t, logs.String(), `"level":"INFO"`)
	assert.NotContains(t, logs.String(), `"level":"ERROR"`)
}

func TestHandlerServesManyAtOnce(t *testing.T) {
	sessions := repeated(capi.Session{ID: "id", Data: bytes.Repeat([]byte("é/"), 1<<10)}, 50)
	handler := capi.NewHandler(sessions, answering(nil))
	want := httptest.NewRecorder()
	handler.ServeHTTP(want, httptest.NewRequest("GET", "/", nil))
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 8 {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				assert.True(t, bytes.Equal(want.Body.Bytes(), w.Body.Bytes()))
			}
		}()
	}
	group.Wait()
}

// The cause of a failure may hold nothing of a session, whichever way it comes about.
func TestLogsHoldNoSession(t *testing.T) {
	config, logs := logged()
	sessions := repeated(capi.Session{ID: "marker", Data: bytes.Repeat([]byte("marker"), 1<<10), Username: "marker"}, 100)
	w := &chunks{header: http.Header{}, err: io.ErrClosedPipe}
	assert.Panics(t, func() {
		newHandler(t, config, sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
	assert.NotEmpty(t, logs.String())
	assert.NotContains(t, logs.String(), "marker")
}

func TestARefusalThatCannotBeSentIsLogged(t *testing.T) {
	config, logs := logged()
	handler := newHandler(t, config, capi.Sessions{}, answering(capi.ErrForbidden))
	w := &chunks{header: http.Header{}, err: io.ErrClosedPipe}
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Empty(t, logs.String(), "the first write is good")
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Contains(t, logs.String(), `"level":"INFO","msg":"capi: sending an answer"`)
	assert.Contains(t, logs.String(), io.ErrClosedPipe.Error())
}

func TestTheDefaultLoggerIsThatOfTheRequestsTime(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	handler := capi.NewHandler(failing(0, 0, errors.New("the cause")), answering(nil))
	var logs bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	assert.Contains(t, logs.String(), "the cause")
}
