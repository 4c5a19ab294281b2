package integration_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomlatest"
)

// TestGuardGivesReasons is about what the log says about a refusal at level
// Debug, and what it does not say.
func TestGuardGivesReasons(t *testing.T) {
	const hush = "hush0123456789abcdef"
	apiToken := func(text string) http.Header {
		return http.Header{"Authorization": {"Bearer " + base64.StdEncoding.EncodeToString([]byte(text))}}
	}
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		s.Insert(t, "extensions", factorPlugin("totp", 1))
		s.Insert(t, "user_mfa", row{"user_id": "121", "method": "totp"})
		service := s.guarded(t, nil)
		// logs asks with header, and reads the log.
		logs := func(status int, reason string, header http.Header) {
			t.Helper()
			before := len(service.log.String())
			s.requireStatus(t, status, service.ask(t, header))
			logged := service.log.String()[before:]
			assert.Contains(t, logged, `"level":"DEBUG"`)
			assert.Contains(t, logged, reason)
			for _, values := range header {
				for _, value := range values {
					_, value, _ = strings.Cut(value, "=")
					if value == "" {
						value = strings.TrimPrefix(values[0], "Bearer ")
					}
					assert.NotContains(t, logged, value)
				}
			}
			assert.NotContains(t, logged, hush)
			assert.NotContains(t, logged, s.CookieNames.Site)
		}
		session := func(change row) http.Header {
			t.Helper()
			r := row{"session_id": hush, "client_id": "0", "guest": "0", "time": s.Now, "userid": "102", "username": "super",
				"data": payloadOf(102)}
			for column, value := range change {
				r[column] = value
			}
			s.Exec(t, `DELETE FROM "#__session"`)
			s.Insert(t, "session", r)
			return http.Header{"Cookie": {s.CookieNames.Site + "=" + hush}}
		}
		capiToken := func(rows ...row) http.Header {
			t.Helper()
			s.Exec(t, `DELETE FROM "#__services_tokens"`)
			for _, r := range rows {
				r["token"] = hush
				s.Insert(t, "services_tokens", r)
			}
			return http.Header{"Token": {hush}}
		}
		no := "capi: not authenticated: "
		logs(401, no+"no well-formed API token; "+no+"no well-formed cAPI token; "+no+"no session cookie of this site", nil)
		logs(401, no+"no session cookie of this site", http.Header{"Cookie": {"other=" + hush}})
		logs(401, no+"unknown session", http.Header{"Cookie": {s.CookieNames.Administrator + "=" + hush}})
		logs(401, no+"session has expired", session(row{"time": 1}))
		logs(401, no+"session has expired", session(row{"data": payloadOf(102, lastRequest(1)...)}))
		logs(401, no+"session has no data", session(row{"data": nil}))
		logs(401, no+"session is none that the site's Joomla reads", session(row{"data": hush}))
		logs(401, no+"session is a guest's", session(row{"data": payloadOf(0)}))
		logs(401, no+"user does not exist", session(row{"data": payloadOf(4711)}))
		for user, reason := range map[int64]string{114: "user is blocked", 115: "user is not activated",
			116: "user has to reset the password", 121: "second factor is pending", 101: "no core.admin"} {
			logs(403, "capi: not authorized: "+reason, session(row{"data": payloadOf(user)}))
		}

		logs(401, no+"cAPI token is not known", capiToken())
		logs(401, no+"cAPI token is not published", capiToken(row{"userid": 102, "state": 0}))
		logs(401, no+"cAPI token is in the table more than once", capiToken(row{"userid": 102, "state": 1}, row{"userid": 102, "state": 1}))
		logs(401, no+"user does not exist", capiToken(row{"userid": 4711, "state": 1}))
		logs(403, "capi: not authorized: user is blocked", capiToken(row{"userid": 114, "state": 1}))
		s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME TO "#__gone"`)
		logs(401, no+"site has no table of cAPI tokens", http.Header{"Token": {hush}})
		s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__services_tokens"`)

		logs(401, no+"API token is not valid", apiToken("sha256:101:"+strings.Repeat("0", 64)))
		good := map[string]http.Header{}
		for _, use := range s.APITokens {
			good[use.Name] = http.Header{}
			for name, value := range use.Headers {
				good[use.Name].Set(name, value)
			}
		}
		logs(401, no+"user is in no group that may use API tokens", good["registered with token"])
		logs(401, no+"account of the API token is not in order", good["blocked super"])
		s.Exec(t, `UPDATE "#__user_profiles" SET "profile_value" = '0' WHERE "profile_key" = 'joomlatoken.enabled'`)
		logs(401, no+"API token is disabled by its user", good["bearer sha256 super"])
		s.Exec(t, `UPDATE "#__user_profiles" SET "profile_value" = '1' WHERE "profile_key" = 'joomlatoken.enabled'`)
		s.Exec(t, `UPDATE "#__extensions" SET "enabled" = 0 WHERE "folder" = 'api-authentication'`)
		logs(401, no+"API tokens are disabled by the site", good["bearer sha256 super"])
		assert.Zero(t, service.log.errors(), service.log)
	})
}
