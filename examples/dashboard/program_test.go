package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi/examples/internal/site"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program as its user meets it: started as a process, its addresses opened in a browser, stopped with an interrupt.
func TestProgram(t *testing.T) {
	b := startBrowser(t)
	binary := filepath.Join(t.TempDir(), "dashboard")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)

	temporary := t.TempDir()
	program := exec.CommandContext(t.Context(), binary, "-addr", "127.0.0.1:0", "-sessions", "84")
	program.Env = append(os.Environ(), "TMPDIR="+temporary)
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	program.Stderr = &stderr
	require.NoError(t, program.Start())
	defer program.Process.Kill() // Does nothing if it has ended.

	var addresses []string
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Serving") {
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "http://") {
			addresses = append(addresses, address)
		}
	}
	require.Len(t, addresses, 2)
	root, _, _ := strings.Cut(addresses[0], "#")

	tab := b.open(t, 1280, 900)
	tab.load(addresses[0])
	assert.Equal(t, "100", tab.text(".kinds .all .count"), "for the Super Admin")
	assert.Equal(t, root, eval[string](tab, `location.href`))

	tab = b.open(t, 1280, 900)
	tab.load(addresses[1])
	assert.Equal(t, "Access refused: only Super Admins may see the sessions.", tab.text("#notice"), "for somebody else")

	// Whoever is logged in to a site that the page is served with needs no token.
	demo, err := site.Open(t.Context(), t.TempDir(), 0)
	require.NoError(t, err)
	defer demo.Close()
	tab = b.open(t, 1280, 900)
	tab.load(root)
	assert.Equal(t, "unauthenticated", eval[string](tab, `document.getElementById("state").dataset.state`))
	eval[string](tab, `document.cookie = `+quote(demo.Admin.Cookie.Name+"="+demo.Admin.Cookie.Value))
	tab.click("#refresh")
	tab.eventually(`document.getElementById("state").dataset.state === "live"`)
	assert.Equal(t, "100", tab.text(".kinds .all .count"))

	require.NoError(t, program.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(stdout)
	require.NoError(t, err)
	assert.Empty(t, string(rest))
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	select {
	case err := <-ended:
		assert.NoError(t, err)
	case <-time.After(20 * time.Second):
		assert.Fail(t, "the program does not end")
	}
	for line := range strings.Lines(stderr.String()) {
		assert.Contains(t, line, "INFO capi: session list read", "nothing else is logged")
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left, "its site is removed")
}
