package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A postgresql is a test's own PostgreSQL server.
type postgresql struct {
	*server
	port int
	db   *sql.DB
}

// startReplicated starts a primary and its replica.
func startReplicated(t testing.TB) (primary, replica *postgresql) {
	t.Helper()
	const bin = "/usr/lib/postgresql/*/bin"
	initdb, postgres, basebackup := program(t, "initdb", bin), program(t, "postgres", bin), program(t, "pg_basebackup", bin)
	dir, as := serverDir(t, "postgres")
	ports := freePorts(t, 2)
	run := func(path string, arguments ...string) {
		output, err := as(exec.Command(path, arguments...)).CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	start := func(name string, port int) *postgresql {
		db, err := sql.Open("pgx", fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", local(port)))
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		server := startServer(t, filepath.Join(dir, name+".log"), func() *exec.Cmd {
			return as(exec.Command(postgres, "-D", filepath.Join(dir, name), "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-k", dir,
				"-c", "fsync=off", "-c", "wal_level=replica", "-c", "hot_standby=on"))
		})
		server.until(time.Minute, db.PingContext)
		return &postgresql{server, port, db}
	}
	run(initdb, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--pgdata="+filepath.Join(dir, "primary"))
	primary = start("primary", ports[0])
	primary.exec("CREATE DATABASE test")
	run(basebackup, "-D", filepath.Join(dir, "replica"), "-h", "127.0.0.1", "-p", fmt.Sprint(ports[0]), "-U", "postgres",
		"--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	replica = start("replica", ports[1])
	t.Setenv("CAPI_POSTGRES_DSN", fmt.Sprintf("postgres://postgres@%s/test?sslmode=disable", local(ports[0])))
	return primary, replica
}

func (p *postgresql) exec(statement string) {
	p.t.Helper()
	_, err := p.db.ExecContext(context.WithoutCancel(p.t.Context()), statement)
	require.NoError(p.t, err)
}

// untilCaughtUp waits until the replica has all that the primary has.
func (p *postgresql) untilCaughtUp(primary *postgresql) {
	p.t.Helper()
	var position string
	require.NoError(p.t, primary.db.QueryRowContext(p.t.Context(), "SELECT pg_current_wal_lsn()").Scan(&position))
	p.until(time.Minute, func(ctx context.Context) error {
		var there bool
		err := p.db.QueryRowContext(ctx, "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", position).Scan(&there)
		if err == nil && !there {
			err = errors.New("lags")
		}
		return err
	})
}

// siteAt returns the library's Site on a server.
func siteAt(t testing.TB, site *testSite, server *postgresql) *capi.Site {
	t.Helper()
	db, err := sql.Open("pgx", fmt.Sprintf("postgres://postgres@%s/test?sslmode=disable", local(server.port)))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	opened, err := capi.NewSite(db, capi.SiteConfig{DBType: "pgsql", DBPrefix: site.Prefix,
		Secret: capi.NewSecret(site.Config.Secret), Lifetime: longLifetime})
	require.NoError(t, err)
	return opened
}

func TestReplica(t *testing.T) {
	long(t)
	primary, replica := startReplicated(t)
	site := newSiteOf(t, "pgsql", addSessions(100))
	replica.untilCaughtUp(primary)

	// From here on, the replica lags by an hour.
	replica.exec("ALTER SYSTEM SET recovery_min_apply_delay = '1h'")
	replica.exec("SELECT pg_reload_conf()")
	replica.until(processPatience, func(ctx context.Context) error {
		var delay string
		err := replica.db.QueryRowContext(ctx, "SHOW recovery_min_apply_delay").Scan(&delay)
		if err == nil && delay != "1h" {
			err = errors.New(delay)
		}
		return err
	})

	t.Run("list from the replica, guard from the primary", func(t *testing.T) {
		auth, err := capi.NewSessionAuthorizer(siteAt(t, site, primary))
		require.NoError(t, err)
		stale, err := capi.NewSessionAuthorizer(siteAt(t, site, replica))
		require.NoError(t, err)
		store := capi.NewSQLStore(siteAt(t, site, replica))
		list := func() int {
			sessions, err := capi.Collect(store.Sessions(t.Context()))
			require.NoError(t, err)
			return len(sessions)
		}
		whole := len(site.Tables["session"])
		require.Equal(t, whole, list())
		var session http.Header
		for _, s := range site.Sessions {
			if s.Want() == http.StatusOK {
				session = http.Header{"Cookie": {s.Cookie.Name + "=" + s.Cookie.Value}}
			}
		}
		row := site.sessionOf(session)
		require.Equal(t, http.StatusOK, statusOf(t, auth, session))
		site.Exec(t, `DELETE FROM "#__session" WHERE "session_id" = ?`, []byte(row["session_id"].(string)))
		assert.Equal(t, http.StatusUnauthorized, statusOf(t, auth, session), "the logout counts at once")
		assert.Equal(t, http.StatusOK, statusOf(t, stale, session), "why the guard does not read from the replica")
		assert.Equal(t, whole, list(), "still has the session that ended")
		site.Insert(t, "session", row)
		assert.Equal(t, http.StatusOK, statusOf(t, auth, session), "a login of a moment ago")
	})

	t.Run("the replica takes over", func(t *testing.T) {
		replica.exec("ALTER SYSTEM RESET recovery_min_apply_delay")
		replica.exec("SELECT pg_reload_conf()")
		replica.untilCaughtUp(primary)
		hosts := local(replica.port) + "," + local(primary.port)
		program := serveProcess(t, site.php(nil), "--db-host", hosts, "--connections", "40", "--max-lists", "30")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		clients := startClients(ctx, program.URL, site, 20)
		clients.untilServed(t)
		killed := time.Now()
		primary.kill()
		// A replica may lag, so it lets nobody in.
		program.untilStatus(site, http.StatusServiceUnavailable)
		replica.exec("SELECT pg_promote()")
		program.untilStatus(site, http.StatusOK)
		promoted := time.Now()
		clients.untilServed(t)
		cancel()
		clients.requireRight(t, promoted.Sub(killed)+2*time.Second, killed)
		program.signal(syscall.SIGTERM)
		assert.Equal(t, exitOK, program.exited())
		primary.start() // Cleaning up needs it.
		primary.until(time.Minute, primary.db.PingContext)
	})
}
