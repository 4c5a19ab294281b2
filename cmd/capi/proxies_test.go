package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A front is a proxy in front of the program, with a configuration of
// packaging/proxies.
type front struct {
	name, program string
	// shipped is the file. A test changes only the addresses in it.
	shipped string
	// around is the rest of the configuration, with INCLUDE where the file goes.
	around string
	args   []string
	// orderly reports whether it ends a list that was cut in an orderly way.
	orderly bool
}

const nginxAround = `daemon off; pid DIR/pid; error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
	server {
		listen LISTEN;
		INCLUDE
		location / { proxy_pass http://JOOMLA; }
	}
}`

var fronts = []front{
	{name: "nginx", program: "nginx", shipped: "nginx.conf", args: []string{"-p", "DIR", "-c", "DIR/main"}, around: nginxAround},
	{name: "nginx as it comes", program: "nginx", args: []string{"-p", "DIR", "-c", "DIR/main"},
		around: strings.Replace(nginxAround, "INCLUDE", "location /api/ { proxy_pass http://CAPI; } location /capi/ { proxy_pass http://CAPI; }", 1)},
	{name: "Apache", program: "apache2", shipped: "apache.conf", args: []string{"-D", "FOREGROUND", "-f", "DIR/main"}, around: `ServerRoot DIR
ServerName localhost
Listen LISTEN
PidFile DIR/pid
DefaultRuntimeDir DIR
ErrorLog /dev/stderr
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
USER
<VirtualHost LISTEN>
	INCLUDE
	ProxyPass "/" "http://JOOMLA/"
</VirtualHost>`},
	{name: "Caddy", program: "caddy", shipped: "Caddyfile", args: []string{"run", "--adapter", "caddyfile", "--config", "DIR/main"}, orderly: true,
		around: "{\n\tadmin off\n\tauto_https off\n}\nhttp://LISTEN {\n\timport DIR/shipped\n\treverse_proxy JOOMLA\n}\n"},
	{name: "HAProxy", program: "haproxy", shipped: "haproxy.cfg", args: []string{"-db", "-f", "DIR/shipped"}},
}

// start starts the proxy in front of two addresses, and returns its own.
func (f front) start(t *testing.T, capi, joomla string) string {
	t.Helper()
	path, err := exec.LookPath(f.program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + f.program)
	}
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "no %s", f.program)
		t.Skipf("NOT TESTED: no %s", f.program)
	}
	dir, err := os.MkdirTemp("", "capi-proxy-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := free.Addr().String()
	free.Close()
	include, user := "include DIR/shipped;", ""
	if f.program == "apache2" {
		include = "Include DIR/shipped"
		if os.Getuid() == 0 {
			user = "User www-data\nGroup www-data"
		}
	}
	replace := strings.NewReplacer("INCLUDE", include, "DIR", dir, "LISTEN", listen, "JOOMLA", joomla, "CAPI", capi, "USER", user)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("main", replace.Replace(replace.Replace(f.around)))
	if f.shipped != "" {
		text, err := os.ReadFile(filepath.Join("..", "..", "packaging", "proxies", f.shipped))
		require.NoError(t, err)
		require.Contains(t, string(text), "127.0.0.1:8080")
		write("shipped", strings.NewReplacer("127.0.0.1:8080", capi, "127.0.0.1:8000", joomla, "bind :80\n", "bind "+listen+"\n").Replace(string(text)))
	}
	args := make([]string, len(f.args))
	for i, arg := range f.args {
		args[i] = strings.ReplaceAll(arg, "DIR", dir)
	}
	var output bytes.Buffer
	command := exec.Command(path, args...)
	command.Stdout, command.Stderr = &output, &output
	command.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, processPatience, 20*time.Millisecond, "%s does not start", f.name)
	return "http://" + listen
}

// TestProxies asks the program through each proxy of Debian for a list of
// 100,000 sessions. It runs with CAPI_LONG set.
func TestProxies(t *testing.T) {
	if os.Getenv("CAPI_LONG") == "" {
		t.Skip("it takes minutes: set CAPI_LONG")
	}
	site, php := newPageSite(t)
	site.insertCrowd(t, crowd{sessions: 100_000, guests: 3})
	var rows int
	require.NoError(t, site.DB.QueryRowContext(t.Context(), site.SQL(`SELECT COUNT(*) FROM "#__session"`)).Scan(&rows))
	program := serveProcess(t, php)
	joomla := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Joomla") }))
	defer joomla.Close()
	b := startBrowser(t)

	direct := timeToFirstByte(t, program.URL, site)
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			url := f.start(t, strings.TrimPrefix(program.URL, "http://"), strings.TrimPrefix(joomla.URL, "http://"))
			through := &process{t: t, URL: url}
			status, body := through.get("/index.php", nil)
			assert.Equal(t, "200 Joomla", fmt.Sprint(status, " ", body), "all else is the site's")

			// Each credential, the page and its feed.
			admin := site.cookie(t)
			cookie := http.Header{"Cookie": {admin.Name + "=" + admin.Value}}
			for _, header := range []http.Header{cookie, {"X-Joomla-Token": {site.token()}}, {"Authorization": {"Bearer " + site.token()}}} {
				response := through.ask(listPath, header)
				require.Equal(t, http.StatusOK, response.StatusCode)
				n, err := countSessions(response.Body)
				require.NoError(t, err)
				assert.Equal(t, rows, n)
			}
			status, _ = through.get(listPath, nil)
			assert.Equal(t, http.StatusUnauthorized, status)
			status, body = through.get(pagePath, nil)
			assert.Equal(t, http.StatusOK, status)
			assert.Contains(t, body, "page.js")
			status, body = through.get(pagePath+"feed", cookie)
			assert.Equal(t, http.StatusOK, status)
			assert.True(t, strings.HasSuffix(body, "\"whole\":true}\n"))
			t.Logf("first byte of %d sessions: %v directly, %v through %s", rows, direct, timeToFirstByte(t, url, site), f.name)

			if f.shipped != "" {
				unbuffered(t, site, through, cookie)
			}
			cutSeen(t, site, through, cookie, f.orderly)
			leaves(t, site, through, cookie)

			tab := b.open(t, 1280, 900)
			tab.goTo(url + "/index.php")
			eval[string](tab, `document.cookie = `+quote(admin.Name+"="+admin.Value+"; path=/"))
			tab.goTo(url + pagePath)
			tab.within(time.Minute, whole)
			assert.Contains(t, tab.text("#sum"), "sessions")
		})
	}
	t.Run("direct", func(t *testing.T) {
		admin := site.cookie(t)
		cutSeen(t, site, program, http.Header{"Cookie": {admin.Name + "=" + admin.Value}}, false)
	})
}

// timeToFirstByte returns how long the first byte of a list takes: the best of
// five.
func timeToFirstByte(t *testing.T, url string, site *testSite) time.Duration {
	t.Helper()
	best := time.Hour
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+listPath, nil)
		require.NoError(t, err)
		r.Header.Set("X-Joomla-Token", site.token())
		start := time.Now()
		response, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
		require.NoError(t, err)
		_, err = response.Body.Read(make([]byte, 1))
		require.NoError(t, err)
		best = min(best, time.Since(start))
		cancel()
		response.Body.Close()
	}
	return best.Round(100 * time.Microsecond)
}

// countSessions counts the sessions of a list without holding it.
func countSessions(body io.Reader) (n int, err error) {
	mark, rest := []byte(`{"session_id":`), []byte(nil)
	buffer := make([]byte, 64<<10)
	for {
		read, err := body.Read(buffer)
		text := append(rest, buffer[:read]...)
		n += bytes.Count(text, mark)
		rest = bytes.Clone(text[max(len(text)-len(mark)+1, 0):])
		switch {
		case err == io.EOF && !bytes.HasSuffix(text, []byte(`"status":200}`)):
			return n, io.ErrUnexpectedEOF // The JSON has no end.
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// begin asks for the list and reads its first bytes. The rest, some hundred MB,
// does not fit into the buffers between the program and the client.
func begin(t *testing.T, p *process, header http.Header) *http.Response {
	t.Helper()
	response := p.ask(listPath, header)
	require.Equal(t, http.StatusOK, response.StatusCode)
	_, err := io.ReadFull(response.Body, make([]byte, 32<<10))
	require.NoError(t, err)
	return response
}

// unbuffered checks that the proxy reads no faster than the client.
func unbuffered(t *testing.T, site *testSite, through *process, header http.Header) {
	t.Helper()
	require.Eventually(t, func() bool { return len(site.running(t)) == 0 }, processPatience, 20*time.Millisecond)
	response := begin(t, through, header)
	// In this time, the program could send all of it.
	time.Sleep(3 * time.Second)
	assert.Len(t, site.running(t), 1, "the list is still being read")
	_, err := countSessions(response.Body)
	assert.NoError(t, err)
}

// running returns the ids of the database connections that read the site's
// sessions.
func (s *testSite) running(t *testing.T) (ids []int64) {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE ? AND ID <> CONNECTION_ID()",
		`SELECT %session_id% FROM %`+s.Prefix+`session%`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	return ids
}

// cutSeen breaks the database connection in the middle of a list.
func cutSeen(t *testing.T, site *testSite, through *process, header http.Header, orderly bool) {
	t.Helper()
	require.Eventually(t, func() bool { return len(site.running(t)) == 0 }, processPatience, 20*time.Millisecond)
	response := begin(t, through, header)
	ids := site.running(t)
	require.Len(t, ids, 1)
	_, err := site.DB.ExecContext(t.Context(), fmt.Sprint("KILL ", ids[0]))
	require.NoError(t, err)
	rest, err := io.ReadAll(response.Body)
	if orderly {
		assert.NoError(t, err, "this version shows the cut: say so in doc/operate.md")
	} else {
		assert.Error(t, err, "HTTP shows the cut")
	}
	assert.False(t, bytes.HasSuffix(rest, []byte(`"status":200}`)), "so does the text")
}

// leaves closes a client's connection in the middle of a list.
func leaves(t *testing.T, site *testSite, through *process, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, through.URL+listPath, nil)
	require.NoError(t, err)
	r.Header = header
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(t, err)
	_, err = io.ReadFull(response.Body, make([]byte, 32<<10))
	require.NoError(t, err)
	require.NotEmpty(t, site.running(t), "the query runs")
	response.Body.Close()
	require.Eventually(t, func() bool { return len(site.running(t)) == 0 }, processPatience, 20*time.Millisecond, "the query ends")
}
