// Package process runs the examples as programs, for their tests.
package process

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a program may take for something that should be
// immediate.
const patience = 30 * time.Second

// A Process is a running example.
type Process struct {
	// URL is its address, such as "http://127.0.0.1:8080".
	URL string

	command *exec.Cmd
	exited  chan struct{}
	status  error
	mu      sync.Mutex
	output  strings.Builder
}

// Build compiles the example in the current directory and returns the path of
// its program.
func Build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "example")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	return program
}

// address matches the address that a program prints when it serves.
var address = regexp.MustCompile(`http://127\.0\.0\.1:[1-9]\d*`)

// Start runs program, and waits until it has printed its address. The end of
// the test kills a program that still runs.
func Start(t *testing.T, program string, args ...string) *Process {
	t.Helper()
	command := exec.Command(program, args...)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	command.Stdout, command.Stderr = writer, writer
	require.NoError(t, command.Start())
	writer.Close()

	p := &Process{command: command, exited: make(chan struct{})}
	found := make(chan string, 1)
	go func() {
		defer close(p.exited)
		defer reader.Close()
		for lines := bufio.NewReader(reader); ; {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.output.WriteString(line)
			p.mu.Unlock()
			if url := address.FindString(line); url != "" {
				select {
				case found <- url:
				default:
				}
			}
			if err != nil {
				break
			}
		}
		p.status = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-p.exited
	})
	select {
	case p.URL = <-found:
	case <-p.exited:
		require.Fail(t, "the program ended before it served", "%v\n%s", p.status, p.Output())
	case <-time.After(patience):
		require.Fail(t, "the program printed no address", "%s", p.Output())
	}
	return p
}

// Output returns what the program has printed to both streams so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// WaitFor waits until the program has printed text.
func (p *Process) WaitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.Output(), text) }, patience, 5*time.Millisecond,
		"the program has not printed %q", text)
}

// Signal sends a signal to the program.
func (p *Process) Signal(t *testing.T, signal os.Signal) {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(signal))
}

// Exited waits for the program to end, and returns its exit code.
func (p *Process) Exited(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.Fail(t, "the program does not end", "%s", p.Output())
	}
	var exit *exec.ExitError
	if p.status != nil {
		require.True(t, errors.As(p.status, &exit), "%v", p.status)
	}
	return p.command.ProcessState.ExitCode()
}

// Interrupt interrupts the program as Ctrl+C does, and requires exit code 0.
func (p *Process) Interrupt(t *testing.T) {
	t.Helper()
	p.Signal(t, syscall.SIGINT)
	require.Zero(t, p.Exited(t), "%s", p.Output())
}

// Get asks the program for path, with header names and values, and returns the
// answer.
func (p *Process) Get(t *testing.T, path string, header ...string) (status int, body string, headers http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text), response.Header
}
