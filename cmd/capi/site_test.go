package main

import (
	"cmp"
	"database/sql"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// A testSite is a test's site, with the rows of a real Joomla 5 as if it had
// just written them.
type testSite struct {
	*joomlatest.Site
	// properties are what its configuration.php says.
	properties map[string]any
}

// newTestSite makes a site in a dialect; for SQLite, in the file at path.
func newTestSite(t testing.TB, dialect, path string, change ...func(*joomlatest.Recording)) *testSite {
	t.Helper()
	config := capi.SiteConfig{DBType: dialect}
	switch config.Database() {
	case capi.MySQL:
		dsn, err := mysql.ParseDSN(cmp.Or(os.Getenv("CAPI_MYSQL_DSN"), "root@tcp(127.0.0.1:3306)/test"))
		require.NoError(t, err)
		config.Host, config.User, config.DB, config.Password = dsn.Addr, dsn.User, dsn.DBName, capi.NewSecret(dsn.Passwd)
	case capi.PostgreSQL:
		dsn, err := pgx.ParseConfig(cmp.Or(os.Getenv("CAPI_POSTGRES_DSN"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"))
		require.NoError(t, err)
		config.Host, config.User, config.DB, config.Password = dsn.Host, dsn.User, dsn.Database, capi.NewSecret(dsn.Password)
		if !strings.HasPrefix(dsn.Host, "/") {
			config.Host = net.JoinHostPort(dsn.Host, strconv.Itoa(int(dsn.Port)))
		}
	default:
		config.DB = path
	}
	var db *sql.DB
	if config.Database() == capi.SQLite {
		var err error
		db, err = sql.Open("sqlite", path) // It can be written to.
		require.NoError(t, err)
	} else {
		opened, err := openDatabase(config, "", slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		db = opened.DB
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err)
		}
		t.Skipf("NOT TESTED: no database server: %v", err)
	}
	recording := joomlatest.Recorded("j5")
	// Session data has the time of the recording, too.
	lifetime := int(time.Since(time.Unix(recording.Now, 0)).Minutes()) + 60
	recording.MoveTo(time.Now())
	for _, c := range change {
		c(recording)
	}
	site := joomlatest.NewSite(t, db, joomlatest.Dialect(dialect), joomlatest.Joomla42, recording)
	return &testSite{site, map[string]any{
		"offline": false, "dbtype": dialect, "host": config.Host, "user": config.User, "password": config.Password.Reveal(),
		"db": config.DB, "dbprefix": site.Prefix, "secret": recording.Config.Secret, "session_handler": "database", "lifetime": lifetime,
	}}
}

// php returns its configuration.php with some properties changed.
func (s *testSite) php(change map[string]any) string {
	properties := maps.Clone(s.properties)
	maps.Copy(properties, change)
	return joomlatest.ConfigurationPHP(properties)
}

// token returns the API token of a Super Admin.
func (s *testSite) token() string {
	for _, c := range s.APITokens {
		if token := c.Headers["X-Joomla-Token"]; token != "" && c.Want() == http.StatusOK {
			return token
		}
	}
	return ""
}

// writePHP writes a configuration.php and returns its path.
func writePHP(t testing.TB, php string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "configuration.php")
	require.NoError(t, os.WriteFile(path, []byte(php), 0o600))
	return path
}

// splitPort returns the host and the port of an address.
func splitPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// sessionOf returns the row of the session of a cookie.
func (s *testSite) sessionOf(cookie http.Header) joomlatest.Row {
	for _, row := range s.Tables["session"] {
		if strings.HasSuffix(cookie.Get("Cookie"), "="+row["session_id"].(string)) {
			return row
		}
	}
	return nil
}

// statusOf returns the status that a request would get.
func statusOf(t testing.TB, auth capi.Authorizer, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	require.NoError(t, err)
	r.Header = header
	switch err := auth.Authorize(r); {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, capi.ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err, capi.ErrForbidden):
		return http.StatusForbidden
	default:
		t.Logf("authorizing: %v", err)
		return http.StatusInternalServerError
	}
}

// longLifetime keeps sessions alive that have the time of their recording.
const longLifetime = 100 * 365 * 24 * time.Hour
