package integration_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/storetest"
)

// TestSQLStoreConforms is not parallel to other tests, since storetest counts
// goroutines.
func TestSQLStoreConforms(t *testing.T) {
	for _, d := range databases() {
		for _, layout := range joomlatest.SessionLayouts() {
			t.Run(d.name+"/"+layout.String(), func(t *testing.T) {
				s := emptySite(t, d, layout)
				storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
					s.Exec(t, `DELETE FROM "#__session"`)
					for chunk := range slices.Chunk(sessions, 100) {
						rows := make([]row, len(chunk))
						for i, session := range chunk {
							rows[i] = s.rowOf(session)
						}
						s.Insert(t, "session", rows...)
					}
					return capi.NewSQLStore(s.capi(t, nil))
				})
			})
		}
	}
}

// rowOf returns the row that Joomla would write for a session.
func (s *site) rowOf(session capi.Session) row {
	r := row{"session_id": session.ID, "client_id": nil, "guest": "0", "time": "0", "data": nil,
		"userid": strconv.FormatInt(session.UserID, 10), "username": session.Username}
	if session.ClientID != capi.ClientNone {
		r["client_id"] = strconv.FormatInt(int64(session.ClientID), 10)
	}
	if session.Guest {
		r["guest"] = "1"
	}
	switch {
	case !session.Time.IsZero():
		r["time"] = strconv.FormatInt(session.Time.Unix(), 10)
	case s.Layout == joomlatest.Joomla33:
		r["time"] = ""
	}
	if session.Data != nil {
		r["data"] = string(session.Data)
	}
	return r
}

func TestSQLStoreReadsJoomlasRows(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		sessions, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
		require.NoError(t, err)
		var got, want []string
		for _, session := range sessions {
			text, err := json.Marshal(session)
			require.NoError(t, err)
			got = append(got, string(text))
		}
		for _, row := range s.Tables["session"] {
			text, err := json.Marshal(row)
			require.NoError(t, err)
			want = append(want, string(text))
		}
		require.Len(t, got, len(want))
		slices.SortFunc(want, func(a, b string) int { return strings.Compare(idOf(t, a), idOf(t, b)) })
		slices.SortFunc(got, func(a, b string) int { return strings.Compare(idOf(t, a), idOf(t, b)) })
		for i := range want {
			assert.JSONEq(t, want[i], got[i])
		}
	})
}

// idOf returns the id of a session in JSON.
func idOf(t testing.TB, text string) string {
	t.Helper()
	var session struct {
		ID string `json:"session_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &session))
	return session.ID
}

func TestSQLStoreLeavesOutExpiredSessions(t *testing.T) {
	const now, lifetime = 1_795_489_076, 15 * time.Minute
	oldest := now - int(lifetime/time.Second)
	times := map[string]any{ // by id
		"now":           strconv.Itoa(now),
		"future":        strconv.Itoa(now + 60),
		"just active":   strconv.Itoa(oldest),
		"just expired":  strconv.Itoa(oldest - 1),
		"zero":          "0",
		"one":           "1",
		"as text later": "999999999", // A text greater than any of today's times, but a time of 2001.
	}
	active := []string{"future", "just active", "now"}

	for _, layout := range joomlatest.SessionLayouts() {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) {
				s := emptySite(t, d, layout)
				times := maps.Clone(times)
				if layout == joomlatest.Joomla33 {
					times["empty"], times["null"] = "", nil
				}
				for id, value := range times {
					s.Insert(t, "session", row{"session_id": id, "time": value})
				}
				s.Now = now
				known := s.capi(t, func(c *capi.SiteConfig) { c.Lifetime = lifetime })
				store := capi.NewSQLStore(known)
				assert.ElementsMatch(t, slices.Collect(maps.Keys(times)), idsIn(t, store))
				store = capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(known)
				assert.ElementsMatch(t, active, idsIn(t, store))
			})
		})
	}
}

func TestSQLStoreTakesAnyClock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := []struct {
		now      int64
		lifetime time.Duration
		want     []string
	}{
		{1_795_489_076, 200 * year, []string{"0", "1", "1795489076", "2147483647"}},
		{1_795_489_076, 290 * year, []string{"0", "1", "1795489076", "2147483647"}},
		{2_147_483_647, 15 * time.Minute, []string{"2147483647"}},
		{2_147_483_648, 15 * time.Minute, []string{"2147483647"}},
		{2_147_483_647 + 900, 15 * time.Minute, []string{"2147483647"}},
		{2_147_483_648 + 900, 15 * time.Minute, nil},
		{4_102_444_800, 15 * time.Minute, nil}, // 2100
		{4_102_444_800, 100 * year, []string{"1795489076", "2147483647"}},
		{253_402_300_800, 15 * time.Minute, nil}, // 10000
		{60, 15 * time.Minute, []string{"0", "1", "1795489076", "2147483647"}},
	}
	onEachLayout(t, func(t *testing.T, s *site) {
		for _, seconds := range []string{"0", "1", "1795489076", "2147483647"} {
			s.Insert(t, "session", row{"session_id": seconds, "time": seconds})
		}
		for _, test := range tests {
			s.Now = test.now
			known := s.capi(t, func(c *capi.SiteConfig) { c.Lifetime = test.lifetime })
			got := idsIn(t, capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(known))
			assert.ElementsMatch(t, test.want, got, "%d %v", test.now, test.lifetime)
		}
	})
}

// onEachLayout runs test for an empty site of each form of the table, on each
// database.
func onEachLayout(t *testing.T, test func(t *testing.T, s *site)) {
	for _, layout := range joomlatest.SessionLayouts() {
		t.Run(layout.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, d database) { test(t, emptySite(t, d, layout)) })
		})
	}
}

func idsIn(t testing.TB, store capi.Store) []string {
	t.Helper()
	sessions, err := capi.Collect(store.Sessions(t.Context()))
	require.NoError(t, err)
	var ids []string
	for _, session := range sessions {
		ids = append(ids, session.ID)
	}
	return ids
}

func TestSQLStoreTakesHostileValues(t *testing.T) {
	values := []string{
		`'; DROP TABLE users; --`, `" OR ""="`, "`", `\`, `\'`, `\"`, `%s%d%n`, `$1`, `?`, `:name`, `#__session`,
		`</script><script>alert(1)</script>`, "\r\nSet-Cookie: a=b", "\x1b[31m", "\u2028\u2029", "🐘", "\U0010FFFF",
		`"},{"session_id":"forged"`, `]},"error":false,"status":200}`, `\u0000`, "\x7f", "ÿ", " ends in a space ", "",
	}
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla42)
		for i, value := range values {
			s.Insert(t, "session", row{"session_id": strconv.Itoa(i) + value, "client_id": "0", "guest": "0",
				"time": "1", "data": value + strings.Repeat(value, 1000), "userid": "1", "username": value})
		}
		sessions, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
		require.NoError(t, err)
		var want []capi.Session
		for i, value := range values {
			want = append(want, capi.Session{ID: strconv.Itoa(i) + value, ClientID: capi.ClientSite,
				Time: time.Unix(1, 0).UTC(), Data: capi.Payload(value + strings.Repeat(value, 1000)), UserID: 1, Username: value})
		}
		assert.ElementsMatch(t, want, sessions)
	})
}

func TestSQLStoreTakesLargePayloads(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla42)
		want := strings.Repeat(`sixteen|bytes;"/`, 1<<16) // Of 1 MiB.
		for i := range 3 {
			s.insertSessions(t, 1, func(int) string { return want })
			s.Exec(t, `UPDATE "#__session" SET "userid" = ?, "session_id" = ? WHERE "userid" = 0`, strconv.Itoa(i+1),
				[]byte(strconv.Itoa(i)))
		}
		sessions, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
		require.NoError(t, err)
		require.Len(t, sessions, 3)
		for _, session := range sessions {
			assert.True(t, string(session.Data) == want, "the payload has changed")
		}
	})
}

// A row takes one allocation besides what the driver takes for its columns: the
// texts that the Session owns.
func TestSQLStoreAllocations(t *testing.T) {
	for _, d := range databases() { // One after another, so that others do not count.
		s := emptySite(t, d, joomlatest.Joomla42)
		var sessions []row
		for i := range 1_000 {
			sessions = append(sessions, row{"session_id": fmt.Sprintf("id%d", i), "client_id": 1, "guest": 0, "time": s.Now,
				"data": `a|s:1:"b";`, "userid": 1000 + i, "username": fmt.Sprintf("user%d", i)})
		}
		s.Insert(t, "session", sessions...)
		store := capi.NewSQLStore(s.capi(t, nil))
		bare := testing.AllocsPerRun(5, func() {
			require.NoError(t, readRaw(t.Context(), s, func([]sql.RawBytes) {}))
		})
		ours := testing.AllocsPerRun(5, func() {
			for _, err := range store.Sessions(t.Context()) {
				require.NoError(t, err)
			}
		})
		t.Logf("%s: %.2f allocations a row, %.2f of them the driver's", d.name, ours/1_000, bare/1_000)
		assert.Less(t, (ours-bare)/1_000, 1.1)
	}
}

// TestSQLStoreUsers lists the sessions of some users, each once, and of nobody
// where nobody is named.
func TestSQLStoreUsers(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla42)
		var rows []row
		for i := range 600 {
			rows = append(rows, row{"session_id": fmt.Sprintf("s%d", i), "client_id": 0, "guest": 0, "time": s.Now - int64(i), "data": "", "userid": i / 2})
		}
		rows = append(rows, row{"session_id": "null", "client_id": 0, "guest": 0, "time": s.Now, "data": "", "userid": nil})
		s.Insert(t, "session", rows...)
		var many []int64
		for id := range int64(300) {
			many = append(many, id, id)
		}
		for name, test := range map[string]struct {
			users       []int64
			all, active int
		}{
			"everybody":         {nil, 601, 602},
			"nobody":            {[]int64{}, 0, 0},
			"ids of nobody":     {[]int64{0, -1, 1 << 40}, 0, 0},
			"one":               {[]int64{7}, 2, 2},
			"two, twice":        {[]int64{7, 9, 7, 0}, 4, 4},
			"one whom the time": {[]int64{299}, 2, 0},
			"many":              {many, 598, 559},
		} {
			if name == "everybody" {
				test.active = 562 // s0 to s560, and the one without a user.
			}
			for active, want := range map[bool]int{false: test.all, true: test.active} {
				store := capi.SQLStoreOptions{Users: test.users, ActiveOnly: active}.NewSQLStore(s.capi(t, func(c *capi.SiteConfig) { c.Lifetime = 560 * time.Second }))
				list, err := capi.Collect(store.Sessions(t.Context()))
				require.NoError(t, err)
				ids := map[string]bool{}
				for _, session := range list {
					ids[session.ID] = true
					assert.True(t, test.users == nil || slices.Contains(test.users, session.UserID))
				}
				assert.Len(t, ids, want, "%s, active %v", name, active)
				assert.Len(t, list, want, "%s, active %v", name, active)
			}
		}
	})
}

// A list of several queries ends as one of a single query does.
func TestSQLStoreUsersEndsEarly(t *testing.T) {
	s := emptySite(t, sqlite(), joomlatest.Joomla42)
	for id := range 300 {
		s.Insert(t, "session", row{"session_id": fmt.Sprintf("s%d", id), "guest": 0, "time": s.Now, "data": "", "userid": id + 1})
	}
	s.DB.SetMaxOpenConns(1) // What one range left behind would block the next.
	store := capi.SQLStoreOptions{Users: argsUpTo(300)}.NewSQLStore(s.capi(t, nil))
	for _, stop := range []int{1, 127, 128, 129, 256, 257} {
		came := 0
		for _, err := range store.Sessions(t.Context()) {
			require.NoError(t, err)
			if came++; came == stop {
				break
			}
		}
		assert.Equal(t, stop, came)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, users := range [][]int64{{}, {7}, argsUpTo(300)} {
		_, err := capi.Collect(capi.SQLStoreOptions{Users: users}.NewSQLStore(s.capi(t, nil)).Sessions(ctx))
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// BenchmarkSQLStoreUsers lists the sessions of one user among many.
func BenchmarkSQLStoreUsers(b *testing.B) {
	for _, d := range databases() {
		s := benchmarkSite(b, d, "base64", 50_000)
		s.Exec(b, `CREATE INDEX "userid_`+s.Prefix+`" ON "#__session" ("userid")`)
		site := s.capi(b, nil)
		for name, users := range map[string][]int64{"all": nil, "1": {4711}, "128": argsUpTo(128)} {
			store := capi.SQLStoreOptions{Users: users}.NewSQLStore(site)
			b.Run("db="+d.name+"/users="+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for _, err := range store.Sessions(b.Context()) {
						require.NoError(b, err)
					}
				}
			})
		}
	}
}

// argsUpTo returns the ids from 1 to n.
func argsUpTo(n int64) (ids []int64) {
	for id := range n {
		ids = append(ids, id+1)
	}
	return ids
}
