package integration_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// askMeanwhile lets six clients ask the service for the list, one request after
// the other, until work is done. All must get it.
func (s *site) askMeanwhile(t *testing.T, service *service, header http.Header, work func()) {
	t.Helper()
	rows := len(s.Tables["session"])
	var clients sync.WaitGroup
	var asked atomic.Int64
	done := make(chan struct{})
	for range 6 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				reply := service.ask(t, header)
				if reply.status != http.StatusOK {
					_, after, _ := strings.Cut(service.log.String(), `"level":"ERROR"`)
					t.Errorf("status %d: %.300s", reply.status, after)
					return
				}
				reply.requireList(t, rows)
				asked.Add(1)
			}
		})
	}
	work()
	close(done)
	clients.Wait()
	assert.Zero(t, service.log.errors())
	assert.Greater(t, asked.Load(), int64(50))
	t.Logf("%d requests", asked.Load())
}

// TestColumnsThatChangeType is about tables that change after PostgreSQL's
// driver has kept plans for them.
func TestColumnsThatChangeType(t *testing.T) {
	s := newSite(t, postgreSQL(), joomlatest.Joomla42, joomlatest.Recorded("j5"))
	db := s.database.open(t)
	known := s.open(t, db, s.config)
	service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(known), guardOf(t, known))
	s.askMeanwhile(t, service, s.CookieOf(t, "super"), func() {
		for _, change := range []string{
			`ALTER TABLE "#__users" ALTER COLUMN "block" TYPE integer`,
			`ALTER TABLE "#__session" ALTER COLUMN "time" TYPE bigint`,
			`ALTER TABLE "#__users" ALTER COLUMN "username" TYPE text`,
			`ALTER TABLE "#__session" ALTER COLUMN "username" TYPE text`,
			`ALTER TABLE "#__extensions" ALTER COLUMN "locked" TYPE bigint`,
			`ALTER TABLE "#__session" ALTER COLUMN "userid" TYPE bigint`,
		} {
			time.Sleep(300 * time.Millisecond)
			s.Exec(t, change)
		}
		time.Sleep(300 * time.Millisecond)
	})
}

// TestConnectionsThatAreKilled is about connections that an administrator or an
// idle timeout ends.
func TestConnectionsThatAreKilled(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j5"))
			db, kill := s.killable(t)
			known := s.open(t, db, s.config)
			// Only the guard: a list that breaks after its first row is cut.
			service := serve(t, capi.HandlerOptions{}, capi.Sessions{}, guardOf(t, known))
			s.Tables["session"] = nil
			s.askMeanwhile(t, service, s.CookieOf(t, "super"), func() {
				for range 10 { // Rarely enough not to hit one request twice.
					time.Sleep(300 * time.Millisecond)
					kill()
				}
			})
		})
	}
}

// killable opens the site's database under a name of its own, and returns a
// function that kills one of those connections.
func (s *site) killable(t *testing.T) (*sql.DB, func()) {
	t.Helper()
	own := s.database
	name := strings.TrimSuffix(s.Prefix, "_")
	if own.dbType == "pgsql" {
		dsn, err := url.Parse(own.dsn)
		require.NoError(t, err)
		query := dsn.Query()
		query.Set("application_name", name)
		dsn.RawQuery = query.Encode()
		own.dsn = dsn.String()
		return own.open(t), func() {
			s.Exec(t, `SELECT pg_terminate_backend((SELECT MIN(pid) FROM pg_stat_activity WHERE application_name = ?))`, name)
		}
	}
	config, err := mysql.ParseDSN(own.dsn)
	require.NoError(t, err)
	s.Exec(t, `CREATE USER '`+name+`'@'%'`)
	t.Cleanup(func() { s.Exec(t, `DROP USER '`+name+`'@'%'`) })
	s.Exec(t, `GRANT SELECT ON `+config.DBName+`.* TO '`+name+`'@'%'`)
	config.User, config.Passwd = name, ""
	own.dsn = config.FormatDSN()
	return own.open(t), func() {
		rows, err := s.DB.Query(`SELECT id FROM information_schema.processlist WHERE user = ?`, name)
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var id int
			require.NoError(t, rows.Scan(&id))
			_, _ = s.DB.Exec(`KILL ?`, id) // It may be gone already.
			return
		}
	}
}
