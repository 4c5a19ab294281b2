package main

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServeSessionData serves a site whose sessions live in files, Redis or
// Memcached. Only those with a session there are let in, and the list has its
// data.
func TestServeSessionData(t *testing.T) {
	options, err := redis.ParseURL(cmp.Or(os.Getenv("CAPI_REDIS_URL"), "redis://127.0.0.1:6379/0"))
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	dir := t.TempDir()
	host, port, _ := splitPort(options.Addr)
	memcached := cmp.Or(os.Getenv("CAPI_MEMCACHED_ADDR"), "127.0.0.1:11211")
	memcachedHost, memcachedPort, _ := splitPort(memcached)
	cache := memcache.New(memcached)
	t.Cleanup(func() { cache.Close() })
	for _, test := range []struct {
		handler    string
		properties map[string]any
		ping       func() error
		put        func(id, data string) error
	}{
		{"filesystem", map[string]any{"session_filesystem_path": dir}, func() error { return nil }, func(id, data string) error {
			return os.WriteFile(filepath.Join(dir, "sess_"+id), []byte(data), 0o600)
		}},
		{"redis", map[string]any{"session_redis_server_host": host, "session_redis_server_port": port, "session_redis_server_db": options.DB},
			func() error { return client.Ping(t.Context()).Err() },
			func(id, data string) error {
				t.Cleanup(func() { client.Del(context.Background(), "jfw"+id) })
				return client.Set(t.Context(), "jfw"+id, data, time.Minute).Err()
			}},
		{"memcached", map[string]any{"session_memcached_server_host": memcachedHost, "session_memcached_server_port": memcachedPort},
			cache.Ping,
			func(id, data string) error {
				t.Cleanup(func() { _ = cache.Delete("jfw" + id) })
				return cache.Set(&memcache.Item{Key: "jfw" + id, Value: []byte(data), Expiration: 60})
			}},
	} {
		t.Run(test.handler, func(t *testing.T) {
			if err := test.ping(); err != nil {
				require.Empty(t, os.Getenv("CI"), "%v", err)
				t.Skipf("NOT TESTED: no server: %v", err)
			}
			site := newSiteOf(t, "sqlite")
			var header http.Header
			for _, session := range site.Sessions {
				if session.Want() == http.StatusOK {
					header = http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
					var data string
					require.NoError(t, site.DB.QueryRowContext(t.Context(), site.SQL(`SELECT "data" FROM "#__session" WHERE "session_id" = ?`),
						[]byte(session.Cookie.Value)).Scan(&data))
					site.Exec(t, `UPDATE "#__session" SET "data" = NULL`)
					test.properties["session_handler"] = test.handler
					program := serveProcess(t, site.php(test.properties))
					status, _ := program.get(listPath, header)
					assert.Equal(t, http.StatusUnauthorized, status, "a row alone is no session")
					require.NoError(t, test.put(session.Cookie.Value, data))
					status, body := program.get(listPath, header)
					require.Equal(t, http.StatusOK, status)
					held := 0
					for _, session := range sessionsOf(t, body) {
						if session.Data != nil {
							held++
							assert.Equal(t, data, string(session.Data))
						}
					}
					assert.Equal(t, 1, held)
					return
				}
			}
		})
	}
}
