package capi_test

import (
	"context"
	"crypto/md5"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// cookieName returns Joomla's name of an application's session cookie.
func cookieName(application string) string {
	hash := md5.Sum([]byte(testSecret + application))
	hash = md5.Sum([]byte(hex.EncodeToString(hash[:])))
	return hex.EncodeToString(hash[:])
}

// withCookies returns a request with the given Cookie headers.
func withCookies(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)
	r.Header["Cookie"] = headers
	return r
}

// withSession returns a request with the cookie of testID.
func withSession() *http.Request { return withCookies(cookieName("site") + "=" + testID) }

// otherID is the id of a second session.
const otherID = "other-session"

// withTwoSessions returns a request with the cookies of testID and otherID.
func withTwoSessions() *http.Request {
	return withCookies(cookieName("site") + "=" + testID + "; " + cookieName("administrator") + "=" + otherID)
}

func newSessionAuthorizer(t testing.TB, site *capi.Site) *capi.SessionAuthorizer {
	t.Helper()
	auth, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)
	return auth
}

const (
	unknownSession  = "capi: not authenticated: unknown session"
	expiredSession  = "capi: not authenticated: session has expired"
	unreadable      = "capi: not authenticated: session is none that the site's Joomla reads"
	guestSession    = "capi: not authenticated: session is a guest's"
	noUser          = "capi: not authenticated: user does not exist"
	noCoreAdmin     = "capi: not authorized: no core.admin"
	isBlocked       = "capi: not authorized: user is blocked"
	notActivated    = "capi: not authorized: user is not activated"
	mustReset       = "capi: not authorized: user has to reset the password"
	secondIsPending = "capi: not authorized: second factor is pending"
)

func TestSessionAuthorizerAuthorize(t *testing.T) {
	other := func(change row) row {
		r := row{"session_id": otherID, "id": int64(8), "data": login(8)}
		maps.Copy(r, change)
		return r
	}
	tests := map[string]struct {
		rows []row
		want string // The refusal, empty for none.
	}{
		"Super Admin":              {[]row{{}}, ""},
		"as text":                  {[]row{{"time": []byte("1795489076"), "id": []byte("7"), "block": "0", "requireReset": []byte("0"), "groups": []byte("8")}}, ""},
		"other group":              {[]row{{"groups": "1,2"}}, noCoreAdmin},
		"by the user's own rule":   {[]row{{"groups": "2", "rules": `{"core.admin":{"-7":1}}`}}, ""},
		"against the user":         {[]row{{"rules": `{"core.admin":{"8":1,"-7":0}}`}}, noCoreAdmin},
		"no group is group 1":      {[]row{{"groups": nil, "rules": `{"core.admin":{"1":1}}`}}, ""},
		"missing group is group 0": {[]row{{"groups": "0", "rules": `{"core.admin":{"0":1}}`}}, ""},
		"no rules":                 {[]row{{"rules": nil}}, noCoreAdmin},
		"broken rules":             {[]row{{"rules": `{"core.admin":{"8":1}`}}, noCoreAdmin},

		"no row":            {nil, unknownSession},
		"other letter case": {[]row{{"session_id": strings.ToUpper(testID)}}, unknownSession},
		"space at the end":  {[]row{{"session_id": testID + " "}}, unknownSession},
		"null id":           {[]row{{"session_id": nil}}, unknownSession},
		"last second":       {[]row{{"time": int64(testNow - 60)}}, ""},
		"expired":           {[]row{{"time": int64(testNow - 61)}}, expiredSession},
		"time is empty":     {[]row{{"time": ""}}, expiredSession},
		"time is null":      {[]row{{"time": nil}}, expiredSession},
		"time is no number": {[]row{{"time": "hush"}}, expiredSession},
		"no data":           {[]row{{"data": nil}}, "capi: not authenticated: session has no data"},
		"broken data":       {[]row{{"data": "x"}}, unreadable},
		"empty data":        {[]row{{"data": ""}}, guestSession},
		"guest":             {[]row{{"data": login(0)}}, guestSession},
		"negative user":     {[]row{{"data": login(-7)}}, guestSession},
		"beyond all tables": {[]row{{"data": login(math.MaxInt32 + 1)}}, noUser},
		"last request":      {[]row{{"data": loginAt(testNow-60, 7)}}, ""},
		"last request old":  {[]row{{"data": loginAt(testNow-61, 7)}}, expiredSession},

		"blocked":                        {[]row{{"block": int64(1)}}, isBlocked},
		"not activated":                  {[]row{{"activation": "8c1f0a9d"}}, notActivated},
		"activation is 0":                {[]row{{"activation": "0"}}, ""},
		"activation is spaces":           {[]row{{"activation": " "}}, ""},
		"activation is a no-break space": {[]row{{"activation": "\u00a0"}}, notActivated},
		"activation is null":             {[]row{{"activation": nil}}, ""},
		"must reset":                     {[]row{{"requireReset": int64(1)}}, mustReset},

		"two users, one Super Admin":   {[]row{{"groups": "2"}, other(nil)}, ""},
		"two users, none":              {[]row{{"groups": "2"}, other(row{"groups": "21"})}, noCoreAdmin},
		"two users, one is blocked":    {[]row{{"block": int64(1)}, other(row{"groups": "2"})}, noCoreAdmin},
		"two sessions, one is a guest": {[]row{{"block": int64(1)}, other(row{"data": login(0)})}, isBlocked},
		"two sessions, one expired":    {[]row{{"time": int64(1)}, other(nil)}, ""},
		"two rows of one session":      {[]row{{}, {}}, "capi: not authenticated: session or its user is in the table more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(found(byCookie, test.rows...)) // One query.
			requireAnswer(t, test.want, newSessionAuthorizer(t, db.site(t)).Authorize(withTwoSessions()))
		})
	}
}

// A session counts if the site's own Joomla reads it.
func TestSessionAuthorizerVersions(t *testing.T) {
	four := login(7)
	three := variable("joomla", registry(`O:8:"stdClass":1:{s:9:"__default";`+loginData(testNow, 7)+`}`))
	serialized := "a:1:{" + phpString("joomla") + strings.TrimPrefix(four, "joomla|") + "}"
	tests := map[string]struct {
		version   int
		data      string
		serialize bool
		want      string
	}{
		"4":                             {4, four, false, ""},
		"4, form of 3":                  {4, three, false, ""}, // Joomla 4 also reads that form.
		"3":                             {3, three, false, ""},
		"3, form of 4":                  {3, four, false, guestSession},
		"php_serialize":                 {4, serialized, true, ""},
		"php, but php_serialize":        {4, serialized, false, unreadable},
		"php_serialize, but php":        {4, four, true, unreadable},
		"NUL of 3 in the table":         {3, strings.ReplaceAll("x|s:3:\"\x00*\x00\";", "\x00*\x00", `\0\0\0`) + three, false, ""},
		"no NUL of 3 in the table of 4": {4, strings.ReplaceAll("x|s:3:\"\x00*\x00\";", "\x00*\x00", `\0\0\0`) + four, false, unreadable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			replies := []reply{found(byCookie, row{"data": test.data})}
			if test.version == 3 { // Its table of extensions has no column locked.
				replies = []reply{fails(errors.New("unknown column")), list(int64(-1)), found(byCookie, row{"locked": int64(-1), "data": test.data})}
			}
			site := newFakeDB(replies...).site(t,
				func(_ *capi.SiteConfig, o *capi.SiteOptions) { o.PHPSerialize = test.serialize })
			requireAnswer(t, test.want, newSessionAuthorizer(t, site).Authorize(withSession()))
		})
	}
}

func TestSessionAuthorizerRootUser(t *testing.T) {
	tests := []struct {
		root string
		row  row
		want string
	}{
		{"7", row{}, ""},
		{" 7 ", row{}, ""},
		{"\u00a07", row{}, noCoreAdmin}, // Not a number in PHP.
		{"70", row{}, noCoreAdmin},
		{"70", row{"username": "70"}, noCoreAdmin}, // Joomla lets it in.
		{"admin", row{}, ""},
		{"Admin", row{}, noCoreAdmin},
		{"", row{"username": ""}, noCoreAdmin},
		{"7", row{"block": int64(1)}, isBlocked},
	}
	for _, test := range tests {
		test.row["rules"] = "x"
		site := newFakeDB(found(byCookie, test.row)).site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.RootUser = test.root })
		requireAnswer(t, test.want, newSessionAuthorizer(t, site).Authorize(withSession()))
	}
}

// Plugins are read if the session does not say that a factor was passed.
func TestSessionAuthorizerSecondFactor(t *testing.T) {
	enabled := []reply{found(plugins, row{"enabled plugins": "totp,email"})}
	tests := map[string]struct {
		data    string
		methods driver.Value
		params  driver.Value
		more    []reply
		want    string
	}{
		"none":                     {login(7), nil, "{}", nil, ""},
		"passed":                   {login(7, second(1, 0)...), "totp", "{}", nil, ""},
		"before the first page":    {login(7), "totp", "{}", enabled, secondIsPending},
		"not passed":               {login(7, second(0, 0)...), "totp", "{}", enabled, secondIsPending},
		"must be set up":           {login(7, second(1, 1)...), nil, "{}", nil, secondIsPending},
		"must be set up, oddly":    {login(7, second(1, 2)...), nil, "{}", nil, secondIsPending},
		"exempt":                   {login(7), "totp", `{"neverMFAUserGroups":["8"]}`, enabled, secondIsPending}, // Until the first page.
		"forced":                   {login(7), nil, `{"forceMFAUserGroups":[8]}`, nil, secondIsPending},
		"parameters are not there": {login(7), "totp", nil, enabled, secondIsPending},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(found(byCookie, row{"data": test.data, "methods": test.methods, "com_users": test.params}))
			db.then(test.more...)
			requireAnswer(t, test.want, newSessionAuthorizer(t, db.site(t)).Authorize(withSession()))
		})
	}
	broken := errors.New("broken")
	err := newSessionAuthorizer(t, newFakeDB(found(byCookie, row{"methods": "totp"}), fails(broken)).site(t)).Authorize(withSession())
	requireFailure(t, err)
	assert.ErrorIs(t, err, broken)
}

// The data of a session names its user; the row may name none, or another.
func TestSessionAuthorizerGoesByData(t *testing.T) {
	for _, id := range []driver.Value{nil, int64(6)} {
		db := newFakeDB()
		auth := newSessionAuthorizer(t, db.site(t))
		session := found(byCookie, row{"id": id, "block": int64(1)})
		steve := row{"username": "steve", "groups": "2"}

		db.then(session, found(byID, row{"id": int64(5)}, steve))
		user, err := auth.User(withSession())
		require.NoError(t, err)
		assert.Equal(t, capi.User{
			ID: 7, Username: "steve", Name: "Ada Admin", Email: "ada@example.org", Groups: []int64{2}, DirectGroups: []int64{},
			Credential: "session",
		}, user)
		assert.Equal(t, []any{int64(7)}, db.args[1])

		db.then(session, found(byID, steve, steve))
		requireRefusal(t, "capi: not authenticated: session or its user is in the table more than once", auth.Authorize(withSession()))
		db.then(session, found(byID, row{"id": nil}))
		requireRefusal(t, noUser, auth.Authorize(withSession()))
		db.then(session)
		db.rest = errors.New("broken")
		err = auth.Authorize(withSession())
		requireFailure(t, err)
		assert.ErrorIs(t, err, db.rest)
	}
}

func TestSessionAuthorizerUserPrefersSuperAdmin(t *testing.T) {
	super, other := row{}, row{"session_id": otherID, "id": int64(8), "data": login(8), "groups": "2"}
	for _, rows := range [][]row{{super, other}, {other, super}} {
		user, err := newSessionAuthorizer(t, newFakeDB(found(byCookie, rows...)).site(t)).User(withTwoSessions())
		require.NoError(t, err)
		assert.Equal(t, capi.User{
			ID: 7, Username: "admin", Name: "Ada Admin", Email: "ada@example.org", Groups: []int64{1, 8}, DirectGroups: []int64{8},
			SuperAdmin: true, Credential: "session",
		}, user)
	}
}

// If the data is elsewhere, the table of sessions does not count.
func TestSessionAuthorizerSessionData(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]struct {
		payloads []capi.Payload
		err      error
		rows     []row
		want     string
		failure  string
	}{
		"Super Admin":     {payloads: []capi.Payload{capi.Payload(login(7))}, rows: []row{{}}},
		"ended":           {payloads: []capi.Payload{nil}, want: unknownSession},
		"nothing yet":     {payloads: []capi.Payload{{}}, want: guestSession},
		"broken":          {payloads: []capi.Payload{capi.Payload("x")}, want: unreadable},
		"no user":         {payloads: []capi.Payload{capi.Payload(login(7))}, rows: []row{{"id": nil}}, want: noUser},
		"pending":         {payloads: []capi.Payload{capi.Payload(login(7, second(0, 1)...))}, rows: []row{{}}, want: secondIsPending},
		"error":           {err: broken, failure: "reading session data: broken"},
		"too few":         {payloads: []capi.Payload{}, failure: "SessionData returned 0 payloads for 1 ids"},
		"too many":        {payloads: make([]capi.Payload, 2), failure: "SessionData returned 2 payloads for 1 ids"},
		"end of the time": {err: context.Canceled, failure: "context canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(list(int64(0)))
			if test.rows != nil {
				db.then(found(byID, test.rows...))
			}
			data := sessionDataFunc(func(ctx context.Context, ids []string) ([]capi.Payload, error) {
				assert.Equal(t, []string{testID}, ids)
				return test.payloads, test.err
			})
			err := newSessionAuthorizer(t, db.site(t, inRedis(data))).Authorize(withSession())
			if test.failure != "" {
				requireFailure(t, err)
				assert.ErrorContains(t, err, test.failure)
				return
			}
			requireAnswer(t, test.want, err)
		})
	}
	_, err := capi.NewSessionAuthorizer(newFakeDB().site(t, inRedis(nil)))
	require.ErrorIs(t, err, capi.ErrSiteConfig)
	assert.ErrorContains(t, err, `$session_handler is "redis"`)
}

func TestSessionAuthorizerCookies(t *testing.T) {
	site1, administrator := cookieName("site"), cookieName("administrator")
	siteClass := cookieName(`Joomla\CMS\Application\SiteApplication`)
	administratorClass := cookieName(`Joomla\CMS\Application\AdministratorApplication`)
	tests := map[string]struct {
		name    string
		headers []string
		want    []any
	}{
		"none":                    {headers: nil},
		"all":                     {headers: []string{site1 + "=a; " + administrator + "=b; " + siteClass + "=c;\t" + administratorClass + "=d"}, want: []any{"a", "b", "c", "d"}},
		"SQL":                     {headers: []string{site1 + "=%27%20OR%201"}},
		"name of the site's own":  {name: "shared", headers: []string{cookieName("shared") + "=x"}, want: []any{"x"}},
		"its own, not the others": {name: "shared", headers: []string{site1 + "=x; " + administrator + "=x; " + siteClass + "=x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, dbType := range []string{"mysqli", "sqlite"} {
				db := newFakeDB()
				auth := newSessionAuthorizer(t, db.site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) {
					c.SessionName, c.DBType = test.name, dbType
				}))
				if len(test.want) == 0 {
					requireRefusal(t, "capi: not authenticated: no session cookie of this site", auth.Authorize(withCookies(test.headers...)))
					continue
				}
				db.then(list())
				requireRefusal(t, unknownSession, auth.Authorize(withCookies(test.headers...)))
				want := test.want
				if dbType == "sqlite" { // Here, bytes and text of the same content are unequal.
					want = nil
					for _, id := range test.want {
						want = append(want, []byte(id.(string)), id)
					}
				}
				assert.Equal(t, [][]any{want}, db.args)
			}
		})
	}
}

func TestSessionAuthorizerCookieNames(t *testing.T) {
	auth := newSessionAuthorizer(t, newFakeDB().site(t))
	clear(auth.CookieNames())
	assert.Equal(t, cookieName("site"), auth.CookieNames()[0], "the caller has a copy")
}

func TestSessionAuthorizerFails(t *testing.T) {
	broken := errors.New("broken")
	end := found(byCookie, row{})
	end.err, end.late = broken, true
	for name, first := range map[string]reply{
		"query": fails(broken), "end": end, "column": found(byCookie, row{"block": "hush"}),
	} {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(first)
			db.rest = errors.New("also broken") // The cause cannot be found out.
			auth := newSessionAuthorizer(t, db.site(t))
			err := auth.Authorize(withSession())
			requireFailure(t, err)
			assert.Equal(t, name != "column", errors.Is(err, broken))
			requireFailure(t, auth.Authorize(withSession()))
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newSessionAuthorizer(t, newFakeDB().site(t)).Authorize(withSession().WithContext(ctx))
	requireFailure(t, err)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestSessionAuthorizerLifetime(t *testing.T) {
	for when, want := range map[driver.Value]string{int64(1): "", int64(-math.MaxInt32): "", "": expiredSession} {
		site := newFakeDB(found(byCookie, row{"time": when})).site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.Lifetime = math.MaxInt64 })
		requireAnswer(t, want, newSessionAuthorizer(t, site).Authorize(withSession()))
	}
}

// A server that fails now and then does not make the version of its site
// unknown, with which few sessions count.
func TestSessionAuthorizerTellsTheVersionAfterFailures(t *testing.T) {
	failure := errors.New("Error 1205 (HY000): Lock wait timeout exceeded")
	// The query for the account fails, and that for the version. The next ones
	// succeed.
	db := newFakeDB(fails(failure), fails(failure), list(nil), found(byCookie, row{}))
	require.NoError(t, newSessionAuthorizer(t, db.site(t)).Authorize(withSession()))
}
