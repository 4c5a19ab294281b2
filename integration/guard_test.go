package integration_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// onEachSite runs test for each recording, in the tables of its own version,
// and for Joomla 3 also in those from before 3.9, on each database.
func onEachSite(t *testing.T, test func(t *testing.T, s *site)) {
	for _, recorded := range []struct {
		name   string
		layout joomlatest.Layout
	}{{"j6", joomlatest.Joomla42}, {"j5", joomlatest.Joomla42}, {"j3", joomlatest.Joomla39}, {"j3", joomlatest.Joomla33}} {
		t.Run(recorded.name+"/"+recorded.layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				test(t, newSite(t, d, recorded.layout, joomlatest.Recorded(recorded.name)))
			})
		})
	}
}

// guarded starts the service of a site as it would run, with its store, its
// guard and the contract's configuration.
func (s *site) guarded(t testing.TB, change func(*capi.SiteConfig)) *service {
	t.Helper()
	return serve(t, capi.HandlerOptions{}, capi.NewSQLStore(s.capi(t, nil)), s.guard(t, change))
}

// requireStatus fails the test if r is not the whole answer with that status:
// the list or an error.
func (s *site) requireStatus(t testing.TB, status int, r reply) {
	t.Helper()
	if status != http.StatusOK {
		r.requireRefused(t, status)
		return
	}
	var rows int
	require.NoError(t, s.DB.QueryRow(s.SQL(`SELECT COUNT(*) FROM "#__session"`)).Scan(&rows))
	r.requireList(t, rows)
}

func TestGuardAnswersSessionsAsJoomla(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		service := s.guarded(t, nil)
		require.Len(t, s.Sessions, 44)
		for _, session := range s.Sessions {
			want := session.Want()
			header := http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
			s.requireStatus(t, want, service.ask(t, header))
			// Among other cookies, as browsers send it.
			header = http.Header{"Cookie": {"a=b; " + session.Cookie.Name + "=" + session.Cookie.Value + "; c=d"}}
			s.requireStatus(t, want, service.ask(t, header))
		}
		s.requireStatus(t, http.StatusUnauthorized, service.ask(t, nil))
		assert.Zero(t, service.log.errors(), service.log)
	})
}

// TestGuardGrantsCoreAdminAsJoomla is only about the rule: all accounts are in
// order.
func TestGuardGrantsCoreAdminAsJoomla(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, `UPDATE "#__users" SET "block" = 0, "activation" = '', "requireReset" = 0`)
		service := s.guarded(t, nil)
		require.Len(t, s.Users, 22)
		for _, user := range s.Users {
			want := http.StatusForbidden
			if user.CoreAdmin {
				want = http.StatusOK
			}
			s.requireStatus(t, want, service.ask(t, s.CookieOf(t, user.Username)))
		}
	})
}

func TestGuardAnswersAPITokensAsJoomla(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		if len(s.APITokens) == 0 {
			t.Skip("Joomla 3 has no API tokens")
		}
		service := s.guarded(t, nil)
		require.Len(t, s.APITokens, 30)
		statuses := map[int]int{}
		for _, use := range s.APITokens {
			header := http.Header{}
			for name, value := range use.Headers {
				header.Set(name, value)
			}
			reply := service.ask(t, header)
			assert.Equal(t, use.Want(), reply.status, use.Name)
			s.requireStatus(t, use.Want(), reply)
			statuses[use.Want()]++
		}
		assert.Len(t, statuses, 3)
		assert.Zero(t, service.log.errors(), service.log)
	})
}

// apiToken returns the header of a recorded API token of the site's Super
// Admin.
func (s *site) apiToken(t testing.TB) http.Header {
	t.Helper()
	for _, use := range s.APITokens {
		if use.Name == "bearer sha256 super" {
			return http.Header{"Authorization": {use.Headers["Authorization"]}}
		}
	}
	t.Fatal("there is no such token")
	return nil
}

func TestGuardAnswersCAPITokens(t *testing.T) {
	const good = "Abcdef0123456789 Token"
	onEachSite(t, func(t *testing.T, s *site) {
		id := map[string]int64{}
		for _, user := range s.Users {
			id[user.Username] = user.ID
		}
		for token, of := range map[string]struct {
			username string
			state    int
		}{
			good: {"super", 1}, "unpublished": {"super", 0}, "archived": {"super", 2}, "trashed": {"super", -2},
			"blocked": {"super_blocked", 1}, "unactivated": {"super_unactivated", 1}, "reset": {"super_must_reset", 1},
			"registered": {"registered", 1}, "denied": {"user_rule_deny", 1}, "unicode": {"Ünï_çødé", 1}, "deleted": {"", 1},
		} {
			s.Insert(t, "services_tokens", row{"token": token, "userid": id[of.username], "state": of.state})
		}
		service := s.guarded(t, nil)
		for _, test := range []struct {
			token  string
			status int
		}{
			{good, 200}, {"unicode", 200}, {"registered", 403}, {"denied", 403},
			{"blocked", 403}, {"unactivated", 403}, {"reset", 403},
			{"unpublished", 401}, {"archived", 401}, {"trashed", 401}, {"deleted", 401},
			{"unknown", 401}, {"", 401}, {"abcdef0123456789 token", 401}, {"ABCDEF0123456789 TOKEN", 401},
			{"Abcdef0123456789", 401}, {"Abcdef0123456789%", 401}, {"%", 401}, {"_", 401},
			{"Abcdef0123456789  Token", 401}, {good + "\u00a0", 401}, {"' OR '1'='1", 401}, {good + "\\", 401},
		} {
			reply := service.ask(t, http.Header{"Token": {test.token}})
			assert.Equal(t, test.status, reply.status, test.token)
			s.requireStatus(t, test.status, reply)
		}
		assert.Zero(t, service.log.errors(), service.log)

		// net/http trims trailing spaces, so this asks the guard itself.
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		require.NoError(t, err)
		r.Header.Set("token", good+" ")
		require.ErrorIs(t, s.guard(t, nil).Authorize(r), capi.ErrUnauthenticated)
		r.Header.Set("token", good)
		require.NoError(t, s.guard(t, nil).Authorize(r))

		// If that extension is not installed, there are no such credentials,
		// and the others stay valid.
		s.Exec(t, `DROP TABLE "#__services_tokens"`)
		s.requireStatus(t, http.StatusUnauthorized, service.ask(t, http.Header{"Token": {good}}))
		header := s.CookieOf(t, "super")
		header.Set("token", good)
		s.requireStatus(t, http.StatusOK, service.ask(t, header))
		assert.Zero(t, service.log.errors(), service.log)
	})
}

func TestAuthorizersTakeTheirOwnKind(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		known := s.capi(t, nil)
		session, err := capi.NewSessionAuthorizer(known)
		require.NoError(t, err)
		authorizers := map[string]capi.Authorizer{
			"cookie": session, "API token": capi.NewAPITokenAuthorizer(known), "cAPI token": capi.NewCAPITokenAuthorizer(known),
		}
		for kind, header := range s.credentials(t) {
			for of, authorizer := range authorizers {
				want := http.StatusUnauthorized
				if of == kind {
					want = http.StatusOK
				}
				s.requireStatus(t, want, serve(t, capi.HandlerOptions{}, capi.NewSQLStore(known), authorizer).ask(t, header))
			}
		}
	})
}
