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
	"github.com/capi-go/capi/internal/joomlatest"
)

// A cost is the cost of a request: its queries and, with drivers that prepare
// them first, the most round trips.
type cost struct{ queries, trips int64 }

func TestGuardRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		s.Insert(t, "services_tokens", row{"token": "good", "userid": "102", "state": "1"})
		s.Insert(t, "session", row{"session_id": "nometadata", "guest": "1", "userid": "0", "client_id": nil, "time": s.Now,
			"username": "", "data": payloadOf(102)},
			row{"session_id": "pending", "guest": "0", "userid": "103", "client_id": nil, "time": s.Now, "username": "", "data": payloadOf(103)},
			row{"session_id": "nouser", "guest": "0", "userid": "9999", "client_id": nil, "time": s.Now, "username": "", "data": payloadOf(9999)})
		s.Exec(t, `UPDATE "#__users" SET "otpKey" = 'totp:x' WHERE "id" = 103`)
		long := strings.Repeat("a", 1<<20)
		site, administrator := s.CookieNames.Site, s.CookieNames.Administrator
		cookie := func(value string) http.Header { return http.Header{"Cookie": {value}} }
		var many strings.Builder
		for i := range 60 {
			fmt.Fprintf(&many, "%s=unknown%d; other%d=x; ", site, i, i)
		}
		tests := map[string]struct {
			header http.Header
			err    error
			cost   cost
		}{
			"nothing":              {nil, capi.ErrUnauthenticated, cost{}},
			"other cookies":        {cookie("a=b; c=d"), capi.ErrUnauthenticated, cost{}},
			"malformed cookie":     {cookie(site + "=a b'c"), capi.ErrUnauthenticated, cost{}},
			"empty cookie":         {cookie(site + "="), capi.ErrUnauthenticated, cost{}},
			"cookie of 1 MB":       {cookie(site + "=" + long), capi.ErrUnauthenticated, cost{}},
			"cookie":               {s.CookieOf(t, "super"), nil, cost{1, 2}},
			"cookie of another":    {s.CookieOf(t, "registered"), capi.ErrForbidden, cost{1, 2}},
			"unknown cookies":      {cookie(site + "=unknown; " + administrator + "=unknown2"), capi.ErrUnauthenticated, cost{1, 2}},
			"many cookies":         {cookie(many.String()), capi.ErrUnauthenticated, cost{1, 2}},
			"without metadata":     {cookie(site + "=nometadata"), nil, cost{2, 4}},
			"no such user":         {cookie(site + "=nouser"), capi.ErrUnauthenticated, cost{2, 4}},
			"and one with factors": {cookie(site + "=pending; " + administrator + "=nouser"), nil, cost{2, 4}},
			"API token":            {s.apiToken(t), nil, cost{1, 2}},
			"malformed API token":  {http.Header{"Authorization": {"Bearer nonsense"}}, capi.ErrUnauthenticated, cost{}},
			"API token of 1 MB":    {http.Header{"Authorization": {"Bearer " + long}}, capi.ErrUnauthenticated, cost{}},
			"basic authentication": {http.Header{"Authorization": {"Basic YTpi"}}, capi.ErrUnauthenticated, cost{}},
			"cAPI token":           {http.Header{"Token": {"good"}}, nil, cost{1, 2}},
			"unknown cAPI token":   {http.Header{"Token": {"bad"}}, capi.ErrUnauthenticated, cost{1, 2}},
			"cAPI token of 1 MB":   {http.Header{"Token": {long}}, capi.ErrUnauthenticated, cost{}},
			"empty cAPI token":     {http.Header{"Token": {""}}, capi.ErrUnauthenticated, cost{}},
		}
		db, counter := counted(t, s)
		auth := guardOf(t, s.open(t, db, s.config))
		for name, test := range tests {
			counter.requireCost(t, auth, test.header, test.err, test.cost, name)
		}

		// From the data of a session to its user, it takes one query, with or
		// without metadata.
		for _, metadataOff := range []bool{false, true} {
			s.data = memory{"elsewhere": capi.Payload(payloadOf(102))}
			config := s.config
			config.SessionHandler, config.SessionMetadataOff = "redis", metadataOff
			auth := guardOf(t, s.open(t, db, config))
			// Once in a while, it takes one more, for the version of Joomla.
			counter.requireCost(t, auth, cookie(site+"=elsewhere"), nil, cost{2, 4}, "first session elsewhere")
			counter.requireCost(t, auth, cookie(site+"=elsewhere"), nil, cost{1, 2}, "session elsewhere")
			counter.requireCost(t, auth, cookie(site+"=nowhere"), capi.ErrUnauthenticated, cost{}, "session nowhere")
		}

		s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME TO "#__gone"`)
		defer s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__services_tokens"`)
		counter.reset()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("token", "good")
		require.ErrorIs(t, auth.Authorize(r), capi.ErrUnauthenticated)
		assert.LessOrEqual(t, counter.queries.Load(), int64(6), "without the table")
	})
}

// requireCost fails the test unless auth answers with err, at that cost.
func (c *countingConnector) requireCost(t testing.TB, auth capi.Authorizer, header http.Header, err error, want cost, name string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = header
	c.reset()
	require.ErrorIs(t, auth.Authorize(r), err, name)
	assert.Equal(t, want.queries, c.queries.Load(), name)
	assert.LessOrEqual(t, c.trips.Load(), want.trips, name)
	assert.Zero(t, c.failed.Load(), name)
}

// TestGuardLearnsTheTables checks that what sites before 3.3 and 4.2 lack is
// found out once, and not by a failing query for each request.
func TestGuardLearnsTheTables(t *testing.T) {
	for _, layout := range []joomlatest.Layout{joomlatest.Joomla25, joomlatest.Joomla33, joomlatest.Joomla39, joomlatest.Joomla42} {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				recorded := "j3"
				if layout == joomlatest.Joomla42 {
					recorded = "j5"
				}
				s := newSite(t, d, layout, joomlatest.Recorded(recorded))
				if layout == joomlatest.Joomla42 {
					s.Insert(t, "extensions", factorPlugin("totp", 1))
				}
				db, counter := counted(t, s)
				auth := guardOf(t, s.open(t, db, s.config))
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header = s.CookieOf(t, "super")
				require.NoError(t, auth.Authorize(r))
				if layout == joomlatest.Joomla42 {
					assert.Zero(t, counter.failed.Load())
				}
				for _, session := range s.Sessions {
					want := map[int]error{403: capi.ErrForbidden, 401: capi.ErrUnauthenticated}[session.Want()]
					if session.Username == "super_must_reset" && layout == joomlatest.Joomla25 {
						want = nil // Not required yet.
					}
					counter.requireCost(t, auth, http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}, want,
						cost{1, 2}, session.Username)
				}
			})
		})
	}
}

// factorPlugin returns the row of the plugin of a second factor.
func factorPlugin(method string, enabled int) row {
	return row{"type": "plugin", "folder": "multifactorauth", "element": method, "enabled": enabled, "params": ""}
}
