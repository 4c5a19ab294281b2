package capi_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A site prepares a query once, where drivers would do so each time. A server
// that prepares nothing is served as well.
func TestSiteStatements(t *testing.T) {
	full := errors.New("Error 1461 (42000): Can't create more than max_prepared_stmt_count statements")
	none := func() *sqlmock.Rows { return sqlmock.NewRows([]string{"token"}) }
	for name, test := range map[string]struct {
		dbType string
		expect func(sqlmock.Sqlmock)
	}{
		"MySQL": {"mysqli", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare("")
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnRows(none())
		}},
		"SQLite": {"sqlite", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare("")
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnRows(none())
		}},
		"PostgreSQL": {"pgsql", func(m sqlmock.Sqlmock) {
			m.ExpectQuery("").WithArgs("bad").WillReturnRows(none())
			m.ExpectQuery("").WithArgs("worse").WillReturnRows(none())
		}},
		"keeps no more": {"mysqli", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare("")
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnError(full)
			m.ExpectQuery("").WithArgs("worse").WillReturnRows(none())
		}},
		"prepares nothing": {"mysqli", func(m sqlmock.Sqlmock) {
			m.ExpectPrepare("").WillReturnError(full)
			m.ExpectQuery("").WithArgs("bad").WillReturnRows(none())
			m.ExpectPrepare("").WillReturnError(full)
			m.ExpectQuery("").WithArgs("worse").WillReturnRows(none())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			db, mock := mockDB(t)
			test.expect(mock)
			site, err := capi.NewSite(db, capi.SiteConfig{DBType: test.dbType, DBPrefix: "jos_", Secret: capi.NewSecret("s")})
			require.NoError(t, err)
			auth := capi.NewCAPITokenAuthorizer(site)
			for _, token := range []string{"bad", "worse"} {
				requireRefusal(t, unknownCAPIToken, auth.Authorize(withHeaders("token", token)))
			}
		})
	}
}

// A sqlState is an error of PostgreSQL, as its drivers return it.
type sqlState string

func (s sqlState) Error() string    { return "of the server" }
func (s sqlState) SQLState() string { return string(s) }

// one returns a reply of one session.
func one() reply { return reply{rows: [][]driver.Value{{"abc", "0", "1", "1", "", "0", ""}}} }

// A query whose failure may pass is asked once more, whether the driver reports
// it at once or with the first row.
func TestSiteAsksOnceMore(t *testing.T) {
	mysql := func(code int) error { return fmt.Errorf("Error %d (HY000): of the server", code) }
	for name, test := range map[string]struct {
		err     error
		dialled int  // connections; all except one are closed
		anew    bool // whether its text differs the second time
	}{
		"plan, PostgreSQL":     {sqlState("0A000"), 1, true},
		"plan, MySQL":          {mysql(1615), 1, true},
		"Galera":               {mysql(1047), 2, false},
		"Galera, old text":     {errors.New("Error 1047: of the server"), 2, false},
		"end of file":          {io.EOF, 2, false},
		"end in the middle":    {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), 2, false},
		"closed":               {net.ErrClosed, 2, false},
		"reset":                {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, 2, false},
		"pipe":                 {syscall.EPIPE, 2, false},
		"invalid connection":   {errors.New("invalid connection"), 2, false},
		"connection exception": {sqlState("08006"), 2, false},
		"admin shutdown":       {sqlState("57P01"), 2, false},
		"crash shutdown":       {sqlState("57P02"), 2, false},
		"idle session timeout": {sqlState("57P05"), 2, false},
		"server shutdown":      {mysql(1053), 2, false},
		"connection killed":    {mysql(1927), 2, false},
		"interaction timeout":  {mysql(4031), 2, false},
	} {
		for _, late := range []bool{false, true} {
			if late && errors.Is(test.err, io.EOF) {
				continue // That is how drivers end rows.
			}
			t.Run(fmt.Sprint(name, late), func(t *testing.T) {
				db := newFakeDB(reply{err: test.err, late: late}, one())
				store := capi.NewSQLStore(db.site(t))
				sessions, err := capi.Collect(store.Sessions(t.Context()))
				require.NoError(t, err)
				assert.Len(t, sessions, 1)
				assert.Equal(t, test.anew, db.texts[0] != db.texts[1])
				assert.True(t, strings.HasPrefix(db.texts[1], db.texts[0]))
				assert.Equal(t, db.args[0], db.args[1])
				assert.Equal(t, []int{test.dialled, test.dialled - 1}, []int{db.dialled, db.closed})

				again := errors.New("again")
				db.then(fails(test.err), reply{err: again, late: late})
				_, err = capi.Collect(store.Sessions(t.Context()))
				require.ErrorIs(t, err, again, "twice is enough")
				if test.anew {
					assert.NotContains(t, db.texts[:3], db.texts[3], "no connection has seen it")
				}
			})
		}
	}
}

// The pool drops all connections to a server that is not ready.
func TestSiteDropsIdleConnections(t *testing.T) {
	db := newFakeDB(one(), one(), fails(errors.New("Error 1047 (08S01): WSREP has not yet prepared node")), one())
	store := capi.NewSQLStore(db.site(t))
	for _, err := range store.Sessions(t.Context()) {
		require.NoError(t, err)
		_, err = capi.Collect(store.Sessions(t.Context())) // On a second connection.
		require.NoError(t, err)
	}
	assert.Equal(t, []int{2, 0}, []int{db.dialled, db.closed})
	_, err := capi.Collect(store.Sessions(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, []int{3, 2}, []int{db.dialled, db.closed})
}

func TestSiteAsksNothingElseOnceMore(t *testing.T) {
	cancel := func() {} // Cancels the context of the query.
	leave := func() { cancel() }
	for name, first := range map[string]reply{
		"another error":        fails(errors.New("broken")),
		"no table, MySQL":      fails(errors.New("Error 1146 (42S02): no table")),
		"a longer code":        fails(errors.New("Error 10470 (HY000): another")),
		"no table, PostgreSQL": fails(sqlState("42P01")),
		"query was cancelled":  fails(sqlState("57014")),
		"the time has ended":   fails(context.DeadlineExceeded),
		"the reader has left":  {err: net.ErrClosed, meanwhile: leave},
		"left, at the rows":    {err: net.ErrClosed, late: true, meanwhile: leave},
		"after a row":          {rows: one().rows, err: net.ErrClosed, late: true},
		"after a row, stale":   {rows: one().rows, err: sqlState("0A000"), late: true},
		"after a row, unready": {rows: one().rows, err: errors.New("Error 1047 (08S01): WSREP"), late: true},
		"a code elsewhere":     fails(errors.New("a text with 1047 in it")),
	} {
		t.Run(name, func(t *testing.T) {
			var ctx context.Context
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			sessions, err := capi.Collect(capi.NewSQLStore(newFakeDB(first).site(t)).Sessions(ctx))
			require.ErrorContains(t, err, "capi: ")
			if first.meanwhile == nil {
				require.ErrorIs(t, err, first.err)
			}
			assert.Len(t, sessions, len(first.rows))
		})
	}
}
