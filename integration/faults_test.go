package integration_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// The tests of this file do not run in parallel with others, since they look
// for leaked goroutines.

const (
	// bigList is the number of sessions in a list that is sent in many parts.
	bigList = 1000
	// hugeList is the number in a list with more bytes than the buffers between
	// database and client hold.
	hugeList = 8000
)

// fill adds sessions of 2 KB each.
func (s *site) fill(t testing.TB, sessions int) {
	t.Helper()
	digits := "(SELECT 0 AS d" + strings.Join([]string{"", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, " UNION ALL SELECT ") + ")"
	numbers := map[string]string{
		// MySQL has no sequences, and limits recursion: count with combinations
		// of four digits.
		"mariadb": "SELECT n FROM (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM " + digits + " AS a, " + digits +
			" AS b, " + digits + " AS c, " + digits + " AS e) AS numbers WHERE n <= " + strconv.Itoa(sessions),
		"postgresql": "SELECT n FROM generate_series(1, " + strconv.Itoa(sessions) + ") AS numbers (n)",
		"sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < " +
			strconv.Itoa(sessions) + ") SELECT n FROM numbers",
	}[s.database.name]
	id := map[string]string{
		"mariadb":    "CONCAT('fill-', n)",
		"postgresql": "CAST('fill-' || n AS bytea)",
		"sqlite":     "CAST('fill-' || n AS blob)",
	}[s.database.name]
	data := map[string]string{
		"mariadb":    "REPEAT('s:4:\"a/b\";', 200)",
		"postgresql": "REPEAT('s:4:\"a/b\";', 200)",
		"sqlite":     "REPLACE(HEX(ZEROBLOB(100)), '0', 's:4:\"a/b\";')",
	}[s.database.name]
	s.Exec(t, `INSERT INTO "#__session" ("session_id", "client_id", "guest", "time", "data", "userid", "username") `+
		`SELECT `+id+`, 0, 1, 1795489076, `+data+`, 0, '' FROM (`+numbers+`) AS filling`)
}

// servers are the databases that are reached over a network.
func servers() []database { return []database{mariaDB(), postgreSQL()} }

// begin asks for the list and reads its first bytes only.
func (s *service) begin(t testing.TB) *http.Response {
	t.Helper()
	response, err := request(t.Context(), newSmallClient(t), s.url, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	first := make([]byte, 1000)
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(first, []byte(`{"msg":[{"session_id":`)))
	return response
}

func TestFaultServerKilledDuringTheList(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			server := ownServer(t, d)
			site := emptySite(t, server.database, joomlatest.Joomla42)
			site.fill(t, hugeList)
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone)

			response := service.begin(t)
			server.stop()
			finish(response).requireCut(t)
			requireIdle(t, site.DB)
			assert.Equal(t, 1, service.log.errors(), service.log)

			// Down.
			service.ask(t, nil).requireRefused(t, http.StatusInternalServerError)
			requireIdle(t, site.DB)

			// And up again: the pool recovers by itself.
			server.run(t)
			site.Exec(t, `DELETE FROM "#__session"`)
			site.fill(t, 10)
			service.ask(t, nil).requireList(t, 10)
		})
	}
}

func TestFaultConnectionCut(t *testing.T) {
	tests := []struct {
		name  string
		after int64 // bytes of the answer to the query
		cut   bool  // whether the list had begun
	}{
		{"at the first byte", 0, false},
		{"in the first row", 1000, false},
		{"between the rows of the first chunk", 10_000, false},
		{"in the middle of a row", 900_777, true},
		{"in the last row", -1, true},
	}
	for _, d := range servers() {
		for _, test := range tests {
			t.Run(d.name+"/"+test.name, func(t *testing.T) {
				nothingLeft(t)
				d, proxy := withProxy(t, d)
				site := emptySite(t, d, joomlatest.Joomla42)
				site.fill(t, bigList)
				service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone)
				site.DB.SetMaxOpenConns(1)
				site.DB.SetMaxIdleConns(1)
				service.ask(t, nil).requireList(t, bigList) // The first one prepares the query, if the driver prepares queries.
				passed := proxy.count(func() { service.ask(t, nil).requireList(t, bigList) })
				after := test.after
				if after < 0 {
					after = passed - 100
				}

				proxy.cutAfter(after)
				reply := service.ask(t, nil)
				if test.cut {
					reply.requireCut(t)
				} else {
					reply.requireRefused(t, http.StatusInternalServerError)
				}
				assert.Equal(t, 1, service.log.errors(), service.log)
				requireIdle(t, site.DB)

				proxy.heal()
				service.ask(t, nil).requireList(t, bigList)
			})
		}
	}
}

// impatient is a middleware that ends the context of a request after some time.
func impatient(patience time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), patience)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

func TestFaultQueryHangs(t *testing.T) {
	const patience = 300 * time.Millisecond
	for _, d := range servers() {
		t.Run(d.name+"/in the network", func(t *testing.T) {
			nothingLeft(t)
			d, proxy := withProxy(t, d)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, 10)
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone, impatient(patience))
			service.ask(t, nil).requireList(t, 10)
			proxy.hold()
			service.ask(t, nil).requireRefused(t, http.StatusInternalServerError)
			requireIdle(t, site.DB)
			proxy.release()
			service.ask(t, nil).requireList(t, 10)
		})
		t.Run(d.name+"/in the database", func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, 10)
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone, impatient(patience))
			unlock := site.lockSessions(t)
			service.ask(t, nil).requireRefused(t, http.StatusInternalServerError)
			require.Eventually(t, func() bool { return site.DB.Stats().InUse == 1 }, 5*time.Second, 5*time.Millisecond,
				"only the lock may hold a connection")
			// PostgreSQL learns it at once, MariaDB only when it answers.
			t.Logf("queries in the database: %d", site.queriesRunning(t))
			unlock()
			service.ask(t, nil).requireList(t, 10)
			require.Eventually(t, func() bool { return site.queriesRunning(t) == 0 }, 10*time.Second, 10*time.Millisecond)
		})
		t.Run(d.name+"/and the client leaves", func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, 10)
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone)
			unlock := site.lockSessions(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			reply := get(ctx, service.client, service.url, nil)
			require.ErrorIs(t, reply.err, context.DeadlineExceeded)
			require.Eventually(t, func() bool { return site.DB.Stats().InUse == 1 }, 5*time.Second, 5*time.Millisecond,
				"only the lock may hold a connection")
			assert.Zero(t, service.log.errors(), service.log)
			// PostgreSQL learns it at once, MariaDB only when it answers.
			t.Logf("queries in the database: %d", site.queriesRunning(t))
			unlock()
			service.ask(t, nil).requireList(t, 10)
			require.Eventually(t, func() bool { return site.queriesRunning(t) == 0 }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// lockSessions makes every query of the session table wait until unlock is
// called.
func (s *site) lockSessions(t testing.TB) (unlock func()) {
	t.Helper()
	connection, err := s.DB.Conn(t.Context())
	require.NoError(t, err)
	execute := func(statements ...string) {
		for _, statement := range statements {
			_, err := connection.ExecContext(context.Background(), s.SQL(statement))
			require.NoError(t, err)
		}
	}
	if s.database.name == "mariadb" {
		execute(`LOCK TABLES "#__session" WRITE`)
	} else {
		execute(`BEGIN`, `LOCK TABLE "#__session" IN ACCESS EXCLUSIVE MODE`)
	}
	return sync.OnceFunc(func() {
		if s.database.name == "mariadb" {
			execute(`UNLOCK TABLES`)
		} else {
			execute(`ROLLBACK`)
		}
		_ = connection.Close()
	})
}

func TestFaultPoolOfOneConnection(t *testing.T) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			site := joomla5(t, d)
			site.DB.SetMaxOpenConns(1)
			rows := len(site.Tables["session"])
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), site.guard(t, nil))
			admin := site.CookieOf(t, "super")
			var clients sync.WaitGroup
			replies := make([]reply, 50)
			for i := range replies {
				clients.Go(func() { replies[i] = service.ask(t, admin) })
			}
			clients.Wait()
			for _, reply := range replies {
				reply.requireList(t, rows)
			}
			requireIdle(t, site.DB)
			assert.Zero(t, service.log.errors(), service.log)
		})
	}
}

func TestFaultClientStalls(t *testing.T) {
	const stall = 300 * time.Millisecond
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, hugeList)
			site.DB.SetMaxOpenConns(1)
			service := serve(t, capi.HandlerOptions{StallTimeout: stall}, capi.NewSQLStore(site.capi(t, nil)), anyone)
			response := service.begin(t)
			began := time.Now()
			// One byte a second, until the service loses patience.
			for site.DB.Stats().InUse > 0 {
				require.Less(t, time.Since(began), 20*time.Second, "the client still holds the connection")
				_, err := io.ReadFull(response.Body, make([]byte, 1))
				require.NoError(t, err)
				require.Eventually(t, func() bool { return site.DB.Stats().InUse == 0 }, 20*time.Second, time.Millisecond)
			}
			require.NoError(t, site.DB.PingContext(t.Context()), "the connection is there for others")
			finish(response).requireCut(t)
			requireIdle(t, site.DB)
			assert.Zero(t, service.log.errors(), service.log)
		})
	}
}

func TestFaultClientLeaves(t *testing.T) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, hugeList)
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), anyone)
			response := service.begin(t)
			require.Equal(t, 1, site.DB.Stats().InUse)
			require.NoError(t, response.Body.Close())
			requireIdle(t, site.DB)
			require.Eventually(t, func() bool { return site.queriesRunning(t) == 0 }, 10*time.Second, 10*time.Millisecond,
				"the database still reads the list")
			assert.Zero(t, service.log.errors(), service.log)
		})
	}
}

// queriesRunning returns how many queries of the session table the server is
// running.
func (s *site) queriesRunning(t testing.TB) (n int) {
	t.Helper()
	query := map[string]string{
		"mariadb": `SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE CONCAT('%', ?, '%') AND ` +
			`id <> CONNECTION_ID()`,
		"postgresql": `SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%' || ? || '%' AND ` +
			`pid <> pg_backend_pid()`,
		"sqlite": `SELECT LENGTH(?) * 0`, // It has no server.
	}[s.database.name]
	require.NoError(t, s.DB.QueryRow(s.SQL(query), s.config.DBPrefix+"session").Scan(&n))
	return n
}

func TestFaultThousandClientsLeaveAtOnce(t *testing.T) {
	const clients = 1000
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, hugeList)
			site.DB.SetMaxOpenConns(20)
			var arrived atomic.Int64
			counting := capi.AuthorizerFunc(func(*http.Request) error { arrived.Add(1); return nil })
			service := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(site.capi(t, nil)), counting)

			address := service.server.Listener.Addr().String()
			connections := make([]net.Conn, clients)
			for i := range connections {
				connection, err := net.Dial("tcp", address)
				require.NoError(t, err)
				require.NoError(t, connection.(*net.TCPConn).SetReadBuffer(smallBuffer))
				_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n")
				require.NoError(t, err)
				connections[i] = connection
			}
			require.Eventually(t, func() bool { return arrived.Load() == clients }, 30*time.Second, time.Millisecond)
			require.Equal(t, 20, site.DB.Stats().InUse)
			for _, connection := range connections {
				_ = connection.Close()
			}
			requireIdle(t, site.DB)
			site.Exec(t, `DELETE FROM "#__session"`)
			site.fill(t, bigList)
			service.ask(t, nil).requireList(t, bigList)
			// A client that stays may get three connections in a row that
			// leaving clients broke: then database/sql gives up.
			assert.Less(t, service.log.errors(), clients/100, service.log)
		})
	}
}

// panicking returns store with a panic before the session with that number.
func panicking(store capi.Store, before int) capi.Store {
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			n := 0
			for session, err := range store.Sessions(ctx) {
				if n == before {
					panic("a panic of the store")
				}
				n++
				if !yield(session, err) {
					return
				}
			}
		}
	})
}

// recovering is a middleware that many services have.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "recovered")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func TestFaultStorePanics(t *testing.T) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, d, joomlatest.Joomla42)
			site.fill(t, bigList)
			store := capi.NewSQLStore(site.capi(t, nil))
			for _, before := range []int{0, bigList / 2} {
				bare := serve(t, capi.HandlerOptions{}, panicking(store, before), anyone)
				reply := bare.ask(t, nil)
				require.Error(t, reply.err)
				requireIdle(t, site.DB)
				assert.Contains(t, bare.log.String(), "a panic of the store")

				recovered := serve(t, capi.HandlerOptions{}, panicking(store, before), anyone, recovering)
				reply = recovered.ask(t, nil)
				if before == 0 {
					require.NoError(t, reply.err)
					assert.Equal(t, http.StatusInternalServerError, reply.status)
					assert.Equal(t, "recovered", string(reply.body))
				} else {
					reply.requireCut(t)
				}
				requireIdle(t, site.DB)
			}
			serve(t, capi.HandlerOptions{}, store, anyone).ask(t, nil).requireList(t, bigList)
		})
	}
}

// failing returns a Store of sessions and then an error.
func failing(sessions int) capi.Store {
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			data := capi.Payload(bytes.Repeat([]byte("data"), 512))
			for i := range sessions {
				if !yield(capi.Session{ID: strconv.Itoa(i), Data: data}, nil) {
					return
				}
			}
			yield(capi.Session{}, errors.New("the end"))
		}
	})
}
