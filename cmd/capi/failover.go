package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// hosts are the servers that hold the same database, such as the nodes of a
// cluster, in the order in which they are tried. They are a [driver.Connector],
// whose connections fail such that database/sql tries once more with another
// one: with [driver.ErrBadConn], and only before the first row of a query. All
// that the program asks for is read, so that nothing is done twice.
type hosts struct {
	all []*host
	// broken reports whether a query that failed with an error may succeed on
	// another connection.
	broken func(driver.Conn, error) bool
	// unready reports whether the error says so of the whole server.
	unready func(error) bool
	logger  *slog.Logger
}

// A host is one of several servers.
type host struct {
	driver.Connector
	// where says where the server is.
	where func() string
	// failed is when it failed last, as by [time.Time.UnixNano].
	failed atomic.Int64
}

const (
	// passedOver is how long a host that failed is tried after the others.
	passedOver = 5 * time.Second
	// hostTimeout is how long one of several hosts may take to connect.
	hostTimeout = 2 * time.Second
)

// where says where the servers are.
func (h *hosts) where() string {
	var all []string
	for _, host := range h.all {
		all = append(all, host.where())
	}
	return strings.Join(all, ", ")
}

// inOrder returns the hosts as they are to be tried now.
func (h *hosts) inOrder() []*host {
	order := make([]*host, 0, len(h.all))
	var last []*host
	for _, host := range h.all {
		if time.Since(time.Unix(0, host.failed.Load())) < passedOver {
			last = append(last, host)
		} else {
			order = append(order, host)
		}
	}
	return append(order, last...)
}

// Connect implements [driver.Connector].
func (h *hosts) Connect(ctx context.Context) (driver.Conn, error) {
	if len(h.all) == 1 {
		return h.connect(ctx, h.all[0])
	}
	var errs hostErrors
	for _, host := range h.inOrder() {
		hostCtx, cancel := context.WithTimeout(ctx, hostTimeout)
		conn, err := h.connect(hostCtx, host)
		cancel()
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		errs = append(errs, hostError{host.where(), err})
		h.passOver(host, err)
	}
	return nil, errs
}

func (h *hosts) connect(ctx context.Context, host *host) (driver.Conn, error) {
	made := time.Now()
	conn, err := host.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver of the database cannot run queries with a context"), conn.Close())
	}
	return &hostConn{full, h, host, made.UnixNano()}, nil
}

// passOver makes the others be tried before host for a while, if there are any.
func (h *hosts) passOver(host *host, err error) {
	if len(h.all) == 1 {
		return
	}
	now := time.Now()
	before := host.failed.Swap(now.UnixNano())
	if now.Sub(time.Unix(0, before)) >= passedOver {
		h.logger.Warn("database server passed over", "server", host.where(), "error", err.Error())
	}
}

// Driver implements [driver.Connector].
func (h *hosts) Driver() driver.Driver { return h.all[0].Driver() }

// try runs a query on each of several hosts, and returns of each that fails
// why.
func (h *hosts) try(ctx context.Context, query string) []error {
	if h == nil || len(h.all) == 1 {
		return nil
	}
	var errs []error
	for _, host := range h.all {
		ctx, cancel := context.WithTimeout(ctx, hostTimeout)
		conn, err := h.connect(ctx, host)
		if err == nil {
			rows, queryErr := conn.(*hostConn).fullConn.QueryContext(ctx, query, nil)
			if err = queryErr; err == nil {
				err = rows.Close()
			}
			err = errors.Join(err, conn.Close())
		}
		cancel()
		if err != nil {
			errs = append(errs, hostError{host.where(), err})
		}
	}
	return errs
}

// A hostError is what is wrong with one of several hosts.
type hostError struct {
	where string
	err   error
}

func (e hostError) Error() string { return e.where + ": " + e.err.Error() }

func (e hostError) Unwrap() error { return e.err }

// hostErrors are why none of several hosts could be connected to.
type hostErrors []hostError

func (e hostErrors) Error() string {
	var texts []string
	for _, err := range e {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (e hostErrors) Unwrap() []error {
	var errs []error
	for _, err := range e {
		errs = append(errs, err)
	}
	return errs
}

// A fullConn is a connection as the drivers of servers have them.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.QueryerContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.NamedValueChecker
}

// A hostConn is a connection to one of the hosts.
type hostConn struct {
	fullConn
	hosts *hosts
	host  *host
	made  int64 // As by [time.Time.UnixNano].
}

// QueryContext implements [driver.QueryerContext].
func (c *hostConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	begun := time.Now()
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	return rows, c.failed(ctx, begun, err)
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *hostConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	begun := time.Now()
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.failed(ctx, begun, err)
	}
	full, ok := stmt.(fullStmt)
	if !ok {
		return nil, errors.Join(errors.New("the driver of the database cannot run statements with a context"), stmt.Close())
	}
	return &hostStmt{full, c}, nil
}

// Ping implements [driver.Pinger].
func (c *hostConn) Ping(ctx context.Context) error {
	begun := time.Now()
	return c.failed(ctx, begun, c.fullConn.Ping(ctx))
}

// failed returns err of what was begun then, with [driver.ErrBadConn] around it
// where another connection may do better.
func (c *hostConn) failed(ctx context.Context, begun time.Time, err error) error {
	switch {
	case err == nil || errors.Is(ctx.Err(), context.Canceled):
		return err
	case ctx.Err() != nil || time.Since(begun) > hostTimeout:
		// It hangs. Whoever asked has waited long enough.
		if ctx.Err() != nil || c.hosts.broken(c.fullConn, err) {
			c.hosts.passOver(c.host, err)
		}
		return err
	case c.hosts.unready(err):
		c.hosts.passOver(c.host, err)
		return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	case c.hosts.broken(c.fullConn, err):
		return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	return err
}

// A fullStmt is a statement as the drivers of servers have them.
type fullStmt interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// A hostStmt is a statement that a connection to one of the hosts keeps.
type hostStmt struct {
	fullStmt
	conn *hostConn
}

// QueryContext implements [driver.StmtQueryContext].
func (s *hostStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	begun := time.Now()
	rows, err := s.fullStmt.QueryContext(ctx, args)
	return rows, s.conn.failed(ctx, begun, err)
}

// ResetSession implements [driver.SessionResetter]. A connection that is older
// than the last failure of its host is not used again.
func (c *hostConn) ResetSession(ctx context.Context) error {
	if c.host.failed.Load() > c.made {
		return driver.ErrBadConn
	}
	return c.fullConn.ResetSession(ctx)
}

// IsValid implements [driver.Validator].
func (c *hostConn) IsValid() bool {
	validator, ok := c.fullConn.(driver.Validator)
	return !ok || validator.IsValid()
}
