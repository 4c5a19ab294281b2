package integration_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// hostile are values that mean something to SQL, LIKE, PHP, JSON, HTML, or the
// format strings of Go.
var hostile = []string{
	`' OR '1'='1`, `' OR 1=1 -- `, `" OR ""="`, `'; DROP TABLE users; -- `, `\'; DROP TABLE users; -- `, `\`, `\\`, "`", `%`, `_%`,
	`$1`, `?`, `:1`, `{0}`, `%s%n`, `#__users`, `x' UNION SELECT '1','1','1','1','1','1','1','1','1','1','1`, `1e1`, `0x73`,
	`CHAR(115)`, `</script>`, `{"core.admin":{"8":1}}`, `a:1:{i:0;i:1;}`, `\x7375706572`, `é`, `ſuper`, "%00", "%27%20OR%201=1",
}

func TestGuardTakesHostileCredentials(t *testing.T) {
	for _, layout := range joomlatest.SessionLayouts() {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				recorded, super := "j5", "102"
				if layout < joomlatest.Joomla40 {
					recorded, super = "j3", "902"
				}
				s := newSite(t, d, layout, joomlatest.Recorded(recorded))
				s.Insert(t, "services_tokens", row{"token": "good", "userid": super, "state": "1"})
				service := s.guarded(t, nil)
				for _, value := range hostile {
					token := base64.StdEncoding.EncodeToString([]byte("sha256:" + value + ":" + strings.Repeat("0", 64)))
					number := base64.StdEncoding.EncodeToString([]byte("sha256:35" + value + ":" + strings.Repeat("0", 64)))
					for _, header := range []http.Header{
						{"Cookie": {s.CookieNames.Site + "=" + value}},
						{"Cookie": {s.CookieNames.Administrator + `="` + value + `"`}},
						{"Cookie": {value + "=" + value}},
						{"Authorization": {"Bearer " + value}}, {"Authorization": {value}},
						{"Authorization": {"Bearer " + token}}, {"X-Joomla-Token": {number}}, {"X-Joomla-Token": {value}},
						{"Token": {value}}, {"Token": {"good" + value}},
					} {
						reply := service.ask(t, header)
						assert.Equal(t, http.StatusUnauthorized, reply.status, "%v", header)
						s.requireStatus(t, http.StatusUnauthorized, reply)
					}
				}
				assert.Zero(t, service.log.errors(), service.log)
				s.requireStatus(t, http.StatusOK, service.ask(t, s.CookieOf(t, "super"))) // Everything is still there.
			})
		})
	}
}

// TestGuardTakesHostileBytes sends bytes that Go's own client refuses to send.
func TestGuardTakesHostileBytes(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla33, joomlatest.Recorded("j5"))
		service := s.guarded(t, nil)
		address := service.server.Listener.Addr().String()
		for _, value := range []string{"\xff\xfe", "\x80", "\xc3", "\xed\xa0\x80", "\t", "\"", "super\xc2\xa0"} {
			for _, header := range []string{"Cookie: " + s.CookieNames.Site + "=", "Authorization: Bearer ", "Token: "} {
				connection, err := net.Dial("tcp", address)
				require.NoError(t, err)
				_, err = fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s\r\n\r\n", address, header, value)
				require.NoError(t, err)
				response, err := http.ReadResponse(bufio.NewReader(connection), nil)
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				reply{status: response.StatusCode, body: body}.requireRefused(t, http.StatusUnauthorized)
				require.NoError(t, connection.Close())
			}
		}
		assert.Zero(t, service.log.errors(), service.log)
	})
}

func TestGuardTakesHostileUsernames(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		for i, username := range hostile {
			user, id := strconv.Itoa(1000+i), "hostile-"+strconv.Itoa(i)
			s.Insert(t, "users", row{"id": user, "username": username + " " + user, "name": username})
			s.Insert(t, "user_usergroup_map", row{"user_id": user, "group_id": "2"})
			s.Insert(t, "session", row{"session_id": id, "client_id": "0", "guest": "0", "time": strconv.FormatInt(s.Now, 10),
				"data": payloadOf(int64(1000 + i)), "userid": user, "username": username})
		}
		nobody := s.guarded(t, nil)
		for i, username := range hostile {
			header := http.Header{"Cookie": {s.CookieNames.Site + "=hostile-" + strconv.Itoa(i)}}
			s.requireStatus(t, http.StatusForbidden, nobody.ask(t, header))
			root := s.guarded(t, func(c *capi.SiteConfig) { c.RootUser = username + " " + strconv.Itoa(1000+i) })
			s.requireStatus(t, http.StatusOK, root.ask(t, header))
			s.requireStatus(t, http.StatusForbidden, root.ask(t, s.CookieOf(t, "registered")))
		}
	})
}

func TestSiteRefusesHostilePrefixes(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla42)
		for _, prefix := range append([]string{"jos-", "jos.", "a b_", `a"b`, "a`b", "a\x00b", "jös_", "a;b", "a/**/"}, hostile...) {
			if prefix == "1e1" || prefix == "0x73" {
				continue // These are valid prefixes.
			}
			config := s.config
			config.DBPrefix = prefix
			_, err := capi.NewSite(s.DB, config)
			assert.Error(t, err, prefix)
		}
	})
}
