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

// A countingConnector counts the round trips that a driver makes: one for each statement that it prepares, and one for
// each that it runs.
type countingConnector struct {
	driver.Connector
	trips atomic.Int64
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
	return countingConnection{connection.(driverConnection), &c.trips}, nil
}

// driverConnection is what the connections of all three drivers are.
type driverConnection interface {
	driver.Conn
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.SessionResetter
}

type countingConnection struct {
	driverConnection
	trips *atomic.Int64
}

func (c countingConnection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.driverConnection.QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) { // Then it is going to be prepared.
		c.trips.Add(1)
	}
	return rows, err
}

func (c countingConnection) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.trips.Add(1)
	statement, err := c.driverConnection.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return countingStatement{statement, c.trips}, nil
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
	trips *atomic.Int64
}

func (s countingStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.trips.Add(1)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
