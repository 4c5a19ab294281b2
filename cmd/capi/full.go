package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// A fullConnector notices that a server accepts no more connections. For a
// moment, its pool then opens no new ones, so that requests wait in line for
// those that it has.
type fullConnector struct {
	driver.Connector
	pool    *sql.DB
	noticed atomic.Int64 // when, in nanoseconds since 1970
}

// fullPause is how long a pool opens no new connections.
const fullPause = time.Second

// openPool returns a pool of connections, and its connector.
func openPool(connector driver.Connector) (*sql.DB, *fullConnector) {
	c := &fullConnector{Connector: connector}
	c.pool = sql.OpenDB(c)
	return c.pool, c
}

// Connect implements [driver.Connector].
func (c *fullConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if isFull(err) {
		c.noticed.Store(time.Now().UnixNano())
		c.pool.SetMaxOpenConns(max(1, c.pool.Stats().OpenConnections-1)) // Without this one.
	}
	return conn, err
}

// full reports whether the server had no connection left a moment ago.
func (c *fullConnector) full() bool {
	return c != nil && time.Now().UnixNano()-c.noticed.Load() < int64(fullPause)
}

// wasFull reports whether the server was full and a moment has passed since. It
// does so once.
func (c *fullConnector) wasFull() bool {
	if c == nil || c.full() {
		return false
	}
	noticed := c.noticed.Load()
	return noticed != 0 && c.noticed.CompareAndSwap(noticed, 0)
}

// reopen opens connections for those who wait in line. Raising the limit of a
// pool does not.
func (c *fullConnector) reopen(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fullPause)
	defer cancel()
	conn, err := c.pool.Conn(ctx)
	if err != nil { // Connect has noticed if the server is still full.
		return
	}
	// A pool that loses a connection opens others for all who wait.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// isFull reports whether err says that a server accepts no more connections:
// MySQL's ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS and
// ER_USER_LIMIT_REACHED, PostgreSQL's too_many_connections.
func isFull(err error) bool {
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	return errors.As(err, &my) && (my.Number == 1040 || my.Number == 1203 || my.Number == 1226) ||
		errors.As(err, &pg) && pg.Code == "53300"
}
