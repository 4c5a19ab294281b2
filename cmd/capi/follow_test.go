package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A changingFile is a configuration.php that is replaced in a different way each
// time, while its size and modification time stay the same.
type changingFile struct {
	t       testing.TB
	path    string
	changes int
}

func newChangingFile(t testing.TB, php string) *changingFile {
	f := &changingFile{t: t, path: filepath.Join(t.TempDir(), "configuration.php")}
	f.write(php)
	return f
}

func (f *changingFile) write(php string) {
	f.t.Helper()
	text := fmt.Appendf(nil, "%-4096s", php)
	written := time.Unix(1e9, 0)
	put := func(path string) {
		require.NoError(f.t, os.WriteFile(path, text, 0o600))
		require.NoError(f.t, os.Chtimes(path, written, written))
	}
	switch f.changes++; f.changes % 3 {
	case 0: // The path may be a link.
		put(f.path)
	case 1:
		put(f.path + ".new")
		require.NoError(f.t, os.Rename(f.path+".new", f.path))
	case 2:
		target := fmt.Sprintf("%s.%d", f.path, f.changes)
		put(target)
		require.NoError(f.t, os.Symlink(target, f.path+".link"))
		require.NoError(f.t, os.Rename(f.path+".link", f.path))
	}
}

// cookieOf returns the frontend cookie of a browser that has logged in under a
// configuration.
func cookieOf(t testing.TB, config map[string]any, id string) http.Header {
	t.Helper()
	path := writePHP(t, joomlatest.ConfigurationPHP(config))
	parsed, err := capi.LoadSiteConfig(path)
	require.NoError(t, err)
	site, err := capi.NewSite(noDatabase(nil), parsed)
	require.NoError(t, err)
	auth, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)
	return http.Header{"Cookie": {auth.CookieNames()[0] + "=" + id}}
}

// tokenWith returns a Super Admin's API token under another secret.
func (s *testSite) tokenWith(t testing.TB, secret string) http.Header {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(s.token())
	require.NoError(t, err)
	user := strings.Split(string(text), ":")[1]
	for _, row := range s.Tables["user_profiles"] {
		if row["user_id"] == user && row["profile_key"] == "joomlatoken.token" {
			seed, err := base64.StdEncoding.DecodeString(fmt.Sprint(row["profile_value"]))
			require.NoError(t, err)
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(seed)
			return http.Header{"X-Joomla-Token": {base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "sha256:%s:%x", user, mac.Sum(nil)))}}
		}
	}
	require.Fail(t, "the user has no token")
	return nil
}

// untilAnswer asks until the answer has a status, and returns how long after
// begin it asked the question that got it.
func (p *process) untilAnswer(begin time.Time, path string, header http.Header, want int) time.Duration {
	p.t.Helper()
	for {
		asked := time.Now()
		status, body := p.get(path, header)
		if status == want {
			return asked.Sub(begin)
		}
		if asked.Sub(begin) > processPatience {
			require.Fail(p.t, "the change does not count", "%s: %d, not %d: %.200s", path, status, want, body)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// account creates a MariaDB user who may read the site. It returns functions
// that change the password and count the connections.
func (s *testSite) account(t testing.TB) (name string, setPassword func(string), connections func() int) {
	t.Helper()
	name = strings.TrimSuffix(s.Prefix, "_")
	s.Exec(t, "CREATE USER "+name+"@'%' IDENTIFIED BY 'none'")
	t.Cleanup(func() { s.Exec(t, "DROP USER "+name+"@'%'") })
	s.Exec(t, "GRANT SELECT ON "+fmt.Sprint(s.properties["db"])+".* TO "+name+"@'%'")
	setPassword = func(password string) { s.Exec(t, "ALTER USER "+name+"@'%' IDENTIFIED BY '"+password+"'") }
	connections = func() (n int) {
		t.Helper()
		require.NoError(t, s.DB.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE user = ?", name).Scan(&n))
		return n
	}
	return name, setPassword, connections
}

// TestServeFollows changes each property that a running program depends on, and
// asks with the cookies and tokens from before and after the change.
func TestServeFollows(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	other := newSiteOf(t, "mysqli", func(r *joomlatest.Recording) { r.Tables["session"] = r.Tables["session"][:5] })
	account, setPassword, _ := site.account(t)
	setPassword("one")
	sessions := t.TempDir()
	base := map[string]any{"user": account, "password": "one"}
	oldSecret := site.Config.Secret
	properties := func(change map[string]any) map[string]any {
		all := maps.Clone(site.properties)
		maps.Copy(all, base)
		maps.Copy(all, change)
		return all
	}
	id := site.cookie(t).Value
	var manager http.Header
	for _, c := range site.Sessions {
		if c.Username == "manager" && c.ClientID == 0 {
			manager = http.Header{"Cookie": {c.Cookie.Name + "=" + c.Cookie.Value}}
		}
	}
	oldCookie, oldToken := cookieOf(t, properties(nil), id), site.tokenWith(t, oldSecret)
	const newSecret = "aN0therS3cret..."
	shared := map[string]any{"shared_session": true, "session_name": "together"}

	file := newChangingFile(t, joomlatest.ConfigurationPHP(properties(nil)))
	program := startProcess(t, exec.Command("capi", "serve", "--addr", "127.0.0.1:0", "--config", file.path))
	// An answer is what a request gets under a configuration.
	type answer struct {
		header http.Header
		status int
	}
	normal := []answer{{oldCookie, 200}, {oldToken, 200}, {manager, 403}, {cookieOf(t, properties(map[string]any{"secret": newSecret}), id), 401}}
	var slowest time.Duration
	step := func(name string, change func(), answers []answer) {
		t.Helper()
		change()
		begin := time.Now()
		for _, a := range answers {
			took := program.untilAnswer(begin, listPath, a.header, a.status)
			assert.Less(t, took, time.Second, "%s", name)
			slowest = max(slowest, took)
			status, _ := program.get(pagePath+"feed", a.header)
			assert.Equal(t, a.status, status, "%s: feed", name)
		}
	}
	for _, test := range []struct {
		name    string
		change  map[string]any
		prepare func()
		answers []answer
	}{
		{"secret", map[string]any{"secret": newSecret}, nil, []answer{
			{oldCookie, 401}, {oldToken, 401}, {site.tokenWith(t, newSecret), 200},
			{cookieOf(t, properties(map[string]any{"secret": newSecret}), id), 200},
		}},
		{"root user", map[string]any{"root_user": "manager"}, nil, []answer{{manager, 200}, {oldCookie, 200}, {oldToken, 200}}},
		{"session handler", map[string]any{"session_handler": "filesystem", "session_filesystem_path": sessions}, nil,
			[]answer{{oldCookie, 401}, {oldToken, 200}}},
		{"session handler with the session", map[string]any{"session_handler": "filesystem", "session_filesystem_path": sessions}, func() {
			data, _ := site.sessionOf(oldCookie)["data"].(string)
			require.NoError(t, os.WriteFile(filepath.Join(sessions, "sess_"+id), []byte(data), 0o600))
		}, []answer{{oldCookie, 200}, {oldToken, 200}}},
		{"session handler that cannot be read", map[string]any{"session_handler": "apcu"}, nil, []answer{{oldCookie, 503}, {oldToken, 503}}},
		{"session name", shared, nil, []answer{{oldCookie, 401}, {cookieOf(t, properties(shared), id), 200}, {oldToken, 200}}},
		{"lifetime", map[string]any{"lifetime": 1}, nil, []answer{{oldCookie, 401}, {oldToken, 200}}},
		{"password of the database", map[string]any{"password": "two"}, func() { setPassword("two") }, []answer{{oldCookie, 200}, {oldToken, 200}}},
		{"wrong password", map[string]any{"password": "wrong"}, nil, []answer{{oldCookie, 503}, {oldToken, 503}, {nil, 503}}},
		{"host", map[string]any{"host": "127.0.0.1:1"}, nil, []answer{{oldCookie, 503}, {oldToken, 503}}},
		{"prefix of no tables", map[string]any{"dbprefix": "nowhere_"}, nil, []answer{{oldCookie, 503}, {oldToken, 503}}},
		{"no prefix", map[string]any{"dbprefix": ""}, nil, []answer{{oldCookie, 503}, {oldToken, 503}, {nil, 503}}},
	} {
		if test.prepare != nil {
			test.prepare()
		}
		step(test.name, func() { file.write(joomlatest.ConfigurationPHP(properties(test.change))) }, test.answers)
		if test.name == "password of the database" {
			base["password"] = "two"
		}
		step(test.name+", back", func() { file.write(joomlatest.ConfigurationPHP(properties(nil))) }, normal)
	}

	file.write(joomlatest.ConfigurationPHP(properties(map[string]any{"dbprefix": other.Prefix})))
	begin := time.Now()
	require.Eventually(t, func() bool {
		_, body := program.get(listPath, oldToken)
		return len(sessionsOf(t, body)) == 5
	}, time.Second, 5*time.Millisecond, "the list of another prefix")
	slowest = max(slowest, time.Since(begin))

	status, _ := program.get("/readyz", nil)
	require.Equal(t, http.StatusOK, status)
	php := joomlatest.ConfigurationPHP(properties(nil))
	for name, change := range map[string]func(){
		"gone":         func() { require.NoError(t, os.Remove(file.path)) },
		"half written": func() { require.NoError(t, os.WriteFile(file.path, []byte(php[:len(php)/2]), 0o600)) },
		"empty":        func() { require.NoError(t, os.WriteFile(file.path, nil, 0o600)) },
		"a pipe": func() {
			require.NoError(t, os.Remove(file.path))
			require.NoError(t, syscall.Mkfifo(file.path, 0o600))
		},
		"a link to nothing": func() {
			require.NoError(t, os.Remove(file.path))
			require.NoError(t, os.Symlink("nowhere", file.path))
		},
	} {
		step(name, change, []answer{{oldCookie, 503}, {oldToken, 503}, {nil, 503}})
		program.untilAnswer(time.Now(), "/readyz", nil, http.StatusServiceUnavailable)
		require.NoError(t, os.RemoveAll(file.path))
		step(name+", back", func() { file.write(php) }, normal)
		program.untilAnswer(time.Now(), "/readyz", nil, http.StatusOK)
	}
	t.Logf("the slowest change counted after %v", slowest)

	program.signal(syscall.SIGTERM)
	require.Equal(t, exitOK, program.exited(), "%s", program.Output())
	log := program.Output()
	assert.Contains(t, log, `"msg":"capi: site configuration changed","fields":["RootUser"]`)
	// Five of the changes remove the file for a moment.
	told := strings.Count(log, "capi: site cannot be served")
	assert.True(t, 7 <= told && told <= 7+2*5, "each of seven is told of once, whoever asks, and not %d times", told)
	for _, secret := range []string{oldSecret, newSecret, `"two"`, id} {
		assert.NotContains(t, log, secret)
	}
}

// TestServeFollowsWhileSending changes the configuration while a list and a feed
// of 100,000 sessions are being sent.
func TestServeFollowsWhileSending(t *testing.T) {
	site, other := newSiteOf(t, "mysqli"), newSiteOf(t, "mysqli")
	const digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	site.Exec(t, `INSERT INTO "#__session" ("session_id", "client_id", "guest", "time", "userid", "username", "data")
		SELECT CONCAT('many', a.d, b.d, c.d, d.d, e.d), 0, 0, 1445780780, 35, CONCAT(a.d, b.d, c.d, d.d, e.d, REPEAT('u', 145)), REPEAT('x', 300)
		FROM `+digits+` a, `+digits+` b, `+digits+` c, `+digits+` d, `+digits+` e`)
	want := 100_000 + len(site.Tables["session"])
	account, setPassword, connections := site.account(t)
	setPassword("one")
	base := map[string]any{"user": account, "password": "one"}
	php := func(change map[string]any) string {
		all := maps.Clone(base)
		maps.Copy(all, change)
		return site.php(all)
	}
	file := newChangingFile(t, php(nil))
	program := startProcess(t, exec.Command("capi", "serve", "--addr", "127.0.0.1:0", "--connections", "4", "--max-lists", "3",
		"--stall", "10m", "--config", file.path))
	token := site.tokenWith(t, site.Config.Secret)
	// With a buffer that does not grow, and not compressed, neither fits into the buffers between
	// the program and a client that does not read.
	slow := &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return conn, err
	}}}
	begun := map[string][]byte{}
	responses := map[string]*http.Response{}
	for _, path := range []string{listPath, pagePath + "feed"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.URL+path, nil)
		require.NoError(t, err)
		request.Header = token
		response, err := slow.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
		begun[path] = make([]byte, 100<<10)
		_, err = io.ReadFull(response.Body, begun[path])
		require.NoError(t, err)
		responses[path] = response
	}

	var most int
	for i, change := range []map[string]any{
		{}, {"lifetime": 1}, {"root_user": "manager"}, {}, {"session_handler": "filesystem", "session_filesystem_path": t.TempDir()}, {},
	} {
		// The secrets alternate, so that a token tells which configuration is used.
		secret := []string{"aN0therS3cret...", site.Config.Secret}[i%2]
		change["dbprefix"], change["secret"] = other.Prefix, secret
		file.write(php(change))
		now := site.tokenWith(t, secret)
		program.untilAnswer(time.Now(), listPath, now, http.StatusOK)
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { program.get(listPath, now) })
		}
		group.Wait()
		most = max(most, connections())
		if i == 2 {
			require.NoError(t, os.Remove(file.path))
			program.untilAnswer(time.Now(), listPath, nil, http.StatusServiceUnavailable)
		}
	}
	assert.LessOrEqual(t, most, 4, "--connections is of all configurations together")
	assert.Positive(t, connections())
	assert.NotContains(t, program.Output(), `"sessions":100`, "both are still being sent")

	for path, response := range responses {
		rest, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		body := string(begun[path]) + string(rest)
		if path == listPath {
			assert.Len(t, sessionsOf(t, body), want)
		} else {
			assert.Equal(t, 100_000, strings.Count(body, `uuu",`))
			assert.Contains(t, body, `"ended":100000,`, "the figures at its end")
		}
	}
	program.signal(syscall.SIGTERM)
	require.Equal(t, exitOK, program.exited(), "%s", program.Output())
	assert.NotContains(t, program.Output(), `"cut":true`)
}

// TestServeFollowsLeavesNothing changes a configuration a hundred times.
func TestServeFollowsLeavesNothing(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	account, setPassword, connections := site.account(t)
	setPassword("one")
	secrets := []string{site.Config.Secret, "aN0therS3cret..."}
	php := func(i int) string {
		return site.php(map[string]any{"user": account, "password": "one", "secret": secrets[i%2]})
	}
	file := newChangingFile(t, php(0))
	program := startProcess(t, exec.Command("capi", "serve", "--addr", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--config", file.path))
	figures := func() (goroutines, files, used int) { return program.figures(connections) }
	tokens := []http.Header{site.tokenWith(t, secrets[0]), site.tokenWith(t, secrets[1])}
	program.untilAnswer(time.Now(), listPath, tokens[0], http.StatusOK)
	goroutines, files, used := figures()
	begin := time.Now()
	for i := range 100 {
		file.write(php(i + 1))
		program.signal(syscall.SIGHUP)
		program.untilAnswer(time.Now(), listPath, tokens[(i+1)%2], http.StatusOK)
		status, _ := program.get(listPath, tokens[i%2])
		require.Equal(t, http.StatusUnauthorized, status)
	}
	t.Logf("100 changes with SIGHUP took %v", time.Since(begin))
	require.Eventually(t, func() bool {
		g, f, u := figures()
		t.Logf("goroutines %d, %d; files %d, %d; connections %d, %d", goroutines, g, files, f, used, u)
		return g <= goroutines+2 && f <= files+2 && u <= used+1
	}, processPatience, 200*time.Millisecond, "nothing is left over")
	assert.Contains(t, program.Output(), `"msg":"configurations read","sites":1,"unusable":0`)
}

// TestServeFollowsEach breaks the configuration of one of two sites, which keeps
// its secret in a file of its own.
func TestServeFollowsEach(t *testing.T) {
	one, two := newSiteOf(t, "sqlite"), newSiteOf(t, "sqlite")
	file := newChangingFile(t, one.php(nil))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(one.Config.Secret+"\n"), 0o600))
	command := exec.Command("capi", "serve", "--addr", "127.0.0.1:0", "--config", "one="+file.path, "--config", "two="+writePHP(t, two.php(nil)))
	command.Env = append(os.Environ(), "CAPI_ONE_SECRET_FILE="+secret)
	program := startProcess(t, command)
	token := one.tokenWith(t, one.Config.Secret) // The sites have the same secret.
	expect := func(path string, status int, text string) {
		t.Helper()
		got, body := program.get(path, token)
		assert.Equal(t, status, got, path)
		assert.Contains(t, body, text, path)
	}
	expect(pagePath+"sites", http.StatusOK, `{"name":"one","administrator":"","page":""},{"name":"two","administrator":"","page":""}`)
	expect("/readyz", http.StatusOK, "2 of 2")

	require.NoError(t, os.Remove(file.path))
	program.untilAnswer(time.Now(), "/one"+listPath, token, http.StatusServiceUnavailable)
	program.untilAnswer(time.Now(), "/one/readyz", nil, http.StatusServiceUnavailable)
	expect("/two"+listPath, http.StatusOK, `"msg":[`)
	expect(pagePath+"sites", http.StatusOK, `{"name":"one","administrator":"","page":""},{"name":"two","administrator":"","page":""}`) // The page says that one is out of service.
	expect("/one"+pagePath+"sites", http.StatusServiceUnavailable, "Service unavailable.")
	expect("/one"+pagePath, http.StatusOK, "<!doctype html>")
	expect(pagePath+"feed?site=two", http.StatusOK, "")
	expect(pagePath+"feed?site=one", http.StatusServiceUnavailable, "Service unavailable.")
	expect(pagePath+"feed?site=three", http.StatusNotFound, "No such site.")
	expect("/one/readyz", http.StatusServiceUnavailable, "Not ready.")
	expect("/two/readyz", http.StatusOK, "Ready.")
	expect("/readyz", http.StatusOK, "1 of 2")

	file.write(one.php(nil))
	program.untilAnswer(time.Now(), "/one"+listPath, token, http.StatusOK)
	expect(pagePath+"sites", http.StatusOK, `{"name":"one","administrator":"","page":""},{"name":"two","administrator":"","page":""}`)
	expect(pagePath+"feed?site=one", http.StatusOK, "")
	program.untilAnswer(time.Now(), "/one/readyz", nil, http.StatusOK)

	require.NoError(t, os.WriteFile(secret, []byte("aN0therS3cret..."), 0o600))
	program.untilAnswer(time.Now(), "/one"+listPath, token, http.StatusUnauthorized)
	expect("/two"+listPath, http.StatusOK, `"msg":[`)
	program.untilAnswer(time.Now(), "/one"+listPath, one.tokenWith(t, "aN0therS3cret..."), http.StatusOK)
	assert.Equal(t, 1, strings.Count(program.Output(), "capi: site cannot be served"), "once, whoever asks")
	assert.Regexp(t, `"msg":"capi: site configuration changed","site":"one","fields":\["Secret"\]`, program.Output())
}

// TestLookupPipe has a variable name a pipe, which cannot be read twice.
func TestLookupPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	t.Setenv("CAPI_SECRET_FILE", path)
	_, _, err := lookup("CAPI_SECRET")
	require.EqualError(t, err, "reading CAPI_SECRET_FILE: "+path+" is not a regular file")
}
