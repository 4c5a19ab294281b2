package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packaged returns a file of packaging/balancers with some texts replaced, each
// of which must occur in it.
func packaged(t testing.TB, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "packaging", "balancers", name))
	require.NoError(t, err)
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, string(text), replace[i])
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

// startPgBouncer starts the packaged PgBouncer in front of a site's database,
// and returns its address.
func startPgBouncer(t testing.TB, site *testSite) string {
	t.Helper()
	path := program(t, "pgbouncer")
	dir, as := serverDir(t, "postgres")
	config := filepath.Join(dir, "pgbouncer.ini")
	host, port, err := splitPort(site.properties["host"].(string))
	require.NoError(t, err)
	own := freePorts(t, 1)[0]
	name, account := site.properties["db"].(string), site.properties["user"].(string)
	backend := name + " = host=" + host + " port=" + strconv.Itoa(port) + " dbname=" + name + " user=" + account
	if password := site.properties["password"].(string); password != "" {
		backend += " password='" + password + "'"
	}
	text := packaged(t, "pgbouncer.ini",
		"joomla = host=127.0.0.1 port=5432 dbname=joomla", backend,
		"listen_port = 6432", "unix_socket_dir =\nlisten_port = "+strconv.Itoa(own),
		"auth_type = scram-sha-256\n", "auth_type = any\n",
		"auth_file = /etc/pgbouncer/userlist.txt\n", "")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o644))
	pgbouncer := startServer(t, filepath.Join(dir, "log"), func() *exec.Cmd { return as(exec.Command(path, config)) })
	pgbouncer.until(processPatience, listens(local(own)))
	return local(own)
}

// TestPgBouncer has 50 clients ask through PgBouncer in transaction mode.
func TestPgBouncer(t *testing.T) {
	long(t)
	site := newSiteOf(t, "pgsql", addSessions(100))
	address := startPgBouncer(t, site)
	program := serveProcess(t, site.php(nil), "--db-host", address, "--connections", "100", "--max-lists", "60")
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	startClients(ctx, program.URL, site, 50).requireRight(t, 0)
	assert.NotContains(t, program.Output(), `"level":"ERROR"`)

	output, err := exec.CommandContext(t.Context(), "capi", "check", "--config", writePHP(t, site.php(nil)), "--db-host", address).CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "PostgreSQL at "+address)
}
