package integration_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

const setRules = `UPDATE "#__assets" SET "rules" = ? WHERE "name" = 'root.1'`

func TestGuardRefusesRulesAsPHP(t *testing.T) {
	const good = `{"core.admin":{"8":1}}`
	nested := func(levels int) string { // arrays in the object of the rules
		return `{"core.admin":{"8":1},"x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
	}
	with := func(member string) string { return `{"core.admin":{"8":1},` + member + `}` }
	refused := []string{
		"", " ", "core.admin", `'core.admin'`, `a:1:{s:10:"core.admin";i:1;}`, `{"core.admin":{"8":1}`, good + "}", good + good, good + ",",
		"\ufeff" + good, "\v" + good, good + "\u00a0", good + ";", good + "//", "[" + good,
		with(`"x":"\ud800"`), with(`"x":"\udc00\ud800"`), with(`"\ud800":1`), with(`"x":"\u12"`), with(`"x":"\x41"`), with(`"x":"\v"`),
		with(`"x":"` + "\n" + `"`), with(`"x":"` + "\x01" + `"`), with(`"x":"a`), with(`'x':1`), with(`x:1`), with(`"x"`), with(`"x":`), with(``),
		with(`"x":1,`), with(`"x":[1,]`), with(`"x":[,1]`), with(`"x":01`), with(`"x":+1`), with(`"x":.5`), with(`"x":1.`), with(`"x":1e`),
		with(`"x":0x1`), with(`"x":NaN`), with(`"x":Infinity`), with(`"x":undefined`), with(`"x":TRUE`), with(`"x":True`), with(`"x":NULL`),
		with(`"x":-`), with(`1:1`), with(`"x":1 2`), with(`"x":/**/1`), nested(511), nested(2000),
	}
	read := []string{good, nested(510), with(`"x":"\ud83d\udc18"`), with(`"":1`), with(`"\u0000":1`), with(`"x":1e999`), "\t\r\n " + good}
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		super := s.CookieOf(t, "super")
		refused := slices.Clone(refused)
		if d.dbType == "sqlite" { // Others do not accept such text.
			refused = append(refused, with("\"x\":\"\xff\""), with("\"x\":\"\xed\xa0\x80\""), with("\"x\":\"\xc0\x80\""), good+"\x00")
		}
		for _, rules := range refused {
			s.Exec(t, setRules, rules)
			reply := service.ask(t, super)
			assert.Equal(t, http.StatusForbidden, reply.status, "%.60q", rules)
			s.requireStatus(t, http.StatusForbidden, reply)
		}
		for _, rules := range read {
			s.Exec(t, setRules, rules)
			assert.Equal(t, http.StatusOK, service.ask(t, super).status, "%.60q", rules)
		}
		assert.Zero(t, service.log.errors(), service.log)
	})
}

// TestGuardGoesByTheRootAsset puts stray assets without a parent around the
// root, each of which would make Registered Super Admins instead of Super
// Users.
func TestGuardGoesByTheRootAsset(t *testing.T) {
	const around = 5000 // the id of the root, and where it is in the nested set
	tests := map[string][][2]int{
		"before the root":           {{around - 1, around}},
		"behind the root":           {{around + 1, around}},
		"before, further left":      {{1, -7}},
		"before, further right":     {{1, around + 9}},
		"behind, further left":      {{9001, 0}},
		"behind, further right":     {{9001, 9999}},
		"several, of all positions": {{1, -7}, {2, 0}, {3, around}, {4, 9999}, {9001, -7}, {9002, 0}, {9003, around}, {9004, 9999}},
	}
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		s.Exec(t, `DELETE FROM "#__assets" WHERE "name" <> 'root.1'`)
		s.Exec(t, `UPDATE "#__assets" SET "id" = ?, "lft" = ?, "rgt" = ?`, strconv.Itoa(around), strconv.Itoa(around), strconv.Itoa(around+1))
		for name, orphans := range tests {
			for i, at := range orphans {
				s.Insert(t, "assets", row{"id": at[0], "parent_id": 0, "lft": at[1], "rgt": at[1],
					"name": fmt.Sprintf([]string{"com_gone.item.%d", "root.1%d"}[i%2], i), "rules": `{"core.admin":{"8":0,"2":1}}`})
			}
			s.requireStatus(t, http.StatusOK, service.ask(t, s.CookieOf(t, "super")))
			s.requireStatus(t, http.StatusForbidden, service.ask(t, s.CookieOf(t, "registered")))
			s.Exec(t, `DELETE FROM "#__assets" WHERE "name" <> 'root.1'`)
			assert.Zero(t, service.log.errors(), name)
		}
	})
}

func TestGuardHeedsTheAccessOfThePlugin(t *testing.T) {
	const (
		plugin = `UPDATE "#__extensions" SET "state" = ?, "access" = ? WHERE "folder" = 'api-authentication'`
		level  = `UPDATE "#__viewlevels" SET "rules" = ? WHERE "id" = 5`
	)
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		ask := func(want int, state any, access, about string) {
			t.Helper()
			s.Exec(t, plugin, state, access)
			reply := service.ask(t, s.apiToken(t))
			assert.Equal(t, want, reply.status, about)
			s.requireStatus(t, want, reply)
		}
		s.Insert(t, "extensions", row{"type": "component", "element": "com_users", "params": `{"guest_usergroup":"9"}`})
		for state, want := range map[string]int{"0": 200, "1": 200, "-1": 401, "2": 401} {
			ask(want, state, "1", "state "+state)
		}
		ask(401, nil, "1", "null state")
		for access, want := range map[string]int{"1": 200, "5": 200, "2": 401, "3": 401, "6": 401, "0": 401, "77": 401} {
			ask(want, "0", access, "access "+access)
		}
		// The group of visitors and its ancestors decide what a visitor sees.
		for rules, want := range map[string]int{`[1]`: 200, `["9"]`: 200, `[26]`: 401, `[]`: 401, `{"a":9}`: 200, `[9`: 401, ``: 401, `[" 9"]`: 401} {
			s.Exec(t, level, rules)
			ask(want, "0", "5", "rules "+rules)
		}
		s.Exec(t, level, `[9]`)
		for params, want := range map[string]int{`{"guest_usergroup":9}`: 200, `{"guest_usergroup":"26"}`: 200, `{"guest_usergroup":"1"}`: 401,
			`{}`: 401, ``: 401, `{"guest_usergroup":"99"}`: 401} {
			s.Exec(t, `UPDATE "#__extensions" SET "params" = ? WHERE "element" = 'com_users'`, params)
			ask(want, "0", "5", "params "+params)
			ask(200, "0", "1", "params "+params)
		}
		// The access level of the plugin user/token does not matter.
		s.Exec(t, `UPDATE "#__extensions" SET "access" = 3, "state" = -1 WHERE "folder" = 'user'`)
		ask(200, "0", "1", "plugin user/token")
		assert.Zero(t, service.log.errors(), service.log)
	})
}

func TestGuardRefusesEmptySeeds(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		for seed, want := range map[string]int{"": 401, "0": 401, "00": 200, "0.0": 200, " ": 200, "\x00": 200} {
			encoded := base64.StdEncoding.EncodeToString([]byte(seed))
			s.Exec(t, `UPDATE "#__user_profiles" SET "profile_value" = ? WHERE "profile_key" = 'joomlatoken.token' AND "user_id" = 35`, encoded)
			mac := hmac.New(sha256.New, []byte(s.config.Secret.Reveal()))
			mac.Write([]byte(seed))
			token := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "sha256:35:%x", mac.Sum(nil)))
			reply := service.ask(t, http.Header{"Authorization": {"Bearer " + token}})
			assert.Equal(t, want, reply.status, "%q", seed)
			s.requireStatus(t, want, reply)
		}
	})
}

func TestGuardRefusesAmbiguousCAPITokens(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		service := s.guarded(t, nil)
		for _, test := range []struct {
			about  string
			rows   []row
			status int
		}{
			{"two users", []row{{"userid": 102, "state": 1}, {"userid": 101, "state": 1}}, 401},
			{"two users, the other first", []row{{"userid": 101, "state": 1}, {"userid": 102, "state": 1}}, 401},
			{"one user", []row{{"userid": 102, "state": 1}, {"userid": 102, "state": 1}}, 401},
			{"one of them unpublished", []row{{"userid": 102, "state": 1}, {"userid": 101, "state": 0}}, 401},
			{"a user who does not exist", []row{{"userid": 102, "state": 1}, {"userid": 4711, "state": 1}}, 401},
			{"three", []row{{"userid": 102, "state": 1}, {"userid": 102, "state": 1}, {"userid": 102, "state": 1}}, 401},
			{"another case", []row{{"userid": 102, "state": 1}, {"token": "GOOD", "userid": 101, "state": 1}}, 200},
			{"a space at the end", []row{{"token": "good ", "userid": 101, "state": 1}, {"userid": 102, "state": 1}}, 200},
		} {
			s.Exec(t, `DELETE FROM "#__services_tokens"`)
			for _, r := range test.rows {
				if r["token"] == nil {
					r["token"] = "good"
				}
				s.Insert(t, "services_tokens", r)
			}
			reply := service.ask(t, http.Header{"Token": {"good"}})
			assert.Equal(t, test.status, reply.status, test.about)
			s.requireStatus(t, test.status, reply)
		}
	})
}

// TestGuardFailsWhereItMayNotRead is about a table that exists but cannot be
// read: if it did not exist, the answer would differ.
func TestGuardFailsWhereItMayNotRead(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := joomla5(t, d)
			credentials := s.credentials(t)
			s.Insert(t, "extensions", factorPlugin("totp", 1))
			limited := s.limited(t, "services_tokens", "user_mfa")
			service := serve(t, capi.HandlerOptions{}, untouched(t), guardOf(t, s.open(t, limited, s.config)))
			for _, kind := range []string{"cAPI token", "cookie"} {
				before := service.log.errors()
				service.ask(t, credentials[kind]).requireRefused(t, http.StatusInternalServerError)
				assert.Equal(t, before+1, service.log.errors(), kind)
			}
			assert.Contains(t, service.log.String(), s.Prefix+"services_tokens")
			if d.name == "mariadb" {
				return // It does not show such an account which tables exist.
			}
			s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME TO "#__gone"`)
			before := service.log.errors()
			service.ask(t, credentials["cAPI token"]).requireRefused(t, http.StatusUnauthorized)
			assert.Equal(t, before, service.log.errors())
			s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__services_tokens"`) // It is dropped with the test.
		})
	}
}

func TestGuardHeedsSecondFactors(t *testing.T) {
	tests := []struct {
		about              string
		methods            []string // the user's
		plugins            map[string]int
		params             string // of com_users
		checked, mandatory string
		status             int
	}{
		{"none", nil, map[string]int{"totp": 1}, ``, "", "", 200},
		{"pending", []string{"totp"}, map[string]int{"totp": 1}, ``, "", "", 403},
		{"checked", []string{"totp"}, map[string]int{"totp": 1}, ``, "i:1;", "", 200},
		{"checked, as text", []string{"totp"}, map[string]int{"totp": 1}, ``, `s:1:"1";`, "", 200},
		{"checked, as bool", []string{"totp"}, map[string]int{"totp": 1}, ``, `b:1;`, "", 200},
		{"not checked", []string{"totp"}, map[string]int{"totp": 1}, ``, "i:0;", "", 403},
		{"checked is null", []string{"totp"}, map[string]int{"totp": 1}, ``, "N;", "", 403},
		{"in another case", []string{"TOTP"}, map[string]int{"totp": 1}, ``, "", "", 403},
		{"only backup codes", []string{"backupcodes"}, map[string]int{"backupcodes": 1, "totp": 1}, ``, "", "", 200},
		{"of another method", []string{"email"}, map[string]int{"totp": 1, "email": 0}, ``, "", "", 200},
		{"of two, one enabled", []string{"email", "totp"}, map[string]int{"totp": 1, "email": 0}, ``, "", "", 403},
		{"mandatory", nil, map[string]int{"totp": 1}, ``, "", "i:1;", 403},
		{"mandatory, checked", nil, map[string]int{"totp": 1}, ``, "i:1;", "i:1;", 403},
		{"not mandatory", nil, map[string]int{"totp": 1}, ``, "i:1;", "i:0;", 200},
		{"exempt, before the first page", []string{"totp"}, map[string]int{"totp": 1}, `{"neverMFAUserGroups":[8]}`, "", "", 403},
		{"exempt, after it", []string{"totp"}, map[string]int{"totp": 1}, `{"neverMFAUserGroups":[8]}`, "i:1;", "", 200},
		{"forced", nil, nil, `{"forceMFAUserGroups":[8]}`, "", "", 403},
		{"forced by an ancestor", nil, nil, `{"forceMFAUserGroups":["1"]}`, "", "", 403},
		{"forced, though exempt", nil, nil, `{"forceMFAUserGroups":[8],"neverMFAUserGroups":[8]}`, "", "", 403},
		{"forced, checked", nil, nil, `{"forceMFAUserGroups":[8]}`, "i:1;", "", 200},
		{"others are forced", nil, nil, `{"forceMFAUserGroups":[2]}`, "", "", 200},
		{"unreadable parameters", nil, nil, `{"forceMFAUserGroups":[8]`, "", "", 403},
	}
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		for _, test := range tests {
			for _, table := range []string{"session", "user_mfa", "extensions"} {
				s.Exec(t, `DELETE FROM "#__`+table+`"`)
			}
			s.Insert(t, "session", row{"session_id": "sid", "client_id": "0", "guest": "0", "time": s.Now, "userid": "102",
				"username": "super", "data": payloadOf(102, withFactor(test.checked, test.mandatory)...)})
			for _, method := range test.methods {
				s.Insert(t, "user_mfa", row{"user_id": "102", "method": method})
			}
			for method, enabled := range test.plugins {
				s.Insert(t, "extensions", factorPlugin(method, enabled))
			}
			s.Insert(t, "extensions", row{"type": "component", "element": "com_users", "params": test.params})
			s.requireAnswer(t, test.status, http.Header{"Cookie": {s.CookieNames.Site + "=sid"}}, test.about)
		}
	})
}

func TestGuardTakesTheTimeOfOldSites(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla33, joomlatest.Recorded("j3"))
		header := http.Header{"Cookie": {s.CookieNames.Site + "=sid"}}
		s.data = memory{"sid": capi.Payload(payloadOf(902))}
		s.Insert(t, "session", row{"session_id": "sid", "client_id": "0", "guest": "0", "userid": "902", "username": "super", "data": nil})
		for _, handler := range []string{"redis", "none"} {
			for _, time := range []any{strconv.FormatInt(s.Now, 10), "1", "", nil, "abc", strconv.FormatInt(s.Now-1e6, 10)} {
				s.Exec(t, `UPDATE "#__session" SET "time" = ? WHERE "session_id" = 'sid'`, time)
				s.config.SessionHandler = handler
				s.requireAnswer(t, http.StatusOK, header, fmt.Sprint(handler, " ", time))
			}
		}
		s.config.SessionHandler = "database" // The handler was changed: sessions elsewhere do not count.
		s.requireAnswer(t, http.StatusUnauthorized, header, "database")
	})
}
