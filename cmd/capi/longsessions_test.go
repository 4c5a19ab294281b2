package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longSession returns the data of a user's session, with so many bytes of text
// that a visitor has put there.
func longSession(user int64, bytes int) string {
	text := strings.Repeat("x", bytes/4*3)
	registry := fmt.Sprintf("O:24:\"Joomla\\Registry\\Registry\":1:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":4:{"+
		`s:7:"session";O:8:"stdClass":2:{s:7:"counter";i:3;s:5:"timer";O:8:"stdClass":1:{s:3:"now";i:%d;}}s:4:"user";O:20:"Joomla\CMS\User\User":1:{s:2:"id";i:%d;}`+
		`s:1:"x";s:%d:"%s";s:9:"com_users";O:8:"stdClass":1:{s:11:"mfa_checked";i:1;}}}`, time.Now().Unix(), user, len(text), text)
	encoded := base64.StdEncoding.EncodeToString([]byte(registry))
	return fmt.Sprintf(`joomla|s:%d:"%s";`, len(encoded), encoded)
}

// TestServeLongSessions sends a hundred requests at once with a guest's session
// of 15 MB, whose text the visitor chose. Super Admins are let in meanwhile, and
// the program takes no more memory than for a few such requests.
func TestServeLongSessions(t *testing.T) {
	long(t)
	const (
		size = 15_000_000
		most = 160 << 20
	)
	options, err := redis.ParseURL(cmp.Or(os.Getenv("CAPI_REDIS_URL"), "redis://127.0.0.1:6379/0"))
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	host, port, _ := splitPort(options.Addr)
	for _, test := range []struct{ dialect, handler string }{
		{"mysqli", "database"}, {"pgsql", "database"}, {"sqlite", "database"}, {"sqlite", "redis"}, {"sqlite", "filesystem"},
	} {
		t.Run(test.dialect+" "+test.handler, func(t *testing.T) {
			site, dir := newSiteOf(t, test.dialect), t.TempDir()
			var super int64
			for _, user := range site.Users {
				if user.Username == "super" {
					super = user.ID
				}
			}
			sessions := map[string]string{
				"guestlong": longSession(0, size), "superlong": longSession(super, size), "supershort": longSession(super, 100),
			}
			for id, data := range sessions {
				row := map[string]any{"session_id": id, "client_id": 0, "guest": 1, "time": time.Now().Unix(), "userid": 0, "username": "", "data": nil}
				switch test.handler {
				case "database":
					row["data"] = data
				case "redis":
					require.NoError(t, client.Set(t.Context(), "jfw"+id, data, 5*time.Minute).Err())
					t.Cleanup(func() { client.Del(context.Background(), "jfw"+id) })
				default:
					require.NoError(t, os.WriteFile(filepath.Join(dir, "sess_"+id), []byte(data), 0o600))
				}
				site.Insert(t, "session", row)
			}
			// Listing them would send 30 MB.
			program := serveProcess(t, site.php(map[string]any{
				"session_handler": test.handler, "session_filesystem_path": dir, "session_redis_server_host": host,
				"session_redis_server_port": port, "session_redis_server_db": options.DB,
			}))
			status := func(id string) (int, time.Duration) {
				began := time.Now()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, program.URL+listPath, nil)
				if err != nil {
					return 0, 0
				}
				request.Header.Set("Cookie", site.CookieNames.Site+"="+id)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return 0, 0
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				return response.StatusCode, time.Since(began)
			}
			var visitors sync.WaitGroup
			done := make(chan struct{})
			for range 100 {
				visitors.Go(func() {
					got, took := status("guestlong")
					// On a slow machine, the guard's patience of ten seconds ends
					// before the turn comes.
					if took < 9*time.Second {
						assert.Equal(t, http.StatusUnauthorized, got)
					}
				})
			}
			go func() {
				visitors.Wait()
				close(done)
			}()
			served, slowest := 0, time.Duration(0)
			for running := true; running; {
				got, took := status("supershort")
				assert.Equal(t, http.StatusOK, got)
				served, slowest = served+1, max(slowest, took)
				select {
				case <-done:
					running = false
				default:
				}
			}
			got, _ := status("superlong")
			assert.Equal(t, http.StatusOK, got, "a Super Admin with a long session")
			assert.Less(t, slowest, 2*time.Second)
			if t.Failed() {
				t.Log(program.Output())
			}
			peak := peakMemory(t, program.command.Process.Pid)
			assert.Less(t, peak, int64(most))
			t.Logf("peak %d MB; %d requests of a Super Admin meanwhile, the slowest took %v", peak>>20, served, slowest)
		})
	}
}

// peakMemory returns the peak resident memory of a process.
func peakMemory(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	require.NotNil(t, match)
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}
