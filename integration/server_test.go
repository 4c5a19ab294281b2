package integration_test

import (
	"bytes"
	"context"
	"database/sql"
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

// A databaseServer is a server process of one test, which may be killed.
type databaseServer struct {
	database
	start func(t testing.TB) *exec.Cmd
	kill  os.Signal // that ends it, with all its connections, at once
	cmd   *exec.Cmd
}

// ownServer starts a server of d's system for the test.
func ownServer(t testing.TB, d database) *databaseServer {
	t.Helper()
	return ownServerWith(t, d, "sslmode=disable")
}

// ownServerWith is ownServer, with parameters of the DSN (sslmode is
// only PostgreSQL's) and further arguments.
func ownServerWith(t testing.TB, d database, parameters string, arguments ...string) *databaseServer {
	t.Helper()
	home, err := os.MkdirTemp("", "capi")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	port := freePort(t)
	s := &databaseServer{database: d, kill: os.Kill}
	if d.name == "mariadb" {
		s.dsn = fmt.Sprintf("root@tcp(127.0.0.1:%d)/test?%s", port, strings.TrimPrefix(parameters, "sslmode=disable"))
		owner, err := user.Current()
		require.NoError(t, err)
		data := "--datadir=" + filepath.Join(home, "data")
		run(t, nil, program(t, "mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal",
			"--user="+owner.Username, data)
		s.start = func(t testing.TB) *exec.Cmd {
			return start(t, nil, program(t, "mariadbd", "/usr/sbin/mariadbd"), append([]string{"--no-defaults",
				"--user=" + owner.Username, data, "--socket=" + filepath.Join(home, "socket"), "--pid-file=" + filepath.Join(home, "pid"),
				"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(port), "--innodb-buffer-pool-size=64M",
				"--innodb-flush-log-at-trx-commit=0"}, arguments...)...)
		}
	} else {
		s.dsn = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?%s", port, parameters)
		// Only of the first process would SIGKILL be the end. After SIGQUIT it
		// sees to that of all others, without ado.
		s.kill = syscall.SIGQUIT
		owner := postgresOwner(t, home)
		data := filepath.Join(home, "data")
		run(t, owner, program(t, "initdb", "/usr/lib/postgresql/*/bin/initdb"), "--auth=trust", "--username=postgres",
			"--encoding=UTF8", "--no-sync", "--pgdata="+data)
		s.start = func(t testing.TB) *exec.Cmd {
			return start(t, owner, program(t, "postgres", "/usr/lib/postgresql/*/bin/postgres"), append([]string{"-D", data,
				"-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", home, "-F"}, arguments...)...)
		}
	}
	s.run(t)
	t.Cleanup(s.stop)
	return s
}

// run starts the server, again if it has been stopped, and waits until it
// answers.
func (s *databaseServer) run(t testing.TB) {
	t.Helper()
	s.cmd = s.start(t)
	db, err := sql.Open(s.driver, s.dsn)
	require.NoError(t, err)
	defer db.Close()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := db.PingContext(ctx)
		cancel()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(end), "the server does not answer: %v\n%s", err, s.cmd.Stderr)
	}
}

// stop ends the server at once, without a word to its clients.
func (s *databaseServer) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(s.kill)
	_ = s.cmd.Wait()
	s.cmd = nil
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// program finds a program by name, or else the newest of those in places. If
// there is none, it skips the test, or fails it in CI.
func program(t testing.TB, name string, places ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, place := range places {
		if paths, _ := filepath.Glob(place); len(paths) > 0 {
			return paths[len(paths)-1]
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("NO %s ON THIS MACHINE", name)
	}
	t.Skipf("NO %s ON THIS MACHINE, NOTHING OF IT IS TESTED", name)
	return ""
}

// postgresOwner returns whom PostgreSQL runs as, since it refuses to as root,
// and gives home to them.
func postgresOwner(t testing.TB, home string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.Atoi(owner.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(owner.Gid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(home, uid, gid))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func run(t testing.TB, owner *syscall.SysProcAttr, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir = owner, "/"
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
}

func start(t testing.TB, owner *syscall.SysProcAttr, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir, cmd.Stderr = owner, "/", new(bytes.Buffer)
	require.NoError(t, cmd.Start())
	return cmd
}
