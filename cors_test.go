package capi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestCORS(t *testing.T) {
	const (
		origins     = "Access-Control-Allow-Origin"
		methods     = "Access-Control-Allow-Methods"
		names       = "Access-Control-Allow-Headers"
		credentials = "Access-Control-Allow-Credentials"
		maxAge      = "Access-Control-Max-Age"

		contractMethods = "PUT, GET, POST, DELETE, OPTIONS"
		contractHeaders = "X-Requested-With, Origin, Content-Type, token, dlid, nonce"
	)
	type request struct {
		name      string
		method    string
		origin    string
		requested string // Access-Control-Request-Method
		want      http.Header
		inner     bool // The wrapped handler answers.
	}
	contract := headers(contractCORS...)
	named := capi.CORS{AllowedOrigins: []string{"https://a.example", "http://localhost:3000"}}
	tests := []struct {
		name     string
		policy   capi.CORS
		requests []request
	}{
		{"contract", capi.CORS{}, []request{
			{"no page", "GET", "", "", contract, true},
			{"any page", "GET", "https://any.example", "", contract, true},
			{"opaque origin", "GET", "null", "", contract, true},
			{"preflight", "OPTIONS", "https://any.example", "GET", contract, false},
			{"preflight for another method", "OPTIONS", "https://any.example", "PATCH", contract, false},
			{"OPTIONS", "OPTIONS", "https://any.example", "", contract, true},
			{"OPTIONS without an origin", "OPTIONS", "", "GET", contract, true},
			{"GET with the header of a preflight", "GET", "https://any.example", "GET", contract, true},
		}},
		{"named origins", named, []request{
			{"no page", "GET", "", "", headers("Vary", "Origin"), true},
			{"first", "GET", "https://a.example", "",
				headers("Vary", "Origin", origins, "https://a.example", methods, contractMethods, names, contractHeaders), true},
			{"second", "GET", "http://localhost:3000", "",
				headers("Vary", "Origin", origins, "http://localhost:3000", methods, contractMethods, names, contractHeaders), true},
			{"unknown", "GET", "https://b.example", "", headers("Vary", "Origin"), true},
			{"other scheme", "GET", "http://a.example", "", headers("Vary", "Origin"), true},
			{"other port", "GET", "https://a.example:8443", "", headers("Vary", "Origin"), true},
			{"subdomain", "GET", "https://x.a.example", "", headers("Vary", "Origin"), true},
			{"longer", "GET", "https://a.example.evil", "", headers("Vary", "Origin"), true},
			{"upper case, which no browser sends", "GET", "https://A.example", "", headers("Vary", "Origin"), true},
			{"opaque origin", "GET", "null", "", headers("Vary", "Origin"), true},
			{"preflight", "OPTIONS", "https://a.example", "PUT",
				headers("Vary", "Origin", origins, "https://a.example", methods, contractMethods, names, contractHeaders), false},
			{"preflight of an unknown origin", "OPTIONS", "https://b.example", "GET", headers("Vary", "Origin"), false},
			{"preflight for an unknown method", "OPTIONS", "https://a.example", "PATCH", headers("Vary", "Origin"), false},
			{"preflight for a method in another case", "OPTIONS", "https://a.example", "put", headers("Vary", "Origin"), false},
		}},
		{"no origins", capi.CORS{AllowedOrigins: []string{}}, []request{
			{"no page", "GET", "", "", headers("Vary", "Origin"), true},
			{"a page", "GET", "https://a.example", "", headers("Vary", "Origin"), true},
			{"preflight", "OPTIONS", "https://a.example", "GET", headers("Vary", "Origin"), false},
		}},
		{"everything", capi.CORS{
			AllowedOrigins: []string{"https://a.example"}, AllowedMethods: []string{"DELETE"},
			AllowedHeaders: []string{"Authorization", "X-Joomla-Token"}, AllowCredentials: true, MaxAge: 90*time.Second + time.Millisecond,
		}, []request{
			{"page", "GET", "https://a.example", "", headers("Vary", "Origin", origins, "https://a.example", credentials, "true",
				methods, "DELETE", names, "Authorization, X-Joomla-Token"), true},
			{"preflight", "OPTIONS", "https://a.example", "DELETE", headers("Vary", "Origin", origins, "https://a.example", credentials, "true",
				methods, "DELETE", names, "Authorization, X-Joomla-Token", maxAge, "90"), false},
			{"preflight for a method that needs no leave", "OPTIONS", "https://a.example", "HEAD", headers("Vary", "Origin", origins,
				"https://a.example", credentials, "true", methods, "DELETE", names, "Authorization, X-Joomla-Token", maxAge, "90"), false},
			{"preflight for another method", "OPTIONS", "https://a.example", "PUT", headers("Vary", "Origin"), false},
			{"unknown", "GET", "https://b.example", "", headers("Vary", "Origin"), true},
			{"preflight of an unknown origin", "OPTIONS", "https://b.example", "DELETE", headers("Vary", "Origin"), false},
		}},
		{"no methods, no headers, all origins", capi.CORS{
			AllowedMethods: []string{}, AllowedHeaders: []string{}, MaxAge: time.Second - 1,
		}, []request{
			{"page", "GET", "https://a.example", "", headers(origins, "*"), true},
			{"preflight", "OPTIONS", "https://a.example", "GET", headers(origins, "*"), false},
		}},
		{"disabled", capi.CORS{Disabled: true}, []request{
			{"no page", "GET", "", "", headers(), true},
			{"a page", "GET", "https://a.example", "", headers(), true},
			{"preflight", "OPTIONS", "https://a.example", "PUT", headers(), true},
		}},
		{"all methods", capi.CORS{AllowedOrigins: []string{"https://a.example"}, AllowedMethods: []string{"*"}, AllowedHeaders: []string{"*"}}, []request{
			{"preflight", "OPTIONS", "https://a.example", "PATCH",
				headers("Vary", "Origin", origins, "https://a.example", methods, "*", names, "*"), false},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner := false
			wrapped, err := tt.policy.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				inner = true
				w.WriteHeader(http.StatusTeapot)
			}))
			require.NoError(t, err)
			own := newHandler(t, capi.HandlerOptions{CORS: tt.policy}, capi.Sessions{}, answering(capi.ErrForbidden))
			for _, request := range tt.requests {
				t.Run(request.name, func(t *testing.T) {
					inner = false
					r := httptest.NewRequest(request.method, "/", nil)
					if request.origin != "" {
						r.Header.Set("Origin", request.origin)
					}
					if request.requested != "" {
						r.Header.Set("Access-Control-Request-Method", request.requested)
						r.Header.Set("Access-Control-Request-Headers", "x-marker")
					}
					w := httptest.NewRecorder()
					wrapped.ServeHTTP(w, r)
					assert.Equal(t, request.want, w.Header())
					assert.Equal(t, request.inner, inner)
					if request.inner {
						assert.Equal(t, http.StatusTeapot, w.Code)
					} else {
						assert.Equal(t, http.StatusNoContent, w.Code)
						assert.Empty(t, w.Body.String())
					}

					// The handler of this package applies the same policy,
					// whatever it answers.
					w = httptest.NewRecorder()
					own.ServeHTTP(w, r)
					for name := range w.Header() {
						if !strings.HasPrefix(name, "Access-Control-") && name != "Vary" {
							w.Header().Del(name)
						}
					}
					assert.Equal(t, request.want, w.Header())
				})
			}
		})
	}
}

func TestCORSRefusesWhatCannotWork(t *testing.T) {
	tests := []struct {
		name   string
		policy capi.CORS
		want   []string // parts of the error
	}{
		{"any origin with credentials", capi.CORS{AllowCredentials: true}, []string{`credentials cannot be allowed to the origin "*"`}},
		{"named * with credentials", capi.CORS{AllowedOrigins: []string{"*"}, AllowCredentials: true}, []string{`to the origin "*"`}},
		{"* with others", capi.CORS{AllowedOrigins: []string{"*", "https://a.example"}}, []string{`cannot be combined with others`}},
		{"all methods with credentials", capi.CORS{
			AllowedOrigins: []string{"https://a.example"}, AllowedMethods: []string{"*"}, AllowCredentials: true,
		}, []string{`"*" does not mean all`}},
		{"method", capi.CORS{AllowedMethods: []string{"GET", "PO ST"}}, []string{`"PO ST"`}},
		{"header", capi.CORS{AllowedHeaders: []string{"token\r\nX-Evil: 1"}}, []string{`"token\r\nX-Evil: 1"`}},
		{"empty header", capi.CORS{AllowedHeaders: []string{""}}, []string{`""`}},
		{"negative age", capi.CORS{MaxAge: -1}, []string{"negative MaxAge -1ns"}},
		{"path after an origin", capi.CORS{AllowedOrigins: []string{"https://good.example", "https://a.example/"}},
			[]string{`"https://a.example/" is not an origin`}},
		{"port that browsers leave out", capi.CORS{AllowedOrigins: []string{"https://a.example:443", "https://good.example"}},
			[]string{`"https://a.example:443" is not an origin`}},
		{"disabled with others", capi.CORS{Disabled: true, AllowedMethods: []string{}}, []string{"a disabled policy has other settings"}},
		{"everything at once", capi.CORS{
			AllowedOrigins: []string{"a", "b"}, AllowedMethods: []string{"("}, AllowedHeaders: []string{")"}, MaxAge: -1,
		}, []string{`"a"`, `"b"`, `"("`, `")"`, "MaxAge"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			handler, err := tt.policy.Handler(http.NotFoundHandler())
			assert.Nil(t, handler)
			require.Error(t, err)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "good.example")
			for _, line := range strings.Split(err.Error(), "\n") {
				assert.True(t, strings.HasPrefix(line, "capi: CORS: "), line)
			}
			_, err = capi.HandlerOptions{CORS: tt.policy}.NewHandler(capi.Sessions{}, answering(nil))
			assert.Error(t, err)
		})
	}
}

func TestCORSPanicsOnNil(t *testing.T) {
	for _, next := range []http.Handler{nil, http.HandlerFunc(nil), (*http.ServeMux)(nil)} {
		assert.PanicsWithValue(t, "capi: nil Handler", func() { _, _ = capi.CORS{}.Handler(next) })
	}
}

func TestCORSKeepsTheVaryOfOthers(t *testing.T) {
	handler, err := capi.CORS{AllowedOrigins: []string{"https://a.example"}}.Handler(http.NotFoundHandler())
	require.NoError(t, err)
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Accept-Encoding")
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, []string{"Accept-Encoding", "Origin"}, w.Header().Values("Vary"))
}

// With several policies around a handler, an answer has the headers of one: that
// to a preflight of the outermost, any other of the innermost.
func TestCORSDoubled(t *testing.T) {
	outer := capi.CORS{AllowedOrigins: []string{"https://a.example"}, AllowCredentials: true}
	outerHeaders := headers("Vary", "Origin", "Access-Control-Allow-Origin", "https://a.example", "Access-Control-Allow-Credentials", "true",
		"Access-Control-Allow-Headers", "X-Requested-With, Origin, Content-Type, token, dlid, nonce",
		"Access-Control-Allow-Methods", "PUT, GET, POST, DELETE, OPTIONS")
	contract := headers(append([]string{"Vary", "Origin"}, contractCORS...)...)
	for name, test := range map[string]struct {
		inner capi.CORS
		want  http.Header
		err   bool // if the handler is wrapped itself
	}{
		"contract": {capi.CORS{}, contract, true},
		"another":  {capi.CORS{AllowedOrigins: []string{"https://b.example"}}, headers("Vary", "Origin", "Vary", "Origin"), true},
		"disabled": {capi.CORS{Disabled: true}, outerHeaders, false},
	} {
		t.Run(name, func(t *testing.T) {
			inner := newHandler(t, capi.HandlerOptions{CORS: test.inner}, capi.Sessions{}, answering(capi.ErrForbidden))
			_, err := outer.Handler(inner)
			assert.Equal(t, test.err, err != nil, "%v", err)
			mux := http.NewServeMux()
			mux.Handle("/", inner)
			wrapped, err := outer.Handler(mux)
			require.NoError(t, err)
			preflight := withHeaders("Origin", "https://a.example", "Access-Control-Request-Method", "PUT")
			preflight.Method = http.MethodOptions
			w := httptest.NewRecorder()
			wrapped.ServeHTTP(w, preflight)
			assert.Equal(t, http.StatusNoContent, w.Code)
			assert.Equal(t, outerHeaders, w.Header())
			r := withHeaders("Origin", "https://a.example")
			w = httptest.NewRecorder()
			wrapped.ServeHTTP(w, r)
			for name := range w.Header() {
				if !strings.HasPrefix(name, "Access-Control-") && name != "Vary" {
					w.Header().Del(name)
				}
			}
			assert.Equal(t, test.want, w.Header())
		})
	}
}

// Middleware that changes the headers of one answer does not change the next.
func TestCORSHeadersAreOfOneAnswer(t *testing.T) {
	handler, err := capi.CORS{}.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, values := range w.Header() {
			values[0] = "changed"
		}
	}))
	require.NoError(t, err)
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, "changed", w.Header().Get("Access-Control-Allow-Origin"))
	}
	unchanged := newHandler(t, capi.HandlerOptions{}, capi.Sessions{}, answering(nil))
	w := httptest.NewRecorder()
	unchanged.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, headers(append([]string{"Content-Length", "37"}, withBody...)...), w.Header())
}

func TestCORSPolicyIsCopied(t *testing.T) {
	policy := capi.CORS{AllowedOrigins: []string{"https://a.example"}, AllowedMethods: []string{"PUT"}}
	handler, err := policy.Handler(http.NotFoundHandler())
	require.NoError(t, err)
	policy.AllowedOrigins[0], policy.AllowedMethods[0] = "https://b.example", "PATCH"
	w, r := httptest.NewRecorder(), httptest.NewRequest("OPTIONS", "/", nil)
	r.Header.Set("Origin", "https://a.example")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	handler.ServeHTTP(w, r)
	assert.Equal(t, "https://a.example", w.Header().Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "PUT", w.Header().Get("Access-Control-Allow-Methods"))
}
