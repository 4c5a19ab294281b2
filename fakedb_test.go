package capi_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

const (
	testSecret = "secret-hush"
	testID     = "id-hush-0123456789abcdef"
	testNow    = 1_795_489_076
)

// A fakeDB is a database that gives one reply after another, whatever the
// queries say: it knows only their order.
type fakeDB struct {
	// rest is the error of queries that come after all replies. Nil fails the
	// test.
	rest error
	// refuses, if any, is called for each connection, and may refuse it.
	refuses func() error

	mutex   sync.Mutex
	replies []reply
	tooMany bool
	// texts and args are those of the queries so far.
	texts []string
	args  [][]any
	// dialled and closed count connections.
	dialled, closed int
}

// A reply is the result of a query.
type reply struct {
	rows [][]driver.Value
	// err is the error of the query or, with late, the error after its rows.
	err  error
	late bool
	// meanwhile, if any, is called when the query comes.
	meanwhile func()
}

// found is the reply of rows, by what their columns mean.
func found(columns []string, rows ...row) reply {
	var r reply
	for _, found := range rows {
		r.rows = append(r.rows, found.values(columns))
	}
	return r
}

// list is the reply of rows of one column.
func list(values ...driver.Value) reply {
	var r reply
	for _, value := range values {
		r.rows = append(r.rows, []driver.Value{value})
	}
	return r
}

func fails(err error) reply { return reply{err: err} }

func newFakeDB(replies ...reply) *fakeDB { return &fakeDB{replies: replies} }

// then adds replies.
func (f *fakeDB) then(replies ...reply) { f.replies = append(f.replies, replies...) }

// site returns a site of f, of MySQL unless change says otherwise. When the
// test ends, there must be no reply left, and no connection in use.
func (f *fakeDB) site(t testing.TB, change ...func(*capi.SiteConfig, *capi.SiteOptions)) *capi.Site {
	t.Helper()
	db := sql.OpenDB(f)
	t.Cleanup(func() {
		assert.Empty(t, f.replies, "what nobody asked for")
		assert.False(t, f.tooMany, "a query too many")
		assert.Zero(t, db.Stats().InUse, "connections in use")
		_ = db.Close()
	})
	config := capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret(testSecret), Lifetime: time.Minute}
	options := capi.SiteOptions{Now: func() time.Time { return time.Unix(testNow, 0) }}
	for _, change := range change {
		change(&config, &options)
	}
	site, err := options.NewSite(db, config)
	require.NoError(t, err)
	return site
}

// Connect and Driver implement [driver.Connector].
func (f *fakeDB) Connect(context.Context) (driver.Conn, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.refuses != nil {
		if err := f.refuses(); err != nil {
			return nil, err
		}
	}
	f.dialled++
	return fakeConn{f}, nil
}
func (f *fakeDB) Driver() driver.Driver { return nil }

type fakeConn struct{ *fakeDB }

func (fakeConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("fake: a prepared statement")
}
func (fakeConn) Begin() (driver.Tx, error) { return nil, errors.New("fake: a transaction") }
func (c fakeConn) Close() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed++
	return nil
}

// QueryContext implements [driver.QueryerContext].
func (c fakeConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var values []any
	for _, arg := range args {
		values = append(values, arg.Value)
	}
	c.texts, c.args = append(c.texts, query), append(c.args, values)
	if len(c.replies) == 0 {
		c.tooMany = c.tooMany || c.rest == nil
		return nil, cmp.Or(c.rest, errors.New("fake: a query too many"))
	}
	r := c.replies[0]
	c.replies = c.replies[1:]
	if r.meanwhile != nil {
		r.meanwhile()
	}
	if r.err != nil && !r.late {
		return nil, r.err
	}
	rows := &fakeRows{reply: r}
	if len(r.rows) > 0 {
		rows.columns = make([]string, len(r.rows[0]))
	}
	return rows, nil
}

type fakeRows struct {
	reply
	columns []string // which have no names
}

func (r *fakeRows) Columns() []string { return r.columns }
func (r *fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		if r.err != nil {
			return r.err
		}
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// A row is a row of a reply, by what its columns mean. The defaults are those
// of a Super Admin who gets in.
type row map[string]driver.Value

// These are the columns of queries for accounts: those of the caller's, and
// those of an account.
var (
	accountColumns = []string{
		"id", "username", "name", "email", "block", "activation", "requireReset", "groups", "group_concat_max_len", "rules",
		"methods", "otpKey", "com_users",
	}
	byCookie   = slices.Concat([]string{"session_id", "time", "data"}, accountColumns)
	byID       = slices.Concat([]string{"enabled plugins", "disabled plugins"}, accountColumns)
	byAPIToken = slices.Concat([]string{
		"seed", "enabled", "plugin enabled", "plugin state", "plugin access", "groups plugin enabled", "groups plugin params",
	}, accountColumns)
	byCAPIToken = slices.Concat([]string{"token", "state"}, accountColumns)
)

// plugins are the columns of the query for the plugins for second factors.
var plugins = byID[:2]

// values returns the values of the columns.
func (r row) values(columns []string) []driver.Value {
	all := row{
		"session_id": testID, "time": int64(testNow), "data": login(7),
		"seed": seed, "enabled": "1", "plugin enabled": int64(1), "plugin state": int64(0), "plugin access": int64(1),
		"groups plugin enabled": int64(1), "groups plugin params": "{}", "token": "token-hush", "state": int64(1),
		"id": int64(7), "username": "admin", "name": "Ada Admin", "email": "ada@example.org", "block": int64(0), "activation": "", "requireReset": int64(0), "groups": "1,-8",
		"group_concat_max_len": int64(1024), "rules": `{"core.admin":{"8":1}}`, "com_users": "{}",
	}
	for name, value := range r {
		all[name] = value
	}
	var values []driver.Value
	for _, column := range columns {
		values = append(values, all[column])
	}
	// A site is asked for these until they show that it was upgraded.
	for _, column := range []string{"plugin", "locked"} {
		if value, ok := r[column]; ok {
			values = append(values, value)
		}
	}
	return values
}

// login returns a session in which a user is logged in, as Joomla 4 and later
// writes it. More are serialized names and values.
func login(id int64, more ...string) string { return loginAt(testNow, id, more...) }

// loginAt is login with the time of the last request.
func loginAt(now, id int64, more ...string) string {
	return variable("joomla", registry(loginData(now, id, more...)))
}

func loginData(now, id int64, more ...string) string {
	return fmt.Sprintf(`O:8:"stdClass":%d:{s:7:"session";O:8:"stdClass":2:{s:7:"counter";i:1;s:5:"timer";O:8:"stdClass":1:{s:3:"now";i:%d;}}`+
		`s:4:"user";O:20:"Joomla\CMS\User\User":1:{s:2:"id";i:%d;}%s}`, 2+len(more)/2, now, id, strings.Join(more, ""))
}

// second returns the arguments of login for a second factor.
func second(checked, setUp int) []string {
	return []string{`s:9:"com_users";`, fmt.Sprintf(`O:8:"stdClass":2:{s:11:"mfa_checked";i:%d;s:19:"mandatory_mfa_setup";i:%d;}`, checked, setUp)}
}

// requireRefusal requires err to be a refusal with that text, which begins with
// the text of the error that it wraps.
func requireRefusal(t testing.TB, want string, err error) {
	t.Helper()
	require.EqualError(t, err, want)
	unauthenticated := strings.HasPrefix(want, capi.ErrUnauthenticated.Error())
	assert.Equal(t, unauthenticated, errors.Is(err, capi.ErrUnauthenticated))
	assert.Equal(t, !unauthenticated, errors.Is(err, capi.ErrForbidden))
}

// requireAnswer requires err to be that refusal, or nil if it is empty.
func requireAnswer(t testing.TB, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
	} else {
		requireRefusal(t, want, err)
	}
}

// requireFailure requires err to be a failure: answered with 500, and safe to
// log.
func requireFailure(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	assert.NotErrorIs(t, err, capi.ErrUnauthenticated)
	assert.NotErrorIs(t, err, capi.ErrForbidden)
	assert.True(t, strings.HasPrefix(err.Error(), "capi: "), "%v", err)
	assert.NotContains(t, err.Error(), "hush")
}
