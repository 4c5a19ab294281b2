package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var dialects = []string{"mysqli", "pgsql", "sqlite"}

func newSiteOf(t *testing.T, dialect string, change ...func(*joomlatest.Recording)) *testSite {
	t.Helper()
	return newTestSite(t, dialect, filepath.Join(t.TempDir(), "joomla.sqlite"), change...)
}

// TestServe asks one program for three sites, with each cookie and token of a
// real site.
func TestServe(t *testing.T) {
	args := []string{"serve", "--addr", "127.0.0.1:0"}
	var sites []*testSite
	for _, dialect := range dialects {
		site := newSiteOf(t, dialect)
		sites, args = append(sites, site), append(args, "--config", dialect+"="+writePHP(t, site.php(nil)))
	}
	program := startProcess(t, exec.Command("capi", args...))
	status, body := program.get("/openapi.yaml", nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, string(capi.OpenAPI()), body)
	for i, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			site, path := sites[i], "/"+dialect+listPath
			require.NotEmpty(t, site.Sessions)
			for _, session := range site.Sessions {
				want := session.Want()
				status, body := program.get(path, http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}})
				assert.Equal(t, want, status, "%s: %.200s", session.Username, body)
				if status == http.StatusOK {
					assert.Len(t, sessionsOf(t, body), len(site.Tables["session"]))
				}
			}
			require.NotEmpty(t, site.APITokens)
			for _, token := range site.APITokens {
				header := http.Header{}
				for name, value := range token.Headers {
					header.Set(name, value)
				}
				status, _ := program.get(path, header)
				assert.Equal(t, token.Want(), status, token.Name)
			}
		})
	}
	program.signal(syscall.SIGTERM)
	require.Equal(t, exitOK, program.exited())
	for line := range strings.Lines(program.Output()) {
		assert.True(t, json.Valid([]byte(line)), "%s", line)
	}
	for _, secret := range []string{sites[0].Sessions[0].Cookie.Value, sites[0].Config.Secret, sites[0].token()} {
		assert.NotContains(t, program.Output(), secret)
	}
}

// addBig adds 300 rows of 128 KiB, which do not fit into the buffers between the
// program and a client that does not read.
func addBig(recording *joomlatest.Recording) {
	data := strings.Repeat("0123456789abcdef", 8<<10)
	for i := range 300 {
		recording.Tables["session"] = append(recording.Tables["session"], joomlatest.Row{
			"session_id": fmt.Sprintf("big%023d", i), "client_id": "0", "guest": "1",
			"time": strconv.FormatInt(recording.Now, 10), "data": data, "userid": "0", "username": "",
		})
	}
}

func TestServeFinishes(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			site := newSiteOf(t, dialect, addBig)
			program := serveProcess(t, site.php(nil))
			response := program.ask(listPath, http.Header{"X-Joomla-Token": {site.token()}})
			require.Equal(t, http.StatusOK, response.StatusCode)
			begun := make([]byte, 100<<10)
			_, err := io.ReadFull(response.Body, begun)
			require.NoError(t, err)

			program.signal(syscall.SIGTERM)
			program.waitFor(`"msg":"stopping"`)
			require.Eventually(t, func() bool {
				_, err := net.Dial("tcp", strings.TrimPrefix(program.URL, "http://"))
				return errors.Is(err, syscall.ECONNREFUSED)
			}, 10*time.Second, 5*time.Millisecond, "nobody else is served")
			assert.NotContains(t, program.Output(), `"msg":"request"`, "the list is still being sent")

			rest, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Len(t, sessionsOf(t, string(append(begun, rest...))), len(site.Tables["session"]))
			assert.Equal(t, exitOK, program.exited(), "%s", program.Output())
			assert.Contains(t, program.Output(), `"cut":false`)
		})
	}
}

// TestServeDrains tells a program to stop, which goes on for a while, and stops
// at once on a second signal.
func TestServeDrains(t *testing.T) {
	site := newSiteOf(t, "sqlite")
	program := serveProcess(t, site.php(nil), "--drain", "1h")
	status, _ := program.get("/readyz", nil)
	require.Equal(t, http.StatusOK, status)
	program.signal(syscall.SIGTERM)
	program.waitFor(`"msg":"stopping"`)
	status, body := program.get("/readyz", nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"msg":"Stopping.","error":true,"status":503}`, body)
	list := program.ask(listPath, http.Header{"X-Joomla-Token": {site.token()}})
	assert.Equal(t, http.StatusOK, list.StatusCode)
	assert.True(t, list.Close, "the next request is to go elsewhere")
	program.signal(syscall.SIGTERM)
	assert.Equal(t, -1, program.exited())
}

func TestServeCuts(t *testing.T) {
	site := newSiteOf(t, "sqlite", addBig)
	for name, test := range map[string]struct {
		args []string
		code int
		stop func(*process)
		says string
	}{
		"grace":  {[]string{"--grace", "50ms"}, exitFailed, func(*process) {}, "finishing the last answers"},
		"killed": {nil, -1, func(p *process) { p.signal(syscall.SIGKILL) }, ""},
		"second signal": {nil, -1, func(p *process) {
			p.waitFor(`"msg":"stopping"`)
			p.signal(syscall.SIGTERM)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			program := serveProcess(t, site.php(nil), test.args...)
			response := program.ask(listPath, http.Header{"X-Joomla-Token": {site.token()}})
			program.signal(syscall.SIGTERM)
			test.stop(program)
			assert.Equal(t, test.code, program.exited())
			_, err := io.ReadAll(response.Body)
			assert.Error(t, err, "the list is cut")
			assert.Contains(t, program.Output(), test.says)
		})
	}
}

func TestServeMaxLists(t *testing.T) {
	site := newSiteOf(t, "sqlite", addBig)
	header := http.Header{"X-Joomla-Token": {site.token()}}
	program := serveProcess(t, site.php(nil), "--max-lists", "1", "--max-wait", "50ms")
	first := program.ask(listPath, header)
	require.Equal(t, http.StatusOK, first.StatusCode)
	second := program.ask(listPath, header)
	assert.Equal(t, http.StatusServiceUnavailable, second.StatusCode)
	assert.Equal(t, "5", second.Header.Get("Retry-After"))
	status, _ := program.get("/readyz", nil)
	assert.Equal(t, http.StatusOK, status)
	_, err := io.Copy(io.Discard, first.Body)
	require.NoError(t, err)
	program.untilAnswer(time.Now(), listPath, header, http.StatusOK)
	assert.NotContains(t, program.Output(), "ERROR")

	program = serveProcess(t, site.php(nil), "--max-lists", "1", "--max-wait", "1h")
	first = program.ask(listPath, header)
	answered := make(chan int)
	for range 5 {
		go func() {
			status, _ := program.get(listPath, header)
			answered <- status
		}()
	}
	_, err = io.Copy(io.Discard, first.Body)
	require.NoError(t, err)
	for range 5 {
		assert.Equal(t, http.StatusOK, <-answered, "it waits for its turn")
	}
}

// TestServeDatabaseGone takes the database away from a running program and from
// one that starts.
func TestServeDatabaseGone(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	network, address, err := capi.SiteConfig{DBType: "mysqli", Host: fmt.Sprint(site.properties["host"])}.Address()
	require.NoError(t, err)
	proxy := newProxy(t, network, address)
	php := site.php(map[string]any{"host": proxy.listener.Addr().String()})
	header := http.Header{"X-Joomla-Token": {site.token()}}

	program := serveProcess(t, php)
	readiness := func(want int) (body string) {
		require.Eventually(t, func() bool {
			var status int
			status, body = program.get("/readyz", nil)
			return status == want
		}, processPatience, 50*time.Millisecond, "%d", want)
		return body
	}
	status, _ := program.get(listPath, header)
	require.Equal(t, http.StatusOK, status)
	readiness(http.StatusOK)
	proxy.close()
	status, body := program.get(listPath, header)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"msg":"Service unavailable.","error":true,"status":503}`, body)
	assert.JSONEq(t, `{"msg":"Not ready.","error":true,"status":503}`, readiness(http.StatusServiceUnavailable))
	program.waitFor(`"msg":"not ready"`)
	back := newProxyAt(t, proxy.listener.Addr().String(), network, address)
	readiness(http.StatusOK)
	program.waitFor(`"msg":"ready again"`)
	back.close()

	program = serveProcess(t, php)
	assert.Contains(t, program.Output(), `"msg":"not ready","error":"the database MySQL at `)
	status, body = program.get("/readyz", nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"msg":"Not ready.","error":true,"status":503}`, body)
	status, _ = program.get("/healthz", nil)
	assert.Equal(t, http.StatusOK, status)
}

// TestServeManyClients has more clients than lists may be sent at a time.
func TestServeManyClients(t *testing.T) {
	for name, test := range map[string]struct {
		sessions, clients int
		unavailable       bool // Some may be.
	}{
		"long lists":  {10_000, 100, true},
		"small lists": {9, 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			site := newSiteOf(t, "mysqli", func(r *joomlatest.Recording) { r.Tables["session"] = nil }, addSessions(test.sessions))
			program := serveProcess(t, site.php(nil))
			counts := program.hammer(site, test.clients, 3*time.Second)
			t.Logf("%d clients of lists of %d sessions: %v", test.clients, test.sessions, counts)
			assert.Positive(t, counts[http.StatusOK])
			if test.unavailable {
				delete(counts, http.StatusServiceUnavailable)
			}
			delete(counts, http.StatusOK)
			assert.Empty(t, counts)
			assert.NotContains(t, program.Output(), "ERROR")
		})
	}
}

// hammer has clients ask for the list of a site all the time, and returns how
// many answers of which status they got.
func (p *process) hammer(site *testSite, clients int, duration time.Duration) map[int]int {
	var mu sync.Mutex
	counts := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	begun := time.Now()
	for range clients {
		group.Go(func() {
			for time.Since(begun) < duration {
				request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL+listPath, nil)
				if !assert.NoError(p.t, err) {
					return
				}
				request.Header.Set("X-Joomla-Token", site.token())
				response, err := client.Do(request)
				if !assert.NoError(p.t, err) {
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				mu.Lock()
				if counts[response.StatusCode]++; err != nil {
					counts[-1]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return counts
}

// TestServeDatabaseFull serves many clients from a database that accepts a few
// connections of the account, and less than the program asks for.
func TestServeDatabaseFull(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	account, setPassword, _ := site.account(t)
	setPassword("one")
	site.Exec(t, "GRANT USAGE ON *.* TO "+account+"@'%' WITH MAX_USER_CONNECTIONS 3")
	program := serveProcess(t, site.php(map[string]any{"user": account, "password": "one"}))
	counts := program.hammer(site, 16, 3*time.Second)
	t.Logf("16 clients with 3 connections: %v", counts)
	assert.Greater(t, counts[http.StatusOK], 10*counts[http.StatusServiceUnavailable])
	delete(counts, http.StatusServiceUnavailable)
	delete(counts, http.StatusOK)
	assert.Empty(t, counts)
	assert.NotContains(t, program.Output(), "ERROR")
}

// TestServeDatabaseFullForAWhile has another program that takes the only
// connection of the account and, once the site is known not to be ready, gives it
// back to a client that waits.
func TestServeDatabaseFullForAWhile(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	account, setPassword, _ := site.account(t)
	setPassword("one")
	site.Exec(t, "GRANT USAGE ON *.* TO "+account+"@'%' WITH MAX_USER_CONNECTIONS 1")
	program := serveProcess(t, site.php(map[string]any{"user": account, "password": "one"}))
	other, err := openDatabase(capi.SiteConfig{
		DBType: "mysqli", Host: fmt.Sprint(site.properties["host"]), User: account, Password: capi.NewSecret("one"),
	}, "", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer other.Close()
	require.Eventually(t, func() bool { return other.PingContext(t.Context()) == nil }, 10*time.Second, 10*time.Millisecond)
	program.waitFor(`"msg":"not ready"`)
	time.AfterFunc(200*time.Millisecond, func() { _ = other.Close() })
	status, _ := program.get(listPath, http.Header{"X-Joomla-Token": {site.token()}})
	assert.Equal(t, http.StatusOK, status, "%s", program.Output())
}

// TestServeConnectionsBreak breaks idle connections of the program, which no
// client should notice.
func TestServeConnectionsBreak(t *testing.T) {
	for _, dialect := range []string{"mysqli", "pgsql"} {
		t.Run(dialect, func(t *testing.T) {
			site := newSiteOf(t, dialect)
			network, address, err := capi.SiteConfig{DBType: dialect, Host: fmt.Sprint(site.properties["host"])}.Address()
			require.NoError(t, err)
			proxy := newProxy(t, network, address)
			program := serveProcess(t, site.php(map[string]any{"host": proxy.listener.Addr().String()}))
			for range 5 {
				status, _ := program.get(listPath, http.Header{"X-Joomla-Token": {site.token()}})
				require.Equal(t, http.StatusOK, status, "%s", program.Output())
				require.Positive(t, proxy.drop())
			}
		})
	}
}

// A proxy forwards connections to a server until it is closed.
type proxy struct {
	listener net.Listener

	mu    sync.Mutex
	conns []net.Conn
	// frozen reports whether nothing is passed on.
	frozen atomic.Bool
}

// freeze makes the proxy accept connections and pass nothing on.
func (p *proxy) freeze() { p.frozen.Store(true) }

// pass copies what goes in one direction.
func (p *proxy) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.frozen.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func newProxy(t *testing.T, network, address string) *proxy {
	t.Helper()
	return newProxyAt(t, "127.0.0.1:0", network, address)
}

// newProxyAt listens at a given address.
func newProxyAt(t *testing.T, at, network, address string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	require.NoError(t, err)
	p := &proxy{listener: listener}
	t.Cleanup(p.close)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			go p.pass(server, client)
			go p.pass(client, server)
		}
	}()
	return p
}

// drop breaks all connections, and returns how many there were.
func (p *proxy) drop() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns)
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
	return n
}

func (p *proxy) close() {
	p.listener.Close()
	p.drop()
}

// sessionsOf returns the sessions of an answer.
func sessionsOf(t *testing.T, body string) []capi.Session {
	t.Helper()
	var envelope capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &envelope))
	return envelope.Msg
}
