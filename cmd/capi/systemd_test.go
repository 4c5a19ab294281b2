package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServeActivation passes sockets as systemd does, and reads the
// notifications.
func TestServeActivation(t *testing.T) {
	site := newSiteOf(t, "sqlite")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	require.NoError(t, err)
	defer told.Close()
	var files []*os.File
	var addresses []string
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		file, err := listener.(*net.TCPListener).File()
		require.NoError(t, err)
		defer file.Close()
		files, addresses = append(files, file), append(addresses, listener.Addr().String())
		listener.Close()
	}
	// It would fail if it used the addresses of the command line.
	command := exec.Command("sh", "-c", `LISTEN_PID=$$ exec capi serve --addr 192.0.2.1:1 --metrics 192.0.2.1:1 --config "$0"`, writePHP(t, site.php(nil)))
	command.ExtraFiles = files
	command.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=capi.socket:metrics", "NOTIFY_SOCKET="+told.LocalAddr().String())
	program := startProcess(t, command)
	assert.Equal(t, "http://"+addresses[0], program.URL)
	assert.Equal(t, "http://"+addresses[1]+"/metrics", program.metrics)
	next := func() string {
		require.NoError(t, told.SetReadDeadline(time.Now().Add(processPatience)))
		text := make([]byte, 64)
		n, err := told.Read(text)
		require.NoError(t, err)
		return string(text[:n])
	}
	assert.Equal(t, "READY=1", next())
	status, _ := program.get(listPath, http.Header{"X-Joomla-Token": {site.token()}})
	assert.Equal(t, http.StatusOK, status)
	program.signal(syscall.SIGTERM)
	assert.Equal(t, "STOPPING=1", next())
	assert.Equal(t, exitOK, program.exited(), "%s", program.Output())
}

func TestActivated(t *testing.T) {
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_PID", "1") // The sockets are for another process, such as the parent.
	got, err := activated()
	require.NoError(t, err)
	assert.Empty(t, got)
}
