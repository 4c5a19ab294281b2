package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestGuardRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		s.Insert(t, "services_tokens", row{"token": "good", "userid": "102", "state": "1"})
		super, registered, api := s.CookieOf(t, "super"), s.CookieOf(t, "registered"), s.apiToken(t)
		unknown := http.Header{"Cookie": {s.CookieNames.Site + "=unknown; " + s.CookieNames.Administrator + "=unknown2"}}
		manyCookies := http.Header{}
		for i := range 60 {
			manyCookies.Add("Cookie", fmt.Sprintf("%s=unknown%d; other%d=x", s.CookieNames.Site, i, i))
		}
		tests := map[string]struct {
			header http.Header
			err    error
			most   int64
		}{
			"nothing":              {nil, capi.ErrUnauthenticated, 0},
			"other cookies":        {http.Header{"Cookie": {"a=b; c=d"}}, capi.ErrUnauthenticated, 0},
			"malformed cookie":     {http.Header{"Cookie": {s.CookieNames.Site + "=a b'c"}}, capi.ErrUnauthenticated, 0},
			"cookie of 1 MB":       {http.Header{"Cookie": {s.CookieNames.Site + "=" + strings.Repeat("a", 1<<20)}}, capi.ErrUnauthenticated, 0},
			"cookie":               {super, nil, 2},
			"cookie of another":    {registered, capi.ErrForbidden, 2},
			"unknown cookies":      {unknown, capi.ErrUnauthenticated, 2},
			"many cookies":         {manyCookies, capi.ErrUnauthenticated, 2},
			"API token":            {api, nil, 3},
			"malformed API token":  {http.Header{"Authorization": {"Bearer nonsense"}}, capi.ErrUnauthenticated, 0},
			"API token of 1 MB":    {http.Header{"Authorization": {"Bearer " + strings.Repeat("a", 1<<20)}}, capi.ErrUnauthenticated, 0},
			"basic authentication": {http.Header{"Authorization": {"Basic YTpi"}}, capi.ErrUnauthenticated, 0},
			"cAPI token":           {http.Header{"Token": {"good"}}, nil, 3},
			"unknown cAPI token":   {http.Header{"Token": {"bad"}}, capi.ErrUnauthenticated, 3},
			"cAPI token of 1 MB":   {http.Header{"Token": {strings.Repeat("a", 1<<20)}}, capi.ErrUnauthenticated, 0},
			"empty cAPI token":     {http.Header{"Token": {""}}, capi.ErrUnauthenticated, 0},
		}
		db, counter := counted(t, s)
		auth := guardOf(t, s.open(t, db, s.config))
		for name, test := range tests {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = test.header
			counter.trips.Store(0)
			assert.ErrorIs(t, auth.Authorize(r), test.err, name)
			trips := counter.trips.Load()
			assert.LessOrEqual(t, trips, test.most, name)
			if test.most > 0 {
				assert.Positive(t, trips, name)
			}
		}

		s.Exec(t, `DROP TABLE "#__services_tokens"`)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("token", "good")
		counter.trips.Store(0)
		require.ErrorIs(t, auth.Authorize(r), capi.ErrUnauthenticated)
		assert.LessOrEqual(t, counter.trips.Load(), int64(3), "without the table")
	})
}
