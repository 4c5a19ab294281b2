package site_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/site"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	s, err := site.Open(t.Context(), t.TempDir(), 500)
	require.NoError(t, err)
	defer s.Close()
	joomla, err := capi.NewSite(s.DB, s.Config)
	require.NoError(t, err)
	list, err := capi.Collect(capi.NewSQLStore(joomla).Sessions(t.Context()))
	require.NoError(t, err)
	require.Greater(t, len(list), 510)

	var null, nobody, old, registry, guests, administrators int
	newest := time.Time{}
	byID := map[string]capi.Session{}
	for _, session := range list {
		byID[session.ID] = session
		assert.WithinRange(t, session.Time, time.Now().Add(-3*time.Hour), time.Now())
		if session.Time.After(newest) {
			newest = session.Time
		}
		switch {
		case session.Data == nil:
			null++
		case strings.HasPrefix(string(session.Data), "__default|"):
			old++
		case strings.HasPrefix(string(session.Data), "joomla|"):
			registry++
		}
		if session.ClientID == capi.ClientNone {
			nobody++
		}
		if session.Guest {
			guests++
		}
		if session.ClientID == capi.ClientAdministrator {
			administrators++
		}
	}
	assert.Len(t, byID, len(list), "ids are unique")
	assert.Equal(t, 2, null)
	assert.Equal(t, 1, nobody)
	assert.Equal(t, 2, old)
	assert.Greater(t, registry, 200)
	assert.Greater(t, guests, 200)
	assert.Greater(t, administrators, 5)
	assert.WithinDuration(t, time.Now(), newest, time.Minute)
	assert.Equal(t, s.Admin.Username, byID[s.Admin.Cookie.Value].Username)
	assert.Equal(t, s.Registered.Username, byID[s.Registered.Cookie.Value].Username)
	assert.Equal(t, s.Denied.Username, byID[s.Denied.Cookie.Value].Username)
}

func TestOpenTwiceInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := site.Open(t.Context(), dir, 0)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = site.Open(t.Context(), dir, 0)
	require.ErrorContains(t, err, "already exists")
}

func TestOpenTemporary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := site.OpenTemporary(t.Context(), 0)
	require.NoError(t, err)
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, s.Close())
	entries, err = os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, entries)
}

// The tokens that the demo site names are those that it accepts.
func TestCredentials(t *testing.T) {
	demo, err := site.Open(t.Context(), t.TempDir(), 0)
	require.NoError(t, err)
	defer demo.Close()
	joomla, err := capi.NewSite(demo.DB, demo.Config)
	require.NoError(t, err)
	require.NoError(t, joomla.Check(t.Context()))
	cookies, err := capi.NewSessionAuthorizer(joomla)
	require.NoError(t, err)
	tokens := capi.AnyOf(capi.NewAPITokenAuthorizer(joomla), capi.NewCAPITokenAuthorizer(joomla))
	for _, c := range []struct {
		user    site.User
		session error
		token   error
	}{
		{demo.Admin, nil, nil},
		{demo.Registered, capi.ErrForbidden, capi.ErrUnauthenticated},
		{demo.Denied, capi.ErrForbidden, capi.ErrForbidden},
	} {
		t.Run(c.user.Username, func(t *testing.T) {
			r := request(t)
			r.AddCookie(&c.user.Cookie)
			assert.ErrorIs(t, cookies.Authorize(r), c.session)

			r = request(t)
			r.Header.Set("X-Joomla-Token", c.user.APIToken)
			assert.ErrorIs(t, tokens.Authorize(r), c.token)

			if c.user.CAPIToken != "" {
				r = request(t)
				r.Header.Set("token", c.user.CAPIToken)
				assert.NoError(t, tokens.Authorize(r))
			}
		})
	}
}

func request(t *testing.T) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	require.NoError(t, err)
	return r
}
