package integration_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// TestGuardRefusesDoubledRows is about tables that lost their keys when they
// were copied. It is unknown whose session it is, or which account counts.
func TestGuardRefusesDoubledRows(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		for _, table := range []string{"session", "users"} {
			s.Exec(t, `CREATE TABLE "#__copy" AS SELECT * FROM "#__`+table+`"`)
			s.Exec(t, `DROP TABLE "#__`+table+`"`)
			s.Exec(t, `ALTER TABLE "#__copy" RENAME TO "#__`+table+`"`)
		}
		header := http.Header{"Cookie": {s.CookieNames.Site + "=doubled"}}
		service := s.guarded(t, func(c *capi.SiteConfig) { c.SessionName = "" })
		session := row{"session_id": "doubled", "time": s.Now, "guest": "1", "userid": "0", "username": ""}
		add := func(users ...int64) {
			s.Exec(t, `DELETE FROM "#__session"`)
			for _, user := range users {
				session["data"] = payloadOf(user)
				s.Insert(t, "session", session)
			}
		}
		ask := func(status int, about string) {
			reply := service.ask(t, header)
			assert.Equal(t, status, reply.status, "%s\n%s", about, service.log)
		}
		add(102)
		ask(http.StatusOK, "one row")
		add(101, 102, 103, 104, 105, 106)
		ask(http.StatusUnauthorized, "several users")
		add(102, 102)
		ask(http.StatusUnauthorized, "one user twice")
		add(1 << 40)
		ask(http.StatusUnauthorized, "a user whom no table has room for")
		assert.Zero(t, service.log.errors(), service.log)

		// The user twice, once blocked.
		s.Exec(t, `INSERT INTO "#__users" ("id", "name", "username", "email", "block", "activation", "requireReset")`+
			` SELECT "id", "name", "username", "email", 1, '', 0 FROM "#__users" WHERE "id" = 102`)
		add(102)
		ask(http.StatusUnauthorized, "a user without the row's")
		s.Exec(t, `UPDATE "#__session" SET "userid" = 102`)
		ask(http.StatusUnauthorized, "a user with the row's")
	})
}
