package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCharacterSet serves sites whose database servers do not use UTF-8 unless
// clients insist.
func TestCharacterSet(t *testing.T) {
	for _, set := range []string{"latin1", "utf8mb3"} {
		t.Run("MariaDB "+set, func(t *testing.T) {
			mariadbd, install := program(t, "mariadbd"), program(t, "mariadb-install-db")
			dir, as := serverDir(t, "mysql")
			data := filepath.Join(dir, "data")
			output, err := as(exec.Command(install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
				"--tmpdir="+dir, "--datadir="+data)).CombinedOutput()
			require.NoError(t, err, "%s", output)
			address := local(freePorts(t, 1)[0])
			_, port, err := splitPort(address)
			require.NoError(t, err)
			server := startServer(t, filepath.Join(dir, "log"), func() *exec.Cmd {
				return as(exec.Command(mariadbd, "--no-defaults", "--datadir="+data, "--tmpdir="+dir, "--bind-address=127.0.0.1",
					fmt.Sprint("--port=", port), "--socket="+filepath.Join(dir, "socket"), "--pid-file="+filepath.Join(dir, "pid"),
					"--innodb-buffer-pool-size=64M", "--skip-character-set-client-handshake", "--character-set-server="+set))
			})
			db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/", address))
			require.NoError(t, err)
			t.Cleanup(func() { db.Close() })
			server.until(time.Minute, func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4")
				return err
			})
			var used string
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@character_set_client").Scan(&used))
			require.Equal(t, set, used, "what a client gets that does not insist")
			t.Setenv("CAPI_MYSQL_DSN", fmt.Sprintf("root@tcp(%s)/test", address))
			// No character set changes hexadecimal digits.
			serveText(t, newSiteOf(t, "mysqli"), "Zoë 😀", "CONVERT(x'%x' USING utf8mb4)")
		})
	}
	t.Run("PostgreSQL latin1", func(t *testing.T) {
		name := strings.ToLower("capi" + rand.Text()[:10])
		server := newSiteOf(t, "pgsql").DB
		_, err := server.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := server.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)")
			assert.NoError(t, err)
		})
		dsn, err := url.Parse(cmp.Or(os.Getenv("CAPI_POSTGRES_DSN"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"))
		require.NoError(t, err)
		dsn.Path = "/" + name
		t.Setenv("CAPI_POSTGRES_DSN", dsn.String())
		serveText(t, newSiteOf(t, "pgsql"), "Zoë", "convert_from('\\x%x', 'UTF8')")
	})
}

// serveText serves a site whose Super Admin has text in the name and in the
// session's data. An SQL expression of its bytes writes it.
func serveText(t *testing.T, site *testSite, text, expression string) {
	t.Helper()
	for _, session := range site.Sessions {
		if session.Want() != http.StatusOK {
			continue
		}
		more := fmt.Sprintf(`note|s:%d:"%s";`, len(text), text)
		site.Exec(t, fmt.Sprintf(`UPDATE "#__session" SET "username" = `+expression+`, "data" = CONCAT("data", `+expression+
			`) WHERE "session_id" = ?`, text, more), []byte(session.Cookie.Value))
		program := serveProcess(t, site.php(nil))
		status, body := program.get(listPath, http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}})
		require.Equal(t, http.StatusOK, status, body)
		for _, listed := range sessionsOf(t, body) {
			if listed.ID == session.Cookie.Value {
				assert.Equal(t, text, listed.Username)
				assert.True(t, strings.HasSuffix(string(listed.Data), more), "%s", listed.Data)
				return
			}
		}
		require.Fail(t, "the session is not listed")
	}
	require.Fail(t, "no Super Admin has a session")
}
