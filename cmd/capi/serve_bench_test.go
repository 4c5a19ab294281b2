package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// BenchmarkServeSites asks one program for small lists of many sites on one
// server, in turn. It reports the time until the program serves, the most
// connections that it has to the server, its memory and processor time, and the
// slowest answer but one in a hundred.
func BenchmarkServeSites(b *testing.B) {
	site := newTestSite(b, "mysqli", "", func(r *joomlatest.Recording) { r.Tables["session"] = r.Tables["session"][:9] })
	path := writePHP(b, site.php(nil))
	header := http.Header{"X-Joomla-Token": {site.token()}}
	for _, sites := range []int{1, 16, 17, 200} {
		b.Run(fmt.Sprintf("sites=%d", sites), func(b *testing.B) {
			args := []string{"serve", "--addr", "127.0.0.1:0"}
			for i := range sites {
				args = append(args, "--config", fmt.Sprintf("s%d=%s", i, path))
			}
			start := time.Now()
			program := startProcess(b, exec.Command("capi", args...))
			started := time.Since(start)
			var most, next atomic.Int64
			stop := make(chan struct{})
			var group sync.WaitGroup
			group.Go(func() {
				for {
					var connections int64
					err := site.DB.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()").Scan(&connections)
					if assert.NoError(b, err) && connections > most.Load() {
						most.Store(connections)
					}
					select {
					case <-time.After(20 * time.Millisecond):
					case <-stop:
						return
					}
				}
			})
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
			var mu sync.Mutex
			var took []time.Duration
			b.SetParallelism(4) // Clients for each processor.
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					begun := time.Now()
					request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("%s/s%d%s", program.URL, next.Add(1)%int64(sites), listPath), nil)
					if !assert.NoError(b, err) {
						return
					}
					request.Header = header
					response, err := client.Do(request)
					if !assert.NoError(b, err) {
						return
					}
					_, err = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					if !assert.NoError(b, err) || !assert.Equal(b, http.StatusOK, response.StatusCode) {
						return
					}
					mu.Lock()
					took = append(took, time.Since(begun))
					mu.Unlock()
				}
			})
			b.StopTimer()
			close(stop)
			group.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(started.Milliseconds()), "ms/start")
			b.ReportMetric(float64(program.processorTime().Microseconds())/float64(len(took)), "cpu-µs/op")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(most.Load()), "connections")
			b.ReportMetric(float64(program.residentMB("VmRSS")), "MB-resident")
			program.signal(os.Interrupt)
			require.Zero(b, program.exited(), "%s", program.Output())
		})
	}
}
