// Package phptest runs PHP in tests, as a second implementation to compare
// with.
package phptest

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Process is a PHP that runs a script.
type Process struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
}

// Program returns the path of php-cli. If it is missing, the test is skipped,
// or fails if CI is set.
func Program(t testing.TB) string {
	program, err := exec.LookPath("php")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("php-cli is missing")
		}
		t.Skip("SKIPPED: php-cli is missing, so nothing was compared with PHP")
	}
	return program
}

// Start starts PHP, without any php.ini, for as long as t lasts. The script
// answers each line of STDIN with one line.
func Start(t testing.TB, script string) *Process {
	command := exec.Command(Program(t), "-n", "-r", script)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait() // If this fails, the test has failed already.
	})
	return &Process{t, in, bufio.NewReader(out)}
}

// Ask returns PHP's answer to line, both without the line feed.
func (p *Process) Ask(line string) string {
	p.t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(p.t, err)
	answer, err := p.out.ReadString('\n')
	require.NoError(p.t, err, "PHP gave no answer to %q", line)
	return strings.TrimSuffix(answer, "\n")
}

// Serve starts PHP's built-in server, without any php.ini, for as long as t
// lasts, and returns its address. The script answers every request.
func Serve(t testing.TB, script string) string {
	program := Program(t)
	path := filepath.Join(t.TempDir(), "script.php")
	require.NoError(t, os.WriteFile(path, []byte("<?php "+script), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close()) // PHP listens itself.
	command := exec.Command(program, "-n", "-d", "display_errors=0", "-d", "log_errors=0", "-q", "-S", address, path)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 10*time.Second, 10*time.Millisecond, "PHP does not listen")
	return address
}

// Duration returns how long to compare with PHP: CAPI_PHP_SECONDS seconds, or
// 5.
func Duration(t testing.TB) time.Duration {
	text := os.Getenv("CAPI_PHP_SECONDS")
	if text == "" {
		text = "5"
	}
	d, err := time.ParseDuration(text + "s")
	require.NoError(t, err, "CAPI_PHP_SECONDS")
	return d
}

// Random returns the source of random inputs, with the seed CAPI_PHP_SEED, or
// 1.
func Random(t testing.TB) *rand.Rand {
	text := os.Getenv("CAPI_PHP_SEED")
	if text == "" {
		text = "1"
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "CAPI_PHP_SEED")
	t.Log("CAPI_PHP_SEED is ", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Mutate returns text with up to two changes at random places: a part cut out,
// one repeated, a byte replaced, or one of pieces put in.
func Mutate(r *rand.Rand, text string, pieces []string) string {
	for range r.IntN(3) {
		from := r.IntN(len(text) + 1)
		to := min(len(text), from+r.IntN(8))
		switch r.IntN(5) {
		case 0:
			text = text[:from] + text[to:]
		case 1:
			text = text[:to] + text[from:]
		case 2:
			text = text[:from] + string([]byte{byte(r.IntN(256))}) + text[to:]
		case 3:
			text = text[:from] + pieces[r.IntN(len(pieces))] + text[from:]
		case 4:
			if r.IntN(4) == 0 {
				text = text[:from]
			}
		}
	}
	return text
}
