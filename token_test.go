package capi_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
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

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

const (
	// capiQuery is the query for a cAPI token in MySQL.
	capiQuery = "SELECT t.`token`, t.`state`, " + mySQLColumns +
		"`jos_services_tokens` AS t INNER JOIN `jos_users` AS u ON u.`id` = t.`userid`" + mySQLGroups +
		"t.`token` = ? UNION ALL SELECT NULL, NULL, " + mySQLRules
	// apiQuery is the query for a Joomla API token in MySQL.
	apiQuery = "SELECT (SELECT `profile_value` FROM `jos_user_profiles` WHERE `user_id` = u.`id`" +
		" AND `profile_key` = 'joomlatoken.token' LIMIT 1)," +
		" (SELECT `profile_value` FROM `jos_user_profiles` WHERE `user_id` = u.`id`" +
		" AND `profile_key` = 'joomlatoken.enabled' LIMIT 1)," +
		" (SELECT `enabled` FROM `jos_extensions` WHERE `type` = 'plugin' AND `folder` = 'api-authentication'" +
		" AND `element` = 'token' ORDER BY `extension_id` LIMIT 1)," +
		" (SELECT `enabled` FROM `jos_extensions` WHERE `type` = 'plugin' AND `folder` = 'user'" +
		" AND `element` = 'token' ORDER BY `extension_id` LIMIT 1)," +
		" (SELECT `params` FROM `jos_extensions` WHERE `type` = 'plugin' AND `folder` = 'user'" +
		" AND `element` = 'token' ORDER BY `extension_id` LIMIT 1), " + mySQLColumns +
		"`jos_users` AS u" + mySQLGroups + "u.`id` = ? UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, " + mySQLRules
	// tableQuery is the query for whether a table is there in MySQL.
	tableQuery = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
)

// seed is what the user's profile holds.
var seed = base64.StdEncoding.EncodeToString([]byte("seed-hush"))

func capiRows(rules any, given ...values) *sqlmock.Rows { return answered(10, rules, given...) }

func apiRows(rules any, given ...values) *sqlmock.Rows { return answered(13, rules, given...) }

// apiToken returns the API token of a user as Joomla shows it.
func apiToken(algorithm, user, secret string) string {
	hashes := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha1": sha1.New, "md5": md5.New}
	mac := hmac.New(hashes[algorithm], []byte(secret))
	mac.Write([]byte("seed-hush"))
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

// profile returns row with what the query for an API token finds in front of it.
func profile(seed, enabled, plugin, groupsPlugin, params driver.Value, row values) values {
	return append(values{seed, enabled, plugin, groupsPlugin, params}, row...)
}

// set returns row with what the query for an API token finds on a site as it is installed.
func set(row values) values { return profile(seed, "1", int64(1), int64(1), "{}", row) }

func TestAPIToken(t *testing.T) {
	const super = int64(8)
	withParams := func(params any, group int64) values {
		return profile(seed, "1", int64(1), int64(1), params, account(7, group))
	}
	tests := map[string]struct {
		rules any
		rows  []values
		want  error
	}{
		"Super User":         {testRules, []values{set(account(7, super))}, nil},
		"as bytes":           {testRules, []values{profile([]byte(seed), []byte("1"), []byte("1"), []byte("1"), []byte("{}"), account(7, super))}, nil},
		"denied core.admin":  {`{"core.admin":{"8":1,"-7":0}}`, []values{set(account(7, super))}, capi.ErrForbidden},
		"a group denied":     {testRules, []values{set(account(7, super)), set(account(7, int64(21)))}, capi.ErrForbidden},
		"core.admin, not 8":  {testRules, []values{set(account(7, int64(22)))}, capi.ErrUnauthenticated},
		"other group":        {testRules, []values{set(account(7, int64(2)))}, capi.ErrUnauthenticated},
		"no groups":          {testRules, []values{set(account(7, nil))}, capi.ErrUnauthenticated},
		"no such user":       {testRules, nil, capi.ErrUnauthenticated},
		"blocked":            {testRules, []values{set(account(7, super, blocked))}, capi.ErrUnauthenticated},
		"not activated":      {testRules, []values{set(account(7, super, unactivated))}, capi.ErrUnauthenticated},
		"must reset":         {testRules, []values{set(account(7, super, mustReset))}, capi.ErrUnauthenticated},
		"no rules":           {nil, []values{set(account(7, super))}, capi.ErrForbidden},
		"no seed":            {testRules, []values{profile(nil, "1", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"empty seed":         {testRules, []values{profile("", "1", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"other seed":         {testRules, []values{profile(encoded("other"), "1", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"seed is no base64":  {testRules, []values{profile("seed-hush", "1", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"token disabled":     {testRules, []values{profile(seed, "0", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"never enabled":      {testRules, []values{profile(seed, nil, int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"enabled is no 1":    {testRules, []values{profile(seed, "yes", int64(1), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"plugin disabled":    {testRules, []values{profile(seed, "1", int64(0), int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"no plugin":          {testRules, []values{profile(seed, "1", nil, int64(1), "{}", account(7, super))}, capi.ErrUnauthenticated},
		"no groups plugin":   {testRules, []values{profile(seed, "1", int64(1), nil, nil, account(7, super))}, nil},
		"no groups plugin 2": {testRules, []values{profile(seed, "1", int64(1), nil, nil, account(7, int64(22)))}, capi.ErrUnauthenticated},
		"groups disabled":    {testRules, []values{profile(seed, "1", int64(1), int64(0), `{"allowedUserGroups":[22]}`, account(7, super))}, nil},
		"groups disabled 2":  {testRules, []values{profile(seed, "1", int64(1), int64(0), `{"allowedUserGroups":[22]}`, account(7, int64(22)))}, capi.ErrUnauthenticated},

		"params null":             {testRules, []values{withParams(nil, super)}, nil},
		"params empty":            {testRules, []values{withParams("", super)}, nil},
		"params of PHP":           {testRules, []values{withParams("[]", super)}, nil},
		"params of others":        {testRules, []values{withParams(`{"a":{"allowedUserGroups":[22]}}`, int64(22))}, capi.ErrUnauthenticated},
		"allowed by number":       {testRules, []values{withParams(`{"allowedUserGroups":[2,22]}`, int64(22))}, nil},
		"allowed by string":       {testRules, []values{withParams(`{"allowedUserGroups":["2","22"]}`, int64(22))}, nil},
		"allowed in an object":    {testRules, []values{withParams(`{"allowedUserGroups":{"1":"22"}}`, int64(22))}, nil},
		"allowed alone":           {testRules, []values{withParams(`{"allowedUserGroups":22}`, int64(22))}, nil},
		"allowed alone as string": {testRules, []values{withParams(`{"allowedUserGroups":"22"}`, int64(22))}, nil},
		"8 not among allowed":     {testRules, []values{withParams(`{"allowedUserGroups":[2,22]}`, super)}, capi.ErrUnauthenticated},
		"part of a number":        {testRules, []values{withParams(`{"allowedUserGroups":[2,"222"]}`, int64(22))}, capi.ErrUnauthenticated},
		"all by empty array":      {testRules, []values{withParams(`{"allowedUserGroups":[]}`, int64(22))}, nil},
		"all by empty object":     {testRules, []values{withParams(`{"allowedUserGroups":{}}`, int64(22))}, nil},
		"all by empty string":     {testRules, []values{withParams(`{"allowedUserGroups":""}`, int64(22))}, nil},
		"all by 0":                {testRules, []values{withParams(`{"allowedUserGroups":0}`, int64(22))}, nil},
		"all by 0 as string":      {testRules, []values{withParams(`{"allowedUserGroups":"0"}`, int64(22))}, nil},
		"none by 0 in array":      {testRules, []values{withParams(`{"allowedUserGroups":[0]}`, super)}, capi.ErrUnauthenticated},
		"all by null":             {testRules, []values{withParams(`{"allowedUserGroups": null}`, int64(22))}, nil},
		"all, no core.admin":      {testRules, []values{withParams(`{"allowedUserGroups":[]}`, int64(2))}, capi.ErrForbidden},
		"none by null in array":   {testRules, []values{withParams(`{"allowedUserGroups":[null]}`, super)}, capi.ErrUnauthenticated},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(apiRows(test.rules, test.rows...)).RowsWillBeClosed()
			err := capi.NewTokenAuthorizer(site).Authorize(withHeaders("Authorization", "Bearer "+apiToken("sha256", "7", testSecret)))
			assert.Equal(t, test.want, err)
		})
	}
}

func TestAPITokenOfTheRootUser(t *testing.T) {
	for _, group := range []int64{8, 2} {
		site, mock := guardedSite(t, "mysqli", func(c *capi.SiteConfig) { c.RootUser = "7" })
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(apiRows("{}", set(account(7, group))))
		err := capi.NewTokenAuthorizer(site).Authorize(withHeaders("X-Joomla-Token", apiToken("sha512", "7", testSecret)))
		if group == 8 {
			assert.NoError(t, err)
		} else {
			assert.Equal(t, capi.ErrUnauthenticated, err, "whose groups may have no token")
		}
	}
}

// Whoever never made a token has no seed, which must not stand for one that is known to everybody.
func TestAPITokenOfAnEmptySeed(t *testing.T) {
	mac := hmac.New(sha256.New, []byte(testSecret))
	token := encoded("sha256:7:" + hex.EncodeToString(mac.Sum(nil)))
	for _, seed := range []driver.Value{nil, "", "===="} {
		site, mock := guardedSite(t, "mysqli", nil)
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).
			WillReturnRows(apiRows(testRules, profile(seed, "1", int64(1), int64(1), "{}", account(7, int64(8)))))
		assert.Equal(t, capi.ErrUnauthenticated, capi.NewTokenAuthorizer(site).Authorize(withHeaders("X-Joomla-Token", token)))
	}
}

func TestAPITokenHeaders(t *testing.T) {
	good := apiToken("sha256", "7", testSecret)
	wrong := apiToken("sha256", "7", "other")
	mac := strings.Repeat("0", 64)
	tests := map[string]struct {
		headers []string
		queries int
		want    error
	}{
		"bearer":                       {[]string{"Authorization", "Bearer " + good}, 1, nil},
		"bearer of sha512":             {[]string{"Authorization", "Bearer " + apiToken("sha512", "7", testSecret)}, 1, nil},
		"bearer in spaces":             {[]string{"Authorization", "Bearer   " + good + " \t"}, 1, nil},
		"bearer without padding":       {[]string{"Authorization", "Bearer " + strings.TrimRight(good, "=")}, 1, nil},
		"own header":                   {[]string{"X-Joomla-Token", good}, 1, nil},
		"wrong secret":                 {[]string{"Authorization", "Bearer " + wrong}, 1, capi.ErrUnauthenticated},
		"wrong bearer wins":            {[]string{"Authorization", "Bearer " + wrong, "X-Joomla-Token", good}, 1, capi.ErrUnauthenticated},
		"malformed bearer wins":        {[]string{"Authorization", "Bearer x", "X-Joomla-Token", good}, 0, capi.ErrUnauthenticated},
		"empty bearer does not":        {[]string{"Authorization", "Bearer  ", "X-Joomla-Token", good}, 1, nil},
		"bearer of lower case":         {[]string{"Authorization", "bearer " + good}, 0, capi.ErrUnauthenticated},
		"it does not win":              {[]string{"Authorization", "bearer " + wrong, "X-Joomla-Token", good}, 1, nil},
		"basic does not win":           {[]string{"Authorization", "Basic " + wrong, "X-Joomla-Token", good}, 1, nil},
		"no space":                     {[]string{"Authorization", "Bearer" + good}, 0, capi.ErrUnauthenticated},
		"none":                         {nil, 0, capi.ErrUnauthenticated},
		"empty":                        {[]string{"Authorization", "", "X-Joomla-Token", "", "token", ""}, 0, capi.ErrUnauthenticated},
		"of sha1":                      {[]string{"Authorization", "Bearer " + apiToken("sha1", "7", testSecret)}, 0, capi.ErrUnauthenticated},
		"of md5":                       {[]string{"Authorization", "Bearer " + apiToken("md5", "7", testSecret)}, 0, capi.ErrUnauthenticated},
		"of SHA256":                    {[]string{"Authorization", "Bearer " + encoded("SHA256:7:"+mac)}, 0, capi.ErrUnauthenticated},
		"no base64":                    {[]string{"Authorization", "Bearer %%%not-base64%%%"}, 0, capi.ErrUnauthenticated},
		"base64 for addresses":         {[]string{"Authorization", "Bearer -_-_"}, 0, capi.ErrUnauthenticated},
		"a JSON web token":             {[]string{"Authorization", "Bearer " + encoded("{}") + "." + encoded("{}") + ".x"}, 0, capi.ErrUnauthenticated},
		"two parts":                    {[]string{"Authorization", "Bearer " + encoded("sha256:7")}, 0, capi.ErrUnauthenticated},
		"four parts":                   {[]string{"Authorization", "Bearer " + encoded("sha256:7:"+mac+":")}, 0, capi.ErrUnauthenticated},
		"no mac":                       {[]string{"Authorization", "Bearer " + encoded("sha256:7:")}, 0, capi.ErrUnauthenticated},
		"short mac":                    {[]string{"Authorization", "Bearer " + encoded("sha256:7:"+mac[1:])}, 0, capi.ErrUnauthenticated},
		"long mac":                     {[]string{"Authorization", "Bearer " + encoded("sha256:7:"+mac+"0")}, 0, capi.ErrUnauthenticated},
		"mac of the other length":      {[]string{"Authorization", "Bearer " + encoded("sha512:7:"+mac)}, 0, capi.ErrUnauthenticated},
		"mac in upper case":            {[]string{"Authorization", "Bearer " + encoded("sha256:7:A"+mac[1:])}, 0, capi.ErrUnauthenticated},
		"mac of other letters":         {[]string{"Authorization", "Bearer " + encoded("sha256:7:g"+mac[1:])}, 0, capi.ErrUnauthenticated},
		"user and junk":                {[]string{"Authorization", "Bearer " + encoded("sha256:7abc:"+mac)}, 0, capi.ErrUnauthenticated},
		"user and SQL":                 {[]string{"Authorization", "Bearer " + encoded("sha256:7 OR 1=1:"+mac)}, 0, capi.ErrUnauthenticated},
		"user in spaces":               {[]string{"Authorization", "Bearer " + encoded("sha256: 7:"+mac)}, 0, capi.ErrUnauthenticated},
		"user with a zero":             {[]string{"Authorization", "Bearer " + encoded("sha256:07:"+mac)}, 0, capi.ErrUnauthenticated},
		"user with a sign":             {[]string{"Authorization", "Bearer " + encoded("sha256:+7:"+mac)}, 0, capi.ErrUnauthenticated},
		"user 0":                       {[]string{"Authorization", "Bearer " + encoded("sha256:0:"+mac)}, 0, capi.ErrUnauthenticated},
		"negative user":                {[]string{"Authorization", "Bearer " + encoded("sha256:-7:"+mac)}, 0, capi.ErrUnauthenticated},
		"no user":                      {[]string{"Authorization", "Bearer " + encoded("sha256::"+mac)}, 0, capi.ErrUnauthenticated},
		"user beyond int":              {[]string{"Authorization", "Bearer " + encoded("sha256:2147483648:"+mac)}, 0, capi.ErrUnauthenticated},
		"user beyond bigint":           {[]string{"Authorization", "Bearer " + encoded("sha256:99999999999999999999:"+mac)}, 0, capi.ErrUnauthenticated},
		"megabyte":                     {[]string{"Authorization", "Bearer " + strings.Repeat("c2hh", 1<<18)}, 0, capi.ErrUnauthenticated},
		"megabyte of spaces":           {[]string{"Authorization", "Bearer " + strings.Repeat(" ", 1<<20)}, 0, capi.ErrUnauthenticated},
		"megabyte of padding":          {[]string{"X-Joomla-Token", good + strings.Repeat("=", 1<<20)}, 0, capi.ErrUnauthenticated},
		"bearer as X-Joomla-Token":     {[]string{"X-Joomla-Token", "Bearer " + good}, 0, capi.ErrUnauthenticated},
		"API token in header of cAPI":  {[]string{"Cookie", "token=" + good}, 0, capi.ErrUnauthenticated},
		"API token as a query's value": {[]string{"Referer", "/?token=" + good}, 0, capi.ErrUnauthenticated},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			for range test.queries {
				mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(apiRows(testRules, set(account(7, int64(8)))))
			}
			assert.Equal(t, test.want, capi.NewTokenAuthorizer(site).Authorize(withHeaders(test.headers...)))
		})
	}
}

func TestAPITokensAreRefusedWithoutAQuery(t *testing.T) {
	request := withHeaders("Authorization", "Bearer "+apiToken("sha256", "7", testSecret))
	site, _ := guardedSite(t, "mysqli", nil)
	auth := capi.NewTokenAuthorizer(site)
	auth.DisableAPITokens = true
	assert.Equal(t, capi.ErrUnauthenticated, auth.Authorize(request), "disabled")
}

func TestCAPIToken(t *testing.T) {
	const token = "token-hush+/="
	row := func(token, state driver.Value, user values) values { return append(values{token, state}, user...) }
	tests := map[string]struct {
		rows []values
		want error
	}{
		"Super User":        {[]values{row(token, int64(1), account(7, int64(8)))}, nil},
		"as bytes":          {[]values{row([]byte(token), []byte("1"), account(7, int64(8)))}, nil},
		"other group":       {[]values{row(token, int64(1), account(7, int64(2)))}, capi.ErrForbidden},
		"blocked":           {[]values{row(token, int64(1), account(7, int64(8), blocked))}, capi.ErrForbidden},
		"not activated":     {[]values{row(token, int64(1), account(7, int64(8), unactivated))}, capi.ErrForbidden},
		"must reset":        {[]values{row(token, int64(1), account(7, int64(8), mustReset))}, capi.ErrForbidden},
		"unknown":           {nil, capi.ErrUnauthenticated},
		"user 0":            {[]values{row(token, int64(1), account(0, int64(8)))}, capi.ErrUnauthenticated},
		"unpublished":       {[]values{row(token, int64(0), account(7, int64(8)))}, capi.ErrUnauthenticated},
		"trashed":           {[]values{row(token, int64(-2), account(7, int64(8)))}, capi.ErrUnauthenticated},
		"archived":          {[]values{row(token, int64(2), account(7, int64(8)))}, capi.ErrUnauthenticated},
		"state is null":     {[]values{row(token, nil, account(7, int64(8)))}, capi.ErrUnauthenticated},
		"other letter case": {[]values{row(strings.ToUpper(token), int64(1), account(7, int64(8)))}, capi.ErrUnauthenticated},
		"space at the end":  {[]values{row(token+" ", int64(1), account(7, int64(8)))}, capi.ErrUnauthenticated},
		"one of two":        {[]values{row(strings.ToUpper(token), int64(1), account(7, int64(8))), row(token, int64(1), account(9, int64(2)))}, capi.ErrForbidden},
		"of two users":      {[]values{row(token, int64(1), account(7, int64(8))), row(token, int64(1), account(9, int64(2)))}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			mock.ExpectQuery(capiQuery).WithArgs(token).WillReturnRows(capiRows(testRules, test.rows...)).RowsWillBeClosed()
			assert.Equal(t, test.want, capi.NewTokenAuthorizer(site).Authorize(withHeaders("token", token)))
		})
	}

	site, mock := guardedSite(t, "mysqli", nil)
	auth := capi.NewTokenAuthorizer(site)
	for _, text := range []string{"", strings.Repeat("x", 256), strings.Repeat("x", 1<<20), "a\x00b", "a\tb", "a\nb", "é", "\xff", "a\x7f"} {
		assert.Equal(t, capi.ErrUnauthenticated, auth.Authorize(withHeaders("token", text)), "%.9q is refused without a query", text)
	}
	for _, text := range []string{" ", "'; DROP TABLE x; -- ", `\`, "%", "?", "$1", "#__users", strings.Repeat("x", 255)} {
		mock.ExpectQuery(capiQuery).WithArgs(text).WillReturnRows(capiRows(testRules))
		assert.Equal(t, capi.ErrUnauthenticated, auth.Authorize(withHeaders("token", text)))
	}
	auth.DisableCAPITokens = true
	assert.Equal(t, capi.ErrUnauthenticated, auth.Authorize(withHeaders("token", token)), "disabled")
}

func TestTokensOfBothKinds(t *testing.T) {
	const token = "capi"
	request := withHeaders("Authorization", "Bearer "+apiToken("sha256", "7", testSecret), "token", token)
	missing := errors.New("missing")
	answer := func(group int64) *sqlmock.Rows { return apiRows(testRules, set(account(7, group))) }
	capiAnswer := capiRows(testRules, append(values{token, int64(1)}, account(9, int64(8))...))

	t.Run("a good API token", func(t *testing.T) {
		site, mock := guardedSite(t, "mysqli", nil)
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(answer(8))
		assert.NoError(t, capi.NewTokenAuthorizer(site).Authorize(request))
	})
	t.Run("one that is not accepted", func(t *testing.T) {
		site, mock := guardedSite(t, "mysqli", nil)
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(answer(22))
		mock.ExpectQuery(capiQuery).WithArgs(token).WillReturnRows(capiAnswer)
		assert.NoError(t, capi.NewTokenAuthorizer(site).Authorize(request))
	})
	t.Run("one of a user who is refused", func(t *testing.T) {
		site, mock := guardedSite(t, "mysqli", nil)
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(apiRows("{}", set(account(7, int64(8)))))
		assert.Equal(t, capi.ErrForbidden, capi.NewTokenAuthorizer(site).Authorize(request))
	})
	t.Run("three queries are the most", func(t *testing.T) {
		site, mock := guardedSite(t, "mysqli", nil)
		mock.ExpectQuery(apiQuery).WithArgs(int64(7)).WillReturnRows(answer(22))
		mock.ExpectQuery(capiQuery).WithArgs(token).WillReturnError(missing)
		mock.ExpectQuery(tableQuery).WithArgs("jos_services_tokens").WillReturnRows(sqlmock.NewRows([]string{"n"}).AddRow(int64(0)))
		assert.Equal(t, capi.ErrUnauthenticated, capi.NewTokenAuthorizer(site).Authorize(request))
	})
}

func TestTheTableOfCAPITokensIsMissing(t *testing.T) {
	broken, other := errors.New("broken"), errors.New("other")
	tests := []struct{ dbType, query string }{
		{"mysqli", tableQuery},
		{"pgsql", "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false)) AND table_name = $1"},
		{"sqlite", "SELECT COUNT(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?"},
	}
	for _, test := range tests {
		first := capiQuery
		switch test.dbType {
		case "pgsql":
			first = inPostgreSQL(capiQuery)
		case "sqlite":
			first = strings.ReplaceAll(capiQuery, "`", `"`)
		}
		expect := func(t *testing.T) (*sqlmock.ExpectedQuery, *capi.TokenAuthorizer) {
			site, mock := guardedSite(t, test.dbType, nil)
			mock.ExpectQuery(first).WithArgs("token-hush").WillReturnError(broken)
			return mock.ExpectQuery(test.query).WithArgs("jos_services_tokens"), capi.NewTokenAuthorizer(site)
		}
		t.Run(test.dbType+" is missing", func(t *testing.T) {
			query, auth := expect(t)
			query.WillReturnRows(sqlmock.NewRows([]string{"n"}).AddRow([]byte("0")))
			assert.Equal(t, capi.ErrUnauthenticated, auth.Authorize(withHeaders("token", "token-hush")))
		})
		t.Run(test.dbType+" is there", func(t *testing.T) {
			query, auth := expect(t)
			query.WillReturnRows(sqlmock.NewRows([]string{"n"}).AddRow(int64(1)))
			err := auth.Authorize(withHeaders("token", "token-hush"))
			requireFailure(t, err)
			assert.ErrorIs(t, err, broken)
		})
		t.Run(test.dbType+" cannot be asked", func(t *testing.T) {
			query, auth := expect(t)
			query.WillReturnError(other)
			err := auth.Authorize(withHeaders("token", "token-hush"))
			requireFailure(t, err)
			assert.ErrorIs(t, err, broken, "the first error is the cause")
		})
		t.Run(test.dbType+" answers nothing", func(t *testing.T) {
			query, auth := expect(t)
			query.WillReturnRows(sqlmock.NewRows([]string{"n"}).AddRow(nil))
			requireFailure(t, auth.Authorize(withHeaders("token", "token-hush")))
		})
	}
}

func TestTokenAuthorizerFails(t *testing.T) {
	broken := errors.New("broken")
	good := set(account(7, int64(8)))
	params := func(text string) values { return profile(seed, "1", int64(1), int64(1), text, account(7, int64(8))) }
	tests := map[string]func(*sqlmock.ExpectedQuery){
		"query":         func(q *sqlmock.ExpectedQuery) { q.WillReturnError(broken) },
		"row":           func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(apiRows(testRules, good).RowError(1, broken)) },
		"rules":         func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(apiRows(`{"core.admin":{"8":1},"hush`, good)) },
		"params":        func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(apiRows(testRules, params(`{"hush`))) },
		"params of INI": func(q *sqlmock.ExpectedQuery) { q.WillReturnRows(apiRows(testRules, params("hush=1"))) },
		"groups of boolean": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(apiRows(testRules, params(`{"allowedUserGroups":true}`)))
		},
		"group of boolean": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(apiRows(testRules, params(`{"allowedUserGroups":[true]}`)))
		},
		"group of array": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(apiRows(testRules, params(`{"allowedUserGroups":[[8]]}`)))
		},
		"object of array": func(q *sqlmock.ExpectedQuery) {
			q.WillReturnRows(apiRows(testRules, params(`{"allowedUserGroups":{"0":[8]}}`)))
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			site, mock := guardedSite(t, "mysqli", nil)
			answer(mock.ExpectQuery(apiQuery).WithArgs(int64(7)))
			// The cAPI token must not be asked about: a database that fails is no reason to go on.
			err := capi.NewTokenAuthorizer(site).Authorize(withHeaders("X-Joomla-Token", apiToken("sha256", "7", testSecret), "token", "hush"))
			requireFailure(t, err)
			if name == "query" || name == "row" {
				assert.ErrorIs(t, err, broken)
			}
		})
	}
}

func TestAPITokenInPostgreSQL(t *testing.T) {
	site, mock := guardedSite(t, "pgsql", nil)
	mock.ExpectQuery(inPostgreSQL(apiQuery)).WithArgs(int64(7)).WillReturnRows(apiRows(testRules, set(account(7, int64(8)))))
	require.NoError(t, capi.NewTokenAuthorizer(site).Authorize(withHeaders("X-Joomla-Token", apiToken("sha512", "7", testSecret))))
}
