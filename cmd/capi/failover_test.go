package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fakeNode is a server that answers as it is told.
type fakeNode struct {
	connect, query error
	hangs          bool // until the context ends
	// asked is where all of them note who was connected to and queried.
	asked *[]string
	name  string
}

func (n *fakeNode) Driver() driver.Driver { return mysql.MySQLDriver{} }

func (n *fakeNode) Connect(ctx context.Context) (driver.Conn, error) {
	*n.asked = append(*n.asked, "connect "+n.name)
	if n.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if n.connect != nil {
		return nil, n.connect
	}
	return &fakeConn{node: n}, nil
}

// A fakeConn is a connection to a fakeNode.
type fakeConn struct {
	fullConn
	node *fakeNode
}

func (c *fakeConn) Close() error                                   { return nil }
func (c *fakeConn) ResetSession(context.Context) error             { return nil }
func (c *fakeConn) Ping(context.Context) error                     { return c.node.query }
func (c *fakeConn) CheckNamedValue(value *driver.NamedValue) error { return nil }

func (c *fakeConn) QueryContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Rows, error) {
	*c.node.asked = append(*c.node.asked, "query "+c.node.name)
	if c.node.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return fakeRows{}, c.node.query
}

func (c *fakeConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	*c.node.asked = append(*c.node.asked, "prepare "+c.node.name)
	return &fakeStmt{conn: c}, nil
}

// A fakeStmt is a statement that a fakeConn keeps.
type fakeStmt struct {
	fullStmt
	conn *fakeConn
}

func (s *fakeStmt) Close() error  { return nil }
func (s *fakeStmt) NumInput() int { return 0 }

func (s *fakeStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, "", args)
}

// fakeRows are none.
type fakeRows struct{ driver.Rows }

func (fakeRows) Columns() []string { return []string{"c"} }
func (fakeRows) Close() error      { return nil }

// fakeHosts returns as many nodes as there are names, and the database that
// they hold. It logs to log.
func fakeHosts(t *testing.T, names ...string) (nodes []*fakeNode, db *sql.DB, asked *[]string, log *bytes.Buffer) {
	asked, log = new([]string), new(bytes.Buffer)
	all := &hosts{logger: slog.New(slog.NewTextHandler(log, nil)), unready: mysqlUnready,
		broken: func(_ driver.Conn, err error) bool { return mysqlBroken(err) }}
	for _, name := range names {
		node := &fakeNode{asked: asked, name: name}
		nodes = append(nodes, node)
		all.all = append(all.all, &host{Connector: node, where: func() string { return name }})
	}
	db = sql.OpenDB(all)
	t.Cleanup(func() { db.Close() })
	return nodes, db, asked, log
}

// query runs a query, and returns its error.
func query(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT")
	if err != nil {
		return err
	}
	return rows.Close()
}

func TestHosts(t *testing.T) {
	unready := &mysql.MySQLError{Number: 1047, Message: "WSREP has not yet prepared node for application use"}
	denied := &mysql.MySQLError{Number: 1045}
	missing := &mysql.MySQLError{Number: 1146}
	for _, test := range []struct {
		name           string
		connect, query error
		asked          string
		want           error
	}{
		{"the first", nil, nil, "connect a, query a", nil},
		{"the first is down", errors.New("refused"), nil, "connect a, connect b, query b", nil},
		{"the first refuses", denied, nil, "connect a, connect b, query b", nil},
		{"the first is not ready", nil, unready, "connect a, query a, connect b, query b", nil},
		{"the first is shutting down", nil, &mysql.MySQLError{Number: 1053}, "connect a, query a, connect b, query b", nil},
		{"the first answers with an error", nil, missing, "connect a, query a", missing},
	} {
		t.Run(test.name, func(t *testing.T) {
			nodes, db, asked, log := fakeHosts(t, "a", "b", "c")
			nodes[0].connect, nodes[0].query = test.connect, test.query
			assert.Equal(t, test.want, query(t.Context(), db))
			assert.Equal(t, test.asked, strings.Join(*asked, ", "))
			assert.Equal(t, strings.Contains(test.asked, "b"), strings.Contains(log.String(), `passed over" server=a`), log)
		})
	}
}

// A statement that was prepared on one server goes on to another, too.
func TestHostsStatement(t *testing.T) {
	nodes, db, asked, log := fakeHosts(t, "a", "b")
	statement, err := db.PrepareContext(t.Context(), "SELECT")
	require.NoError(t, err)
	defer statement.Close()
	nodes[0].query = &mysql.MySQLError{Number: 1047}
	rows, err := statement.QueryContext(t.Context())
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	assert.Equal(t, "connect a, prepare a, query a, connect b, prepare b, query b", strings.Join(*asked, ", "))
	assert.Contains(t, log.String(), `passed over" server=a`)
}

func TestHostsConnectionBreaks(t *testing.T) {
	nodes, db, asked, _ := fakeHosts(t, "a")
	nodes[0].query = mysql.ErrInvalidConn
	require.ErrorIs(t, query(t.Context(), db), mysql.ErrInvalidConn, "the log tells the cause")
	assert.Equal(t, "connect a, query a, connect a, query a, connect a, query a", strings.Join(*asked, ", "))
}

// TestHostsPassedOver has the first host come back: the connections to it of
// before are not used, and it is tried last for a while.
func TestHostsPassedOver(t *testing.T) {
	nodes, db, asked, _ := fakeHosts(t, "a", "b")
	db.SetMaxIdleConns(4)
	first, err := db.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, query(t.Context(), db)) // A second one is idle now.
	nodes[0].query = &mysql.MySQLError{Number: 1047}
	rows, err := first.QueryContext(t.Context(), "SELECT")
	require.ErrorIs(t, err, driver.ErrBadConn, "%v", rows)
	nodes[0].query, *asked = nil, nil
	require.NoError(t, query(t.Context(), db))
	assert.Equal(t, "connect b, query b", strings.Join(*asked, ", "))

	nodes[1].connect = errors.New("refused")
	db.SetMaxIdleConns(0)
	*asked = nil
	require.NoError(t, query(t.Context(), db))
	assert.Equal(t, "connect b, connect a, query a", strings.Join(*asked, ", "), "tried last is still tried")
}

func TestHostsHang(t *testing.T) {
	nodes, db, asked, log := fakeHosts(t, "a", "b")
	require.NoError(t, query(t.Context(), db))
	nodes[0].hangs, *asked = true, nil
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, query(ctx, db), context.DeadlineExceeded)
	require.NoError(t, query(t.Context(), db))
	assert.Equal(t, "query a, connect b, query b", strings.Join(*asked, ", "))
	assert.Contains(t, log.String(), "server=a")
}

// TestHostsClientLeaves has a client leave, which says nothing of the host.
func TestHostsClientLeaves(t *testing.T) {
	nodes, db, _, log := fakeHosts(t, "a", "b")
	nodes[0].hangs = false
	require.NoError(t, query(t.Context(), db))
	nodes[0].hangs = true
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	require.ErrorIs(t, query(ctx, db), context.Canceled)
	assert.Empty(t, log.String())
}

func TestHostsNoneAnswers(t *testing.T) {
	nodes, db, _, _ := fakeHosts(t, "a", "b")
	refused, denied := errors.New("refused"), &mysql.MySQLError{Number: 1045, Message: "denied"}
	nodes[0].connect, nodes[1].connect = refused, denied
	err := query(t.Context(), db)
	assert.EqualError(t, err, "a: refused; b: Error 1045: denied")
	assert.False(t, answered(err), "the first may come back")
	nodes[0].connect = denied
	err = query(t.Context(), db)
	assert.True(t, answered(err), "%v", err)
}

func TestHostsFlag(t *testing.T) {
	f := hostsFlag{}
	require.NoError(t, f.add("a,b:3307"))
	require.NoError(t, f.add("shop=c, [::1]:3306"))
	for _, text := range []string{"", "a,,b", "shop=", "d", "shop=e"} {
		assert.Error(t, f.add(text), text)
	}
	assert.Equal(t, "a,b:3307", f.of(siteFile{}))
	assert.Equal(t, "a,b:3307", f.of(siteFile{name: "other"}))
	assert.Equal(t, "c, [::1]:3306", f.of(siteFile{name: "shop"}))
	assert.NoError(t, f.validate([]siteFile{{name: "shop"}, {name: "other"}}))
	assert.ErrorContains(t, f.validate([]siteFile{{name: "other"}}), "shop")
}
