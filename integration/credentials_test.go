package integration_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// A valid token, which a program sends on purpose, takes precedence over the
// cookie, which a browser sends by itself.
func TestAnyOfCredentials(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		tokens := map[string]string{}
		for _, c := range s.APITokens {
			tokens[c.Name] = c.Headers["Authorization"]
		}
		for name, test := range map[string]struct {
			cookie, token string
			user          string
			list          int
		}{
			"a Super Admin's token with anybody's cookie": {"registered", "bearer sha256 super", "admin", 200},
			"anybody's token with a Super Admin's cookie": {"super", "super group + explicit core.admin deny", "opsdenied", 403},
			"a wrong token with a Super Admin's cookie":   {"super", "wrong secret", "super", 200},
			"a blocked user's token with a good cookie":   {"super", "blocked super", "super", 200},
			"a good token with a blocked user's cookie":   {"super_blocked", "bearer sha256 super", "admin", 200},
			"a wrong token with anybody's cookie":         {"registered", "token disabled", "registered", 403},
			"a cookie":                                    {"registered", "", "registered", 403},
			"a wrong token with a blocked user's cookie":  {"super_blocked", "wrong secret", "", 403},
		} {
			t.Run(name, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				maps.Copy(r.Header, s.CookieOf(t, test.cookie))
				if test.token != "" {
					require.NotEmpty(t, tokens[test.token])
					r.Header.Set("Authorization", tokens[test.token])
				}
				auth := guardOf(t, s.capi(t, nil))
				w := httptest.NewRecorder()
				capi.NewHandler(capi.Sessions{}, auth).ServeHTTP(w, r)
				assert.Equal(t, test.list, w.Code)

				w = httptest.NewRecorder()
				capi.Require(auth, capi.LoggedIn)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					user, ok := capi.UserFromContext(r.Context())
					assert.True(t, ok)
					assert.Equal(t, test.user, user.Username)
				})).ServeHTTP(w, r)
				if test.user == "" {
					assert.Equal(t, http.StatusForbidden, w.Code)
				} else {
					assert.Equal(t, http.StatusOK, w.Code)
				}
			})
		}
	})
}

// The rules let through the users whom Joomla has in those groups.
func TestRequireRecorded(t *testing.T) {
	s := newSite(t, sqlite(), joomlatest.Joomla42, joomlatest.Recorded("j6"))
	auth := guardOf(t, s.capi(t, nil))
	status := func(header http.Header, rule func(capi.User) bool) int {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = header
		capi.Require(auth, rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		return w.Code
	}
	for _, user := range s.Users {
		cookie := s.CookieOf(t, user.Username)
		want := func(met bool) int {
			switch user.Username {
			case "super_blocked", "super_unactivated", "super_must_reset":
				met = false
			}
			if met {
				return http.StatusOK
			}
			return http.StatusForbidden
		}
		in := func(ids ...string) (in bool) {
			for _, group := range user.Groups {
				for _, id := range ids {
					in = in || group.String() == id
				}
			}
			return in
		}
		assert.Equal(t, want(true), status(cookie, capi.LoggedIn), user.Username)
		assert.Equal(t, want(user.CoreAdmin), status(cookie, capi.SuperAdmin), user.Username)
		assert.Equal(t, want(in("8")), status(cookie, capi.InGroup(8)), user.Username)
		assert.Equal(t, want(in("7", "20")), status(cookie, capi.InGroup(7, 20)), user.Username)
		assert.Equal(t, want(in("1")), status(cookie, capi.InGroup(1)), user.Username)
	}
}
