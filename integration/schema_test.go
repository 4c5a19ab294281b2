package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// joomla3 makes the recorded site of Joomla 3, in tables without the additions
// of Joomla 4. It returns cookies of two sessions of its Super Admin: a
// recorded one, which each version reads, and one in the form of 4.
func joomla3(t testing.TB, d database) (s *site, three, four http.Header) {
	t.Helper()
	s = newSite(t, d, joomlatest.Joomla33, joomlatest.Recorded("j3"))
	s.Insert(t, "extensions", row{"type": "component", "element": "com_users", "params": "{}"})
	s.Insert(t, "session", row{"session_id": "four", "client_id": "0", "guest": "0", "time": strconv.FormatInt(s.Now, 10), "userid": "902",
		"username": "super",
		"data": wrapped(fmt.Sprintf("O:24:\"Joomla\\Registry\\Registry\":1:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":2:{"+
			`s:7:"session";O:8:"stdClass":2:{s:7:"counter";i:1;s:5:"timer";O:8:"stdClass":1:{s:3:"now";i:%d;}}`+
			`s:4:"user";O:20:"Joomla\CMS\User\User":1:{s:2:"id";i:902;}}}`, s.Now))})
	return s, s.CookieOf(t, "super"), http.Header{"Cookie": {s.CookieNames.Site + "=four"}}
}

// requireAuthorized fails the test unless auth answers with err.
func requireAuthorized(t testing.TB, err error, auth capi.Authorizer, header http.Header, about string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = header
	got := auth.Authorize(r)
	if err == nil {
		require.NoError(t, got, about)
	} else {
		require.ErrorIs(t, got, err, about)
	}
}

// TestGuardNoticesUpgrades is about a site that is upgraded to Joomla 4, and to
// 4.2, while it is served.
func TestGuardNoticesUpgrades(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, three, four := joomla3(t, d)
		auth := s.guard(t, nil)
		requireAuthorized(t, nil, auth, three, "3.x")
		requireAuthorized(t, capi.ErrUnauthenticated, auth, four, "3.x")

		s.Exec(t, `ALTER TABLE "#__extensions" ADD COLUMN "locked" int NOT NULL DEFAULT 0`)
		requireAuthorized(t, nil, auth, four, "4")
		requireAuthorized(t, nil, auth, three, "4, form of 3")

		s.Exec(t, `CREATE TABLE "#__user_mfa" ("user_id" int NOT NULL, "method" varchar(100) NOT NULL)`)
		t.Cleanup(func() { s.Exec(t, `DROP TABLE "#__user_mfa"`) })
		s.Insert(t, "user_mfa", row{"user_id": "902", "method": "totp"})
		requireAuthorized(t, nil, auth, four, "4.2, no plugin")
		s.Insert(t, "extensions", factorPlugin("totp", 1))
		requireAuthorized(t, capi.ErrForbidden, auth, four, "4.2, a factor")
	})
}

// TestGuardWithoutFactors is about a missing table of factors with a plugin for
// them.
func TestGuardWithoutFactors(t *testing.T) {
	s, three, _ := joomla3(t, sqlite())
	require.NoError(t, s.check(t, nil))
	s.Insert(t, "extensions", factorPlugin("totp", 1))
	require.ErrorContains(t, s.check(t, nil), "no table "+s.Prefix+"user_mfa")
	for range 2 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = three
		err := s.guard(t, nil).Authorize(r)
		require.Error(t, err)
		require.NotErrorIs(t, err, capi.ErrUnauthenticated)
		require.NotErrorIs(t, err, capi.ErrForbidden)
	}
}

// TestGuardLearnsTheTablesOnce lets many requests find out concurrently.
func TestGuardLearnsTheTablesOnce(t *testing.T) {
	s := newSite(t, sqlite(), joomlatest.Joomla25, joomlatest.Recorded("j3"))
	s.Insert(t, "services_tokens", row{"token": "good", "userid": "902", "state": "1"})
	auth := s.guard(t, nil)
	var group sync.WaitGroup
	for range 20 {
		for _, header := range []http.Header{s.CookieOf(t, "super"), {"Token": {"good"}}} {
			group.Add(1)
			go func() {
				defer group.Done()
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header = header
				assert.NoError(t, auth.Authorize(r))
			}()
		}
	}
	group.Wait()
	require.NoError(t, s.check(t, nil))
}

// TestGuardWithoutTheVersion is about an account that may not read the column
// of #__extensions that tells the version: only sessions that every Joomla
// reads count.
func TestGuardWithoutTheVersion(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s, three, four := joomla3(t, d)
			s.Exec(t, `ALTER TABLE "#__extensions" ADD COLUMN "locked" int NOT NULL DEFAULT 0`)
			limited := s.limited(t, "extensions", "user_mfa")
			grant := func(columns ...string) {
				t.Helper()
				name := strings.TrimSuffix(s.Prefix, "_")
				accounts := []string{name}
				if d.dbType == "mysqli" {
					accounts = []string{"'" + name + "'@'%'", "'" + name + "'@'localhost'"}
				}
				for _, account := range accounts {
					s.Exec(t, `GRANT SELECT ("`+strings.Join(columns, `", "`)+`") ON "#__extensions" TO `+account)
				}
			}
			grant(neededColumns["extensions"]...)
			known := s.open(t, limited, s.config)
			auth := guardOf(t, known)
			requireAuthorized(t, nil, auth, three, "unknown")
			requireAuthorized(t, capi.ErrUnauthenticated, auth, four, "unknown")
			require.ErrorContains(t, known.Check(t.Context()), "unknown version of Joomla")
			requireAuthorized(t, nil, auth, three, "checked")

			grant("locked")
			require.NoError(t, known.Check(t.Context()))
			requireAuthorized(t, nil, auth, four, "granted")
		})
	}
}
