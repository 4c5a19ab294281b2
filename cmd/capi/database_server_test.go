package main

import (
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/require"
)

// programPath finds a program of a database server by its name, or takes the
// last that a pattern matches. Without one, the test is skipped; in CI, it fails.
func programPath(t testing.TB, name, place string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if paths, _ := filepath.Glob(place); len(paths) > 0 {
		return paths[len(paths)-1]
	}
	require.Empty(t, os.Getenv("CI"), "no %s", name)
	t.Skipf("NOT TESTED: no %s", name)
	return ""
}

// An ownServer is a database server of one test, which keeps its data in home.
// Its administrator needs no password.
type ownServer struct {
	home, address string
	// owner is the user that it runs as if the test runs as root.
	owner *syscall.SysProcAttr
}

// newOwnServer finds a folder and a port for a server that runs as account
// rather than as root.
func newOwnServer(t testing.TB, account string) *ownServer {
	t.Helper()
	home, err := os.MkdirTemp("", "capi-server") // The path of a socket must be short.
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	s := &ownServer{home: home, address: listener.Addr().String()}
	if os.Getuid() == 0 {
		owner, err := user.Lookup(account)
		require.NoError(t, err)
		uid, err := strconv.ParseUint(owner.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(owner.Gid, 10, 32)
		require.NoError(t, err)
		s.owner = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		s.own(t, home)
	}
	return s
}

// own makes the server's user the owner of a file.
func (s *ownServer) own(t testing.TB, path string) {
	t.Helper()
	if s.owner != nil {
		require.NoError(t, os.Chown(path, int(s.owner.Credential.Uid), int(s.owner.Credential.Gid)))
	}
}

// command returns a command of the server's user, which logs.
func (s *ownServer) command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.home, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	command := exec.Command(name, args...)
	command.Dir, command.SysProcAttr, command.Stdout, command.Stderr = s.home, s.owner, log, log
	return command
}

func (s *ownServer) log() string {
	text, _ := os.ReadFile(filepath.Join(s.home, "log"))
	return string(text)
}

// startMariaDB starts a server whose administrator is root and whose database
// is test.
func (s *ownServer) startMariaDB(t testing.TB, args ...string) {
	t.Helper()
	data := "--datadir=" + filepath.Join(s.home, "data")
	install := s.command(t, programPath(t, "mariadb-install-db", ""), "--no-defaults", "--auth-root-authentication-method=normal",
		"--skip-test-db", data) // This also drops the nameless accounts that let everybody in.
	require.NoError(t, install.Run(), "%s", s.log())
	_, port, _ := net.SplitHostPort(s.address)
	first := filepath.Join(s.home, "first.sql")
	require.NoError(t, os.WriteFile(first, []byte("CREATE DATABASE test;\n"), 0o644))
	s.start(t, s.command(t, programPath(t, "mariadbd", "/usr/sbin/mariadbd"), append([]string{"--no-defaults", data,
		"--init-file=" + first, "--socket=" + filepath.Join(s.home, "socket"), "--pid-file=" + filepath.Join(s.home, "pid"), "--bind-address=127.0.0.1",
		"--port=" + port, "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"}, args...)...), capi.SiteConfig{DBType: "mysqli", User: "root", DB: "test"})
}

// startPostgreSQL starts the server, whose administrator is postgres.
func (s *ownServer) startPostgreSQL(t testing.TB, args ...string) {
	t.Helper()
	data := filepath.Join(s.home, "data")
	initdb := s.command(t, programPath(t, "initdb", "/usr/lib/postgresql/*/bin/initdb"), "--auth=trust", "--username=postgres",
		"--encoding=UTF8", "--no-sync", "--pgdata="+data)
	require.NoError(t, initdb.Run(), "%s", s.log())
	_, port, _ := net.SplitHostPort(s.address)
	s.start(t, s.command(t, programPath(t, "postgres", "/usr/lib/postgresql/*/bin/postgres"), append([]string{"-D", data, "-h", "127.0.0.1",
		"-p", port, "-k", s.home, "-F"}, args...)...), capi.SiteConfig{DBType: "pgsql", User: "postgres", DB: "postgres"})
}

// start runs the server until the end of the test, and waits until it answers.
func (s *ownServer) start(t testing.TB, server *exec.Cmd, config capi.SiteConfig) {
	t.Helper()
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // This also ends all processes of PostgreSQL.
		_ = server.Wait()
	})
	config.Host = s.address
	db, err := openDatabase(config, "", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer db.Close()
	answers := func() bool { return db.PingContext(t.Context()) == nil }
	require.Eventually(t, answers, time.Minute, 50*time.Millisecond, "the server does not start")
}
