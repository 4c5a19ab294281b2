package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A galera is a Galera cluster of three nodes on this machine.
type galera struct {
	t     testing.TB
	nodes []*galeraNode
}

// A galeraNode is one of its nodes.
type galeraNode struct {
	*server
	port      int
	db        *sql.DB // of root
	arguments []string
	first     bool // starts the cluster
}

// startGalera starts a cluster.
func startGalera(t testing.TB) *galera {
	t.Helper()
	mariadbd, install := program(t, "mariadbd"), program(t, "mariadb-install-db")
	program(t, "rsync")
	provider := program(t, "libgalera_smm.so", "/usr/lib/galera", "/usr/lib64/galera-4")
	dir, as := serverDir(t, "mysql")
	output, err := as(exec.Command(install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
		"--tmpdir="+dir, "--datadir="+filepath.Join(dir, "data0"))).CombinedOutput()
	require.NoError(t, err, "%s", output)
	ports := freePorts(t, 12)
	var peers []string
	for i := range 3 {
		peers = append(peers, local(ports[4*i+1]))
		if i > 0 {
			require.NoError(t, as(exec.Command("cp", "-r", filepath.Join(dir, "data0"), filepath.Join(dir, fmt.Sprint("data", i)))).Run())
		}
	}
	g := &galera{t: t}
	for i := range 3 {
		data := filepath.Join(dir, fmt.Sprint("data", i))
		// A server clears it at its start, so each has its own.
		require.NoError(t, as(exec.Command("mkdir", filepath.Join(dir, fmt.Sprint("tmp", i)))).Run())
		group, sst, ist := ports[4*i+1], ports[4*i+2], ports[4*i+3]
		node := &galeraNode{port: ports[4*i], first: i == 0}
		node.arguments = []string{"--no-defaults", "--datadir=" + data, fmt.Sprint("--tmpdir=", dir, "/tmp", i), "--bind-address=127.0.0.1", fmt.Sprint("--port=", node.port),
			fmt.Sprint("--socket=", dir, "/socket", i), fmt.Sprint("--pid-file=", dir, "/pid", i),
			"--max-connections=400", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0",
			"--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON", "--wsrep-provider=" + provider,
			"--wsrep-cluster-address=gcomm://" + strings.Join(peers, ","), "--wsrep-node-address=" + local(group),
			"--wsrep-sst-method=rsync", "--wsrep-sst-receive-address=" + local(sst),
			fmt.Sprintf("--wsrep-provider-options=base_port=%d;gmcast.listen_addr=tcp://%s;ist.recv_addr=%s;gcache.size=32M",
				group, local(group), local(ist)),
		}
		node.db, err = sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/", local(node.port)))
		require.NoError(t, err)
		t.Cleanup(func() { node.db.Close() })
		node.server = startServer(t, fmt.Sprint(dir, "/log", i), func() *exec.Cmd {
			arguments := node.arguments
			if node.first {
				arguments = append(arguments[:len(arguments):len(arguments)], "--wsrep-new-cluster")
			}
			return as(exec.Command(mariadbd, arguments...))
		})
		g.nodes = append(g.nodes, node)
		node.untilSynced()
		if node.first {
			node.first = false // The next time it joins the others.
			node.exec("CREATE DATABASE test")
			node.exec("CREATE USER 'haproxy'@'%'")
		}
	}
	dsn := fmt.Sprintf("root@tcp(%s)/test", local(g.nodes[0].port))
	t.Setenv("CAPI_MYSQL_DSN", dsn)
	return g
}

// untilSynced waits until the node is part of the cluster.
func (n *galeraNode) untilSynced() {
	n.t.Helper()
	n.until(2*time.Minute, func(ctx context.Context) error {
		var name, state string
		err := n.db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'").Scan(&name, &state)
		if err == nil && state != "Synced" {
			err = errors.New(state)
		}
		return err
	})
}

func (n *galeraNode) exec(statement string) {
	n.t.Helper()
	_, err := n.db.ExecContext(context.WithoutCancel(n.t.Context()), statement)
	require.NoError(n.t, err)
}

// newSite makes a site with n more sessions, and waits until all nodes have it.
func (g *galera) newSite(t *testing.T, n int) *testSite {
	site := newSiteOf(t, "mysqli", addSessions(n))
	for _, node := range g.nodes {
		conn, err := node.db.Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), "SET SESSION wsrep_sync_wait = 1")
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), "SELECT COUNT(*) FROM test."+site.Prefix+"session")
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), "SET SESSION wsrep_sync_wait = 0")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	return site
}

// loseNode has 50 clients ask a program for a minute. It kills a node after 20
// seconds, and starts it again after 40.
func (g *galera) loseNode(t *testing.T, site *testSite, proxy string, lost int) {
	program := serveProcess(t, site.php(nil), "--db-host", proxy, "--connections", "120", "--max-lists", "60")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	clients := startClients(ctx, program.URL, site, 50)
	wait := func(until time.Duration) {
		select {
		case <-time.After(time.Until(begun.Add(until))):
		case <-program.ended:
			require.Fail(t, "the program ended", "%s", program.Output())
		}
	}
	wait(20 * time.Second)
	killed := time.Now()
	g.nodes[lost].kill()
	wait(40 * time.Second)
	back := time.Now()
	g.nodes[lost].start()
	g.nodes[lost].untilSynced()
	t.Logf("back in the cluster after %v", time.Since(back).Round(time.Second))
	clients.requireRight(t, 3*time.Second, killed)
	program.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, program.exited(), "the same process all along")
}

func TestGalera(t *testing.T) {
	long(t)
	begun := time.Now()
	g := startGalera(t)
	t.Logf("three nodes after %v", time.Since(begun).Round(time.Second))

	proxy := g.startHAProxy(t)
	t.Run("killed", func(t *testing.T) {
		site := g.newSite(t, 300)
		g.loseNode(t, site, proxy, 1)
	})
	t.Run("no majority", func(t *testing.T) {
		site := g.newSite(t, 10)
		g.isolate(t, site, proxy, 1)
	})
	t.Run("hangs", func(t *testing.T) {
		site := g.newSite(t, 10)
		g.pause(t, site, proxy, 1)
	})
	t.Run("lag", g.testLag)
}

// startHAProxy starts the packaged HAProxy in front of the nodes, and returns
// its address.
func (g *galera) startHAProxy(t *testing.T) string {
	t.Helper()
	path := program(t, "haproxy")
	port := freePorts(t, 1)[0]
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := packaged(t, "haproxy-galera.cfg", "127.0.0.1:3300", local(port), "10.0.0.1:3306", local(g.nodes[0].port),
		"10.0.0.2:3306", local(g.nodes[1].port), "10.0.0.3:3306", local(g.nodes[2].port))
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	haproxy := startServer(t, config+".log", func() *exec.Cmd { return exec.Command(path, "-db", "-f", config) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(haproxy.tail()) // It tells when nodes go and come.
		}
	})
	haproxy.until(processPatience, func(ctx context.Context) error {
		db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/test", local(port)))
		if err == nil {
			defer db.Close()
			err = db.PingContext(ctx)
		}
		return err
	})
	return local(port)
}

// proxyPatience is how long the proxy may take to notice that a node has gone:
// it checks twice, a second apart.
const proxyPatience = 5 * time.Second

// untilUnready waits until the node is up but not part of the cluster, and
// returns the last moment before that.
func (n *galeraNode) untilUnready(site *testSite) (last time.Time) {
	n.t.Helper()
	n.until(time.Minute, func(ctx context.Context) error {
		begun := time.Now()
		_, err := n.db.ExecContext(ctx, "SELECT COUNT(*) FROM test."+site.Prefix+"session")
		var unready *mysql.MySQLError
		if errors.As(err, &unready) && unready.Number == 1047 {
			return nil
		}
		last = begun
		return fmt.Errorf("still answers: %v", err)
	})
	return last
}

// isolate cuts a node off from the others while clients ask. It stays up, and
// says that it is not part of the cluster.
func (g *galera) isolate(t *testing.T, site *testSite, proxy string, alone int) {
	node := g.nodes[alone]
	program := serveProcess(t, site.php(nil), "--db-host", proxy, "--connections", "40", "--max-lists", "30")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clients := startClients(ctx, program.URL, site, 20)
	node.exec("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
	join := func() {
		node.exec("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
		node.untilSynced()
	}
	defer join() // The next tests need it even if this one fails.
	at := node.untilUnready(site)
	clients.serveUntil(t, at.Add(2*proxyPatience))
	// A program that starts now, too.
	output, err := exec.CommandContext(t.Context(), "capi", "check", "--config", writePHP(t, site.php(nil)), "--db-host", proxy).CombinedOutput()
	assert.NoError(t, err, "%s", output)

	join()
	clients.untilServed(t)
	cancel()
	clients.requireRight(t, proxyPatience, at)
}

// pause freezes a node while clients ask: it accepts connections, and answers
// nothing.
func (g *galera) pause(t *testing.T, site *testSite, proxy string, paused int) {
	node := g.nodes[paused]
	program := serveProcess(t, site.php(nil), "--db-host", proxy, "--connections", "40", "--max-lists", "30")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clients := startClients(ctx, program.URL, site, 20)
	clients.untilServed(t)
	at := time.Now()
	require.NoError(t, node.running.Process.Signal(syscall.SIGSTOP))
	goOn := func() { _ = node.running.Process.Signal(syscall.SIGCONT) }
	t.Cleanup(goOn)
	clients.serveUntil(t, at.Add(4*proxyPatience))
	goOn()
	// It believes that it is part of the cluster until it notices that it was
	// left out.
	noticed := node.untilUnready(site)
	node.untilSynced()
	clients.untilServed(t)
	cancel()
	clients.requireRight(t, proxyPatience, at, noticed)
}

// testLag logs in at one node, and reads from another that lags.
func (g *galera) testLag(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	var session http.Header
	for _, s := range site.Sessions {
		if s.Want() == http.StatusOK {
			session = http.Header{"Cookie": {s.Cookie.Name + "=" + s.Cookie.Value}}
			site.Exec(t, `DELETE FROM "#__session" WHERE "session_id" = ?`, []byte(s.Cookie.Value))
			break
		}
	}
	row := site.sessionOf(session)
	statuses := map[string]func() int{}
	for name, parameters := range map[string]string{"as it comes": "", "wsrep_sync_wait=1": "?wsrep_sync_wait=1"} {
		db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/test%s", local(g.nodes[1].port), parameters))
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		opened, err := capi.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: site.Prefix,
			Secret: capi.NewSecret(site.Config.Secret), Lifetime: longLifetime})
		require.NoError(t, err)
		auth, err := capi.NewSessionAuthorizer(opened)
		require.NoError(t, err)
		statuses[name] = func() int { return statusOf(t, auth, session) }
		g.nodes[1].until(processPatience, func(context.Context) error { // until the session is gone there, too
			if status := statuses[name](); status != http.StatusUnauthorized {
				return fmt.Errorf("status %d", status)
			}
			return nil
		})
	}

	// A backup holds up the node.
	holder, err := g.nodes[1].db.Conn(t.Context())
	require.NoError(t, err)
	defer holder.Close()
	_, err = holder.ExecContext(t.Context(), "FLUSH TABLES WITH READ LOCK")
	require.NoError(t, err)
	site.Insert(t, "session", row)
	assert.Equal(t, http.StatusUnauthorized, statuses["as it comes"](), "the login has not arrived")
	answered := make(chan int, 1)
	go func() { answered <- statuses["wsrep_sync_wait=1"]() }()
	// The server tells that it waits.
	g.nodes[1].until(processPatience, func(ctx context.Context) error {
		var waiting int
		err := g.nodes[1].db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%"+site.Prefix+
			"%' AND id <> CONNECTION_ID()").Scan(&waiting)
		if err == nil && waiting == 0 {
			err = errors.New("nobody waits")
		}
		return err
	})
	assert.Empty(t, answered)
	_, err = holder.ExecContext(t.Context(), "UNLOCK TABLES")
	require.NoError(t, err)
	select {
	case status := <-answered:
		assert.Equal(t, http.StatusOK, status, "it has waited for the login")
	case <-time.After(processPatience):
		require.Fail(t, "still waits")
	}
}
