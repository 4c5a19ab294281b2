package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A newcomer is somebody with nothing but Go and Git, who runs what the README
// says, line by line.
type newcomer struct {
	t   *testing.T
	dir string
	env []string
}

// newNewcomer makes an empty home. What others would have from the network, it
// has from this tree and from the release in a folder that .ci/release has
// written.
func newNewcomer(t *testing.T, release string) *newcomer {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	require.NoError(t, err)
	goEnv := func(name string) string {
		output, err := exec.CommandContext(t.Context(), goCommand, "env", name).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(output))
	}
	tree, err := filepath.Abs("../..")
	require.NoError(t, err)
	home := t.TempDir()
	return &newcomer{t, home, []string{
		"HOME=" + home, "PATH=" + strings.Join([]string{filepath.Dir(goCommand), filepath.Join(home, "go/bin"), "/usr/local/bin", "/usr/bin", "/bin"}, ":"),
		// The modules of others come from the files of this machine, if they
		// are here.
		"GOPROXY=" + strings.Join([]string{"file://" + release + "/proxy", "file://" + goEnv("GOMODCACHE") + "/cache/download", goEnv("GOPROXY")}, ","),
		"GONOSUMDB=github.com/capi-go/capi", "GOFLAGS=-modcacherw",
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=url.file://" + tree + ".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/capi-go/capi",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
	}}
}

// command returns a line as a command of its own group, as a terminal has it.
func (n *newcomer) command(line string) *exec.Cmd {
	command := exec.CommandContext(n.t.Context(), "bash", "-c", line)
	command.Dir, command.Env = n.dir, n.env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	return command
}

// run runs a line, returns what it prints, and stays where it went.
func (n *newcomer) run(line string) string {
	n.t.Helper()
	n.t.Log(line)
	start, here := time.Now(), filepath.Join(n.t.TempDir(), "here")
	command := n.command("set -e\n" + line + "\npwd >" + here)
	var said strings.Builder
	command.Stderr = &said
	output, err := command.Output()
	require.NoError(n.t, err, "%s\n%s%s", line, output, said.String())
	dir, err := os.ReadFile(here)
	require.NoError(n.t, err)
	n.dir = strings.TrimSpace(string(dir))
	n.t.Logf("took %v", time.Since(start).Round(time.Second))
	return string(output)
}

// serve runs a line that serves at the port of the README while do runs, and
// then presses Ctrl+C. It gives do what the line prints.
func (n *newcomer) serve(line string, do func(output func() string)) {
	n.t.Helper()
	n.t.Log(line)
	const address = "http://127.0.0.1:8080/"
	if response, err := http.Get(address); err == nil {
		response.Body.Close()
		require.Fail(n.t, "the port of the README is taken")
	}
	path := filepath.Join(n.t.TempDir(), "output")
	file, err := os.Create(path)
	require.NoError(n.t, err)
	defer file.Close()
	command := n.command(line)
	command.Stdout, command.Stderr = file, file
	require.NoError(n.t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	output := func() string {
		text, err := os.ReadFile(path)
		require.NoError(n.t, err)
		return string(text)
	}
	require.Eventually(n.t, func() bool {
		response, err := http.Get(address)
		if err == nil {
			response.Body.Close()
		}
		return err == nil || len(ended) > 0
	}, 10*time.Minute, 100*time.Millisecond, "it does not serve")
	require.Empty(n.t, ended, "it ended: %s", output())
	do(output)
	require.NoError(n.t, syscall.Kill(-command.Process.Pid, syscall.SIGINT))
	<-ended
	assert.NotContains(n.t, output(), "panic")
}

// linesOf returns the lines of the shell in a chapter of the README.
func linesOf(t *testing.T, chapter string) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(readme), "\n## "+chapter+"\n")
	require.True(t, ok, chapter)
	text, _, _ = strings.Cut(text, "\n## ")
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	require.NotEmpty(t, lines, chapter)
	return lines
}

// TestReadme is a newcomer who does what the README says: the quickstart and
// the tests, and then the program at a site on MariaDB. It compiles all anew.
func TestReadme(t *testing.T) {
	if os.Getenv("CAPI_LONG") == "" {
		t.Skip("CAPI_LONG is not set")
	}
	release := os.Getenv("CAPI_RELEASE")
	require.NotEmpty(t, release, "the folder of a release: .ci/release -n -d FOLDER")
	site := newSiteOf(t, "mysqli")
	config := writePHP(t, site.php(nil))
	n := newNewcomer(t, release)
	n.env = append(n.env, "CAPI_TOKEN="+site.token())
	sessions, people := len(site.Tables["session"]), 0
	for _, row := range site.Tables["session"] {
		if row["guest"] == "0" {
			people++
		}
	}

	lines := linesOf(t, "Try it")
	require.Len(t, lines, 3)
	n.run(lines[0])
	n.serve(lines[1], func(output func() string) {
		curl := regexp.MustCompile(`(?m)^ +(curl .*)$`).FindStringSubmatch(output())
		require.NotNil(t, curl, "%s", output())
		answer := n.run(curl[1])
		assert.Contains(t, answer, "HTTP/1.1 200 OK")
		assert.Contains(t, answer, `"error":false,"status":200}`)
	})
	n.run(lines[2])

	lines = append(linesOf(t, "Operate it"), linesOf(t, "Read it")...)
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, "/var/www/joomla/configuration.php", config)
	}
	require.Len(t, lines, 6)
	n.dir = t.TempDir()
	n.run(lines[0])
	assert.Regexp(t, `^capi v\d+\.\d+\.\d+ `, n.run("capi version"))
	assert.Contains(t, n.run(lines[1]), "good: ")
	n.serve(lines[2], func(func() string) {
		status, body, _ := strings.Cut(n.run(lines[3]), "\r\n\r\n")
		assert.Contains(t, status, "HTTP/1.1 200 OK")
		assert.Len(t, sessionsOf(t, body), sessions)
		assert.Equal(t, people+2, strings.Count(n.run(lines[4]), "\n"), "a table with a header and totals")
	})
	assert.Equal(t, people+1, strings.Count(n.run(lines[5]), "\n"), "CSV with a header")
}
