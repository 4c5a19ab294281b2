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

// openSQLite opens a database in a file for reading.
func openSQLite(config capi.SiteConfig) (*database, error) {
	// Closing a file drops all POSIX locks that the process has on it, and
	// walProblem opens and closes the database. Without OFD locks (an old file
	// system), it does so only here, before the first connection.
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
	return &database{sql.OpenDB(sqliteConnector{connector, config.DB}), func() string { return "SQLite in " + config.DB }, nil}, nil
}

// A sqliteConnector opens a database without getting in the way of its site.
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

// problem returns why the database must not be used now.
func (c sqliteConnector) problem() error {
	if !sqlite.OFDLockingEnabled() {
		return nil
	}
	return walProblem(c.path)
}

// A driverConn is a connection of the driver with all of its methods.
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

// ResetSession implements [driver.SessionResetter]. The site may have changed its
// journal mode.
func (c sqliteConn) ResetSession(ctx context.Context) error {
	if c.of.problem() != nil {
		return driver.ErrBadConn // Connect says why.
	}
	return c.driverConn.ResetSession(ctx)
}

// errWALForeign and errWALUnused say why a database in WAL mode is not read. Even
// a reader creates the two files beside it (-wal and -shm) if they are missing.
// It then owns them, and the site can write neither to them nor to its database.
var (
	errWALForeign = errors.New("in WAL mode, this user would create files beside it that its site could not write to: " +
		"run capi as the user that owns it, or let that user's group write to it (chmod g+w) in a directory that hands on the " +
		"group (chmod g+s), or forbid this user to write to the directory, or have the site use PRAGMA journal_mode = DELETE")
	errWALUnused = errors.New("in WAL mode, a reader needs files beside it that this user may not create, and its site does not use it now: " +
		"run capi as the user that owns it, or have the site use PRAGMA journal_mode = DELETE")
)

// walProblem returns why the database at path must not be opened. If the file
// cannot be read, SQLite will say so.
func walProblem(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	// The file format write and read versions: 2 is WAL. See section 1.3 of
	// SQLite's database file format.
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
