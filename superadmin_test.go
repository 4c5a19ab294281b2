package capi_test

import (
	"context"
	"crypto/md5"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

const (
	testSecret = "secret-hush"
	testID     = "id-hush-0123456789abcdef"
	testNow    = 1_795_489_076
	testRules  = `{"core.admin":{"8":1,"21":0,"22":1,"-42":1}}`
)

// cookieName returns what Joomla calls the session cookie of an application.
func cookieName(application string) string {
	hash := md5.Sum([]byte(testSecret + application))
	hash = md5.Sum([]byte(hex.EncodeToString(hash[:])))
	return hex.EncodeToString(hash[:])
}

// guardedSite returns a site whose database answers what is expected of the mock, and nothing more. The SQL text must be
// that of the expectation, byte for byte.
func guardedSite(t *testing.T, dbType string, change func(*capi.SiteConfig)) (*capi.Site, sqlmock.Sqlmock) {
	t.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, mock.ExpectationsWereMet())
		_ = db.Close()
	})
	config := capi.SiteConfig{
		DBType: dbType, DBPrefix: "jos_", Secret: capi.NewSecret(testSecret), Lifetime: time.Minute,
	}
	if change != nil {
		change(&config)
	}
	site, err := capi.SiteOptions{Now: func() time.Time { return time.Unix(testNow, 0) }}.NewSite(db, config)
	require.NoError(t, err)
	return site, mock
}

// mySQLUsers, postgreSQLUsers and so on are what all queries for users have in common, in front of FROM and after it.
const (
	mySQLColumns = "u.`id`, u.`username`, u.`block`, u.`activation`, u.`requireReset`, m.`group_id`, p.`id`, NULL FROM "
	mySQLGroups  = " LEFT JOIN `jos_user_usergroup_map` AS m ON m.`user_id` = u.`id`" +
		" LEFT JOIN `jos_usergroups` AS g ON g.`id` = m.`group_id`" +
		" LEFT JOIN `jos_usergroups` AS p ON p.`lft` <= g.`lft` AND p.`rgt` >= g.`rgt` WHERE "
	mySQLRules = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, " +
		"(SELECT `rules` FROM `jos_assets` WHERE `name` = 'root.1' ORDER BY `id` LIMIT 1)"
)

// sessionQuery returns the query for one cookie or more in MySQL.
func sessionQuery(ids int) string {
	return "SELECT s.`session_id`, s.`guest`, s.`time`, " + mySQLColumns +
		"`jos_session` AS s INNER JOIN `jos_users` AS u ON u.`id` = s.`userid`" + mySQLGroups +
		"s.`session_id` IN (?" + strings.Repeat(", ?", ids-1) + ") UNION ALL SELECT NULL, NULL, NULL, " + mySQLRules
}

// inPostgreSQL returns a query for MySQL as it reads in PostgreSQL.
func inPostgreSQL(query string) string {
	query = strings.ReplaceAll(query, "`", `"`)
	for _, n := range []string{"$1", "$2", "$3", "$4"} {
		query = strings.Replace(query, "?", n, 1)
	}
	return query
}

// A values is a row of the columns that queries for users end with.
type values []driver.Value

// account returns the row of a user in one group or more, who may be changed by change.
func account(id int64, group any, change ...func(values)) values {
	row := values{id, "someone", int64(0), "", int64(0), group, group, nil}
	for _, f := range change {
		f(row)
	}
	return row
}

func username(name string) func(values) { return func(v values) { v[1] = name } }
func blocked(v values)                  { v[2] = int64(1) }
func unactivated(v values)              { v[3] = "8c1f0a9d" }
func mustReset(v values)                { v[4] = int64(1) }
func missingGroup(v values)             { v[6] = nil }

// session returns row with a session in front of it.
func session(id, guest, when driver.Value, row values) values {
	return append(values{id, guest, when}, row...)
}

// live returns row with a session in front of it that counts.
func live(row values) values { return session(testID, int64(0), int64(testNow), row) }

// answered returns the answer to a query: the given rows, of columns in all, and the rules.
func answered(columns int, rules any, given ...values) *sqlmock.Rows {
	names := make([]string, columns)
	answer := sqlmock.NewRows(names)
	for _, row := range given {
		answer.AddRow(row...)
	}
	last := make(values, columns)
	last[columns-1] = rules
	return answer.AddRow(last...)
}

// sessionRows returns the answer to a query for sessions.
func sessionRows(rules any, given ...values) *sqlmock.Rows { return answered(11, rules, given...) }

// checkedData and uncheckedData are the data of a session after the second factor and before any page.
const (
	checkedData   = `com_users|a:1:{s:11:"mfa_checked";i:1;}`
	uncheckedData = `session|a:0:{}`
)

// factorQuery returns the query for the second factor of a user with one cookie or more, in MySQL.
func factorQuery(ids int) string {
	return "SELECT s.`session_id`, s.`guest`, s.`time`, s.`data`," +
		" (SELECT COUNT(*) FROM `jos_user_mfa` AS f INNER JOIN `jos_extensions` AS e ON e.`element` = LOWER(f.`method`)" +
		" WHERE f.`user_id` = s.`userid` AND f.`method` <> 'backupcodes'" +
		" AND e.`type` = 'plugin' AND e.`folder` = 'multifactorauth' AND e.`enabled` = 1)," +
		" (SELECT `params` FROM `jos_extensions` WHERE `type` = 'component' AND `element` = 'com_users'" +
		" ORDER BY `extension_id` LIMIT 1)" + fromSessions(ids)
}

func fromSessions(ids int) string {
	return " FROM `jos_session` AS s WHERE s.`userid` = ? AND s.`session_id` IN (?" + strings.Repeat(", ?", ids-1) + ")"
}

// factorRows returns the answer to factorQuery.
func factorRows(when, data driver.Value, factors int, params driver.Value) *sqlmock.Rows {
	return sqlmock.NewRows(make([]string, 6)).AddRow(testID, int64(0), when, data, factors, params)
}

func TestSessionAuthorizerSecondFactor(t *testing.T) {
	tests := map[string]struct {
		data    driver.Value
		factors int
		params  driver.Value
		want    error
	}{
		"none":                     {uncheckedData, 0, "{}", nil},
		"passed":                   {checkedData, 1, "{}", nil},
		"pending":                  {uncheckedData, 1, "{}", capi.ErrForbidden},
		"checked is 0":             {`com_users|a:1:{s:11:"mfa_checked";i:0;}`, 1, "{}", capi.ErrForbidden},
		"must be set up":           {`com_users|a:2:{s:11:"mfa_checked";i:1;s:19:"mandatory_mfa_setup";i:1;}`, 0, "{}", capi.ErrForbidden},
		"data is null":             {nil, 1, "{}", capi.ErrForbidden},
		"data is null, no factor":  {nil, 0, "{}", nil},
		"data is broken":           {"x", 1, "{}", capi.ErrForbidden},
		"never":                    {uncheckedData, 1, `{"neverMFAUserGroups":["8"]}`, nil},
		"never, not this group":    {uncheckedData, 1, `{"neverMFAUserGroups":[2,"80"]}`, capi.ErrForbidden},
		"never, in an object":      {uncheckedData, 1, `{"neverMFAUserGroups":{"1":8}}`, capi.ErrForbidden},
		"forced":                   {uncheckedData, 0, `{"forceMFAUserGroups":[8]}`, capi.ErrForbidden},
		"forced and passed":        {checkedData, 1, `{"forceMFAUserGroups":[8]}`, nil},
		"forced outweighs never":   {uncheckedData, 1, `{"neverMFAUserGroups":[8],"forceMFAUserGroups":[8]}`, capi.ErrForbidden},
		"parameters are broken":    {uncheckedData, 0, `{"never`, capi.ErrForbidden},
		"parameters are not there": {uncheckedData, 1, nil, capi.ErrForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			mock.ExpectQuery(sessionQuery(1)).WillReturnRows(sessionRows(testRules, live(account(7, int64(8)))))
			mock.ExpectQuery(factorQuery(1)).WillReturnRows(factorRows(int64(testNow), test.data, test.factors, test.params))
			err := capi.NewSessionAuthorizer(site).Authorize(withCookies(cookieName("site") + "=" + testID))
			assert.Equal(t, test.want, err)
		})
	}
}

// withCookies returns a request with the given Cookie headers.
func withCookies(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)
	r.Header["Cookie"] = headers
	return r
}

func TestSessionAuthorizer(t *testing.T) {
	var (
		ok           error
		unauthorized = capi.ErrUnauthenticated
		forbidden    = capi.ErrForbidden
	)
	rooted := func(root string) func(*capi.SiteConfig) {
		return func(c *capi.SiteConfig) { c.RootUser = root }
	}
	tests := map[string]struct {
		config func(*capi.SiteConfig)
		rules  any
		rows   []values
		want   error
	}{
		"Super User":               {nil, testRules, []values{live(account(7, int64(8)))}, ok},
		"as text":                  {nil, []byte(testRules), []values{{[]byte(testID), []byte("0"), []byte("1795489076"), []byte("7"), []byte("x"), []byte("0"), []byte("0"), []byte("0"), []byte("8"), []byte("8"), nil}}, ok},
		"other group":              {nil, testRules, []values{live(account(7, int64(2)))}, forbidden},
		"group of two":             {nil, testRules, []values{live(account(7, int64(2))), live(account(7, int64(8)))}, ok},
		"one group denied":         {nil, testRules, []values{live(account(7, int64(8))), live(account(7, int64(21)))}, forbidden},
		"user by rule":             {nil, testRules, []values{live(account(42, int64(2)))}, ok},
		"no group is group 1":      {nil, `{"core.admin":{"1":1}}`, []values{live(account(7, nil))}, ok},
		"no group":                 {nil, testRules, []values{live(account(7, nil))}, forbidden},
		"missing group":            {nil, testRules, []values{live(account(7, int64(8), missingGroup))}, forbidden},
		"missing group is group 0": {nil, `{"core.admin":{"0":1}}`, []values{live(account(7, int64(777), missingGroup))}, ok},

		"no session":                       {nil, testRules, nil, unauthorized},
		"guest":                            {nil, testRules, []values{session(testID, int64(1), int64(testNow), account(7, int64(8)))}, unauthorized},
		"guest is null":                    {nil, testRules, []values{session(testID, nil, int64(testNow), account(7, int64(8)))}, unauthorized},
		"user 0":                           {nil, testRules, []values{live(account(0, int64(8)))}, unauthorized},
		"in its last second":               {nil, testRules, []values{session(testID, int64(0), int64(testNow-60), account(7, int64(8)))}, ok},
		"expired":                          {nil, testRules, []values{session(testID, int64(0), int64(testNow-61), account(7, int64(8)))}, unauthorized},
		"time is empty":                    {nil, testRules, []values{session(testID, int64(0), "", account(7, int64(8)))}, unauthorized},
		"time is null":                     {nil, testRules, []values{session(testID, int64(0), nil, account(7, int64(8)))}, unauthorized},
		"since before 1970, time is empty": {func(c *capi.SiteConfig) { c.Lifetime = math.MaxInt64 }, testRules, []values{session(testID, int64(0), "", account(7, int64(8)))}, unauthorized},
		"lifetime of centuries":            {func(c *capi.SiteConfig) { c.Lifetime = 1<<63 - 1 }, testRules, []values{session(testID, int64(0), int64(1), account(7, int64(8)))}, ok},
		"other letter case":                {nil, testRules, []values{session(strings.ToUpper(testID), int64(0), int64(testNow), account(7, int64(8)))}, unauthorized},
		"space at the end":                 {nil, testRules, []values{session(testID+" ", int64(0), int64(testNow), account(7, int64(8)))}, unauthorized},
		"null id":                          {nil, testRules, []values{session(nil, int64(0), int64(testNow), account(7, int64(8)))}, unauthorized},

		"blocked":                 {nil, testRules, []values{live(account(7, int64(8), blocked))}, forbidden},
		"not activated":           {nil, testRules, []values{live(account(7, int64(8), unactivated))}, forbidden},
		"must reset":              {nil, testRules, []values{live(account(7, int64(8), mustReset))}, forbidden},
		"activation is 0":         {nil, testRules, []values{live(account(7, int64(8), func(v values) { v[3] = "0" }))}, ok},
		"activation is spaces":    {nil, testRules, []values{live(account(7, int64(8), func(v values) { v[3] = " " }))}, ok},
		"activation is null":      {nil, testRules, []values{live(account(7, int64(8), func(v values) { v[3] = nil }))}, ok},
		"blocked, rules are none": {nil, `x`, []values{live(account(7, int64(8), blocked))}, forbidden},

		"two users, one Super User": {nil, testRules, []values{live(account(7, int64(2))), live(account(8, int64(8)))}, ok},
		"two users, none":           {nil, testRules, []values{live(account(7, int64(2))), live(account(8, int64(21)))}, forbidden},
		"two users, groups apart":   {nil, `{"core.admin":{"8":1,"-7":0}}`, []values{live(account(7, int64(8))), live(account(8, int64(2)))}, forbidden},
		"two users, one blocked":    {nil, testRules, []values{live(account(7, int64(8), blocked)), live(account(8, int64(2)))}, forbidden},

		"no rules":       {nil, nil, []values{live(account(7, int64(8)))}, forbidden},
		"empty rules":    {nil, "", []values{live(account(7, int64(8)))}, forbidden},
		"rules of PHP":   {nil, "[]", []values{live(account(7, int64(8)))}, forbidden},
		"no core.admin":  {nil, `{"core.manage":{"8":1}}`, []values{live(account(7, int64(8)))}, forbidden},
		"core.admin: []": {nil, `{"core.admin":[]}`, []values{live(account(7, int64(8)))}, forbidden},

		"root by id":           {rooted("7"), "x", []values{live(account(7, nil))}, ok},
		"root by another id":   {rooted("70"), testRules, []values{live(account(7, nil))}, forbidden},
		"root by name":         {rooted("someone"), "x", []values{live(account(7, nil))}, ok},
		"root by another name": {rooted("Someone"), testRules, []values{live(account(7, nil))}, forbidden},
		"named like root's id": {rooted("70"), testRules, []values{live(account(7, nil, username("70")))}, forbidden},
		"nameless, no root":    {rooted(""), testRules, []values{live(account(7, nil, username("")))}, forbidden},
		"root is blocked":      {rooted("7"), testRules, []values{live(account(7, int64(8), blocked))}, forbidden},
		"root's guest session": {rooted("7"), testRules, []values{session(testID, int64(1), int64(testNow), account(7, nil))}, unauthorized},
		"root as second user":  {rooted("someone else"), "x", []values{live(account(7, nil)), live(account(8, nil, username("someone else")))}, ok},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", test.config)
			mock.ExpectQuery(sessionQuery(1)).WithArgs(testID).WillReturnRows(sessionRows(test.rules, test.rows...)).
				RowsWillBeClosed()
			if test.want == nil {
				when := test.rows[0][2]
				mock.ExpectQuery(factorQuery(1)).WillReturnRows(factorRows(when, checkedData, 1, "{}")).RowsWillBeClosed()
			}
			err := capi.NewSessionAuthorizer(site).Authorize(withCookies(cookieName("site") + "=" + testID))
			assert.Equal(t, test.want, err)
		})
	}
}

func TestSessionAuthorizerInEachDialect(t *testing.T) {
	cookie := cookieName("site") + "=" + testID + "; " + cookieName("administrator") + "=other"
	for _, dbType := range []string{"mysqli", "pgsql", "sqlite"} {
		t.Run(dbType, func(t *testing.T) {
			site, mock := guardedSite(t, dbType, nil)
			query, args, factor := sessionQuery(2), []driver.Value{testID, "other"}, factorQuery(2)
			switch dbType {
			case "pgsql":
				query, factor = inPostgreSQL(query), inPostgreSQL(factor)
			case "sqlite":
				factor = strings.ReplaceAll(factorQuery(4), "`", `"`)
				query = strings.ReplaceAll(sessionQuery(4), "`", `"`)
				args = []driver.Value{[]byte(testID), testID, []byte("other"), "other"}
			}
			mock.ExpectQuery(query).WithArgs(args...).WillReturnRows(sessionRows(testRules, live(account(7, int64(8)))))
			mock.ExpectQuery(factor).WithArgs(append([]driver.Value{7}, args...)...).
				WillReturnRows(factorRows(int64(testNow), checkedData, 1, "{}"))
			assert.NoError(t, capi.NewSessionAuthorizer(site).Authorize(withCookies(cookie)))
		})
	}
}

func TestSessionCookies(t *testing.T) {
	site1, administrator := cookieName("site"), cookieName("administrator")
	siteClass := cookieName(`Joomla\CMS\Application\SiteApplication`)
	administratorClass := cookieName(`Joomla\CMS\Application\AdministratorApplication`)
	longest := strings.Repeat("x", 192)
	tests := map[string]struct {
		name    string
		headers []string
		want    []driver.Value
	}{
		"none":                    {headers: nil},
		"empty header":            {headers: []string{""}},
		"of others":               {headers: []string{"a=b; " + strings.ToUpper(site1) + "=x; x" + site1 + "=x; " + site1 + "x=x; =x; ;;; " + site1[1:]}},
		"site":                    {headers: []string{site1 + "=x"}, want: []driver.Value{"x"}},
		"administrator":           {headers: []string{"a=b;" + administrator + "=x;c=d"}, want: []driver.Value{"x"}},
		"class of site":           {headers: []string{siteClass + "=x"}, want: []driver.Value{"x"}},
		"class of administrator":  {headers: []string{administratorClass + "=x"}, want: []driver.Value{"x"}},
		"all":                     {headers: []string{site1 + "=a; " + administrator + "=b", siteClass + "=c;\t" + administratorClass + "=d"}, want: []driver.Value{"a", "b", "c", "d"}},
		"the same twice":          {headers: []string{site1 + "=x; " + administrator + "=x"}, want: []driver.Value{"x"}},
		"the first of a name":     {headers: []string{site1 + "=x; " + site1 + "=y", site1 + "=z"}, want: []driver.Value{"x"}},
		"the first is empty":      {headers: []string{site1 + "=; " + site1 + "=y"}},
		"the first has no value":  {headers: []string{site1 + "; " + site1 + "=y"}},
		"the first is no id":      {headers: []string{site1 + "=a b; " + site1 + "=y"}},
		"quoted":                  {headers: []string{site1 + `="x"`}},
		"space at the end":        {headers: []string{site1 + "=x ; a=b"}},
		"escaped space":           {headers: []string{site1 + "=x%20"}},
		"plus":                    {headers: []string{site1 + "=x+"}},
		"escaped as PHP does":     {headers: []string{site1 + "=A%2Cb-9"}, want: []driver.Value{"A,b-9"}},
		"as browsers might":       {headers: []string{site1 + "=A,b-9"}, want: []driver.Value{"A,b-9"}},
		"malformed escape":        {headers: []string{site1 + "=x%2"}},
		"SQL":                     {headers: []string{site1 + "=' OR 1=1 -- "}},
		"escaped SQL":             {headers: []string{site1 + "=%27%20OR%201"}},
		"wildcard":                {headers: []string{site1 + "=%25"}},
		"backslash":               {headers: []string{site1 + `=a\b`}},
		"NUL":                     {headers: []string{site1 + "=a%00"}},
		"not ASCII":               {headers: []string{site1 + "=é"}},
		"not UTF-8":               {headers: []string{site1 + "=\xff"}},
		"equals sign":             {headers: []string{site1 + "=a=b"}},
		"longest":                 {headers: []string{site1 + "=" + longest}, want: []driver.Value{longest}},
		"too long":                {headers: []string{site1 + "=" + longest + "x"}},
		"megabyte":                {headers: []string{site1 + "=" + strings.Repeat("x", 1<<20)}},
		"megabyte of escapes":     {headers: []string{site1 + "=" + strings.Repeat("%41", 1<<18)}},
		"megabyte of cookies":     {headers: []string{strings.Repeat("a=b; ", 1<<18) + site1 + "=x"}, want: []driver.Value{"x"}},
		"thousands of its name":   {headers: []string{strings.Repeat(site1+"=x; ", 10_000)}, want: []driver.Value{"x"}},
		"dozens beside a good":    {headers: []string{strings.Repeat(site1+"=a; "+administrator+"=b; x=y; ", 30)}, want: []driver.Value{"a", "b"}},
		"name of the site's own":  {name: "shared", headers: []string{cookieName("shared") + "=x"}, want: []driver.Value{"x"}},
		"its own, not the others": {name: "shared", headers: []string{site1 + "=x; " + administrator + "=x; " + siteClass + "=x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", func(c *capi.SiteConfig) { c.SessionName = test.name })
			if len(test.want) > 0 {
				mock.ExpectQuery(sessionQuery(len(test.want))).WithArgs(test.want...).WillReturnRows(sessionRows(testRules))
			}
			err := capi.NewSessionAuthorizer(site).Authorize(withCookies(test.headers...))
			assert.Equal(t, capi.ErrUnauthenticated, err)
		})
	}
}

func TestSessionAuthorizerFails(t *testing.T) {
	broken := errors.New("broken")
	good := live(account(7, int64(8)))
	tests := map[string]func(*sqlmock.ExpectedQuery){
		"query": func(q *sqlmock.ExpectedQuery) { q.WillReturnError(broken) },
		"row":   func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(sessionRows(testRules, good).RowError(1, broken)) },
		"end":   func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(sessionRows(testRules, good).CloseError(broken)) },
		"time": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(sessionRows(testRules, session(testID, int64(0), "hush", account(7, int64(8)))))
		},
		"id": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(sessionRows(testRules, session(1.5, int64(0), int64(testNow), account(7, int64(8)))))
		},
		"block": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(sessionRows(testRules, live(account(7, int64(8), func(v values) { v[2] = "hush" }))))
		},
		"rules":  func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(sessionRows(`{"core.admin":{"8":1},"hush`, good)) },
		"column": func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(sqlmock.NewRows([]string{"a"}).AddRow("hush")) },
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			answer(mock.ExpectQuery(sessionQuery(1)).WithArgs(testID))
			err := capi.NewSessionAuthorizer(site).Authorize(withCookies(cookieName("site") + "=" + testID))
			requireFailure(t, err)
			if name == "query" || name == "row" || name == "end" {
				assert.ErrorIs(t, err, broken)
			}
		})
	}
}

// requireFailure requires err to be one that is answered with 500 and may be logged.
func requireFailure(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	assert.NotErrorIs(t, err, capi.ErrUnauthenticated)
	assert.NotErrorIs(t, err, capi.ErrForbidden)
	assert.Truef(t, strings.HasPrefix(err.Error(), "capi: "), "%v", err)
	assert.NotContains(t, err.Error(), "hush")
}

func TestSessionAuthorizerEndsWithTheRequest(t *testing.T) {
	site, mock := guardedSite(t, "mysqli", nil)
	mock.ExpectQuery(sessionQuery(1)).WithArgs(testID).WillDelayFor(time.Minute).
		WillReturnRows(sessionRows(testRules, live(account(7, int64(8)))))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	requireFailure(t, capi.NewSessionAuthorizer(site).Authorize(withCookies(cookieName("site")+"="+testID).WithContext(ctx)))
}

func TestAuthorizersServeManyAtOnce(t *testing.T) {
	const requests = 50
	site, mock := guardedSite(t, "mysqli", nil)
	mock.MatchExpectationsInOrder(false)
	for range requests {
		mock.ExpectQuery(sessionQuery(1)).WithArgs(testID).
			WillReturnRows(sessionRows(testRules, live(account(7, int64(8)))))
		mock.ExpectQuery(factorQuery(1)).WillReturnRows(factorRows(int64(testNow), checkedData, 0, nil))
		mock.ExpectQuery(capiQuery).WithArgs("token").
			WillReturnRows(capiRows(testRules, append(values{"token", int64(1)}, account(8, int64(2))...)))
	}
	sessions, tokens := capi.NewSessionAuthorizer(site), capi.NewTokenAuthorizer(site)
	var group sync.WaitGroup
	for range requests {
		group.Add(2)
		go func() {
			defer group.Done()
			assert.NoError(t, sessions.Authorize(withCookies(cookieName("site")+"="+testID)))
		}()
		go func() {
			defer group.Done()
			assert.Equal(t, capi.ErrForbidden, tokens.Authorize(withHeaders("token", "token")))
		}()
	}
	group.Wait()
}
