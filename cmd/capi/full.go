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

// isFull reports whether err says that a server accepts no more connections.
func isFull(err error) bool {
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	return errors.As(err, &my) && (my.Number == 1040 || my.Number == 1203 || my.Number == 1226) ||
		errors.As(err, &pg) && pg.Code == "53300"
}
