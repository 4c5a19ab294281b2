package capi_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
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

// A row is a row of a fakeDB by what its columns mean, not by where they are in
// the query. What is left out has its default.
type row map[string]driver.Value

// The kinds of queries that a fakeDB tells apart.
const (
	byCookie    = "accounts by cookie"
	byID        = "accounts by id"
	byAPIToken  = "account by API token"
	byCAPIToken = "account by cAPI token"
	columnsOf   = "columns of " // and the table
	grantedIn   = "granted columns of "
	existence   = "existence of "
	viewLevel   = "rules of a view level"
	groupsOf    = "groups of a visitor"
	rootAsset   = "root asset"
	mfaPlugins  = "plugins for second factors"
)

// kinds are the queries by what is in their text, without quotes.
var kinds = []struct {
	pattern *regexp.Regexp
	kind    string
	columns []string // before those of an account
}{
	{regexp.MustCompile(`FROM jos_session AS s LEFT JOIN`), byCookie, []string{"session_id", "time", "data"}},
	{regexp.MustCompile(`joomlatoken\.token`), byAPIToken,
		[]string{"seed", "enabled", "plugin enabled", "plugin state", "plugin access", "groups plugin enabled", "groups plugin params"}},
	{regexp.MustCompile(`FROM jos_services_tokens AS t`), byCAPIToken, []string{"token", "state"}},
	{regexp.MustCompile(`FROM jos_users AS u|FROM \(SELECT 1\) AS one`), byID, []string{"enabled plugins", "disabled plugins"}},
	{regexp.MustCompile(`^SELECT \(SELECT (?:GROUP_CONCAT|STRING_AGG)`), mfaPlugins, nil},
	{regexp.MustCompile(`^SELECT \* FROM jos_(\w+) WHERE 1 = 0`), columnsOf, nil},
	{regexp.MustCompile(`FROM jos_(\w+) WHERE 1 = 0`), grantedIn, nil},
	{regexp.MustCompile(`COUNT.*(?:table_name|name|to_regclass).*'jos_(\w+)'`), existence, nil},
	{regexp.MustCompile(`FROM jos_viewlevels`), viewLevel, nil},
	{regexp.MustCompile(`FROM jos_usergroups AS g INNER JOIN`), groupsOf, nil},
	{regexp.MustCompile(`FROM jos_assets WHERE name = 'root.1'$`), rootAsset, nil},
}

var accountColumns = []string{
	"id", "username", "block", "activation", "requireReset", "groups", "group_concat_max_len", "rules",
	"methods", "otpKey", "plugin", "com_users",
}

// defaults are a Super Admin, and whatever lets it in.
func defaults() row {
	return row{
		"session_id": testID, "time": int64(testNow), "data": login(7),
		"seed": seed, "enabled": "1", "plugin enabled": int64(1), "plugin state": int64(0), "plugin access": int64(1),
		"groups plugin enabled": int64(1), "groups plugin params": "{}", "token": "token-hush", "state": int64(1),
		"id": int64(7), "username": "admin", "block": int64(0), "activation": "", "requireReset": int64(0), "groups": "1,8",
		"group_concat_max_len": int64(1024), "rules": `{"core.admin":{"8":1}}`, "com_users": "{}",
	}
}

// login returns the data of a session in which a user is logged in. More are
// serialized keys and values.
func login(id int64, more ...string) string {
	return fmt.Sprintf(`__default|a:%d:{s:4:"user";a:1:{s:2:"id";i:%d;}%s}`, 1+len(more)/2, id, strings.Join(more, ""))
}

// second returns what login takes for a second factor.
func second(checked, setUp int) []string {
	return []string{`s:9:"com_users";`, fmt.Sprintf(`a:2:{s:11:"mfa_checked";i:%d;s:19:"mandatory_mfa_setup";i:%d;}`, checked, setUp)}
}

// A fakeDB is a database that answers the queries of a site by their kind. A
// query of another kind fails, and so does one about what it does not have.
type fakeDB struct {
	// rows are the answers of accounts and, in the column "value", of others.
	rows map[string][]row
	// errs are the errors of queries, endErrs those after their rows.
	errs, endErrs map[string]error
	// tables are the columns of tables, which are all there if it is nil.
	tables map[string][]string
	// withoutReset is a #__users without the column requireReset,
	// withoutFactors a site without #__user_mfa, and factorPlugins are the
	// plugins for second factors that are enabled.
	withoutReset, withoutFactors bool
	factorPlugins                string
	// uncounted reports whether the count of tables of a name is null.
	uncounted bool
	// down is the error of every connection.
	down error

	mutex sync.Mutex
	kinds []string
	args  [][]any
}

// newFakeDB returns a database whose accounts by the given kinds of query are
// one row each.
func newFakeDB(kind string, rows ...row) *fakeDB {
	return &fakeDB{rows: map[string][]row{kind: rows}, errs: map[string]error{}, endErrs: map[string]error{}}
}

// site returns a site of f, of MySQL unless change says otherwise.
func (f *fakeDB) site(t testing.TB, change ...func(*capi.SiteConfig, *capi.SiteOptions)) *capi.Site {
	t.Helper()
	db := sql.OpenDB(f)
	t.Cleanup(func() {
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

// asked returns the kinds of the queries since the last call.
func (f *fakeDB) asked() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	kinds := f.kinds
	f.kinds, f.args = nil, nil
	return kinds
}

// Connect and Driver implement [driver.Connector].
func (f *fakeDB) Connect(context.Context) (driver.Conn, error) { return fakeConn{f}, f.down }
func (f *fakeDB) Driver() driver.Driver                        { return nil }

type fakeConn struct{ *fakeDB }

func (fakeConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("fake: a prepared statement")
}
func (fakeConn) Begin() (driver.Tx, error) { return nil, errors.New("fake: a transaction") }
func (fakeConn) Close() error              { return nil }

// QueryContext implements [driver.QueryerContext].
func (c fakeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text := strings.NewReplacer("`", "", `"`, "").Replace(query)
	for _, k := range kinds {
		match := k.pattern.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		kind, table := k.kind, ""
		if len(match) > 1 {
			table = match[1]
			kind += table
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.kinds = append(c.kinds, kind)
		var values []any
		for _, arg := range args {
			values = append(values, arg.Value)
		}
		c.args = append(c.args, values)
		if err := c.errs[kind]; err != nil {
			return nil, err
		}
		return c.answer(k.kind, kind, table, text, k.columns)
	}
	return nil, fmt.Errorf("fake: another query: %s", query)
}

func (f *fakeDB) answer(kind, name, table, text string, columns []string) (driver.Rows, error) {
	found, given := f.tables[table]
	switch kind {
	case byCookie, byID, byAPIToken, byCAPIToken:
		if f.withoutReset && strings.Contains(text, "u.requireReset") {
			return nil, errors.New("fake: no column requireReset")
		}
		if f.withoutFactors && strings.Contains(text, "jos_user_mfa") {
			return nil, errors.New("fake: no table user_mfa")
		}
		columns = append(slices.Clone(columns), accountColumns...)
	case columnsOf, grantedIn:
		if f.tables != nil && !given || f.withoutFactors && table == "user_mfa" {
			return nil, fmt.Errorf("fake: Error 1146 (42S02): no table %s", table)
		}
		if found == nil {
			found = []string{"id", "requireReset", "otpKey"}
		}
		return &fakeRows{columns: found}, nil
	case existence:
		if f.uncounted {
			return &fakeRows{columns: []string{"value"}, rows: []row{{"value": nil}}}, nil
		}
		count := int64(1)
		if f.tables != nil && !given {
			count = 0
		}
		return &fakeRows{columns: []string{"value"}, rows: []row{{"value": count}}}, nil
	case mfaPlugins:
		return &fakeRows{columns: []string{"enabled", "disabled"}, rows: []row{{"enabled": f.factorPlugins, "disabled": nil}}}, nil
	default:
		columns = []string{"value"}
	}
	answer := &fakeRows{columns: columns, err: f.endErrs[name]}
	for _, given := range f.rows[name] {
		r := defaults()
		for name, value := range given {
			r[name] = value
		}
		r["enabled plugins"] = f.factorPlugins
		if !strings.Contains(text, "jos_user_mfa") {
			r["methods"], r["otpKey"], r["plugin"] = nil, nil, f.factorPlugins
		}
		answer.rows = append(answer.rows, r)
	}
	return answer, nil
}

type fakeRows struct {
	columns []string
	rows    []row
	err     error
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
	for i, name := range r.columns {
		dest[i] = r.rows[0][name]
	}
	r.rows = r.rows[1:]
	return nil
}

// requireRefusal requires err to be one with that text, which begins with that
// of what it wraps.
func requireRefusal(t testing.TB, want string, err error) {
	t.Helper()
	require.EqualError(t, err, want)
	unauthenticated := strings.HasPrefix(want, capi.ErrUnauthenticated.Error())
	assert.Equal(t, unauthenticated, errors.Is(err, capi.ErrUnauthenticated))
	assert.Equal(t, !unauthenticated, errors.Is(err, capi.ErrForbidden))
}

// requireFailure requires err to be one that is answered with 500 and may be
// logged.
func requireFailure(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	assert.NotErrorIs(t, err, capi.ErrUnauthenticated)
	assert.NotErrorIs(t, err, capi.ErrForbidden)
	assert.True(t, strings.HasPrefix(err.Error(), "capi: "), "%v", err)
	assert.NotContains(t, err.Error(), "hush")
}
