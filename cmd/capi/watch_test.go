package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWatcher(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	w := newWatcher(make([]byte, 32), time.Hour)
	now := start
	ann := row{id: "a", user: 42, username: "ann", written: start}
	bob := row{id: "b", user: 43, username: "bob", written: start, application: capi.ClientAdministrator}
	for _, step := range []struct {
		name   string
		after  time.Duration
		failed error
		rows   []row
		want   string
	}{
		{name: "who is there at first has not just logged in", rows: []row{ann}, want: "seen ann"},
		{name: "nothing changes", rows: []row{ann}},
		{name: "somebody comes", rows: []row{ann, bob}, want: "login bob"},
		{name: "an endpoint has other ids", rows: []row{with(ann, func(r *row) { r.id = "a2" }), with(bob, func(r *row) { r.id = "b2" })}, want: "seen ann, seen bob"},
		{name: "and others again", rows: []row{ann, bob}, want: "seen ann, seen bob"},
		{name: "a second session is a login", rows: []row{ann, bob, with(bob, func(r *row) { r.id = "b2" })}, want: "login bob"},
		{name: "and ends", rows: []row{ann, bob}, want: "logout bob"},
		{name: "one in place of another", rows: []row{ann, with(bob, func(r *row) { r.id, r.written = "b2", start.Add(time.Second) })},
			want: "logout bob, login bob"},
		{name: "and the other way round", rows: []row{ann, bob}, want: "logout bob, login bob"},
		{name: "somebody leaves", rows: []row{ann}, want: "logout bob"},
		{name: "the factor is missing", rows: []row{ann, with(bob, func(r *row) { r.standing = waiting })}, want: "login bob"},
		{name: "it is passed", rows: []row{ann, bob}, want: "factor bob"},
		{name: "power", rows: []row{ann, with(bob, func(r *row) { r.super = true })}, want: "super bob, a Super User"},
		{name: "power that ends", rows: []row{ann, with(bob, func(r *row) { r.standing = ended })}, want: "expired bob, a Super User"},
		{name: "and comes again, for the clock was wrong", rows: []row{ann, with(bob, func(r *row) { r.super = true })}, want: "seen bob, a Super User"},
		{name: "less of it", rows: []row{ann, bob}},
		{name: "the same session, another user", rows: []row{ann, with(bob, func(r *row) { r.user, r.username = 44, "eve" })},
			want: "logout bob, login eve"},
		{name: "the user is deleted", rows: []row{ann, with(bob, func(r *row) { r.user, r.username, r.standing, r.gone = 44, "eve", ended, true })},
			want: "deleted eve"},
		{name: "the session of one who is gone, too", rows: []row{ann}},
		{name: "an outage", failed: errors.New("down"), want: "outage"},
		{name: "goes on", after: time.Minute, failed: errors.New("down")},
		{name: "nobody knows who came when", rows: []row{ann, bob}, want: "back, seen bob"},
		{name: "from there on it is known", rows: []row{ann, bob, with(bob, func(r *row) { r.id = "c" })}, want: "login bob"},
		{name: "an hour", after: time.Hour + time.Second, rows: []row{with(ann, func(r *row) { r.standing = ended }), bob}, want: "expired ann, expired bob"},
		{name: "what has expired is removed", rows: []row{bob}},
		{name: "and comes again, for the clock was wrong", rows: []row{with(bob, func(r *row) { r.standing = ended })}, want: "expired bob"},
		{name: "and comes again", rows: []row{bob}, want: "seen bob"},
		{name: "one that has ended is nobody's login", rows: []row{bob, with(ann, func(r *row) { r.standing = ended })}},
	} {
		now = now.Add(step.after)
		var said []string
		say := func(e event) {
			text := strings.TrimSpace(e.kind + " " + e.row.username)
			if e.row.super {
				text += ", a Super User"
			}
			said = append(said, text)
		}
		if step.failed != nil {
			w.failed(step.failed, now, say)
		} else {
			w.compare(step.rows, now, say)
		}
		assert.Equal(t, step.want, strings.Join(said, ", "), step.name)
	}
}

func with(r row, change func(*row)) row {
	change(&r)
	return r
}

func TestEventPrinter(t *testing.T) {
	var out strings.Builder
	e := event{time: time.Unix(1_800_000_000, 0), kind: "login", pseudonym: pseudonym{0xab},
		row: row{user: 42, username: "a\nforged \x1b[2J\"line", super: true, standing: waiting, browser: "Mozilla"}}
	eventPrinter{w: &out, site: "example.org"}.print(e)
	assert.Equal(t, "2027-01-15T08:00:00Z example.org login   \"a\uFFFDforged \uFFFD[2J\\\"line\" id=42 site super-user waiting browser=\"Mozilla\" "+
		"session=ab000000000000000000000000000000\n", out.String())

	out.Reset()
	eventPrinter{w: &out, json: true}.print(e)
	assert.JSONEq(t, `{"time":"2027-01-15T08:00:00Z","event":"login","user_id":42,"username":"a\nforged \u001b[2J\"line","application":"site",
		"waiting":true,"super_user":true,"browser":"Mozilla","session":"ab000000000000000000000000000000"}`, out.String())

	out.Reset()
	eventPrinter{w: &out, json: true}.print(event{time: e.time, kind: "login", row: row{username: "Zoë \u009b2J\x7f\u202E\U000E0041"}})
	assert.Contains(t, out.String(), `"username":"Zoë \u009b2J\u007f\u202e\udb40\udc41"`)

	out.Reset()
	eventPrinter{w: &out}.print(event{time: e.time, kind: "outage", cause: errors.New("it\n\tis down")})
	eventPrinter{w: &out}.print(event{time: e.time, kind: "back", lasted: 90 * time.Second})
	assert.Equal(t, "2027-01-15T08:00:00Z outage  it is down\n2027-01-15T08:00:00Z back    after 1m30s\n", out.String())
}

func TestWatchSiteName(t *testing.T) {
	for url, want := range map[string]string{
		"example.org": "example.org", "https://example.org:8443/joomla?token=x": "example.org:8443", "HTTP://example.org#token=x": "example.org",
		"[::1]:8080/": "[::1]:8080", "http://a b": "",
	} {
		o := watchOptions{sourceFlags: sourceFlags{url: url}}
		assert.Equal(t, want, o.siteName(), url)
	}
}

// A credential that has changed ends the outage that it has caused.
func TestWatchCredential(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("X-Joomla-Token"); asked.Add(1) > 1 && token != "new" {
			_ = capi.WriteEnvelope(w, http.StatusUnauthorized, "Not authorized.")
			return
		}
		_ = capi.WriteEnvelope(w, http.StatusOK, []capi.Session{})
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	o := watchOptions{sourceFlags: sourceFlags{url: server.URL, tokenFile: path, tokenType: "joomla", lifetime: time.Hour},
		format: "json", interval: 10 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- watchSessions(ctx, o, in)
		_ = in.Close()
	}()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	assert.Contains(t, lines.Text(), `"outage"`)
	require.NoError(t, os.WriteFile(path, []byte("new"), 0o600))
	require.True(t, lines.Scan())
	assert.Contains(t, lines.Text(), `"back"`)
	cancel()
	assert.NoError(t, <-done)
}

// TestWatch watches a site through logins, the second factor, a logout, the
// end of a session, an outage and a user who is deleted.
func TestWatch(t *testing.T) {
	for _, dialect := range []string{"mysqli", "pgsql", "sqlite"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			site := newSiteOf(t, dialect)
			template := site.Tables["session"][0]
			for _, row := range site.Tables["session"] {
				if row["guest"] == 0 || row["guest"] == "0" {
					template = row
				}
			}
			site.Exec(t, `DELETE FROM "#__session"`)
			site.Exec(t, `INSERT INTO "#__extensions" ("name", "type", "element", "folder", "enabled", "params") VALUES ('', 'plugin', 'totp', 'multifactorauth', 1, '{}')`)
			addUser := func(id int, name string) {
				site.Exec(t, `INSERT INTO "#__users" ("id", "name", "username") VALUES (?, ?, ?)`, strconv.Itoa(id), name, name)
				site.Exec(t, `INSERT INTO "#__user_usergroup_map" ("user_id", "group_id") VALUES (?, 2)`, strconv.Itoa(id))
			}
			data := func(id int, checked bool) string {
				return `__default|a:2:{s:4:"user";O:5:"JUser":1:{s:2:"id";i:` + strconv.Itoa(id) + `;}s:9:"com_users";a:1:{s:11:"mfa_checked";i:` +
					map[bool]string{false: "0", true: "1"}[checked] + `;}}`
			}
			table := "session"
			login := func(session string, id int, name string, checked bool) {
				row := map[string]any{}
				for column, value := range template {
					row[column] = value
				}
				row["session_id"], row["userid"], row["username"], row["data"] = session, id, name, data(id, checked)
				row["time"], row["guest"], row["client_id"] = int(time.Now().Unix()), 0, 0
				site.Insert(t, table, row)
			}
			addUser(1001, "ann")
			addUser(1002, "bob")
			addUser(1003, "eve")
			site.Exec(t, `INSERT INTO "#__user_mfa" ("user_id", "title", "method") VALUES (1002, '', 'totp')`)
			login("session-of-ann", 1001, "ann", true)

			command := exec.Command("capi", "watch", "--config", writePHP(t, site.php(nil)), "--format", "json", "--interval", "1s")
			out, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			t.Cleanup(func() {
				_ = command.Process.Kill()
				_ = command.Wait()
			})
			lines := bufio.NewScanner(out)
			next := func() eventLine {
				t.Helper()
				require.True(t, lines.Scan(), "the program has ended")
				var line eventLine
				require.NoError(t, json.Unmarshal(lines.Bytes(), &line), lines.Text())
				assert.NotContains(t, lines.Text(), "session-of")
				return line
			}
			expect := func(kind, username string) eventLine {
				t.Helper()
				line := next()
				assert.Equal(t, kind+" "+username, line.Event+" "+line.Username)
				return line
			}
			first := expect("seen", "ann")
			assert.Len(t, first.Session, 32)
			login("session-of-bob", 1002, "bob", false)
			assert.True(t, expect("login", "bob").Waiting)
			site.Exec(t, `UPDATE "#__session" SET "data" = ? WHERE "userid" = 1002`, data(1002, true))
			assert.False(t, expect("factor", "bob").Waiting)
			site.Exec(t, `INSERT INTO "#__user_usergroup_map" ("user_id", "group_id") VALUES (1002, 8)`)
			assert.True(t, expect("super", "bob").SuperUser)
			site.Exec(t, `DELETE FROM "#__session" WHERE "userid" = 1001`)
			assert.Equal(t, first.Session, expect("logout", "ann").Session)

			site.Exec(t, `ALTER TABLE "#__session" RENAME TO "#__gone"`)
			assert.NotEmpty(t, expect("outage", "").Error)
			time.Sleep(time.Second) // So that another look fails, of which nothing is said.
			table = "gone"
			login("session-of-eve", 1003, "eve", true)
			table = "session"
			site.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__session"`)
			expect("back", "")
			expect("seen", "eve")

			site.Exec(t, `UPDATE "#__session" SET "time" = 1000000000 WHERE "userid" = 1002`)
			expect("expired", "bob")
			site.Exec(t, `DELETE FROM "#__users" WHERE "id" = 1003`)
			expect("deleted", "eve")
			login("session-of-ann-2", 1001, "ann", true)
			assert.NotEqual(t, first.Session, expect("login", "ann").Session)
			require.NoError(t, command.Process.Signal(syscall.SIGINT))
			assert.False(t, lines.Scan(), lines.Text())
			assert.NoError(t, command.Wait())
		})
	}
}
