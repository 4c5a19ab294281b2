package capi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// What a site's tables lack is found out once. No query fails afterwards.
func TestSiteFindsSchema(t *testing.T) {
	users, factors := columnsOf+"users", columnsOf+"user_mfa"
	tests := map[string]struct {
		withoutReset, withoutFactors bool
		first                        []string
	}{
		"4.2 and later": {false, false, []string{byCookie}},
		"before 4.2":    {false, true, []string{byCookie, users, mfaPlugins, factors, byCookie}},
		"before 3.3":    {true, true, []string{byCookie, users, byCookie, mfaPlugins, factors, byCookie}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCookie, row{})
			db.rows[byCAPIToken] = []row{{}}
			db.withoutReset, db.withoutFactors = test.withoutReset, test.withoutFactors
			if test.withoutReset {
				db.tables = map[string][]string{"users": {"id", "username"}}
			}
			site := db.site(t)
			require.NoError(t, newSessionAuthorizer(t, site).Authorize(withSession()))
			assert.Equal(t, test.first, db.asked())
			require.NoError(t, newSessionAuthorizer(t, site).Authorize(withSession()))
			require.NoError(t, capi.NewCAPITokenAuthorizer(site).Authorize(withHeaders("token", "token-hush")))
			assert.Equal(t, []string{byCookie, byCAPIToken}, db.asked())

			// The site is brought up to date, and a factor counts from then on.
			if !test.withoutFactors {
				return
			}
			db.withoutFactors, db.factorPlugins = false, "totp"
			db.rows[byCookie] = []row{{"methods": "totp"}}
			requireRefusal(t, secondIsPending, newSessionAuthorizer(t, site).Authorize(withSession()))
			assert.Equal(t, []string{byCookie, byCookie, mfaPlugins}, db.asked())
		})
	}
}

// A table of factors that cannot be read, while a plugin for them is enabled,
// is a failure.
func TestSiteFailsWithoutFactors(t *testing.T) {
	db := newFakeDB(byCookie, row{})
	db.withoutFactors, db.factorPlugins = true, "totp"
	requireFailure(t, newSessionAuthorizer(t, db.site(t)).Authorize(withSession()))
	assert.Equal(t, []string{byCookie, columnsOf + "users", mfaPlugins}, db.asked())
}

// A column that is there, or cannot be looked for, is not what a query failed
// of.
func TestSiteFailsWithReset(t *testing.T) {
	for _, lookup := range []error{nil, errors.New("no such table")} {
		db := newFakeDB(byCookie, row{})
		db.errs[byCookie], db.errs[columnsOf+"users"] = errors.New("broken"), lookup
		auth := newSessionAuthorizer(t, db.site(t))
		for range 2 {
			err := auth.Authorize(withSession())
			requireFailure(t, err)
			assert.ErrorIs(t, err, db.errs[byCookie])
			assert.Equal(t, []string{byCookie, columnsOf + "users", mfaPlugins, columnsOf + "user_mfa"}, db.asked())
		}
	}
}

// A list that has the length of the limit may be cut, and a group with it that
// is denied.
func TestSiteGroupLimit(t *testing.T) {
	groups := strings.Repeat("1,", 500) + "8"
	for limit, fails := range map[any]bool{nil: false, int64(len(groups) + 1): false, int64(len(groups)): true, int64(len(groups) - 1): true} {
		err := newSessionAuthorizer(t, newFakeDB(byCookie, row{"groups": groups, "group_concat_max_len": limit}).site(t)).Authorize(withSession())
		if fails {
			requireFailure(t, err)
			assert.ErrorContains(t, err, "group_concat_max_len")
		} else {
			assert.NoError(t, err)
		}
	}
}
