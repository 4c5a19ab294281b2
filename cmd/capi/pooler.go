package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// A poolerConnector connects to PostgreSQL, or to a pooler in front of it.
//
// Prepared statements take less than half the time of those that the server
// plans each time. But behind a pooler in transaction mode, another server
// process may run the next query and not know them: there, each query is
// self-contained.
type poolerConnector struct {
	prepared, whole driver.Connector
	// pooler reports whether there is one.
	pooler atomic.Bool
}

// newPoolerConnector returns a connector with settings.
func newPoolerConnector(settings *pgx.ConnConfig) *poolerConnector {
	whole := settings.Copy()
	whole.DefaultQueryExecMode = pgx.QueryExecModeExec
	return &poolerConnector{prepared: stdlib.GetConnector(*settings), whole: stdlib.GetConnector(*whole)}
}

// Connect implements [driver.Connector].
func (c *poolerConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.pooler.Load() {
		return c.whole.Connect(ctx)
	}
	conn, err := c.prepared.Connect(ctx)
	if err != nil {
		return nil, err
	}
	direct, err := isDirect(ctx, conn)
	switch {
	case err != nil:
		return nil, errors.Join(err, conn.Close())
	case direct:
		return conn, nil
	}
	c.pooler.Store(true)
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return c.whole.Connect(ctx)
}

// isDirect reports whether the process that runs a query is the one that accepted
// the connection. A pooler accepts connections itself, with numbers of its own.
func isDirect(ctx context.Context, conn driver.Conn) (bool, error) {
	postgresql, ok := conn.(*stdlib.Conn)
	if !ok {
		return false, errors.New("not a connection of pgx")
	}
	server := postgresql.Conn().PgConn()
	results, err := server.Exec(ctx, "SELECT pg_catalog.pg_backend_pid()").ReadAll()
	if err != nil {
		return false, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1 {
		return false, errors.New("the database does not say which process answers")
	}
	return string(results[0].Rows[0][0]) == strconv.FormatUint(uint64(server.PID()), 10), nil
}

// Driver implements [driver.Connector].
func (c *poolerConnector) Driver() driver.Driver { return c.prepared.Driver() }
