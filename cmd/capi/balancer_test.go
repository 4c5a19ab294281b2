package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// balancers start a balancer with its packaged configuration in front of two
// addresses, and return its address.
var balancers = map[string]func(t testing.TB, one, two string) string{
	"nginx": func(t testing.TB, one, two string) string {
		path, dir, own := program(t, "nginx"), t.TempDir(), local(freePorts(t, 1)[0])
		text := packaged(t, "nginx.conf", "10.0.0.1:8080", one, "10.0.0.2:8080", two, "443 ssl", own,
			"ssl_certificate /etc/ssl/certs/sessions.example.org.pem;", "", "ssl_certificate_key /etc/ssl/private/sessions.example.org.key;", "")
		config := filepath.Join(dir, "nginx.conf")
		text = fmt.Sprintf("daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 2;\n"+
			"events {}\nhttp {\naccess_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s;\n"+
			"scgi_temp_path %[1]s; uwsgi_temp_path %[1]s;\n%[2]s\n}\n", dir, text)
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		s := startServer(t, config+".log", func() *exec.Cmd {
			return exec.Command(path, "-c", config)
		})
		t.Cleanup(func() { s.stop(syscall.SIGTERM) }) // A kill would leave its workers.
		s.until(processPatience, listens(own))
		return own
	},
	"HAProxy": func(t testing.TB, one, two string) string {
		path, own := program(t, "haproxy"), local(freePorts(t, 1)[0])
		text := packaged(t, "haproxy.cfg", "10.0.0.1:8080", one, "10.0.0.2:8080", two,
			":443 ssl crt /etc/ssl/private/sessions.example.org.pem", own)
		config := filepath.Join(t.TempDir(), "haproxy.cfg")
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		s := startServer(t, config+".log", func() *exec.Cmd { return exec.Command(path, "-db", "-f", config) })
		s.until(processPatience, listens(own))
		return own
	},
}

// TestBalancer stops one of two instances behind a balancer while clients read
// lists, and starts another in its place.
func TestBalancer(t *testing.T) {
	long(t)
	for name, start := range balancers {
		t.Run(name, func(t *testing.T) {
			big, small := newSiteOf(t, "sqlite", addBig), newSiteOf(t, "sqlite", addSessions(100))
			ports := freePorts(t, 2)
			serve := func(i int) *process {
				return startProcess(t, exec.Command("capi", "serve", "--addr", local(ports[i]), "--config", "big="+writePHP(t, big.php(nil)),
					"--config", "small="+writePHP(t, small.php(nil)), "--drain", "3s", "--connections", "40", "--max-lists", "30"))
			}
			one, two := serve(0), serve(1)
			url := "http://" + start(t, local(ports[0]), local(ports[1]))

			// These lists begin here, and are read to the end only after the stop.
			const n = 6
			begun := make([]*http.Response, n)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range n {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/big"+listPath, nil)
				require.NoError(t, err)
				request.Header.Set("X-Joomla-Token", big.token())
				begun[i], err = client.Do(request)
				require.NoError(t, err)
				defer begun[i].Body.Close()
				require.Equal(t, http.StatusOK, begun[i].StatusCode)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			clients := startClients(ctx, url+"/small", small, 20)
			clients.untilServed(t)
			for _, p := range []*process{one, two} {
				assert.Contains(t, p.Output(), `"route":"list"`, "round robin")
			}

			one.signal(syscall.SIGTERM)
			one.waitFor(`"msg":"stopping"`)
			status, _ := one.get("/readyz", nil)
			assert.Equal(t, http.StatusServiceUnavailable, status, "not ready, and still serving")
			assert.NotContains(t, one.Output(), `"site":"big","route":"list"`, "those lists are still being sent")
			for _, response := range begun {
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				assert.Len(t, idsOf(body), len(big.Tables["session"]))
			}
			assert.Equal(t, exitOK, one.exited())
			clients.untilServed(t)

			// The balancer finds another in its place.
			again := serve(0)
			require.Eventually(t, func() bool { return strings.Contains(again.Output(), `"route":"list"`) }, processPatience, 50*time.Millisecond)
			clients.untilServed(t)
			cancel()
			clients.requireRight(t, 0)
			for _, p := range []*process{one, two, again} {
				assert.NotContains(t, p.Output(), `"cut":true`)
			}
		})
	}
}

// TestBalancerHangingSite has two instances behind a balancer serve a healthy
// site beside one whose database takes connections and answers nothing, from the
// start or from the middle on.
func TestBalancerHangingSite(t *testing.T) {
	long(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // Whose backlog accepts.
	require.NoError(t, err)
	defer silent.Close()
	for name, start := range balancers {
		t.Run(name, func(t *testing.T) {
			healthy, other := newSiteOf(t, "mysqli", addSessions(100)), newSiteOf(t, "mysqli")
			network, address, err := capi.SiteConfig{DBType: "mysqli", Host: fmt.Sprint(other.properties["host"])}.Address()
			require.NoError(t, err)
			front := newProxy(t, network, address)
			ports := freePorts(t, 2)
			for _, port := range ports {
				startProcess(t, exec.Command("capi", "serve", "--addr", local(port), "--config", "healthy="+writePHP(t, healthy.php(nil)),
					"--config", "hangs="+writePHP(t, other.php(map[string]any{"host": silent.Addr().String()})),
					"--config", "later="+writePHP(t, other.php(map[string]any{"host": front.listener.Addr().String()}))))
			}
			url := "http://" + start(t, local(ports[0]), local(ports[1]))
			slowest := time.Duration(0)
			ready := func(path string) (status int) {
				for _, port := range ports {
					begun := time.Now()
					response, err := http.Get("http://" + local(port) + path)
					require.NoError(t, err)
					response.Body.Close()
					slowest, status = max(slowest, time.Since(begun)), response.StatusCode
				}
				return status
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			clients := startClients(ctx, url+"/healthy", healthy, 10)
			for begun := time.Now(); time.Since(begun) < 40*time.Second; time.Sleep(100 * time.Millisecond) {
				require.Equal(t, http.StatusOK, ready("/readyz"))
				require.Equal(t, http.StatusOK, ready("/healthy/readyz"))
				require.Equal(t, http.StatusServiceUnavailable, ready("/hangs/readyz"))
				if time.Since(begun) > 20*time.Second {
					front.freeze()
				}
			}
			assert.Equal(t, http.StatusServiceUnavailable, ready("/later/readyz"))
			cancel()
			clients.requireRight(t, 0)
			t.Logf("the slowest answer of readiness: %v", slowest)
			assert.Less(t, slowest, time.Second, "which the balancer waits for")
		})
	}
}
