package memcachedata_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/memcachedata"
)

// A server is a memcached process for one test, which may kill it.
type server struct {
	addr string // the path of a socket
	cmd  *exec.Cmd
}

// ownServer starts a memcached. It ends with the test.
func ownServer(t testing.TB) *server {
	t.Helper()
	home, err := os.MkdirTemp("", "capi") // Short, as paths of sockets must be.
	require.NoError(t, err)
	s := &server{addr: filepath.Join(home, "socket")}
	t.Cleanup(func() {
		s.kill()
		_ = os.RemoveAll(home)
	})
	s.start(t)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	path, err := exec.LookPath("memcached")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("NO memcached ON THIS MACHINE, NOTHING OF IT IS TESTED")
	}
	require.NoError(t, err)
	_ = os.Remove(s.addr)
	s.cmd = exec.Command(path, "-s", s.addr, "-u", "root", "-I", "32m", "-m", "256")
	require.NoError(t, s.cmd.Start())
	client := memcache.New(s.addr)
	defer client.Close()
	require.Eventually(t, func() bool { return client.Ping() == nil }, 10*time.Second, 10*time.Millisecond)
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) client(t testing.TB) *memcache.Client {
	client := memcache.New(s.addr)
	t.Cleanup(func() { client.Close() })
	return client
}

func set(t testing.TB, client *memcache.Client, key, value string) {
	t.Helper()
	require.NoError(t, client.Set(&memcache.Item{Key: key, Value: []byte(value), Expiration: 900}))
}

func TestDataPayloads(t *testing.T) {
	client := ownServer(t).client(t)
	longest := strings.Repeat("x", 247)
	for key, value := range map[string]string{
		"jfwlive": `joomla|s:4:"bnVs";`, "jfwempty": "", "jfw" + longest: "x|N;", "memc.sess.key.old": "x|i:3;", "jfwé": "\x00\r\nEND\r\n",
	} {
		set(t, client, key, value)
	}
	require.NoError(t, client.Set(&memcache.Item{Key: "jfwnumber", Value: []byte("5"), Flags: 1}))
	ids := []string{"live", "gone", "empty", "number", longest, longest + "x", "", "a b", "a\r\nget", "\x7f", "é", "live", "old"}
	want := []capi.Payload{capi.Payload(`joomla|s:4:"bnVs";`), nil, {}, nil, capi.Payload("x|N;"), nil,
		nil, nil, nil, nil, capi.Payload("\x00\r\nEND\r\n"), capi.Payload(`joomla|s:4:"bnVs";`), nil}
	got, err := memcachedata.New(client).Payloads(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	got, err = memcachedata.Options{Prefix: "memc.sess.key."}.New(client).Payloads(t.Context(), []string{"live", "old"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil, capi.Payload("x|i:3;")}, got)
	got, err = memcachedata.New(client).Payloads(t.Context(), []string{"a b"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil}, got, "no key to ask for at all")

	set(t, client, "jfwmore", strings.Repeat("x", 1<<24))
	_, err = memcachedata.New(client).Payloads(t.Context(), []string{"more"})
	require.EqualError(t, err, "memcachedata: reading sessions: value of 16 MiB or more")
}

func TestDataPayloadsOfSeveralServers(t *testing.T) {
	one, two := ownServer(t), ownServer(t)
	client := memcache.New(one.addr, two.addr)
	t.Cleanup(func() { client.Close() })
	var ids []string
	var want []capi.Payload
	for i := range 600 {
		id, payload := fmt.Sprint("id", i), capi.Payload(fmt.Sprintf("x|i:%d;", i))
		set(t, client, "jfw"+id, string(payload))
		ids, want = append(ids, id, id+"gone"), append(want, payload, nil)
	}
	got, err := memcachedata.New(client).Payloads(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	// Nothing is known about the sessions of the other server.
	two.kill()
	_, err = memcachedata.New(client).Payloads(t.Context(), ids)
	require.Error(t, err)
}

// Live and ended sessions, and the second factor, as Joomla answered them.
// Joomla writes the same into Memcached as into Redis, and PHP compresses it
// there.
func TestGuardAsJoomla(t *testing.T) {
	client := ownServer(t).client(t)
	if addr := os.Getenv("CAPI_MEMCACHED_ADDR"); addr != "" {
		client = memcache.New(addr)
		defer client.Close()
	}
	tested := 0
	for _, c := range slices.Concat(joomlatest.Handlers(), joomlatest.SecondFactor()) {
		if c.SessionHandler != "redis" || c.Site == "j3" || c.Recording.Now == 0 {
			continue
		}
		for key, stored := range c.Redis {
			set(t, client, key, stored.Value)
		}
		data := memcachedata.New(client)
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "site.db")+"?_pragma=synchronous(0)")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		tables := joomlatest.NewSite(t, db, joomlatest.SQLite, joomlatest.Joomla42, c.Recording)
		site, err := capi.SiteOptions{SessionData: data, Now: func() time.Time { return time.Unix(c.Recording.Now, 0) }}.NewSite(db,
			capi.SiteConfig{DBType: "sqlite", DBPrefix: tables.Prefix, Secret: capi.NewSecret(c.Recording.Config.Secret), SessionHandler: "memcached"})
		require.NoError(t, err)
		guard, err := capi.NewSessionAuthorizer(site)
		require.NoError(t, err)
		handler := capi.NewHandler(capi.NewSQLStore(site), guard)
		ask := func() *httptest.ResponseRecorder {
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			for name, value := range c.Cookies {
				request.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			return recorder
		}
		assert.Equal(t, c.Want, ask().Code, "%s %s", c.Site, c.Name)
		list, err := capi.Collect(capi.NewSQLStore(site).Sessions(t.Context()))
		require.NoError(t, err)
		for _, session := range list {
			if stored, ok := c.Redis["jfw"+session.ID]; assert.Equal(t, ok, session.Data != nil) && ok {
				assert.Equal(t, stored.Value, string(session.Data))
				require.NoError(t, client.Delete("jfw"+session.ID))
				assert.Equal(t, http.StatusUnauthorized, ask().Code, "an ended session")
			}
		}
		tested++
	}
	assert.GreaterOrEqual(t, tested, 20)
}

func TestOpen(t *testing.T) {
	own := ownServer(t)
	set(t, own.client(t), "jfwid", "x|N;")
	site := capi.SiteConfig{SessionHandler: "memcached", SessionMemcachedHost: own.addr}
	data, err := memcachedata.Open(site)
	require.NoError(t, err)
	got, err := data.Payloads(t.Context(), []string{"id"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{capi.Payload("x|N;")}, got)

	own.kill()
	_, err = data.Payloads(t.Context(), []string{"id"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "jfwid")
	own.start(t)
	got, err = data.Payloads(t.Context(), []string{"id"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil}, got, "it has forgotten everything")
	require.NoError(t, data.Close())
}

func TestOpenRefuses(t *testing.T) {
	for want, site := range map[string]capi.SiteConfig{
		"$session_handler":               {SessionHandler: "redis"},
		"$session_memcached_server_port": {SessionHandler: "memcached", SessionMemcachedPort: -1},
	} {
		_, err := memcachedata.Open(site)
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.ErrorContains(t, err, want)
	}
	for _, host := range []string{"a:11211", "tcp://a", "u@a", "/run/\x00", "a b"} {
		_, err := memcachedata.Open(capi.SiteConfig{SessionHandler: "memcached", SessionMemcachedHost: host})
		require.ErrorIs(t, err, capi.ErrSiteConfig, host)
		require.ErrorContains(t, err, "$session_memcached_server_host")
	}
}

// answering returns the port of a server that answers the first bytes of each
// connection with answer, or never if it is empty. It sends its connections to
// accepted.
func answering(t *testing.T, answer string) (port int, accepted <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	connections := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections <- conn
			if answer != "" {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte(answer))
				_ = conn.Close()
			}
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, connections
}

func TestDataErrorsHoldNoSecrets(t *testing.T) {
	for _, answer := range []string{
		"SERVER_ERROR out of memory for bnVs\r\n", "VALUE jfw3jh5kq 0\r\n", "VALUE jfw3jh5kq 0 4\r\nbnVsbnVs\r\n", "HTTP/1.1 400 bnVs\r\n\r\n",
		"VALUE jfw3jh5kq 0 400\r\nbnVs", "bnVs",
	} {
		port, _ := answering(t, answer)
		data, err := memcachedata.Open(capi.SiteConfig{SessionHandler: "memcached", SessionMemcachedHost: "127.0.0.1", SessionMemcachedPort: port})
		require.NoError(t, err)
		_, err = data.Payloads(t.Context(), []string{"3jh5kq"})
		require.Error(t, err, answer)
		assert.NotContains(t, err.Error(), "3jh5kq")
		assert.NotContains(t, err.Error(), "bnVs")
	}
}

func TestDataPayloadsEndWithContext(t *testing.T) {
	port, accepted := answering(t, "")
	client := memcache.New(fmt.Sprintf("127.0.0.1:%d", port))
	client.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := memcachedata.New(client).Payloads(ctx, []string{"id"})
		done <- err
	}()
	conn := <-accepted
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	_, err := memcachedata.New(client).Payloads(ctx, []string{"id"})
	require.ErrorIs(t, err, context.Canceled, "one that has ended")
	require.NoError(t, conn.Close())
}

func TestDataZeroValue(t *testing.T) {
	var data memcachedata.Data
	_, err := data.Payloads(t.Context(), []string{"id"})
	require.Error(t, err)
	require.NoError(t, data.Close())
	assert.Panics(t, func() { memcachedata.New(nil) })
}
