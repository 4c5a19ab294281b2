package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// long skips a test that starts several servers, unless CAPI_LONG is set.
func long(t testing.TB) {
	t.Helper()
	if os.Getenv("CAPI_LONG") == "" {
		t.Skip("CAPI_LONG is not set")
	}
}

// program returns the path of a program, which may be in a directory outside of
// users' PATH, or in one that a pattern matches.
func program(t testing.TB, name string, patterns ...string) string {
	t.Helper()
	for _, pattern := range append(patterns, "/usr/sbin", "/usr/bin") {
		found, err := filepath.Glob(filepath.Join(pattern, name))
		require.NoError(t, err)
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("NO %s ON THIS MACHINE, NOTHING OF IT IS TESTED", name)
	}
	require.NoError(t, err)
	return path
}

// A server is a process of one test, which can be killed and started again.
type server struct {
	t        testing.TB
	command  func() *exec.Cmd
	log      string
	running  *exec.Cmd
	finished chan struct{}
}

// serverDir returns a directory for a server, and a function that makes a command
// run as its user if the test runs as root, as which database servers refuse to
// run.
func serverDir(t testing.TB, name string) (dir string, as func(*exec.Cmd) *exec.Cmd) {
	t.Helper()
	dir, err := os.MkdirTemp("", "capi-"+name)
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Geteuid() != 0 {
		return dir, func(command *exec.Cmd) *exec.Cmd { return command }
	}
	account, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir, func(command *exec.Cmd) *exec.Cmd {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		command.Dir = dir
		return command
	}
}

// startServer starts a process that logs to a file and is killed when the test
// ends.
func startServer(t testing.TB, log string, command func() *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, command: command, log: log}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(s.t, err)
	defer log.Close()
	command := s.command()
	command.Stdout, command.Stderr = log, log
	require.NoError(s.t, command.Start())
	finished := make(chan struct{})
	go func() { _ = command.Wait(); close(finished) }()
	s.running, s.finished = command, finished
}

// kill ends the process at once.
func (s *server) kill() { s.stop(syscall.SIGKILL) }

// stop ends the process by a signal.
func (s *server) stop(signal syscall.Signal) {
	_ = s.running.Process.Signal(signal)
	<-s.finished
}

// until waits until done returns no error.
func (s *server) until(patience time.Duration, done func(context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-s.finished:
			require.Fail(s.t, "the server has ended", "%v\n%s", err, s.tail())
		case <-ctx.Done():
			require.Fail(s.t, "waited in vain for a server", "%v\n%s", err, s.tail())
		}
	}
}

// tail returns the end of the log.
func (s *server) tail() string {
	text, _ := os.ReadFile(s.log)
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// listens returns a condition for until: that a server accepts connections.
func listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// freePorts returns free ports below the range that the system gives to clients.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for candidate := 12000 + time.Now().Nanosecond()/1000%15000; len(ports) < n; candidate++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", candidate))
		if err == nil {
			listener.Close()
			ports = append(ports, candidate)
		}
	}
	return ports
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
