package redisdata_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/redisdata"
	"github.com/capi-go/capi/storetest"
)

// Sessions that live in Redis, that ended there but still have rows, and whose
// second factor is pending: each request is answered as Joomla answered it, and
// lists have the data of Redis.
func TestGuardAsJoomla(t *testing.T) {
	client, prefix := real(t)
	tested := 0
	for _, c := range slices.Concat(joomlatest.Handlers(), joomlatest.SecondFactor()) {
		if c.SessionHandler != "redis" {
			continue
		}
		config := redisdata.Options{Prefix: prefix + redisdata.Joomla4}
		if c.Site == "j3" {
			config.Prefix = prefix + redisdata.Joomla3
		}
		for key, stored := range c.Redis {
			ttl := time.Duration(stored.TTL) * time.Second
			if stored.TTL == 0 {
				ttl = time.Minute
			}
			require.NoError(t, client.Set(t.Context(), prefix+key, stored.Value, ttl).Err())
			if c.Recording.Now == 0 { // Without a row, only the data has a time.
				state, err := capi.Payload(stored.Value).State()
				require.NoError(t, err)
				c.Recording.Now = state.Now.Unix()
			}
		}
		data := config.New(client)
		_, site := newSite(t, c.Recording, data, c.Metadata)
		guard, err := capi.NewSessionAuthorizer(site)
		require.NoError(t, err)
		what := []any{"%v %v %v %v", c.Site, c.Name, c.Metadata, c.ClientID}

		var store capi.Store = capi.NewSQLStore(site)
		if len(c.Recording.Tables["session"]) == 0 && c.Want == http.StatusOK {
			store = redisdata.NewStore(data)
		}
		serve(t, store, guard).requireStatus(t, c.Want, c.Cookies, what...)

		list := serve(t, store, anyone).list(t)
		live, err := capi.Collect(capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(site).Sessions(t.Context()))
		require.NoError(t, err)
		assert.LessOrEqual(t, len(live), len(c.Redis), what...)
		for key, stored := range c.Redis {
			i := slices.IndexFunc(list, func(s capi.Session) bool { return config.Prefix+s.ID == prefix+key })
			require.GreaterOrEqual(t, i, 0, what...)
			assert.Equal(t, stored.Value, string(list[i].Data), what...)
			assert.True(t, list[i].UserID == 102 || list[i].UserID == 902, what...)
			assert.False(t, list[i].Guest, what...)
			assert.WithinDuration(t, time.Unix(c.Recording.Now, 0), list[i].Time, time.Minute, what...)
			require.NoError(t, client.Del(t.Context(), prefix+key).Err())
		}
		if len(c.Redis) == 0 {
			for _, session := range list {
				assert.Nil(t, session.Data, what...)
			}
		} else { // It ends with its key in Redis, whatever the row says.
			serve(t, store, guard).requireStatus(t, http.StatusUnauthorized, c.Cookies, what...)
		}
		tested++
	}
	assert.GreaterOrEqual(t, tested, 30)
}

func TestStoreConformsOnRedis(t *testing.T) {
	client, _ := real(t)
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		_, prefix := real(t)
		return newAsRows(t, client, prefix, sessions)
	})
}

// Rows come in their order, each with the data of its session.
func TestSQLStoreFills(t *testing.T) {
	client, prefix := real(t)
	tables, site := newSite(t, emptyRecording(), redisdata.Options{Prefix: prefix}.New(client), true)
	const n = 1500
	fill(t, client, prefix, tables, n, 100)
	require.NoError(t, client.Del(t.Context(), prefix+"session00000700").Err())
	list := serve(t, capi.NewSQLStore(site), anyone).list(t)
	require.Len(t, list, n)
	for i, session := range list {
		if i == 700 {
			assert.Nil(t, session.Data)
			continue
		}
		require.Equal(t, payload(i, 100), string(session.Data))
	}
	list = serve(t, capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(site), anyone).list(t)
	assert.Len(t, list, n-1)
}

// emptyRecording returns a site with users, and no sessions.
func emptyRecording() *joomlatest.Recording {
	recording := joomlatest.Recorded("j5")
	recording.Tables["session"] = nil
	return recording
}

func TestOpenSocket(t *testing.T) {
	home, err := os.MkdirTemp("", "capi") // Short, as paths of sockets must be.
	require.NoError(t, err)
	defer os.RemoveAll(home)
	path := filepath.Join(home, "socket")
	own := ownServer(t, "--unixsocket", path)
	client := own.client()
	require.NoError(t, client.Set(t.Context(), "jfwid", "x|N;", time.Minute).Err())
	require.NoError(t, client.Close())
	for _, host := range []string{path, "unix://" + path} {
		data, err := redisdata.Open(capi.SiteConfig{SessionHandler: "redis", SessionRedisHost: host, SessionRedisPort: 1})
		require.NoError(t, err)
		got, err := data.Payloads(t.Context(), []string{"id"})
		require.NoError(t, err)
		assert.Equal(t, []capi.Payload{capi.Payload("x|N;")}, got)
		require.NoError(t, data.Close())
	}
}
