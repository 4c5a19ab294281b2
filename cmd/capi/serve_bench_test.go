package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkServeManySites starts one program for 200 sites on one server and asks
// each for its list. It reports the time until the program serves, its processor
// time, its resident memory after the lists, and its connections to the server.
func BenchmarkServeManySites(b *testing.B) {
	const sites = 200
	for _, dialect := range []string{"mysqli", "sqlite"} {
		b.Run(dialect, func(b *testing.B) {
			site := newTestSite(b, dialect, b.TempDir()+"/joomla.sqlite")
			path := writePHP(b, site.php(nil))
			args := []string{"serve", "--addr", "127.0.0.1:0"}
			for i := range sites {
				args = append(args, "--config", fmt.Sprintf("s%d=%s", i, path))
			}
			header := http.Header{"X-Joomla-Token": {site.token()}}
			for b.Loop() {
				start := time.Now()
				program := startProcess(b, exec.Command("capi", args...))
				b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/start")
				b.ReportMetric(float64(processorTime(b, program).Milliseconds()), "cpu-ms/start")
				for i := range sites {
					status, _ := program.get(fmt.Sprintf("/s%d%s", i, listPath), header)
					require.Equal(b, http.StatusOK, status)
				}
				text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", program.command.Process.Pid))
				require.NoError(b, err)
				resident := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(text)
				require.NotNil(b, resident)
				kilobytes, err := strconv.Atoi(string(resident[1]))
				require.NoError(b, err)
				b.ReportMetric(float64(kilobytes)/1024, "MiB-resident")
				if dialect == "mysqli" {
					var connections int
					require.NoError(b, site.DB.QueryRowContext(b.Context(),
						"SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()").Scan(&connections))
					b.ReportMetric(float64(connections), "connections")
				}
				program.signal(os.Interrupt)
				require.Zero(b, program.exited(), "%s", program.Output())
			}
		})
	}
}

// processorTime returns the processor time of all threads of a program.
func processorTime(b *testing.B, program *process) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", program.command.Process.Pid))
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(text), ") ") // The name may contain spaces.
	fields := strings.Fields(rest)
	var sum time.Duration
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		ticks, err := strconv.ParseInt(field, 10, 64)
		require.NoError(b, err)
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum
}
