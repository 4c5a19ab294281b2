package integration_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// memory is session data by id, as Redis or Memcached would have it.
type memory map[string]capi.Payload

func (m memory) Payloads(_ context.Context, ids []string) ([]capi.Payload, error) {
	payloads := make([]capi.Payload, len(ids))
	for i, id := range ids {
		payloads[i] = m[id]
	}
	return payloads, nil
}

// memoryOf returns the sessions in Redis, by the ids in their keys.
func memoryOf(held map[string]joomlatest.RedisValue) memory {
	m := memory{}
	for key, value := range held {
		m[strings.TrimPrefix(strings.TrimPrefix(key, "jfw"), "PHPREDIS_SESSION:")] = capi.Payload(value.Value)
	}
	return m
}

// become makes s the site of a recorded case, with data outside of the
// database.
func (s *site) become(t testing.TB, c joomlatest.Case, data capi.SessionData) {
	t.Helper()
	for _, table := range []string{"session", "user_mfa", "extensions"} {
		if table == "user_mfa" && s.Layout < joomlatest.Joomla42 {
			continue
		}
		s.Exec(t, `DELETE FROM "#__`+table+`"`)
		s.Insert(t, table, c.Recording.Tables[table]...)
	}
	s.Now, s.data = c.Recording.Now, data
	s.config.Secret = capi.NewSecret(c.Recording.Config.Secret)
	s.config.SessionHandler, s.config.SessionMetadataOff = c.SessionHandler, !c.Metadata
}

// cookiesOf returns the header of the request of a case.
func cookiesOf(c joomlatest.Case) http.Header {
	var cookies []string
	for name, value := range c.Cookies {
		cookies = append(cookies, name+"="+value)
	}
	return http.Header{"Cookie": {strings.Join(cookies, "; ")}}
}

// requireAnswer asks a new service of the site.
func (s *site) requireAnswer(t testing.TB, status int, header http.Header, about string) {
	t.Helper()
	service := s.guarded(t, nil)
	reply := service.ask(t, header)
	require.Equal(t, status, reply.status, "%s\n%s", about, service.log)
	s.requireStatus(t, status, reply)
	assert.Zero(t, service.log.errors(), service.log)
}

func TestGuardSecondFactorAsJoomla(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		handlers := map[string]int{}
		for _, c := range joomlatest.SecondFactor() {
			s.become(t, c, memoryOf(c.Redis))
			s.requireAnswer(t, c.Want, cookiesOf(c), c.Name)
			handlers[c.SessionHandler]++
		}
		assert.Equal(t, map[string]int{"database": 18, "redis": 18}, handlers)
	})
}

// TestGuardHandlersAsJoomla is about live and ended sessions, wherever they
// live. Files and Memcached were not recorded: they hold the same as Redis.
func TestGuardHandlersAsJoomla(t *testing.T) {
	live := map[string]capi.Payload{} // by site and application
	key := func(c joomlatest.Case) string { return c.Site + string(rune('0'+c.ClientID)) }
	for _, c := range joomlatest.Handlers() {
		for _, held := range c.Redis {
			live[key(c)] = capi.Payload(held.Value)
		}
	}
	sites := map[string]struct {
		layout   joomlatest.Layout
		recorded string
	}{"j3": {joomlatest.Joomla39, "j3"}, "j5": {joomlatest.Joomla42, "j6"}}
	onEach(t, func(t *testing.T, d database) {
		all := map[string]*site{}
		for name, of := range sites {
			all[name] = newSite(t, d, of.layout, joomlatest.Recorded(of.recorded))
		}
		handlers, now := map[string]int{}, int64(0)
		for _, c := range joomlatest.Handlers() {
			s := all[c.Site]
			if now = max(now, c.Recording.Now); c.Recording.Now == 0 { // There is no row: take about the time of the previous case.
				c.Recording.Now = now
			}
			held := memoryOf(c.Redis)
			about := c.Site + " " + c.SessionHandler + ": " + c.Name
			handlers[c.SessionHandler]++
			switch c.SessionHandler {
			case "filesystem", "none":
				s.becomeWithFiles(t, c, live[key(c)], about)
				continue
			case "memcached":
				for _, id := range c.Cookies {
					held[id] = live[key(c)]
				}
			}
			s.become(t, c, held)
			s.requireAnswer(t, c.Want, cookiesOf(c), about)
			if c.SessionHandler == "database" {
				continue
			}
			// As in 3.x, the row is not updated while the session lives, but
			// the timer in the session is.
			s.Exec(t, `UPDATE "#__session" SET "time" = '1'`)
			s.requireAnswer(t, c.Want, cookiesOf(c), about+", with an old row")
			// The row outlives the session.
			s.become(t, c, memory{})
			s.requireAnswer(t, http.StatusUnauthorized, cookiesOf(c), about+", ended")
		}
		assert.Equal(t, map[string]int{"database": 14, "redis": 16, "memcached": 6, "filesystem": 4, "none": 4}, handlers)
	})
}

// becomeWithFiles asks the site of a case whose sessions live in files: alive,
// at the end of its lifetime, expired, gone.
func (s *site) becomeWithFiles(t testing.TB, c joomlatest.Case, content capi.Payload, about string) {
	t.Helper()
	require.Len(t, c.Files, 1, about)
	now := time.Unix(c.Recording.Now, 0)
	dir := t.TempDir()
	file := filepath.Join(dir, c.Files[0])
	require.NoError(t, os.WriteFile(file, content, 0o600))
	s.become(t, c, capi.FileSessionData{Dir: dir, Lifetime: s.config.Lifetime, Now: func() time.Time { return now }})
	for _, test := range []struct {
		age    time.Duration
		status int
	}{{0, c.Want}, {s.config.Lifetime, c.Want}, {s.config.Lifetime + time.Second, http.StatusUnauthorized}} {
		require.NoError(t, os.Chtimes(file, now, now.Add(-test.age)))
		s.requireAnswer(t, test.status, cookiesOf(c), about+", of age "+test.age.String())
	}
	require.NoError(t, os.Remove(file))
	s.requireAnswer(t, http.StatusUnauthorized, cookiesOf(c), about+", gone")
}

// TestGuardRefusesToGuess is about sites with session data that cannot be read.
func TestGuardRefusesToGuess(t *testing.T) {
	s := joomla5(t, sqlite())
	for _, handler := range []string{"redis", "memcached", "filesystem", "none", "apcu"} {
		_, err := capi.NewSessionAuthorizer(s.capi(t, func(c *capi.SiteConfig) { c.SessionHandler = handler }))
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.ErrorContains(t, err, handler)
		require.ErrorContains(t, err, "SessionData")
	}
}
