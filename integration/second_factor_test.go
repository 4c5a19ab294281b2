package integration_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A secondFactorCase is a session of a Super Admin, before or after the second factor, and what a real Joomla knew of it.
type secondFactorCase struct {
	Name           string
	SessionHandler string `json:"session_handler"`
	Cookies        map[string]string
	Now            int64
	Tables         map[string][]row
	Want           int
}

func TestGuardSecondFactorAsJoomla(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "joomla", "second_factor.json"))
	require.NoError(t, err)
	var recorded6 struct {
		J6 struct{ Cases []secondFactorCase }
	}
	require.NoError(t, json.Unmarshal(text, &recorded6))
	require.Len(t, recorded6.J6.Cases, 18)
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, current, recorded(t, "j6"))
		s.exec(t, `DELETE FROM "#__extensions"`)
		for _, test := range recorded6.J6.Cases {
			for _, table := range []string{"session", "user_mfa", "extensions"} {
				s.exec(t, `DELETE FROM "#__`+table+`"`)
				for _, row := range test.Tables[table] {
					s.insert(t, table, row)
				}
			}
			service := s.guarded(t, func(c *capi.SiteConfig) { c.Now = func() time.Time { return time.Unix(test.Now, 0) } })
			header := http.Header{}
			for name, value := range test.Cookies {
				header.Add("Cookie", name+"="+value)
			}
			reply := service.ask(t, header)
			assert.Equal(t, test.Want, reply.status, test.Name)
			s.requireStatus(t, test.Want, reply)
			assert.Zero(t, service.log.errors(), service.log)
		}
		// Before Joomla 4.2, there is no such table.
		s.exec(t, `DROP TABLE "#__user_mfa"`)
		s.exec(t, `DELETE FROM "#__session"`)
		s.insert(t, "session", s.Tables["session"]...)
		service := s.guarded(t, nil)
		s.requireStatus(t, http.StatusOK, service.ask(t, s.cookieOf(t, "super")))
		assert.Zero(t, service.log.errors(), service.log)
	})
}

func TestGuardRootAssetByName(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, current, recorded(t, "j5"))
		service := s.guarded(t, nil)
		// Left-over assets without a parent, around the root's position, whose rules make Registered Super Admins.
		for i, position := range []string{"-5", "0", "0", "9999"} {
			s.insert(t, "assets", row{"id": strconv.Itoa(9000 + i), "parent_id": "0", "lft": position, "rgt": position, "level": "0",
				"name": "com_gone.item." + string(rune('1'+i)), "title": "", "rules": `{"core.admin":{"8":0,"2":1}}`})
		}
		s.requireStatus(t, http.StatusOK, service.ask(t, s.cookieOf(t, "super")))
		s.requireStatus(t, http.StatusForbidden, service.ask(t, s.cookieOf(t, "registered")))
	})
}
