package capi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestHandlerAnswers(t *testing.T) {
	errCause := errors.New("the cause of it")
	const (
		unauthenticated = `{"msg":"Not authenticated.","error":true,"status":401}`
		forbidden       = `{"msg":"Not authorized.","error":true,"status":403}`
		notAllowed      = `{"msg":"Method not allowed.","error":true,"status":405}`
		failed          = `{"msg":"Internal server error.","error":true,"status":500}`
		unavailable     = `{"msg":"Service unavailable.","error":true,"status":503}`
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
		asked   bool // whether the Authorizer is asked
		ranged  bool // whether the Store is ranged over
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
		{
			name: "the authorizer is not available", request: request{method: "HEAD"}, auth: fmt.Errorf("%w: %w", capi.ErrUnavailable, errCause),
			status: 503, header: headers(append([]string{"Retry-After", "5"}, withBody...)...), body: unavailable, asked: true,
		},
		{
			name: "the store is not available", request: request{method: "GET"}, store: failing(3, 100, fmt.Errorf("%w: %w", errCause, capi.ErrUnavailable)),
			status: 503, header: headers(append([]string{"Retry-After", "5"}, withBody...)...), body: unavailable, asked: true, ranged: true,
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

			if tt.status == http.StatusOK && tt.body != "" {
				tt.header.Set("Content-Length", strconv.Itoa(len(tt.body)))
			}
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
			switch {
			case tt.status == 500:
				assert.Contains(t, logs.String(), errCause.Error())
				assert.Contains(t, logs.String(), "ERROR")
			case tt.status == 503:
				assert.Contains(t, logs.String(), errCause.Error())
				assert.Contains(t, logs.String(), "WARN")
			case tt.ranged:
				assert.Contains(t, logs.String(), "session list read")
			default:
				assert.Empty(t, logs.String())
			}
		})
	}
}

func TestHandlerHeadHasHeadersOfGet(t *testing.T) {
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
		header.Del("Content-Length") // HEAD does not run the query, so it cannot know it.
	}
	assert.Equal(t, get.Header, head.Header)
}

func TestHandlerIgnoresQueryParameters(t *testing.T) {
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

func TestHandlerServesUnusualSessions(t *testing.T) {
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
		{"store pointer", (*capi.SQLStore)(nil), answering(nil), "capi: nil Store"},
		{"authorizer", capi.Sessions(nil), nil, "capi: nil Authorizer"},
		{"authorizer func", capi.Sessions(nil), capi.AuthorizerFunc(nil), "capi: nil Authorizer"},
		{"authorizer pointer", capi.Sessions(nil), (*capi.SessionAuthorizer)(nil), "capi: nil Authorizer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.PanicsWithValue(t, tt.want, func() { capi.NewHandler(tt.store, tt.auth) })
			assert.PanicsWithValue(t, tt.want, func() { _, _ = capi.HandlerOptions{}.NewHandler(tt.store, tt.auth) })
		})
	}
	assert.NotPanics(t, func() { capi.NewHandler(capi.Sessions(nil), answering(nil)) }, "no sessions are a store")
}

func TestConfigErrorNamesEverything(t *testing.T) {
	config := capi.HandlerOptions{
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
	origins, redactions := []string{"https://a.example"}, []capi.Redaction{nil, capi.OmitData()}
	config := capi.HandlerOptions{CORS: capi.CORS{AllowedOrigins: origins}, Redact: redactions}
	handler := newHandler(t, config, capi.Sessions{{Data: capi.Payload("secret")}}, answering(nil))
	assert.NotNil(t, redactions[1], "the caller's slice stays as it is")
	origins[0], redactions[1] = "https://b.example", nil
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://a.example")
	handler.ServeHTTP(w, r)
	assert.Equal(t, "https://a.example", w.Header().Get("Access-Control-Allow-Origin"))
	assert.NotContains(t, w.Body.String(), "secret")
}

func TestConfigRedact(t *testing.T) {
	sessions := capi.Sessions{{ID: "secret", Data: capi.Payload("payload"), Username: "steve"}}
	config := capi.HandlerOptions{Redact: []capi.Redaction{nil, func(s capi.Session) capi.Session {
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

func TestHandlerLogsCauses(t *testing.T) {
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
			// A marker in everything that a client can send.
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

// contextHandler keeps the context of its last record.
type contextHandler struct {
	slog.Handler
	ctx context.Context
}

func (h *contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	h.ctx = ctx
	return nil
}

func TestHandlerLogsWithContext(t *testing.T) {
	type key struct{}
	logger := &contextHandler{Handler: slog.NewTextHandler(io.Discard, nil)}
	config := capi.HandlerOptions{Logger: slog.New(logger)}
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), key{}, "trace"))
	newHandler(t, config, capi.Sessions{}, answering(errors.New("down"))).ServeHTTP(httptest.NewRecorder(), r)
	require.NotNil(t, logger.ctx)
	assert.Equal(t, "trace", logger.ctx.Value(key{}))
}

func TestHandlerPassesContext(t *testing.T) {
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

// Whatever a failure is, its cause holds nothing of a session.
func TestHandlerLogsNoSession(t *testing.T) {
	config, logs := logged()
	sessions := repeated(capi.Session{ID: "marker", Data: bytes.Repeat([]byte("marker"), 1<<10), Username: "marker"}, 100)
	w := &chunks{header: http.Header{}, err: io.ErrClosedPipe}
	assert.Panics(t, func() {
		newHandler(t, config, sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
	assert.NotEmpty(t, logs.String())
	assert.NotContains(t, logs.String(), "marker")
}

func TestHandlerLogsUnsentRefusal(t *testing.T) {
	config, logs := logged()
	handler := newHandler(t, config, capi.Sessions{}, answering(capi.ErrForbidden))
	w := &chunks{header: http.Header{}, err: io.ErrClosedPipe}
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Empty(t, logs.String(), "the first write is good")
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Contains(t, logs.String(), `"level":"INFO","msg":"capi: sending an answer"`)
	assert.Contains(t, logs.String(), io.ErrClosedPipe.Error())
}

func TestHandlerDefaultLogger(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	handler := capi.NewHandler(failing(0, 0, errors.New("the cause")), answering(nil))
	var logs bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	assert.Contains(t, logs.String(), "the cause")
}
