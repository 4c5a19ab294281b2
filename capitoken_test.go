package capi_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

const (
	noCAPIToken      = "capi: not authenticated: no well-formed cAPI token"
	unknownCAPIToken = "capi: not authenticated: cAPI token is not known"
	notPublished     = "capi: not authenticated: cAPI token is not published"
)

func TestCAPITokenAuthorizerAuthorize(t *testing.T) {
	tests := map[string]struct {
		rows []row
		want string
	}{
		"Super Admin":       {[]row{{}}, ""},
		"as bytes":          {[]row{{"token": []byte("token-hush"), "state": []byte("1")}}, ""},
		"other group":       {[]row{{"groups": "2"}}, noCoreAdmin},
		"blocked":           {[]row{{"block": int64(1)}}, isBlocked},
		"not activated":     {[]row{{"activation": "x"}}, notActivated},
		"must reset":        {[]row{{"requireReset": int64(1)}}, mustReset},
		"unknown":           {nil, unknownCAPIToken},
		"no such user":      {[]row{{"id": nil}}, noUser},
		"unpublished":       {[]row{{"state": int64(0)}}, notPublished},
		"trashed":           {[]row{{"state": int64(-2)}}, notPublished},
		"archived":          {[]row{{"state": int64(2)}}, notPublished},
		"state is null":     {[]row{{"state": nil}}, notPublished},
		"other letter case": {[]row{{"token": "TOKEN-HUSH"}}, unknownCAPIToken},
		"space at the end":  {[]row{{"token": "token-hush "}}, unknownCAPIToken},
		"one of two alike":  {[]row{{"token": "TOKEN-HUSH"}, {"groups": "2"}}, noCoreAdmin},
		"in two rows":       {[]row{{}, {"id": int64(9)}}, "capi: not authenticated: cAPI token is in the table more than once"},
		"in two rows, one of them not published": {[]row{{}, {"state": int64(0)}},
			"capi: not authenticated: cAPI token is in the table more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCAPIToken, test.rows...)
			err := capi.NewCAPITokenAuthorizer(db.site(t)).Authorize(withHeaders("token", "token-hush"))
			if test.want == "" {
				require.NoError(t, err)
			} else {
				requireRefusal(t, test.want, err)
			}
			assert.Equal(t, [][]any{{"token-hush"}}, db.args)
		})
	}
}

func TestCAPITokenAuthorizerUser(t *testing.T) {
	user, err := capi.NewCAPITokenAuthorizer(newFakeDB(byCAPIToken, row{"groups": "2"}).site(t)).User(withHeaders("token", "token-hush"))
	require.NoError(t, err)
	assert.Equal(t, capi.User{ID: 7, Username: "admin", Groups: []int64{2}, Credential: "cAPI token"}, user)
}

func TestCAPITokenAuthorizerHeader(t *testing.T) {
	db := newFakeDB(byCAPIToken)
	auth := capi.NewCAPITokenAuthorizer(db.site(t))
	for _, text := range []string{"", strings.Repeat("x", 256), "a\x00b", "a\tb", "é", "\xff", "a\x7f"} {
		requireRefusal(t, noCAPIToken, auth.Authorize(withHeaders("token", text)))
	}
	assert.Empty(t, db.asked())
	for _, text := range []string{" ", "'; DROP TABLE x; -- ", `\`, "%", "?", "$1", "#__users", strings.Repeat("x", 255)} {
		requireRefusal(t, unknownCAPIToken, auth.Authorize(withHeaders("token", text)))
	}
	assert.Len(t, db.asked(), 8)
}

// Only a table that is not there is no failure.
func TestCAPITokenAuthorizerMissingTable(t *testing.T) {
	missing, denied := errors.New("Error 1146 (42S02): no table"), errors.New("Error 1142 (42000): denied")
	none := map[string][]string{"users": {"id", "requireReset", "otpKey"}, "user_mfa": {"id"}}
	there := maps.Clone(none)
	there["services_tokens"] = []string{"token"}
	tests := map[string]struct {
		dbType  string
		err     error
		tables  map[string][]string
		refused bool
		asked   int
	}{
		"MySQL, missing":                  {"mysqli", missing, none, true, 5},
		"MySQL, there":                    {"mysqli", missing, there, false, 5},
		"MySQL, not to be read":           {"mysqli", denied, none, false, 4}, // Nor is it in the tables that describe tables.
		"PostgreSQL, missing":             {"pgsql", errors.New("relation does not exist"), none, true, 5},
		"PostgreSQL, not to be read":      {"pgsql", denied, there, false, 5},
		"SQLite, missing":                 {"sqlite", errors.New("no such table"), none, true, 5},
		"SQLite, locked by somebody else": {"sqlite", errors.New("locked"), there, false, 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCAPIToken)
			db.tables, db.errs[byCAPIToken] = test.tables, test.err
			auth := capi.NewCAPITokenAuthorizer(db.site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.DBType = test.dbType }))
			err := auth.Authorize(withHeaders("token", "token-hush"))
			if test.refused {
				requireRefusal(t, "capi: not authenticated: site has no table of cAPI tokens", err)
			} else {
				requireFailure(t, err)
				assert.ErrorIs(t, err, test.err)
			}
			assert.Len(t, db.asked(), test.asked)
		})
	}
	db := newFakeDB(byCAPIToken)
	db.errs[byCAPIToken], db.errs[existence+"services_tokens"] = missing, errors.New("broken")
	err := capi.NewCAPITokenAuthorizer(db.site(t)).Authorize(withHeaders("token", "token-hush"))
	requireFailure(t, err)
	assert.ErrorIs(t, err, missing, "the first error is the cause")

	db = newFakeDB(byCAPIToken)
	db.errs[byCAPIToken], db.uncounted = missing, true
	err = capi.NewCAPITokenAuthorizer(db.site(t)).Authorize(withHeaders("token", "token-hush"))
	requireFailure(t, err)
	assert.ErrorIs(t, err, missing, "what cannot be counted may be there")
}
