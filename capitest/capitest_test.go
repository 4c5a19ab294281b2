package capitest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/capitest"
	"github.com/capi-go/capi/page"
)

// guardOf returns an Authenticator that takes every credential of a site.
func guardOf(t *testing.T, site *capi.Site) capi.Authenticator {
	t.Helper()
	cookies, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)
	return capi.AnyOf(capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site), cookies)
}

func withCookie(cookie *http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	return r
}

func withHeader(name, value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(name, value)
	return r
}

// Every version of Joomla, wherever its sessions live.
func TestSite(t *testing.T) {
	for joomla := 3; joomla <= 6; joomla++ {
		for _, handler := range []string{"database", "redis"} {
			for _, off := range []bool{false, true} {
				t.Run(fmt.Sprintf("Joomla %d, %s, metadata off %v", joomla, handler, off), func(t *testing.T) {
					site := capitest.Options{Joomla: joomla, SessionHandler: handler, SessionMetadataOff: off}.NewSite(t)
					ops := site.AddGroup("Ops", capitest.SuperUsers)
					denied := site.AddGroup("Ops without administration", ops)
					site.SetCoreAdmin(denied, false)
					super := site.AddUser(capitest.User{Username: "super", Groups: []int64{ops, capitest.Editor}})
					other := site.AddUser(capitest.User{Username: "other", Groups: []int64{denied}})
					plain := site.AddUser(capitest.User{ID: 7, Username: "plain", Name: "Jane", Email: "jane@example.org"})

					require.NoError(t, site.Capi().Check(t.Context()))
					auth := guardOf(t, site.Capi())
					user, err := auth.User(withCookie(super.Cookie()))
					require.NoError(t, err)
					assert.Equal(t, capi.User{
						ID: super.ID, Username: "super", Name: "Super", Email: "super@example.org", Groups: []int64{1, 2, 3, 4, 8, ops},
						DirectGroups: []int64{4, ops}, SuperAdmin: true, Credential: "session",
					}, user)
					assert.NoError(t, auth.Authorize(withCookie(super.Login(capitest.Login{Administrator: true}))))
					assert.ErrorIs(t, auth.Authorize(withCookie(other.Cookie())), capi.ErrForbidden)
					user, err = auth.User(withCookie(plain.Cookie()))
					require.NoError(t, err)
					assert.Equal(t, capi.User{ID: 7, Username: "plain", Name: "Jane", Email: "jane@example.org", Groups: []int64{1, 2},
						DirectGroups: []int64{2}, Credential: "session"}, user)
					assert.ErrorIs(t, auth.Authorize(withCookie(site.AddGuest())), capi.ErrUnauthenticated)
					assert.ErrorIs(t, auth.Authorize(withCookie(super.Login(capitest.Login{Ago: time.Hour}))), capi.ErrUnauthenticated)
					gone := super.Cookie()
					site.Logout(gone)
					assert.ErrorIs(t, auth.Authorize(withCookie(gone)), capi.ErrUnauthenticated)
					assert.NoError(t, auth.Authorize(withHeader("token", super.CAPIToken())))
					assert.ErrorIs(t, auth.Authorize(withHeader("token", plain.CAPIToken())), capi.ErrForbidden)

					list, err := capi.Collect(capi.NewSQLStore(site.Capi()).Sessions(t.Context()))
					require.NoError(t, err)
					if off && handler == "redis" {
						assert.Empty(t, list)
					} else {
						assert.Len(t, list, 6)
					}
					mine, err := capi.Collect(capi.SQLStoreOptions{Users: []int64{super.ID}}.NewSQLStore(site.Capi()).Sessions(t.Context()))
					require.NoError(t, err)
					if off {
						assert.Empty(t, mine)
					} else {
						assert.Len(t, mine, 3, "one of them has expired")
						for _, session := range mine {
							state, err := session.Data.State()
							require.NoError(t, err)
							assert.Equal(t, super.ID, state.UserID)
						}
					}
				})
			}
		}
	}
}

func TestUserStates(t *testing.T) {
	site := capitest.NewSite(t)
	auth := guardOf(t, site.Capi())
	user := site.AddUser(capitest.User{Username: "steve", Groups: []int64{capitest.SuperUsers}})
	cookie, token := user.Cookie(), user.APIToken()
	require.NoError(t, auth.Authorize(withCookie(cookie)))
	require.NoError(t, auth.Authorize(withHeader("X-Joomla-Token", token)))
	for name, change := range map[string]func(*capitest.User){
		"blocked":       func(u *capitest.User) { u.Blocked = true },
		"not activated": func(u *capitest.User) { u.NotActivated = true },
		"must reset":    func(u *capitest.User) { u.MustResetPassword = true },
		"other group":   func(u *capitest.User) { u.Groups = []int64{capitest.Administrator} },
	} {
		before := *user
		change(user)
		user.Save()
		assert.ErrorIs(t, auth.Authorize(withCookie(cookie)), capi.ErrForbidden, name)
		assert.ErrorIs(t, auth.Authorize(withHeader("X-Joomla-Token", token)), capi.ErrUnauthenticated, name)
		*user = before
		user.Save()
		require.NoError(t, auth.Authorize(withCookie(cookie)))
	}
	user.SecondFactor = true
	user.Save()
	assert.NoError(t, auth.Authorize(withCookie(cookie)))
	assert.Equal(t, "second factor is pending", capi.ForbiddenReason(auth.Authorize(withCookie(user.Login(capitest.Login{SecondFactorPending: true})))))
	asked, err := site.Capi().SecondFactorUsers(t.Context(), []int64{user.ID})
	require.NoError(t, err)
	assert.Equal(t, []int64{user.ID}, asked)
	titles, err := site.Capi().GroupTitles(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Super Users", titles[capitest.SuperUsers])
	user.Delete()
	assert.ErrorIs(t, auth.Authorize(withCookie(cookie)), capi.ErrUnauthenticated)
	users, err := site.Capi().Users(t.Context(), []int64{user.ID})
	require.NoError(t, err)
	assert.Empty(t, users)
}

// The page and a SiteHandler work on a site as they do on a real one.
func TestPage(t *testing.T) {
	site := capitest.NewSite(t)
	super := site.AddUser(capitest.User{Username: "super", Groups: []int64{capitest.SuperUsers}})
	waiting := site.AddUser(capitest.User{Username: "waiting", SecondFactor: true})
	gone := site.AddUser(capitest.User{Username: "gone"})
	waiting.Login(capitest.Login{SecondFactorPending: true})
	gone.Cookie()
	gone.Delete()
	site.AddGuest()
	handler := capi.NewSiteHandler(func() (capi.SiteConfig, error) { return site.Config(), nil },
		func(config capi.SiteConfig) (http.Handler, func() error, error) {
			joomla, err := capi.NewSite(site.DB(), config)
			if err != nil {
				return nil, nil, err
			}
			handler, err := page.NewHandler(page.Site{Store: capi.NewSQLStore(joomla), Auth: guardOf(t, joomla), Joomla: joomla})
			return handler, func() error { return nil }, err
		})
	require.NoError(t, handler.Check(t.Context()))
	r := withCookie(super.Cookie())
	r.URL.Path = "/capi/feed"
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"waiting":[0]`)
	assert.Contains(t, w.Body.String(), `"ended":[1]`)
}

// By default, only Super Users may use API tokens, as in Joomla.
func TestAPITokenGroups(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		var options capitest.Options
		if allowed {
			options.APITokenGroups = []int64{capitest.Registered}
		}
		site := options.NewSite(t)
		token := site.AddUser(capitest.User{Username: "steve"}).APIToken()
		user, err := guardOf(t, site.Capi()).User(withHeader("Authorization", "Bearer "+token))
		if allowed {
			require.NoError(t, err)
			assert.Equal(t, "API token", user.Credential)
		} else {
			assert.ErrorIs(t, err, capi.ErrUnauthenticated)
		}
	}
}

// The logins of one site are worth nothing on another, whose users have the
// same ids.
func TestSitesAreApart(t *testing.T) {
	here, elsewhere := capitest.NewSite(t), capitest.NewSite(t)
	super := here.AddUser(capitest.User{Username: "super", Groups: []int64{capitest.SuperUsers}})
	other := elsewhere.AddUser(capitest.User{Username: "other", Groups: []int64{capitest.SuperUsers}})
	require.Equal(t, super.ID, other.ID)
	auth := guardOf(t, here.Capi())
	for _, user := range []*capitest.User{super, other} {
		for _, r := range []*http.Request{
			withCookie(user.Cookie()), withHeader("X-Joomla-Token", user.APIToken()), withHeader("token", user.CAPIToken()),
		} {
			err := auth.Authorize(r)
			if user == super {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, capi.ErrUnauthenticated, r.Header)
			}
		}
	}
}

func TestUserName(t *testing.T) {
	site := capitest.NewSite(t)
	assert.Equal(t, "Éva", site.AddUser(capitest.User{Username: "éva"}).Name)
}

// The clock of a site is also that of its sessions.
func TestSiteClock(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	site := capitest.Options{Now: func() time.Time { return now }}.NewSite(t)
	cookie := site.AddUser(capitest.User{Username: "steve"}).Cookie()
	auth := guardOf(t, site.Capi())
	now = now.Add(site.Config().Lifetime)
	_, err := auth.User(withCookie(cookie))
	require.NoError(t, err)
	now = now.Add(time.Second)
	_, err = auth.User(withCookie(cookie))
	assert.ErrorIs(t, err, capi.ErrUnauthenticated)
}

// A database that is down is a failure, never a refusal.
func TestSiteClosed(t *testing.T) {
	site := capitest.NewSite(t)
	cookie := site.AddUser(capitest.User{Username: "steve"}).Cookie()
	auth := guardOf(t, site.Capi())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, auth.Authorize(withCookie(cookie).WithContext(ctx)), context.Canceled)
	require.NoError(t, site.DB().Close())
	err := auth.Authorize(withCookie(cookie))
	require.Error(t, err)
	assert.False(t, errors.Is(err, capi.ErrUnauthenticated) || errors.Is(err, capi.ErrForbidden))
}

func TestSiteConcurrently(t *testing.T) {
	site := capitest.NewSite(t)
	auth := guardOf(t, site.Capi())
	var group sync.WaitGroup
	for i := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			user := site.AddUser(capitest.User{Username: fmt.Sprintf("user%d", i), Groups: []int64{capitest.SuperUsers}})
			for range 10 {
				assert.NoError(t, auth.Authorize(withCookie(user.Cookie())))
				user.Save()
			}
			list, err := capi.Collect(capi.NewSQLStore(site.Capi()).Sessions(t.Context()))
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, len(list), 10)
		}()
	}
	group.Wait()
}

// A mistake in a test ends the test.
func TestMistakes(t *testing.T) {
	for name, mistake := range map[string]func(*capitest.Site){
		"no name": func(s *capitest.Site) { s.AddUser(capitest.User{}) },
		"a name twice": func(s *capitest.Site) {
			s.AddUser(capitest.User{Username: "a"})
			s.AddUser(capitest.User{Username: "a"})
		},
		"an id twice": func(s *capitest.Site) {
			s.AddUser(capitest.User{ID: 7, Username: "a"})
			s.AddUser(capitest.User{ID: 7, Username: "b"})
		},
		"a name of another": func(s *capitest.Site) {
			s.AddUser(capitest.User{Username: "a"})
			user := s.AddUser(capitest.User{Username: "b"})
			user.Username = "a"
			user.Save()
		},
		"a negative id":  func(s *capitest.Site) { s.AddUser(capitest.User{ID: -1, Username: "a"}) },
		"too high an id": func(s *capitest.Site) { s.AddUser(capitest.User{ID: 1 << 40, Username: "a"}) },
		"no such group":  func(s *capitest.Site) { s.AddUser(capitest.User{Username: "a", Groups: []int64{99}}) },
		"no parent":      func(s *capitest.Site) { s.AddGroup("a", 99) },
		"factor in 3":    func(s *capitest.Site) { s.AddUser(capitest.User{Username: "a", SecondFactor: true}) },
		"no factor to wait for": func(s *capitest.Site) {
			s.AddUser(capitest.User{Username: "a"}).Login(capitest.Login{SecondFactorPending: true})
		},
		"token in 3": func(s *capitest.Site) { s.AddUser(capitest.User{Username: "a"}).APIToken() },
	} {
		spy := &spy{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			mistake(capitest.Options{Joomla: 3}.NewSite(spy))
		}()
		<-done
		assert.True(t, spy.failed, name)
	}
	spy := &spy{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		capitest.Options{Joomla: 7}.NewSite(spy)
	}()
	<-done
	assert.True(t, spy.failed)
}

// A spy is a test that fails.
type spy struct {
	testing.TB
	failed bool
}

func (s *spy) Fatal(args ...any)                 { s.Fatalf("%v", args) }
func (s *spy) Fatalf(format string, args ...any) { s.failed = true; runtime.Goexit() }
