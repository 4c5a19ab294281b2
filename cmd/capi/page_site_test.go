package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/stretchr/testify/require"
)

// newPageSite makes a site in MariaDB with the rows of a real Joomla 6, among
// them a session that it recorded as waiting for the second factor. It returns
// its configuration.php.
func newPageSite(t testing.TB) (site *testSite, php string) {
	t.Helper()
	var lifetime int
	site = newTestSite(t, "mysqli", "", func(recording *joomlatest.Recording) {
		*recording = *joomlatest.Recorded("j6")
		// What sessions hold has the time of the recording, too.
		lifetime = int(time.Since(time.Unix(recording.Now, 0)).Minutes()) + 120
		waits := waitingCase(t)
		// The other sessions of that user are from before there was a second
		// factor.
		user := fmt.Sprint(waits.Tables["session"][0]["userid"])
		of := func(row joomlatest.Row) bool { return row["userid"] == user }
		recording.Tables["session"] = slices.DeleteFunc(recording.Tables["session"], of)
		recording.Sessions = slices.DeleteFunc(recording.Sessions, func(c joomlatest.SessionCase) bool { return fmt.Sprint(c.User) == user })
		recording.Tables["session"] = append(recording.Tables["session"], waits.Tables["session"]...)
		recording.Tables["user_mfa"], recording.Tables["extensions"] = waits.Tables["user_mfa"], waits.Tables["extensions"]
		recording.MoveTo(time.Now())
	})
	return site, site.php(map[string]any{"lifetime": lifetime})
}

// waitingCase returns what Joomla 6 wrote of a user who has entered the
// password and not the code.
func waitingCase(t testing.TB) *joomlatest.Recording {
	t.Helper()
	for _, c := range joomlatest.SecondFactor() {
		if c.Site == "j6" && c.Name == "record; password only, after a request" && c.Want == http.StatusForbidden {
			return c.Recording
		}
	}
	t.Fatal("no such case")
	return nil
}

// A crowd says which sessions to add to a site.
type crowd struct {
	sessions int // in all
	guests   int // one in so many is a guest's
	ended    int // one in so many has ended
}

// insertCrowd adds the sessions of a crowd, as Joomla 6 writes them. People
// have two and a half each. It returns how many are people's and have not
// ended.
func (s *testSite) insertCrowd(t testing.TB, c crowd) (live int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now().Unix()
	const most = 1000
	var values strings.Builder
	var args []any
	users := map[int]pageUser{}
	for i := range c.sessions {
		age := int64(random.Float64() * random.Float64() * 7200)
		user, client, written := 0, 0, now-age
		username := ""
		if i%c.guests != 0 {
			user = 10_000 + i*2/5
			forename, surname := forenames[user%len(forenames)], surnames[user*7%len(surnames)]
			username = fmt.Sprintf("%s.%s%d", forename, surname, user)
			users[user] = pageUser{username, strings.ToUpper(forename[:1]) + forename[1:] + " " + strings.ToUpper(surname[:1]) + surname[1:]}
			if i%8 == 0 {
				client = 1
			}
		}
		ended := c.ended > 0 && i%c.ended == 0
		if ended {
			written -= 90 * 86400
		} else if user != 0 {
			live++
		}
		guest := 0
		if user == 0 {
			guest = 1
		}
		values.WriteString("(?,?,?,?,?,?,?),")
		args = append(args, fmt.Appendf(nil, "%016x%016x", random.Uint64(), random.Uint64()), client, guest, written,
			joomla6Data(user, 1+random.IntN(60), written, agents[random.IntN(len(agents))]), user, username)
		if (i+1)%most == 0 || i+1 == c.sessions {
			s.Exec(t, `INSERT INTO "#__session" ("session_id","client_id","guest","time","data","userid","username") VALUES `+
				strings.TrimSuffix(values.String(), ","), args...)
			values.Reset()
			args = args[:0]
		}
	}
	s.insertUsers(t, users)
	return live
}

// A pageUser is who the table of users says that somebody is.
type pageUser struct{ username, name string }

// insertUsers adds users, by their ids: without one, a session is nobody's.
func (s *testSite) insertUsers(t testing.TB, users map[int]pageUser) {
	t.Helper()
	var rows []joomlatest.Row
	for id, user := range users {
		rows = append(rows, joomlatest.Row{"id": fmt.Sprint(id), "username": user.username, "name": user.name,
			"email": fmt.Sprintf("user%d@host.example", id)})
	}
	s.Insert(t, "users", rows...)
}

var (
	forenames = []string{"ada", "ben", "chloë", "dmitri", "eun-ji", "farah", "gustavo", "hana", "ivo", "jürgen", "kofi", "lena"}
	surnames  = []string{"adeyemi", "brown", "castillo", "dubois", "eriksen", "fischer", "gupta", "horváth", "ito", "jansen", "kowalska"}
	agents    = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
	}
)

// joomla6Data returns a session of a user, 0 for a guest, as Joomla 6 stores
// it, with a browser, which that does not.
func joomla6Data(user, counter int, now int64, agent string) string {
	start := now - int64(counter)*20
	checked := ""
	members := 3
	if user != 0 {
		checked, members = `s:9:"com_users";O:8:"stdClass":1:{s:11:"mfa_checked";i:1;}`, 4
	}
	registry := fmt.Sprintf("O:24:\"Joomla\\Registry\\Registry\":3:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":%d:{"+
		"s:7:\"session\";O:8:\"stdClass\":4:{s:7:\"counter\";i:%d;"+
		"s:5:\"timer\";O:8:\"stdClass\":3:{s:5:\"start\";i:%d;s:4:\"last\";i:%d;s:3:\"now\";i:%d;}"+
		"s:6:\"client\";O:8:\"stdClass\":1:{s:7:\"browser\";s:%d:\"%s\";}s:5:\"token\";s:32:\"%032x\";}"+
		"s:8:\"registry\";O:24:\"Joomla\\Registry\\Registry\":3:{s:7:\"\x00*\x00data\";O:8:\"stdClass\":0:{}"+
		"s:14:\"\x00*\x00initialized\";b:0;s:12:\"\x00*\x00separator\";s:1:\".\";}"+
		"s:4:\"user\";O:20:\"Joomla\\CMS\\User\\User\":1:{s:2:\"id\";i:%d;}%s}"+
		"s:14:\"\x00*\x00initialized\";b:0;s:12:\"\x00*\x00separator\";s:1:\".\";}",
		members, counter, start, now-15, now, len(agent), agent, user, user, checked)
	text := base64.StdEncoding.EncodeToString([]byte(registry))
	return fmt.Sprintf("joomla|s:%d:\"%s\";", len(text), text)
}

// joomla34Data returns a session as Joomla up to 3.4.6 stores it: with the
// user's name.
func joomla34Data(user int, name, username, agent string, now int64) string {
	return fmt.Sprintf(`__default|a:5:{s:15:"session.counter";i:6;s:19:"session.timer.start";i:%d;s:17:"session.timer.now";i:%d;`+
		`s:22:"session.client.browser";s:%d:"%s";s:4:"user";O:5:"JUser":3:{s:2:"id";i:%d;s:4:"name";s:%d:"%s";s:8:"username";s:%d:"%s";}}`,
		now-300, now, len(agent), agent, user, len(name), name, len(username), username)
}

// insertSession adds a user, and a session of theirs.
func (s *testSite) insertSession(t testing.TB, id string, client, user int, as pageUser, agent string) {
	t.Helper()
	now := time.Now()
	s.Exec(t, `INSERT INTO "#__session" ("session_id","client_id","guest","time","data","userid","username") VALUES (?,?,?,?,?,?,?)`,
		[]byte(id), client, 0, now.Unix(), joomla34Data(user, as.name, as.username, agent, now.Unix()), user, as.username)
	s.insertUsers(t, map[int]pageUser{user: as})
}

// cookie returns the cookie of a Super Admin's session.
func (s *testSite) cookie(t testing.TB) http.Cookie {
	t.Helper()
	for _, session := range s.Sessions {
		if session.Want() == http.StatusOK {
			return http.Cookie{Name: session.Cookie.Name, Value: session.Cookie.Value}
		}
	}
	require.Fail(t, "no Super Admin is logged in")
	return http.Cookie{}
}
