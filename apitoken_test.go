package capi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"database/sql/driver"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// seed is the seed in the user's profile.
var seed = encoded("seed-hush")

// apiToken returns the API token of a user as Joomla shows it.
func apiToken(algorithm, user, secret, seed string) string {
	hashes := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}
	mac := hmac.New(hashes[algorithm], []byte(secret))
	mac.Write([]byte(seed))
	return encoded(algorithm + ":" + user + ":" + hex.EncodeToString(mac.Sum(nil)))
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// withHeaders returns a request with headers of the given names and values.
func withHeaders(pairs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)
	for i := 0; i < len(pairs); i += 2 {
		r.Header[http.CanonicalHeaderKey(pairs[i])] = []string{pairs[i+1]}
	}
	return r
}

func withAPIToken() *http.Request {
	return withHeaders("Authorization", "Bearer "+apiToken("sha256", "7", testSecret, "seed-hush"))
}

const (
	noAPIToken       = "capi: not authenticated: no well-formed API token"
	invalidAPIToken  = "capi: not authenticated: API token is not valid"
	disabledAPIToken = "capi: not authenticated: API token is disabled by its user"
	disabledPlugin   = "capi: not authenticated: API tokens are disabled by the site"
	noAPITokenParams = "capi: not authenticated: parameters of the plugin user/token cannot be read"
	noAPITokenGroup  = "capi: not authenticated: user is in no group that may use API tokens"
	accountInDoubt   = "capi: not authenticated: account of the API token is not in order"
)

func TestAPITokenAuthorizerAuthorize(t *testing.T) {
	const some = `{"allowedUserGroups":[2,22]}`
	tests := map[string]struct {
		row  row // Nil if there is no such user.
		want string
	}{
		"Super Admin":          {row{}, ""},
		"as bytes":             {row{"seed": []byte(seed), "enabled": []byte("1"), "plugin enabled": []byte("1"), "plugin state": "0", "plugin access": []byte("1")}, ""},
		"denied core.admin":    {row{"rules": `{"core.admin":{"8":1,"-7":0}}`}, noCoreAdmin},
		"other group":          {row{"groups": "2"}, noAPITokenGroup},
		"no groups":            {row{"groups": nil}, noAPITokenGroup},
		"no such user":         {nil, invalidAPIToken},
		"no seed":              {row{"seed": nil}, invalidAPIToken},
		"other seed":           {row{"seed": encoded("other")}, invalidAPIToken},
		"token disabled":       {row{"enabled": "0"}, disabledAPIToken},
		"never enabled":        {row{"enabled": nil}, disabledAPIToken},
		"enabled is no 1":      {row{"enabled": "yes"}, disabledAPIToken},
		"plugin disabled":      {row{"plugin enabled": int64(0)}, disabledPlugin},
		"plugin enabled oddly": {row{"plugin enabled": int64(2)}, disabledPlugin},
		"no plugin":            {row{"plugin enabled": nil}, disabledPlugin},
		"plugin, state 1":      {row{"plugin state": int64(1)}, ""},
		"plugin, state -1":     {row{"plugin state": int64(-1)}, disabledPlugin},
		"plugin, state null":   {row{"plugin state": nil}, disabledPlugin},
		"blocked":              {row{"block": int64(1)}, accountInDoubt},
		"not activated":        {row{"activation": "x"}, accountInDoubt},
		"must reset":           {row{"requireReset": int64(1)}, accountInDoubt},

		"no groups plugin":                 {row{"groups plugin enabled": nil, "groups plugin params": nil}, ""},
		"groups plugin is disabled":        {row{"groups plugin enabled": int64(0), "groups plugin params": some}, ""},
		"groups plugin is disabled, not 8": {row{"groups plugin enabled": int64(0), "groups plugin params": some, "groups": "22"}, noAPITokenGroup},
		"not among allowed":                {row{"groups plugin params": some}, noAPITokenGroup},
		"allowed":                          {row{"groups plugin params": some, "groups": "1,22", "rules": `{"core.admin":{"22":1}}`}, ""},
		"all are allowed":                  {row{"groups plugin params": `{"allowedUserGroups":[]}`, "groups": "3", "rules": `{"core.admin":{"3":1}}`}, ""},
		"all are allowed, no core.admin":   {row{"groups plugin params": `{"allowedUserGroups":[]}`, "groups": "2"}, noCoreAdmin},
		"params are no JSON":               {row{"groups plugin params": "hush=1"}, noAPITokenParams},
		"params are cut":                   {row{"groups plugin params": some[1:], "groups": "2,8"}, noAPITokenParams},
		"params are cut, plugin disabled":  {row{"groups plugin enabled": int64(0), "groups plugin params": "{"}, noAPITokenParams},
		"params are empty":                 {row{"groups plugin params": ""}, ""},
		"params of another":                {row{"groups plugin params": `{"a":{"allowedUserGroups":[22]}}`, "groups": "22"}, noAPITokenGroup},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reply := list()
			if test.row != nil {
				reply = found(byAPIToken, test.row)
			}
			requireAnswer(t, test.want, capi.NewAPITokenAuthorizer(newFakeDB(reply).site(t)).Authorize(withAPIToken()))
		})
	}
}

// The root user needs no permission, only a group that may use API tokens.
func TestAPITokenAuthorizerRootUser(t *testing.T) {
	for groups, want := range map[string]string{"8": "", "2": noAPITokenGroup} {
		db := newFakeDB(found(byAPIToken, row{"groups": groups, "rules": "{}"}))
		auth := capi.NewAPITokenAuthorizer(db.site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.RootUser = "7" }))
		requireAnswer(t, want, auth.Authorize(withAPIToken()))
	}
}

func TestAPITokenAuthorizerViewLevel(t *testing.T) {
	const guests = `{"guest_usergroup":"9"}`
	tests := map[string]struct {
		access driver.Value
		rules  reply
		groups reply
		want   string
	}{
		"level of visitors":     {int64(5), list("[9]"), list(int64(1), []byte("9")), ""},
		"by an ancestor":        {int64(5), list("[2,1]"), list(int64(9), int64(1)), ""},
		"level of others":       {int64(2), list("[2,8]"), list(int64(1), int64(9)), disabledPlugin},
		"level that is not":     {int64(3), list(), list(int64(1)), disabledPlugin},
		"level 0":               {nil, list(), list(int64(1)), disabledPlugin},
		"no group of visitors":  {int64(5), list("[9]"), list(), disabledPlugin},
		"rules that are broken": {int64(5), list("[9"), list(int64(9)), disabledPlugin},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(found(byAPIToken, row{"plugin access": test.access, "com_users": guests}), test.rules, test.groups)
			requireAnswer(t, test.want, capi.NewAPITokenAuthorizer(db.site(t)).Authorize(withAPIToken()))
			assert.Equal(t, []any{int64(9)}, db.args[2])
		})
	}
	broken := errors.New("broken")
	for _, more := range [][]reply{{fails(broken)}, {list("[9]"), fails(broken)}} {
		db := newFakeDB(append([]reply{found(byAPIToken, row{"plugin access": int64(2)})}, more...)...)
		err := capi.NewAPITokenAuthorizer(db.site(t)).Authorize(withAPIToken())
		requireFailure(t, err)
		assert.ErrorIs(t, err, broken)
	}
}

func TestAPITokenAuthorizerHeaders(t *testing.T) {
	good := apiToken("sha256", "7", testSecret, "seed-hush")
	wrong := apiToken("sha256", "7", "other", "seed-hush")
	tests := map[string]struct {
		headers []string
		want    string
	}{
		"bearer":                  {[]string{"Authorization", "Bearer " + good}, ""},
		"bearer of sha512":        {[]string{"Authorization", "Bearer " + apiToken("sha512", "7", testSecret, "seed-hush")}, ""},
		"bearer in spaces":        {[]string{"Authorization", "Bearer   " + good + " \t"}, ""},
		"bearer without padding":  {[]string{"Authorization", "Bearer " + strings.TrimRight(good, "=")}, ""},
		"own header":              {[]string{"X-Joomla-Token", good}, ""},
		"wrong secret":            {[]string{"Authorization", "Bearer " + wrong}, invalidAPIToken},
		"wrong bearer wins":       {[]string{"Authorization", "Bearer " + wrong, "X-Joomla-Token", good}, invalidAPIToken},
		"malformed bearer wins":   {[]string{"Authorization", "Bearer x", "X-Joomla-Token", good}, noAPIToken},
		"empty bearer does not":   {[]string{"Authorization", "Bearer  ", "X-Joomla-Token", good}, ""},
		"bearer of lower case":    {[]string{"Authorization", "bearer " + good}, noAPIToken},
		"basic does not win":      {[]string{"Authorization", "Basic " + wrong, "X-Joomla-Token", good}, ""},
		"no space":                {[]string{"Authorization", "Bearer" + good}, noAPIToken},
		"none":                    {nil, noAPIToken},
		"bearer in own header":    {[]string{"X-Joomla-Token", "Bearer " + good}, noAPIToken},
		"in the header of a cAPI": {[]string{"token", good}, noAPIToken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB()
			if test.want != noAPIToken {
				db.then(found(byAPIToken, row{}))
			}
			requireAnswer(t, test.want, capi.NewAPITokenAuthorizer(db.site(t)).Authorize(withHeaders(test.headers...)))
			if test.want == "" {
				assert.Equal(t, [][]any{{int64(7)}}, db.args)
			}
		})
	}
}

func TestAPITokenAuthorizerUser(t *testing.T) {
	db := newFakeDB(found(byAPIToken, row{"groups": "8", "rules": "{}"}))
	auth := capi.NewAPITokenAuthorizer(db.site(t))
	user, err := auth.User(withAPIToken())
	require.NoError(t, err)
	assert.Equal(t, capi.User{
		ID: 7, Username: "admin", Name: "Ada Admin", Email: "ada@example.org", Groups: []int64{8}, DirectGroups: []int64{},
		Credential: "API token",
	}, user)

	db.rest = errors.New("broken")
	_, err = auth.User(withAPIToken())
	requireFailure(t, err)
	assert.ErrorIs(t, err, db.rest)
}
