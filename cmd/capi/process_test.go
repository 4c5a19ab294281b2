package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process is a running capi serve.
type process struct {
	// URL is where it serves the lists, and metrics where it serves /metrics.
	URL, metrics string

	t       testing.TB
	command *exec.Cmd
	ended   chan struct{}
	mu      sync.Mutex
	output  strings.Builder
}

// processPatience is how long a program may take for what should be immediate.
const processPatience = 30 * time.Second

// serveProcess starts capi serve with a configuration.
func serveProcess(t testing.TB, php string, args ...string) *process {
	t.Helper()
	return startProcess(t, exec.Command("capi", append([]string{"serve", "--addr", "127.0.0.1:0", "--config", writePHP(t, php)}, args...)...))
}

// servingLine is the line of the log that has a URL, in either format.
var servingLine = regexp.MustCompile(`\bmsg"?[=:]"?serving"?[ ,]"?url"?[=:]"?([^"\s]+)`)

// startProcess starts a program and waits until it serves. A program that still
// runs at the end of the test is killed.
func startProcess(t testing.TB, command *exec.Cmd) *process {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	command.Stdout, command.Stderr = writer, writer
	require.NoError(t, command.Start())
	writer.Close()
	p := &process{t: t, command: command, ended: make(chan struct{})}
	found := make(chan struct{})
	go func() {
		defer close(p.ended)
		defer reader.Close()
		for lines := bufio.NewReader(reader); ; {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.output.WriteString(line)
			p.mu.Unlock()
			if serving := servingLine.FindStringSubmatch(line); serving != nil {
				if url := serving[1]; strings.HasSuffix(url, "/metrics") {
					p.metrics = url
				} else {
					p.URL = url
					close(found)
				}
			}
			if err != nil {
				break
			}
		}
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-p.ended
	})
	select {
	case <-found:
	case <-p.ended:
		require.Fail(t, "the program ended before it served", "%s", p.Output())
	case <-time.After(processPatience):
		require.Fail(t, "the program does not serve", "%s", p.Output())
	}
	return p
}

// Output returns what the program has printed so far.
func (p *process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// waitFor waits until the program has printed text.
func (p *process) waitFor(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.Output(), text) }, processPatience, 5*time.Millisecond,
		"the program has not printed %q", text)
}

func (p *process) signal(signal os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(signal))
}

// exited waits for the program to end, and returns its exit code.
func (p *process) exited() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(processPatience):
		require.Fail(p.t, "the program does not end", "%s", p.Output())
	}
	return p.command.ProcessState.ExitCode()
}

// ask asks the program for a path.
func (p *process) ask(path string, header http.Header) *http.Response {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL+path, nil)
	require.NoError(p.t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { response.Body.Close() })
	return response
}

// get asks the program for a path, and returns the answer.
func (p *process) get(path string, header http.Header) (status int, body string) {
	p.t.Helper()
	response := p.ask(path, header)
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return response.StatusCode, string(text)
}

// untilStatus waits until the program answers a Super Admin of a site with a
// status.
func (p *process) untilStatus(site *testSite, want int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL+listPath, nil)
		if err != nil {
			return false
		}
		request.Header.Set("X-Joomla-Token", site.token())
		response, err := http.DefaultClient.Do(request)
		return err == nil && response.Body.Close() == nil && response.StatusCode == want
	}, processPatience, 20*time.Millisecond, "the program does not answer with %d", want)
}
