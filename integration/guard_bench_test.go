package integration_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// BenchmarkGuard is the guard alone: the whole decision on a Super Admin's cookie
// on each database, its queries included, and a refusal that takes none.
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
