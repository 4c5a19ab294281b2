package capi_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// joomlaTables returns the tables that a site needs, and those that it may
// have.
func joomlaTables() map[string][]string {
	return map[string][]string{
		"session": {"session_id", "client_id", "guest", "time", "data", "userid", "username"},
		"users":   {"ID", "username", "block", "activation", "requireReset"}, "user_usergroup_map": {"user_id", "group_id"},
		"usergroups": {"id", "lft", "rgt", "title"}, "viewlevels": {"id", "rules"}, "assets": {"id", "name", "rules"},
		"extensions":    {"extension_id", "type", "folder", "element", "enabled", "state", "access", "params"},
		"user_profiles": {"user_id", "profile_key", "profile_value"}, "user_mfa": {"user_id", "method"},
		"services_tokens": {"token", "userid", "state"},
	}
}

func TestSiteCheck(t *testing.T) {
	denied := errors.New("1142 denied")
	without := func(tables ...string) func(*fakeDB) {
		return func(db *fakeDB) {
			for _, table := range tables {
				delete(db.tables, table)
			}
		}
	}
	unreadable := func(table string) func(*fakeDB) {
		return func(db *fakeDB) {
			db.errs[columnsOf+table], db.errs[grantedIn+table] = denied, denied
		}
	}
	data := func(payloads []capi.Payload, err error) capi.SessionData {
		return sessionDataFunc(func(context.Context, []string) ([]capi.Payload, error) { return payloads, err })
	}
	tests := map[string]struct {
		change func(*fakeDB)
		site   func(*capi.SiteConfig, *capi.SiteOptions)
		want   []string // parts of the error, empty for none
	}{
		"in order":             {},
		"no cAPI extension":    {change: without("services_tokens")},
		"before 4.2":           {change: without("user_mfa")},
		"columns granted":      {change: func(db *fakeDB) { db.errs[columnsOf+"users"] = denied }},
		"before 3.3":           {change: func(db *fakeDB) { db.withoutReset, db.tables["users"] = true, db.tables["users"][:4] }},
		"data in Redis":        {site: inRedis(data([]capi.Payload{nil}, nil))},
		"database is down":     {change: func(db *fakeDB) { db.down = errors.New("refused") }, want: []string{"database out of reach: check $host", "refused"}},
		"another prefix":       {change: func(db *fakeDB) { clear(db.tables) }, want: []string{`no table of the prefix "jos_": check $dbprefix`}},
		"two tables":           {change: without("session", "assets"), want: []string{"no table jos_session: ", "no table jos_assets: "}},
		"a table is denied":    {change: unreadable("viewlevels"), want: []string{"table jos_viewlevels cannot be read: grant SELECT on it", "1142 denied"}},
		"a column is missing":  {change: func(db *fakeDB) { db.tables["assets"] = []string{"id", "name"} }, want: []string{"table jos_assets has no column rules"}},
		"two columns":          {change: func(db *fakeDB) { db.tables["usergroups"] = []string{"id"} }, want: []string{"table jos_usergroups has no column lft, rgt: "}},
		"no root asset":        {change: func(db *fakeDB) { db.rows[rootAsset] = nil }, want: []string{"no asset root.1, so that nobody is a Super Admin"}},
		"root asset fails":     {change: func(db *fakeDB) { db.errs[rootAsset] = denied }, want: []string{"reading the root asset: 1142 denied"}},
		"accounts fail":        {change: func(db *fakeDB) { db.errs[byID] = denied }, want: []string{"accounts cannot be read: 1142 denied"}},
		"cAPI tokens denied":   {change: unreadable("services_tokens"), want: []string{"table jos_services_tokens cannot be read"}},
		"cAPI tokens, another": {change: func(db *fakeDB) { db.tables["services_tokens"] = []string{"id"} }, want: []string{"table jos_services_tokens has no column token, userid, state"}},
		"factors denied": {change: func(db *fakeDB) {
			db.factorPlugins = "totp"
			unreadable("user_mfa")(db)
		}, want: []string{"table jos_user_mfa cannot be read"}},
		"factors without table": {change: func(db *fakeDB) {
			db.factorPlugins = "totp"
			without("user_mfa")(db)
		}, want: []string{"no table jos_user_mfa"}},
		"no SessionData":   {site: inRedis(nil), want: []string{`sessions live outside of the database ($session_handler is "redis"): give a SessionData`}},
		"Redis is down":    {site: inRedis(data(nil, errors.New("refused"))), want: []string{`session data out of reach: check where $session_handler "redis" keeps it`, "refused"}},
		"more than one":    {change: without("session"), site: inRedis(nil), want: []string{"no table jos_session", "sessions live outside"}},
		"Redis misbehaves": {site: inRedis(data(nil, nil)), want: []string{"another number of payloads"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(rootAsset, row{"value": "root.1"})
			db.tables = maps.Clone(joomlaTables())
			if test.change != nil {
				test.change(db)
			}
			if test.site == nil {
				test.site = func(*capi.SiteConfig, *capi.SiteOptions) {}
			}
			err := db.site(t, test.site).Check(t.Context())
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			for _, part := range test.want {
				assert.ErrorContains(t, err, part)
			}
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, problem := range joined.Unwrap() {
					assert.Regexp(t, "^capi: ", problem.Error())
				}
			}
		})
	}
}
