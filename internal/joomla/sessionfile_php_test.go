//go:build unix && !aix && !illumos && !solaris

package joomla_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phptest"
)

// pages is a PHP program that serves one page of a session after the other.
// Each holds the session for some milliseconds and leaves another text. The
// program ends with its input.
const pages = `
[, $path, $milliseconds] = $argv;
foreach (['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '', 'gc_probability' => 0] as $name => $value) {
	ini_set("session.$name", $value);
}
session_save_path($path);
session_id('php');
stream_set_blocking(STDIN, false);
for ($i = 0; fgets(STDIN) === false && !feof(STDIN); $i++) {
	session_start();
	if ($i > 0 && strlen($_SESSION['joomla'] ?? '') === 0) {
		fwrite(STDERR, "PHP itself read no text\n");
		exit(1);
	}
	usleep(1000 * $milliseconds);
	$_SESSION['joomla'] = str_repeat(chr(ord('a') + $i % 26), mt_rand(1, 1 << mt_rand(1, 16)));
	session_write_close();
	if ($i === 0) {
		echo "written\n";
	}
}`

// written is a whole text of pages.
var written = regexp.MustCompile(`^joomla\|s:(\d+):"(a+|b+|c+|d+|e+|f+|g+|h+|i+|j+|k+|l+|m+|n+|o+|p+|q+|r+|s+|t+|u+|v+|w+|x+|y+|z+)";$`)

// TestSessionDirReadBesidePHP reads a session while PHP writes it. Each read
// gets a whole text, in time.
func TestSessionDirReadBesidePHP(t *testing.T) {
	program := phptest.Program(t)
	for _, test := range []struct {
		processes, milliseconds int
		reads                   int // at least, besides those in [phptest.Duration]
		readers                 int
	}{
		{processes: 1, milliseconds: 0, reads: 10_000, readers: 8},
		{processes: 1, milliseconds: 300, readers: 64},
		{processes: 4, milliseconds: 15, readers: 64}, // The lock is hardly ever free.
	} {
		t.Run(fmt.Sprintf("%d of %d ms", test.processes, test.milliseconds), func(t *testing.T) {
			path := t.TempDir()
			for range test.processes {
				php := exec.Command(program, "-n", "-r", pages, "--", path, strconv.Itoa(test.milliseconds))
				var stderr strings.Builder
				php.Stderr = &stderr
				in, err := php.StdinPipe()
				require.NoError(t, err)
				out, err := php.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, php.Start())
				t.Cleanup(func() {
					_ = in.Close()
					assert.NoError(t, php.Wait())
					assert.Empty(t, stderr.String())
				})
				_, err = fmt.Fscanln(out, new(string))
				require.NoError(t, err)
			}
			dir := sessionDir(t, path)
			var reads, slowest atomic.Int64
			texts := sync.Map{}
			end := time.Now().Add(max(phptest.Duration(t), 2*time.Second))
			var all sync.WaitGroup
			for range test.readers {
				all.Add(1)
				go func() {
					defer all.Done()
					for time.Now().Before(end) || reads.Load() < int64(test.reads) {
						began := time.Now()
						contents, _, err := dir.Read(t.Context(), []string{"php"}, anyTime)
						took := int64(time.Since(began))
						for last := slowest.Load(); took > last && !slowest.CompareAndSwap(last, took); last = slowest.Load() {
						}
						reads.Add(1)
						if err != nil {
							t.Error(err)
							return
						}
						parts := written.FindSubmatch(contents[0])
						if parts == nil || strconv.Itoa(len(parts[2])) != string(parts[1]) {
							t.Errorf("%d bytes that are no whole text: %.30q", len(contents[0]), contents[0])
							return
						}
						texts.Store(string(parts[1]), true)
					}
				}()
			}
			all.Wait()
			different := 0
			texts.Range(func(any, any) bool { different++; return true })
			t.Logf("%d reads of %d texts, the slowest in %v", reads.Load(), different, time.Duration(slowest.Load()))
			assert.Greater(t, different, 1, "PHP wrote meanwhile")
			// Read's own limit, and some time for a busy machine.
			assert.Less(t, time.Duration(slowest.Load()), 3*time.Second)
		})
	}
}
