package integration_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A countingConnector counts the calls of a driver.
type countingConnector struct {
	driver.Connector
	counts
}

type counts struct {
	trips   atomic.Int64 // one for each statement that is prepared, and one for each that is run
	queries atomic.Int64 // queries that were run, or would have been if preparing them had not failed
	failed  atomic.Int64
}

func (c *counts) reset() {
	c.trips.Store(0)
	c.queries.Store(0)
	c.failed.Store(0)
}

// ran counts a round trip. If err is not nil or prepared is false, it is also a
// query.
func (c *counts) ran(err error, prepared bool) {
	c.trips.Add(1)
	if err != nil {
		c.failed.Add(1)
	}
	if err != nil || !prepared {
		c.queries.Add(1)
	}
}

// counted opens the site's database anew, with round trips counted.
func counted(t testing.TB, s *site) (*sql.DB, *countingConnector) {
	t.Helper()
	dsn := s.database.dsn
	if dsn == "" {
		var number, name, file string
		require.NoError(t, s.DB.QueryRow(`PRAGMA database_list`).Scan(&number, &name, &file))
		dsn = "file:" + file
	}
	c := &countingConnector{Connector: openerOf{s.DB.Driver(), dsn}}
	if opener, ok := s.DB.Driver().(driver.DriverContext); ok {
		var err error
		c.Connector, err = opener.OpenConnector(dsn)
		require.NoError(t, err)
	}
	db := sql.OpenDB(c)
	t.Cleanup(func() { _ = db.Close() })
	return db, c
}

// openerOf is the Connector of a driver that has none.
type openerOf struct {
	driver driver.Driver
	dsn    string
}

func (o openerOf) Driver() driver.Driver                        { return o.driver }
func (o openerOf) Connect(context.Context) (driver.Conn, error) { return o.driver.Open(o.dsn) }

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countingConnection{connection.(driverConnection), &c.counts}, nil
}

// driverConnection has what the connections of all three drivers implement.
type driverConnection interface {
	driver.Conn
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.SessionResetter
}

type countingConnection struct {
	driverConnection
	counts *counts
}

func (c countingConnection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.driverConnection.QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) { // Otherwise it will be prepared.
		c.counts.ran(err, false)
	}
	return rows, err
}

func (c countingConnection) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.driverConnection.PrepareContext(ctx, query)
	c.counts.ran(err, true)
	if err != nil {
		return nil, err
	}
	return countingStatement{statement, c.counts}, nil
}

// CheckNamedValue implements [driver.NamedValueChecker] as the driver does.
func (c countingConnection) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.driverConnection.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

type countingStatement struct {
	driver.Stmt
	counts *counts
}

func (s countingStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	s.counts.ran(err, false)
	return rows, err
}
