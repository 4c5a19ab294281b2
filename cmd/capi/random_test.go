package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// figures returns what the program uses: goroutines, open files and, as
// connections says, connections of databases.
func (p *process) figures(connections func() int) (goroutines, files, used int) {
	p.t.Helper()
	response, err := http.Get(p.metrics)
	require.NoError(p.t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, response.Body.Close())
	goroutines, err = strconv.Atoi(regexp.MustCompile(`(?m)^go_goroutines (\d+)$`).FindStringSubmatch(string(text))[1])
	require.NoError(p.t, err)
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	require.NoError(p.t, err)
	return goroutines, len(entries), connections()
}

// numberOr returns a number from the environment.
func numberOr(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text, ok := os.LookupEnv(variable)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// A troubledSite is a site that comes, goes, changes and hangs.
type troubledSite struct {
	*testSite
	path    string
	secrets [2]string
	front   *proxy
	network string
	address string
	ids     []string
}

// configuration returns its configuration.php with one of its secrets.
func (s *troubledSite) configuration(secret int) string {
	return s.php(map[string]any{"host": s.front.listener.Addr().String(), "secret": s.secrets[secret]})
}

// write replaces its configuration.php.
func (s *troubledSite) write(t testing.TB, text string) {
	require.NoError(t, os.WriteFile(s.path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(s.path+".new", s.path))
}

// trouble does something to the site. What is done may be undone by the next.
func (s *troubledSite) trouble(t *testing.T, random *rand.Rand) {
	switch random.IntN(8) {
	case 0:
		s.front.frozen.Store(!s.front.frozen.Load())
	case 1:
		s.front.close()
		s.front = newProxyAt(t, s.front.listener.Addr().String(), s.network, s.address)
	case 2:
		s.front.drop()
	case 3:
		_ = os.Remove(s.path)
	case 4:
		s.write(t, "<?php class JConfig { public $dbtype = 'mysqli'; public")
	case 5:
		s.write(t, s.php(map[string]any{"dbprefix": "nowhere_"}))
	default:
		s.write(t, s.configuration(random.IntN(2)))
	}
}

// TestServeRandomSites asks for lists of sites that come, go, change and hang at
// random: by CAPI_LOAD_SEED, for CAPI_LOAD_SECONDS. Each answer is right, or
// refused, or a failure that the log explains, and in the end nothing is left
// over.
func TestServeRandomSites(t *testing.T) {
	seconds, seed := numberOr(t, "CAPI_LOAD_SECONDS", 5), numberOr(t, "CAPI_LOAD_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	args := []string{"serve", "--addr", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--max-lists", "2"}
	var sites []*troubledSite
	for i := range 5 {
		site := newSiteOf(t, "mysqli", addSessions(20*i))
		network, address, err := capi.SiteConfig{DBType: "mysqli", Host: fmt.Sprint(site.properties["host"])}.Address()
		require.NoError(t, err)
		s := &troubledSite{testSite: site, path: filepath.Join(t.TempDir(), "configuration.php"), network: network, address: address,
			secrets: [2]string{site.Config.Secret, "aN0therS3cret..."}, front: newProxy(t, network, address)}
		for _, row := range site.Tables["session"] {
			s.ids = append(s.ids, fmt.Sprint(row["session_id"]))
		}
		slices.Sort(s.ids)
		s.write(t, s.configuration(0))
		sites, args = append(sites, s), append(args, "--config", fmt.Sprintf("s%d=%s", i, s.path))
	}
	program := startProcess(t, exec.Command("capi", args...))
	connections := func() (n int) {
		for _, s := range sites {
			s.front.mu.Lock()
			n += len(s.front.conns) / 2
			s.front.mu.Unlock()
		}
		return n
	}
	path := func(i int) string { return fmt.Sprintf("/s%d%s", i, listPath) }
	settle := func() {
		for i, s := range sites {
			s.front.frozen.Store(false)
			s.write(t, s.configuration(0))
			program.untilAnswer(time.Now(), path(i), s.tokenWith(t, s.secrets[0]), http.StatusOK)
			program.untilAnswer(time.Now(), fmt.Sprintf("/s%d/readyz", i), nil, http.StatusOK)
		}
	}
	settle()
	memory := program.residentMB("VmRSS")
	goroutines, files, _ := program.figures(connections)

	var mu sync.Mutex
	counts := map[string]int{}
	var failures []string // the ids of requests that failed
	var stop atomic.Bool
	var clients sync.WaitGroup
	for client := range 8 {
		random := rand.New(rand.NewPCG(uint64(seed), uint64(client+1)))
		transport := &http.Transport{}
		clients.Go(func() {
			defer transport.CloseIdleConnections()
			for !stop.Load() {
				i, secret := random.IntN(len(sites)), random.IntN(3)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.URL+path(i), nil)
				if !assert.NoError(t, err) {
					return
				}
				if secret < 2 {
					request.Header = sites[i].tokenWith(t, sites[i].secrets[secret])
				}
				response, err := (&http.Client{Transport: transport}).Do(request)
				if !assert.NoError(t, err) {
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				what := strconv.Itoa(response.StatusCode)
				switch {
				case err != nil:
					what = "cut"
				case response.StatusCode == http.StatusOK:
					assert.Less(t, secret, 2, "a list for nobody")
					assert.Equal(t, sites[i].ids, idsOf(body))
				case response.StatusCode == http.StatusServiceUnavailable:
					assert.Equal(t, "5", response.Header.Get("Retry-After"))
				}
				mu.Lock()
				counts[what]++
				if err != nil || response.StatusCode == http.StatusInternalServerError {
					failures = append(failures, response.Header.Get(requestIDHeader))
				}
				mu.Unlock()
			}
		})
	}
	for begun := time.Now(); time.Since(begun) < time.Duration(seconds)*time.Second; time.Sleep(100 * time.Millisecond) {
		sites[random.IntN(len(sites))].trouble(t, random)
		if random.IntN(10) == 0 {
			program.signal(syscall.SIGHUP)
		}
	}
	for _, s := range sites {
		s.front.frozen.Store(false)
		s.write(t, s.configuration(0))
	}
	stop.Store(true)
	clients.Wait()
	settle()
	t.Logf("seed %d: %v", seed, counts)
	assert.Positive(t, counts["200"])
	assert.Positive(t, counts["503"])

	explained := map[string]bool{}
	for line := range strings.Lines(program.Output()) {
		var entry struct{ Level, Request, Error string }
		require.NoError(t, json.Unmarshal([]byte(line), &entry), "%s", line)
		if entry.Error != "" {
			explained[entry.Request] = true
		}
	}
	for _, id := range failures {
		assert.True(t, explained[id], "the log does not say why %s has failed", id)
	}
	require.Eventually(t, func() bool {
		g, f, used := program.figures(connections)
		t.Logf("goroutines %d, then %d; files %d, then %d; %d connections; memory %d MB, then %d MB", goroutines, g, files, f, used, memory, program.residentMB("VmRSS"))
		return g <= goroutines+5 && f <= files+5
	}, 2*idleTime, 5*time.Second, "nothing is left over")
}
