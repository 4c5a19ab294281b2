package integration_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// BenchmarkGuard measures only the guard: the whole decision on a Super Admin's
// cookie on each database, including its queries, and a refusal without
// queries.
func BenchmarkGuard(b *testing.B) {
	for _, d := range databases() {
		s := joomla5(b, d)
		auth, err := capi.NewSessionAuthorizer(s.capi(b, nil))
		require.NoError(b, err)
		for name, header := range map[string]http.Header{"cookie": s.CookieOf(b, "super"), "none": nil} {
			b.Run("db="+d.name+"/credential="+name, func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header = header
				if header != nil {
					require.NoError(b, auth.Authorize(r))
				}
				b.ReportAllocs()
				for b.Loop() {
					_ = auth.Authorize(r)
				}
			})
		}
	}
}

// BenchmarkRefusal compares refusals with an empty handler: without a cookie,
// with a malformed one, and with the cookie of an unknown session.
func BenchmarkRefusal(b *testing.B) {
	s := joomla5(b, mariaDB())
	auth, err := capi.NewSessionAuthorizer(s.capi(b, nil))
	require.NoError(b, err)
	handler, err := capi.HandlerOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}.NewHandler(capi.Sessions{}, auth)
	require.NoError(b, err)
	name := auth.CookieNames()[0]
	for _, test := range []struct {
		name, cookie string
		handler      http.Handler
	}{
		{"empty handler", "", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
		{"no cookie", "", handler},
		{"malformed cookie", name + "=a b", handler},
		{"wrong cookie", name + "=0123456789abcdef0123456789", handler},
	} {
		b.Run("credential="+test.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if test.cookie != "" {
				r.Header.Set("Cookie", test.cookie)
			}
			b.ReportAllocs()
			for b.Loop() {
				test.handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
