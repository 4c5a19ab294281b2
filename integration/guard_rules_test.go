package integration_test

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// In the recordings, "registered" is in group 2, whose ancestor is 1; "super"
// in 8; "auditor" in 2 and 22; "nogroups" in none, and "dangling_group" in one
// that does not exist.

func TestGuardTakesRulesOfAllShapes(t *testing.T) {
	tests := []struct {
		rules, username string
		status          int
	}{
		{`{"core.admin":{"2":1}}`, "registered", 200},
		{`{"core.admin":{"2":0}}`, "registered", 403},
		{`{"core.admin":{"2":true}}`, "registered", 200},
		{`{"core.admin":{"2":false}}`, "registered", 403},
		{`{"core.admin":{"2":"1"}}`, "registered", 200},
		{`{"core.admin":{"2":"0"}}`, "registered", 403},
		{`{"core.admin":{"2":""}}`, "registered", 403},
		{`{"core.admin":{"1":1}}`, "registered", 200},           // an ancestor
		{`{"core.admin":{"1":1,"2":""}}`, "registered", 403},    // one denial among the matches
		{`{"core.admin":{"1":0,"2":1}}`, "registered", 403},     //
		{`{"core.admin":{"3":1}}`, "registered", 403},           // a child
		{`{"core.admin":{"-101":1}}`, "registered", 200},        // the user
		{`{"core.admin":{"101":1}}`, "registered", 403},         // a group of the user's number
		{`{"core.admin":{"-102":0,"8":1}}`, "super", 403},       //
		{`{"core.admin":{"8":1}}`, "super", 200},                //
		{`{"core.admin":{}}`, "super", 403},                     //
		{`{"core.admin":[]}`, "super", 403},                     // as PHP writes an empty object
		{`{"core.manage":{"8":1}}`, "super", 403},               //
		{`{"core.admin":{"1":1}}`, "nogroups", 200},             // Joomla takes them for guests, who are in Public.
		{`{"core.admin":{"8":1,"2":1}}`, "nogroups", 403},       //
		{`{"core.admin":{"1":1}}`, "dangling_group", 403},       //
		{`{"core.admin":{"999":1}}`, "dangling_group", 403},     //
		{`{}`, "super", 403},                                    //
		{`[]`, "super", 403},                                    //
		{`null`, "super", 403},                                  //
		{` {"core.admin" : {"8":1}} `, "super", 200},            //
		{`{"core.admin":{"8":[1]}}`, "super", 200},              // Not empty, so true.
		{`{"core.admin":{"8":{"1":1}}}`, "super", 200},          //
		{`{"core.admin":{"8":[]}}`, "super", 403},               //
		{`{"core.admin":{"8":null}}`, "super", 403},             //
		{`{"core.admin":{"8":0.5}}`, "super", 200},              //
		{`{"core.admin":{"8":0.0}}`, "super", 403},              //
		{`{"core.admin":{"8":"0.0"}}`, "super", 200},            // Only "" and "0" are false.
		{`{"core.admin":"8"}`, "super", 403},                    //
		{`{"core.admin":true}`, "super", 403},                   //
		{`{"core.admin":{"8":1},"core.admin":0}`, "super", 403}, // Of repeated keys, the last counts.
		{`{"core.admin":0,"core.admin":{"8":1}}`, "super", 200}, //
		{`{"core.admin":{"8":0,"8":1}}`, "super", 200},          //
		{`{"core.admin":{"8":1,"8":0}}`, "super", 403},          //
		{`{"core\u002eadmin":{"\u0038":1}}`, "super", 200},      //
		// Odd keys match nobody.
		{`{"core.admin":{"eight":1,"8":1}}`, "super", 200},     //
		{`{"core.admin":{"8":1," 39":1,"x":1}}`, "super", 200}, //
		{`{"core.admin":{" 8":1,"8x":1,"08":1,"8.0":1,"+8":1,"8e0":1,"":1}}`, "super", 403},
		{`{"core.admin":{"99999999999999999999":1,"8":1}}`, "super", 200},
		// A list is an object with the keys 0, 1, 2 and so on.
		{`{"core.admin":[0,0,0,0,0,0,0,0,1]}`, "super", 403}, // 1, their ancestor, is denied.
		{`{"core.admin":[0,1,0,0,0,0,0,0,1]}`, "super", 200}, //
		{`{"core.admin":[0,1,0,0,0,0,0,0,1]}`, "registered", 403},
		{`{"core.admin":[1,1]}`, "registered", 200},
	}
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		for _, test := range tests {
			s.Exec(t, `UPDATE "#__assets" SET "rules" = ? WHERE "name" = 'root.1'`, test.rules)
			reply := service.ask(t, s.CookieOf(t, test.username))
			assert.Equal(t, test.status, reply.status, "%s %s", test.rules, test.username)
			s.requireStatus(t, test.status, reply)
		}
		// Without a root asset, there are no rules, whatever other assets have.
		s.Exec(t, `DELETE FROM "#__assets" WHERE "name" = 'root.1'`)
		s.Exec(t, `UPDATE "#__assets" SET "rules" = ?`, `{"core.admin":{"8":1}}`)
		s.requireStatus(t, http.StatusForbidden, service.ask(t, s.CookieOf(t, "super")))
	})
}

func TestGuardFollowsNestedSetsNotParents(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		s.Exec(t, `DELETE FROM "#__usergroups"`)
		// By parent_id, 20 is a child of 8. By lft and rgt, 21 is.
		s.Insert(t, "usergroups",
			row{"id": "1", "parent_id": "0", "lft": "1", "rgt": "8"}, row{"id": "8", "parent_id": "1", "lft": "2", "rgt": "5"},
			row{"id": "21", "parent_id": "1", "lft": "3", "rgt": "4"}, row{"id": "20", "parent_id": "8", "lft": "6", "rgt": "7"})
		s.Exec(t, `UPDATE "#__assets" SET "rules" = ? WHERE "name" = 'root.1'`, `{"core.admin":{"8":1}}`)
		for group, status := range map[string]int{"20": 403, "21": 200, "8": 200, "1": 403, "77": 403} {
			s.Exec(t, `DELETE FROM "#__user_usergroup_map" WHERE "user_id" = 101`)
			s.Insert(t, "user_usergroup_map", row{"user_id": "101", "group_id": group})
			reply := service.ask(t, s.CookieOf(t, "registered"))
			assert.Equal(t, status, reply.status, group)
			s.requireStatus(t, status, reply)
		}
	})
}

func TestGuardKnowsTheRootUser(t *testing.T) {
	tests := []struct {
		root, username string
		status         int
	}{
		{"registered", "registered", 200}, {"101", "registered", 200}, {"", "registered", 403}, {"102", "registered", 403},
		{"Registered", "registered", 403}, {"registered ", "registered", 403}, {"-101", "registered", 403}, {"0", "registered", 403},
		{"user_rule_deny", "user_rule_deny", 200}, {"108", "user_rule_deny", 200}, // Even if the rules deny it.
		{"super_blocked", "super_blocked", 403}, {"Ünï_çødé", "Ünï_çødé", 200}, {"o'quote", "o'quote", 200},
	}
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		for _, test := range tests {
			service := s.guarded(t, func(c *capi.SiteConfig) { c.RootUser = test.root })
			reply := service.ask(t, s.CookieOf(t, test.username))
			assert.Equal(t, test.status, reply.status, "%s %s", test.root, test.username)
			s.requireStatus(t, test.status, reply)
			// Nobody's root user.
			s.requireStatus(t, http.StatusUnauthorized, service.ask(t, nil))
		}
	})
}

func TestGuardLooksAtTheSession(t *testing.T) {
	for _, layout := range joomlatest.SessionLayouts() {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				s := newSite(t, d, layout, joomlatest.Recorded("j5"))
				lifetime := s.config.Lifetime
				service := s.guarded(t, nil)
				add := func(id string, change row) http.Header {
					r := row{"session_id": id, "client_id": "0", "guest": "0", "time": strconv.FormatInt(s.Now, 10), "userid": "102",
						"username": "super", "data": payloadOf(102)}
					for column, value := range change {
						r[column] = value
					}
					s.Insert(t, "session", r)
					return http.Header{"Cookie": {s.CookieNames.Site + "=" + id}}
				}
				at := func(d time.Duration) row {
					return row{"time": strconv.FormatInt(s.Now+int64(d/time.Second), 10)}
				}
				tests := map[string]struct {
					header http.Header
					status int
				}{
					"good":             {add("good", nil), 200},
					"null data":        {add("nulldata", row{"data": nil}), 401},
					"empty data":       {add("emptydata", row{"data": ""}), 401},
					"blanked data":     {add("blankeddata", row{"data": `joomla|s:4:"AAA!";`}), 401},
					"cut data":         {add("cutdata", row{"data": payloadOf(102)[:60]}), 401},
					"a guest's data":   {add("guestdata", row{"data": payloadOf(0)}), 401},
					"timer in time":    {add("timer", row{"data": payloadOf(102, lastRequest(s.Now-int64(lifetime/time.Second))...)}), 200},
					"timer too old":    {add("oldtimer", row{"data": payloadOf(102, lastRequest(s.Now-int64(lifetime/time.Second)-1)...)}), 401},
					"null client":      {add("nullclient", row{"client_id": nil}), 200},
					"other client":     {add("otherclient", row{"client_id": "1"}), 200},
					"no username":      {add("nousername", row{"username": ""}), 200},
					"another username": {add("username", row{"username": "registered"}), 200}, // The user id counts.
					"just active":      {add("justactive", at(-lifetime)), 200},
					"just expired":     {add("justexpired", at(-lifetime-time.Second)), 401},
					"long expired":     {add("longexpired", at(-lifetime*1000)), 401},
					"zero time":        {add("zerotime", row{"time": "0"}), 401},
					"no metadata":      {add("guest", row{"guest": "1", "userid": "0", "client_id": nil, "username": ""}), 200},
					"null guest":       {add("nullguest", row{"guest": nil}), 200},
					"null user":        {add("nulluser", row{"userid": nil}), 200},
					"negative user":    {add("negativeuser", row{"userid": "-102"}), 200},
					"another user":     {add("anotheruser", row{"userid": "101"}), 200},
					"another's data":   {add("anotherdata", row{"data": payloadOf(101)}), 403},
					"deleted user":     {add("deleteduser", row{"data": payloadOf(4711)}), 401},
					"user below 0":     {add("belowzero", row{"data": payloadOf(-102)}), 401},
				}
				if layout == joomlatest.Joomla33 {
					tests["empty time"] = struct {
						header http.Header
						status int
					}{add("emptytime", row{"time": ""}), 401}
					tests["null time"] = struct {
						header http.Header
						status int
					}{add("nulltime", row{"time": nil}), 401}
				}
				for name, test := range tests {
					reply := service.ask(t, test.header)
					assert.Equal(t, test.status, reply.status, name)
					s.requireStatus(t, test.status, reply)
				}
				assert.Zero(t, service.log.errors(), service.log)
			})
		})
	}
}

func TestGuardComparesCookiesByteForByte(t *testing.T) {
	for _, layout := range joomlatest.SessionLayouts() {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				s := newSite(t, d, layout, joomlatest.Recorded("j5"))
				s.Insert(t, "session", row{"session_id": "AbCdEf", "client_id": "0", "guest": "0",
					"time": strconv.FormatInt(s.Now, 10), "data": payloadOf(102), "userid": "102", "username": "super"})
				service := s.guarded(t, nil)
				name := s.CookieNames.Site
				for _, test := range []struct {
					cookies string
					status  int
				}{
					{name + "=AbCdEf", 200},
					{name + "=abcdef", 401}, {name + "=ABCDEF", 401}, {name + "=AbCdEf%20", 401}, {name + "=AbCdEf+", 401},
					{name + "=AbCdEf%00", 401}, {name + "=%41bCdEf", 200} /* PHP decodes it */, {name + `="AbCdEf"`, 401},
					{name + "=AbCdE%C3%A9", 401}, {name + "=AbCdEe%CC%81", 401}, {name + "=AbCdE_", 401}, {name + "=%25", 401},
					{name + "=", 401}, {name, 401}, {name + "==AbCdEf", 401}, {name + `=\x416243644566`, 401},
					{name + "=abcdef; " + name + "=AbCdEf", 401}, {name + "=AbCdEf; " + name + "=abcdef", 200}, // As PHP, the first.
					{"x" + name + "=AbCdEf", 401}, {"session=AbCdEf", 401},
				} {
					reply := service.ask(t, http.Header{"Cookie": {test.cookies}})
					assert.Equal(t, test.status, reply.status, test.cookies)
					s.requireStatus(t, test.status, reply)
				}
				assert.Zero(t, service.log.errors(), service.log)
			})
		})
	}
}

func TestGuardTakesEitherApplication(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		service := s.guarded(t, nil)
		cookie := func(username string, client int) string {
			for _, session := range s.Sessions {
				if session.Username == username && session.ClientID == int64(client) {
					return session.Cookie.Name + "=" + session.Cookie.Value
				}
			}
			t.Fatal(username)
			return ""
		}
		for _, test := range []struct {
			site, administrator string
			status              int
		}{
			{"super", "registered", 200}, {"registered", "super", 200}, {"super", "super", 200}, {"super", "auditor", 200},
			{"registered", "manager", 403}, {"super_blocked", "registered", 403}, {"super", "super_blocked", 200},
		} {
			site, administrator := cookie(test.site, 0), cookie(test.administrator, 1)
			for _, cookies := range []string{site + "; " + administrator, administrator + "; " + site} {
				reply := service.ask(t, http.Header{"Cookie": {cookies}})
				assert.Equal(t, test.status, reply.status, "%s %s", test.site, test.administrator)
				s.requireStatus(t, test.status, reply)
			}
		}
		// An unknown session with a good one.
		s.requireStatus(t, http.StatusOK, service.ask(t, http.Header{"Cookie": {
			s.CookieNames.Site + "=unknown; " + cookie("super", 1)}}))
	})
}

func TestGuardTakesTheSharedSessionName(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		service := s.guarded(t, func(c *capi.SiteConfig) { c.SessionName = "shared" })
		// With another name, the site's own cookies do not count.
		s.requireStatus(t, http.StatusUnauthorized, service.ask(t, s.CookieOf(t, "super")))
		s.Exec(t, `UPDATE "#__session" SET "client_id" = NULL`)
		s.requireStatus(t, http.StatusUnauthorized, service.ask(t, s.CookieOf(t, "super")))
		for _, session := range s.Sessions {
			header := http.Header{"Cookie": {cookieName(s.config.Secret.Reveal(), "shared") + "=" + session.Cookie.Value}}
			s.requireStatus(t, session.Want(), service.ask(t, header))
		}
	})
}

func TestGuardHeedsPlugins(t *testing.T) {
	// Recorded tokens; each is valid by itself.
	const super, auditor, registered = "bearer sha256 super", "auditor (core.admin but not in token groups)",
		"registered with token"
	const setParams = `UPDATE "#__extensions" SET "params" = ? WHERE "folder" = 'user'`
	tests := []struct {
		name                       string
		statement                  string
		params                     any // the argument of statement, if it has one
		super, auditor, registered int
	}{
		{"as recorded", ``, nil, 200, 401, 401},
		{"api-authentication off", `UPDATE "#__extensions" SET "enabled" = 0 WHERE "folder" = 'api-authentication'`, nil,
			401, 401, 401},
		{"api-authentication missing", `DELETE FROM "#__extensions" WHERE "folder" = 'api-authentication'`, nil, 401, 401, 401},
		{"user plugin off", `UPDATE "#__extensions" SET "enabled" = 0, "params" = ? WHERE "folder" = 'user'`, groups(`[]`), 200, 401, 401},
		{"user plugin missing", `DELETE FROM "#__extensions" WHERE "folder" = 'user'`, nil, 200, 401, 401},
		{"another type of that name", `UPDATE "#__extensions" SET "type" = 'module' WHERE "folder" = 'api-authentication'`, nil,
			401, 401, 401},
		{"all groups", setParams, groups(`[]`), 200, 200, 403},
		{"all groups, as null", setParams, groups(`null`), 200, 200, 403},
		{"all groups, as nothing", setParams, groups(`""`), 200, 200, 403},
		{"numbers", setParams, groups(`[22]`), 401, 200, 401},
		{"texts", setParams, groups(`["22","8"]`), 200, 200, 401},
		{"an ancestor", setParams, groups(`[1]`), 200, 200, 403},
		{"an array with gaps", setParams, groups(`{"1":"22","3":"2"}`), 401, 200, 403},
		{"one", setParams, groups(`22`), 401, 200, 401},
		{"one as text", setParams, groups(`"22"`), 401, 200, 401},
		{"a group that does not exist", setParams, groups(`[99]`), 401, 401, 401},
		{"malformed", setParams, groups(`[`), 401, 401, 401}, // Joomla answers 500.
		{"malformed, and off", `UPDATE "#__extensions" SET "enabled" = 0, "params" = ? WHERE "folder" = 'user'`, groups(`[`), 401, 401, 401},
		{"other parameters", setParams, `{"other":1}`, 200, 401, 401},
		{"no parameters", setParams, ``, 200, 401, 401},
		{"the token off", `UPDATE "#__user_profiles" SET "profile_value" = '0' WHERE "profile_key" = 'joomlatoken.enabled'`, nil,
			401, 401, 401},
		{"no token", `DELETE FROM "#__user_profiles" WHERE "profile_key" = 'joomlatoken.token'`, nil, 401, 401, 401},
		{"an empty seed", `UPDATE "#__user_profiles" SET "profile_value" = '' WHERE "profile_key" = 'joomlatoken.token'`, nil,
			401, 401, 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				s := joomla5(t, d)
				switch {
				case test.params != nil:
					s.Exec(t, test.statement, test.params)
				case test.statement != "":
					s.Exec(t, test.statement)
				}
				service := s.guarded(t, nil)
				for _, use := range s.APITokens {
					want, ok := map[string]int{super: test.super, auditor: test.auditor, registered: test.registered}[use.Name]
					if !ok {
						continue
					}
					reply := service.ask(t, http.Header{"Authorization": {use.Headers["Authorization"]}})
					assert.Equal(t, want, reply.status, use.Name)
					s.requireStatus(t, want, reply)
				}
			})
		})
	}
}

// groups returns the parameters of the plugin user/token with the groups whose
// members may use tokens.
func groups(value string) string { return `{"allowedUserGroups":` + value + `}` }

// cookieName returns Joomla's name for the cookie of a session: hashed as an
// application's name, and again as a session's.
func cookieName(secret, name string) string {
	hash := func(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }
	return hash(hash(secret + name))
}
