package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/capi-go/capi"
	"modernc.org/sqlite"
)

// openSQLite opens a database in a file, to read it.
func openSQLite(config capi.SiteConfig) (*database, error) {
	// Whoever closes a file loses all POSIX locks that the process has on it,
	// and walProblem opens and closes the database. Without these locks (an old
	// file system), it does so here alone, before the first connection.
	_, _ = sqlite.OFDLocking(true)
	if err := walProblem(config.DB); err != nil && !errors.Is(err, errWALUnused) {
		return nil, err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(config.DB), RawQuery: url.Values{
		"mode":    {"ro"},
		"_pragma": {"busy_timeout(5000)"},
	}.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return &database{sql.OpenDB(sqliteConnector{connector, config.DB}), func() string { return "SQLite in " + config.DB }}, nil
}

// A sqliteConnector opens a database whose site it does not get in the way of.
type sqliteConnector struct {
	driver.Connector
	path string
}

// Connect implements [driver.Connector].
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.problem(); err != nil {
		return nil, err
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return sqliteConn{conn.(driverConn), c}, nil
}

// problem returns why the database is not to be used now.
func (c sqliteConnector) problem() error {
	if !sqlite.OFDLockingEnabled() {
		return nil
	}
	return walProblem(c.path)
}

// A driverConn is a connection of the driver, with all that it can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteConn struct {
	driverConn
	of sqliteConnector
}

// ResetSession implements [driver.SessionResetter]. The site may have changed
// the mode of its journal.
func (c sqliteConn) ResetSession(ctx context.Context) error {
	if c.of.problem() != nil {
		return driver.ErrBadConn // Connect says why.
	}
	return c.driverConn.ResetSession(ctx)
}

// errWALForeign and errWALUnused say why a database in WAL mode is not read.
// Even a reader makes the two files beside it (-wal and -shm) where they are
// missing, with itself as their owner, and then the site cannot write to them,
// nor to its database.
var (
	errWALForeign = errors.New("its site could not write any more to what a reader of another user makes beside it (WAL mode): " +
		"run capi as the user that owns it, or let that user's group write to it (chmod g+w) in a directory that hands on the " +
		"group (chmod g+s), or forbid this user to write to the directory, or have the site use PRAGMA journal_mode = DELETE")
	errWALUnused = errors.New("its site does not use it now, and this user may not make what a reader needs beside it (WAL mode): " +
		"run capi as the user that owns it, or have the site use PRAGMA journal_mode = DELETE")
)

// walProblem returns why the database at path is not to be opened. What keeps
// it from being looked at is left to SQLite to say.
func walProblem(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	// The versions that it takes to write and to read the file: 2 is WAL. See
	// the database file format of SQLite, 1.3.
	const versions, wal = 18, 2
	var header [versions + 2]byte
	if _, err := io.ReadFull(file, header[:]); err != nil || header[versions] != wal && header[versions+1] != wal {
		return nil
	}
	if err := walForeign(file); err != nil {
		return fmt.Errorf("the database %s is not opened: %w", path, err)
	}
	return nil
}
