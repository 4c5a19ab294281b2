package capi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomlatest"
)

func TestCoreAdminAsRecorded(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		recorded := joomlatest.Recorded(name)
		root := recorded.Tables["assets"][0]
		require.Equal(t, "root.1", root["name"])
		granted := 0
		for _, u := range recorded.Users {
			identities := []int64{-u.ID}
			for _, group := range u.Groups {
				id, err := group.Int64()
				require.NoError(t, err)
				identities = append(identities, id)
			}
			got, err := coreAdmin(root["rules"].(string), identities)
			require.NoError(t, err)
			assert.Equal(t, u.CoreAdmin, got, "%s: %s", name, u.Username)
			if got {
				granted++
			}
		}
		assert.Positive(t, granted)
	}
}

func TestCookieNamesAsRecorded(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		recorded := joomlatest.Recorded(name)
		site := &Site{config: &SiteConfig{Secret: recorded.Config.Secret}}
		assert.Contains(t, site.cookieNames(), recorded.CookieNames.Site, name)
		assert.Contains(t, site.cookieNames(), recorded.CookieNames.Administrator, name)

		site.config.SessionName = "site"
		assert.Equal(t, []string{recorded.CookieNames.Site}, site.cookieNames(), "a name of the site's own is the only one")
	}
}

func TestCoreAdmin(t *testing.T) {
	const user, group, ancestor = -42, 8, 1
	tests := []struct {
		rules string
		want  bool
	}{
		{`{"core.admin":{"8":1}}`, true},
		{` { "core.admin" : { "8" : 1 } } `, true},
		{`{"core.admin":{"1":1}}`, true},
		{`{"core.admin":{"-42":1}}`, true},
		{`{"core.admin":{"7":1}}`, false},
		{`{"core.admin":{"42":1}}`, false},
		{`{"core.admin":{"-8":1}}`, false},
		{`{"core.admin":{"8":1,"7":0}}`, true},
		{`{"core.admin":{"8":1,"1":0}}`, false},
		{`{"core.admin":{"8":0,"1":1}}`, false},
		{`{"core.admin":{"8":1,"-42":0}}`, false},
		{`{"core.admin":{"-42":1,"8":0}}`, false},
		{`{"core.admin":{"8":1,"08":0}}`, false},
		{`{"core.admin":{"8":0,"8":1}}`, true}, // PHP keeps the last of one key.
		{`{"core.admin":{"8":0},"core.admin":{"8":1}}`, true},
		{`{"core.admin":{"8":1},"core.admin":{}}`, false},

		{`{"core.admin":{"8":true}}`, true},
		{`{"core.admin":{"8":"1"}}`, true},
		{`{"core.admin":{"8":"true"}}`, true},
		{`{"core.admin":{"8":2}}`, true},
		{`{"core.admin":{"8":-1}}`, true},
		{`{"core.admin":{"8":0.5}}`, true},
		{`{"core.admin":{"8":false,"1":1}}`, false},
		{`{"core.admin":{"8":"0","1":1}}`, false},
		{`{"core.admin":{"8":"","1":1}}`, false},
		{`{"core.admin":{"8":null,"1":1}}`, false},
		{`{"core.admin":{"8":0.0,"1":1}}`, false},
		{`{"core.admin":{"8":-0,"1":1}}`, false},

		{``, false},
		{" \n", false},
		{`{}`, false},
		{`[]`, false},
		{` [ ] `, false},
		{`null`, false},
		{`{"core.admin":[]}`, false},
		{`{"core.admin":[ ]}`, false},
		{`{"core.admin":{}}`, false},
		{`{"core.admin":null}`, false},
		{`{"core.login.admin":{"8":1},"core.manage":{"8":1}}`, false},
		{`{"Core.Admin":{"8":1},"core.admin ":{"8":1}}`, false},
		{`{"core.manage":"whatever","core.admin":{"8":1}}`, true},
	}
	for _, test := range tests {
		got, err := coreAdmin(test.rules, []int64{user, group, ancestor})
		require.NoError(t, err, test.rules)
		assert.Equal(t, test.want, got, test.rules)
	}

	for _, rules := range []string{
		`{`, `{"core.admin":{"8":1}`, `{"core.admin":{"8":1}}x`, `x`, `"core.admin"`, `1`, `true`, `[1]`, `[[]`, `]`, `[}`,
		`{"core.admin":[1]}`, `{"core.admin":[0,1,2,3,4,5,6,7,1]}`, `{"core.admin":1}`, `{"core.admin":true}`, `{"core.admin":"{\"8\":1}"}`,
		`{"core.admin":{"8":{}}}`, `{"core.admin":{"8":[]}}`, `{"core.admin":{"8":[1]}}`, `{"core.admin":{"8":1e999}}`,
		`{"core.admin":{"":1,"8":1}}`, `{"core.admin":{"8x":0,"8":1}}`, `{"core.admin":{" 8":1}}`, `{"core.admin":{"8.0":1}}`,
		`{"core.admin":{"99999999999999999999":1,"8":1}}`, "{\"core.admin\":{\"8\":1},\"\xff\":1}", "{\"core.admin\":{\"8\":1}}\x00",
		`{'core.admin':{'8':1}}`,
	} {
		got, err := coreAdmin(rules, []int64{user, group, ancestor})
		assert.ErrorIs(t, err, errRules, rules)
		assert.False(t, got, rules)
	}
}

func TestCoreAdminOfNobody(t *testing.T) {
	got, err := coreAdmin(`{"core.admin":{"8":1}}`, nil)
	require.NoError(t, err)
	assert.False(t, got)

	// A group that does not exist is group 0, also where rules name it.
	got, err = coreAdmin(`{"core.admin":{"0":1}}`, []int64{-42, 0})
	require.NoError(t, err)
	assert.True(t, got)
}
