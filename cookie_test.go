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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// cookieName returns what Joomla calls the session cookie of an application.
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
	unreadable      = "capi: not authenticated: data of the session cannot be read"
	guestSession    = "capi: not authenticated: session is a guest's"
	noUser          = "capi: not authenticated: user does not exist"
	noCoreAdmin     = "capi: not authorized: no core.admin"
	isBlocked       = "capi: not authorized: user is blocked"
	notActivated    = "capi: not authorized: user is not activated"
	mustReset       = "capi: not authorized: user has to reset the password"
	secondIsPending = "capi: not authorized: second factor is pending"
)

func TestSessionAuthorizerAuthorize(t *testing.T) {
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
		"last request":      {[]row{{"data": login(7, `s:17:"session.timer.now";`, `i:1795489016;`)}}, ""},
		"last request old":  {[]row{{"data": login(7, `s:17:"session.timer.now";`, `i:1795489015;`)}}, expiredSession},
		"row of a guest":    {[]row{{"id": nil}}, noUser},

		"blocked":                        {[]row{{"block": int64(1)}}, isBlocked},
		"not activated":                  {[]row{{"activation": "8c1f0a9d"}}, notActivated},
		"activation is 0":                {[]row{{"activation": "0"}}, ""},
		"activation is spaces":           {[]row{{"activation": " "}}, ""},
		"activation is a no-break space": {[]row{{"activation": "\u00a0"}}, notActivated},
		"activation is null":             {[]row{{"activation": nil}}, ""},
		"must reset":                     {[]row{{"requireReset": int64(1)}}, mustReset},

		"two users, one Super Admin":   {[]row{{"groups": "2"}, {"session_id": otherID, "id": int64(8), "data": login(8)}}, ""},
		"two users, none":              {[]row{{"groups": "2"}, {"session_id": otherID, "id": int64(8), "data": login(8), "groups": "21"}}, noCoreAdmin},
		"two users, one is blocked":    {[]row{{"block": int64(1)}, {"session_id": otherID, "id": int64(8), "data": login(8), "groups": "2"}}, noCoreAdmin},
		"two sessions, one is a guest": {[]row{{"block": int64(1)}, {"session_id": otherID, "data": login(0)}}, isBlocked},
		"two sessions, one expired":    {[]row{{"time": int64(1)}, {"session_id": otherID}}, ""},
		"two rows of one session":      {[]row{{}, {}}, "capi: not authenticated: session or its user is in the table more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCookie, test.rows...)
			err := newSessionAuthorizer(t, db.site(t)).Authorize(withTwoSessions())
			if test.want == "" {
				require.NoError(t, err)
				assert.Equal(t, []string{byCookie}, db.asked(), "one query")
			} else {
				requireRefusal(t, test.want, err)
			}
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
		{"\u00a07", row{}, noCoreAdmin}, // No number for PHP.
		{"70", row{}, noCoreAdmin},
		{"70", row{"username": "70"}, noCoreAdmin}, // Joomla lets it in.
		{"admin", row{}, ""},
		{"Admin", row{}, noCoreAdmin},
		{"", row{"username": ""}, noCoreAdmin},
		{"7", row{"block": int64(1)}, isBlocked},
	}
	for _, test := range tests {
		test.row["rules"] = "x"
		site := newFakeDB(byCookie, test.row).site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.RootUser = test.root })
		err := newSessionAuthorizer(t, site).Authorize(withSession())
		if test.want == "" {
			assert.NoError(t, err, test.root)
		} else {
			requireRefusal(t, test.want, err)
		}
	}
}

func TestSessionAuthorizerSecondFactor(t *testing.T) {
	tests := map[string]struct {
		data    string
		methods driver.Value
		params  driver.Value
		want    string
	}{
		"none":                     {login(7), nil, "{}", ""},
		"passed":                   {login(7, second(1, 0)...), "totp", "{}", ""},
		"before the first page":    {login(7), "totp", "{}", secondIsPending},
		"not passed":               {login(7, second(0, 0)...), "totp", "{}", secondIsPending},
		"must be set up":           {login(7, second(1, 1)...), nil, "{}", secondIsPending},
		"must be set up, oddly":    {login(7, second(1, 2)...), nil, "{}", secondIsPending},
		"exempt":                   {login(7), "totp", `{"neverMFAUserGroups":["8"]}`, ""},
		"forced":                   {login(7), nil, `{"forceMFAUserGroups":[8]}`, secondIsPending},
		"parameters are not there": {login(7), "totp", nil, secondIsPending},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCookie, row{"data": test.data, "methods": test.methods, "com_users": test.params})
			db.factorPlugins = "totp,email"
			err := newSessionAuthorizer(t, db.site(t)).Authorize(withTwoSessions())
			if test.want == "" {
				require.NoError(t, err)
			} else {
				requireRefusal(t, test.want, err)
			}
		})
	}
}

// The data of a session names its user; the row may name none, or another.
func TestSessionAuthorizerGoesByData(t *testing.T) {
	for _, id := range []driver.Value{nil, int64(6)} {
		db := newFakeDB(byCookie, row{"id": id, "block": int64(1)})
		db.rows[byID] = []row{{"id": int64(5)}, {"username": "steve", "groups": "2"}}
		auth := newSessionAuthorizer(t, db.site(t))
		user, err := auth.User(withSession())
		require.NoError(t, err)
		assert.Equal(t, capi.User{ID: 7, Username: "steve", Groups: []int64{2}, Credential: "session"}, user)
		assert.Equal(t, []any{int64(7)}, db.args[1])
		assert.Equal(t, []string{byCookie, byID}, db.asked())

		requireRefusal(t, noCoreAdmin, auth.Authorize(withSession()))
		db.rows[byID] = nil
		requireRefusal(t, noUser, auth.Authorize(withSession()))
		db.errs[byID] = errors.New("broken")
		err = auth.Authorize(withSession())
		requireFailure(t, err)
		assert.ErrorIs(t, err, db.errs[byID])
	}
}

func TestSessionAuthorizerUserPrefersSuperAdmin(t *testing.T) {
	super, other := row{}, row{"session_id": otherID, "id": int64(8), "data": login(8), "groups": "2"}
	for _, rows := range [][]row{{super, other}, {other, super}} {
		user, err := newSessionAuthorizer(t, newFakeDB(byCookie, rows...).site(t)).User(withTwoSessions())
		require.NoError(t, err)
		assert.Equal(t, capi.User{ID: 7, Username: "admin", Groups: []int64{1, 8}, SuperAdmin: true, Credential: "session"}, user)
	}
}

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
		"no user":         {payloads: []capi.Payload{capi.Payload(login(7))}, want: noUser},
		"pending":         {payloads: []capi.Payload{capi.Payload(login(7, second(0, 1)...))}, rows: []row{{}}, want: secondIsPending},
		"error":           {err: broken, failure: "reading session data: broken"},
		"too few":         {payloads: []capi.Payload{}, failure: "another number of payloads"},
		"too many":        {payloads: make([]capi.Payload, 2), failure: "another number of payloads"},
		"end of the time": {err: context.Canceled, failure: "context canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byID, test.rows...)
			data := sessionDataFunc(func(ctx context.Context, ids []string) ([]capi.Payload, error) {
				assert.Equal(t, []string{testID}, ids)
				return test.payloads, test.err
			})
			err := newSessionAuthorizer(t, db.site(t, inRedis(data))).Authorize(withSession())
			switch {
			case test.failure != "":
				requireFailure(t, err)
				assert.ErrorContains(t, err, test.failure)
				assert.Empty(t, db.asked())
			case test.want != "":
				requireRefusal(t, test.want, err)
			default:
				require.NoError(t, err)
				assert.Equal(t, []string{byID}, db.asked(), "the table of sessions does not count")
			}
		})
	}
	_, err := capi.NewSessionAuthorizer(newFakeDB(byID).site(t, inRedis(nil)))
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
		"all":                     {headers: []string{site1 + "=a; " + administrator + "=b", siteClass + "=c;\t" + administratorClass + "=d"}, want: []any{"a", "b", "c", "d"}},
		"SQL":                     {headers: []string{site1 + "=%27%20OR%201"}},
		"name of the site's own":  {name: "shared", headers: []string{cookieName("shared") + "=x"}, want: []any{"x"}},
		"its own, not the others": {name: "shared", headers: []string{site1 + "=x; " + administrator + "=x; " + siteClass + "=x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, dbType := range []string{"mysqli", "sqlite"} {
				db := newFakeDB(byCookie)
				site := db.site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.SessionName, c.DBType = test.name, dbType })
				err := newSessionAuthorizer(t, site).Authorize(withCookies(test.headers...))
				if len(test.want) == 0 {
					requireRefusal(t, "capi: not authenticated: no session cookie of this site", err)
					assert.Empty(t, db.asked())
					continue
				}
				requireRefusal(t, unknownSession, err)
				want := test.want
				if dbType == "sqlite" { // Where bytes and text of the same content are unequal.
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
	auth := newSessionAuthorizer(t, newFakeDB(byCookie).site(t))
	clear(auth.CookieNames())
	assert.Equal(t, cookieName("site"), auth.CookieNames()[0], "the caller has a copy")
}

func TestSessionAuthorizerFails(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]func(*fakeDB){
		"query":  func(db *fakeDB) { db.errs[byCookie] = broken },
		"end":    func(db *fakeDB) { db.endErrs[byCookie] = broken },
		"column": func(db *fakeDB) { db.rows[byCookie] = []row{{"block": "hush"}} },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(byCookie, row{})
			breakIt(db)
			err := newSessionAuthorizer(t, db.site(t)).Authorize(withSession())
			requireFailure(t, err)
			assert.Equal(t, name != "column", errors.Is(err, broken))
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newSessionAuthorizer(t, newFakeDB(byCookie, row{}).site(t)).Authorize(withSession().WithContext(ctx))
	requireFailure(t, err)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestSessionAuthorizerLifetime(t *testing.T) {
	for when, want := range map[driver.Value]string{int64(1): "", int64(-math.MaxInt32): "", "": expiredSession} {
		site := newFakeDB(byCookie, row{"time": when}).site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.Lifetime = math.MaxInt64 })
		err := newSessionAuthorizer(t, site).Authorize(withSession())
		if want == "" {
			assert.NoError(t, err, when)
		} else {
			requireRefusal(t, want, err)
		}
	}
}

func TestAuthorizersServeManyAtOnce(t *testing.T) {
	db := newFakeDB(byCookie, row{})
	db.rows[byCAPIToken], db.rows[byAPIToken], db.rows[byID] = []row{{"groups": "2"}}, []row{{}}, nil
	db.withoutReset, db.factorPlugins = true, "totp" // All find out about the tables at once.
	db.tables = map[string][]string{"users": {"id"}}
	site := db.site(t)
	sessions, tokens, programs := newSessionAuthorizer(t, site), capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site)
	var group sync.WaitGroup
	for range 20 {
		group.Add(1)
		go func() {
			defer group.Done()
			assert.NoError(t, sessions.Authorize(withSession()))
			assert.NoError(t, tokens.Authorize(withAPIToken()))
			assert.EqualError(t, programs.Authorize(withHeaders("token", "token-hush")), noCoreAdmin)
		}()
	}
	group.Wait()
}
