package integration_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// A database is a running database system with the sites of tests.
type database struct {
	name   string // in the names of tests
	driver string // for sql.Open
	dbType string // its name in configuration.php
	dsn    string // empty for SQLite, where every site has its own file
}

// databases returns one of each system, at CAPI_MYSQL_DSN and
// CAPI_POSTGRES_DSN.
func databases() []database {
	return []database{mariaDB(), postgreSQL(), sqlite()}
}

func mariaDB() database {
	return database{"mariadb", "mysql", "mysqli", environment("CAPI_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test")}
}

func postgreSQL() database {
	return database{"postgresql", "pgx", "pgsql",
		environment("CAPI_POSTGRES_DSN", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")}
}

func sqlite() database { return database{name: "sqlite", driver: "sqlite", dbType: "sqlite"} }

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// open returns a pool of connections to the database, or for SQLite to a new
// file. The end of the test closes it. If the server does not answer, the test
// is skipped, or fails in CI.
func (d database) open(t testing.TB) *sql.DB {
	t.Helper()
	dsn := d.dsn
	if dsn == "" {
		dsn = "file:" + filepath.Join(t.TempDir(), "site.db") +
			"?_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(d.driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		message := "NO " + d.name + " SERVER, NOTHING OF IT IS TESTED: " + err.Error()
		if os.Getenv("CI") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	return db
}

// onEach runs test for each database, in parallel with other tests.
func onEach(t *testing.T, test func(t *testing.T, d database)) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}
