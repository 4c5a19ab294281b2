package integration_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// FuzzGuard compares the guard with the model, in random worlds.
func FuzzGuard(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	// One database in memory for each form of the tables, in this process. It
	// lives with its connection.
	sites := map[joomlatest.Layout]*site{}
	for _, layout := range worldLayouts {
		db, err := sql.Open("sqlite", ":memory:")
		require.NoError(f, err)
		f.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		recording := joomlatest.Recorded("j5")
		recording.Tables = nil
		s := &site{Site: joomlatest.NewSite(f, db, joomlatest.SQLite, layout, recording), database: sqlite()}
		s.config = capi.SiteConfig{DBType: "sqlite", DBPrefix: s.Prefix, Secret: capi.NewSecret("hush")}
		sites[layout] = s
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := randomWorld(r)
		s := sites[w.layout]
		known := w.build(t, s)
		guard := guardOf(t, known)
		names := []string{cookieName("hush", "site"), cookieName("hush", "administrator")}
		ask := func(ids ...string) {
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			var cookies []string
			for i, id := range ids {
				cookies = append(cookies, names[(i+r.IntN(1+len(ids)%2))%2]+"="+id)
			}
			request.Header.Set("Cookie", strings.Join(cookies, "; "))
			err := guard.Authorize(request)
			got := http.StatusInternalServerError
			switch {
			case err == nil:
				got = http.StatusOK
			case errors.Is(err, capi.ErrForbidden):
				got = http.StatusForbidden
			case errors.Is(err, capi.ErrUnauthenticated):
				got = http.StatusUnauthorized
			}
			if want := w.answer(ids); got != want {
				t.Fatalf("got %d (%v), want %d for %v of\n%+v", got, err, want, ids, w)
			}
		}
		w.requireUsers(t, known)
		for _, session := range w.sessions {
			ask(session.id)
		}
		a, b := pick(r, w.sessions).id, pick(r, w.sessions).id
		ask(a, b)
		ask(a, "unknown")
		ask(strings.ToUpper(a), b)
	})
}

// requireUsers requires the site to have the users of the model.
func (w *world) requireUsers(t *testing.T, known *capi.Site) {
	ids := []int64{4711}
	for _, u := range w.users {
		ids = append(ids, u.id)
	}
	users, err := known.Users(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, users, len(w.users))
	for i, u := range w.users {
		groups := slices.Compact(slices.Sorted(slices.Values(w.groupsOf(u))))
		groups = slices.DeleteFunc(groups, func(id int64) bool { return id == 0 })
		direct := slices.DeleteFunc(slices.Sorted(slices.Values(u.groups)), func(id int64) bool { return !slices.Contains(groups, id) })
		want := capi.User{ID: u.id, Username: u.name, Groups: groups, DirectGroups: direct, SuperAdmin: w.superAdmin(u), Blocked: u.blocked}
		got := users[i]
		require.ElementsMatch(t, want.Groups, got.Groups)
		require.ElementsMatch(t, want.DirectGroups, got.DirectGroups)
		require.True(t, slices.IsSorted(got.Groups) && slices.IsSorted(got.DirectGroups))
		want.Groups, want.DirectGroups = got.Groups, got.DirectGroups // An empty one may be nil.
		require.Equal(t, want, got)
	}
}

// pick returns one of list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// one reports true once in n times.
func one(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// worldLayouts are the forms of the tables: those of 3.2, 3.9 and the newest.
var worldLayouts = []joomlatest.Layout{joomlatest.Joomla25, joomlatest.Joomla39, joomlatest.Joomla42}

func randomWorld(r *rand.Rand) *world {
	w := &world{now: pick(r, []int64{1_795_489_076, 2_147_483_647, 4_000_000_000, 100_000}), layout: pick(r, worldLayouts), readable: !one(r, 12),
		inTable: one(r, 2), lifetime: int64(pick(r, []int{60, 900, 90_000})), plugins: map[string]bool{}}
	w.addGroups(r, int64(1), 0)
	for i := range int64(2 + r.IntN(4)) {
		u := worldUser{id: 100 + i, name: pick(r, []string{"a", "A", "ü", "7", "101"}) + strings.Repeat("x", int(i)),
			blocked: one(r, 8), mustWait: one(r, 8), activation: pick(r, []string{"", "", "", "", "0", "8c1f"})}
		for range r.IntN(4) {
			if g := w.randomGroup(r); !slices.Contains(u.groups, g) {
				u.groups = append(u.groups, g)
			}
		}
		if w.hasFactors() && one(r, 3) {
			u.methods = []string{pick(r, []string{"totp", "TOTP", "email", "backupcodes", "gone"})}
		}
		w.users = append(w.users, u)
	}
	if w.hasFactors() {
		w.plugins = map[string]bool{"totp": !one(r, 4), "email": one(r, 2), "backupcodes": true}
	}
	if one(r, 5) {
		w.forced = append(w.forced, w.randomGroup(r))
	}
	switch r.IntN(10) {
	case 0:
		w.rootUser = pick(r, w.users).name
	case 1:
		w.rootUser = strconv.FormatInt(pick(r, w.users).id, 10)
	}
	for range r.IntN(6) {
		key := strconv.FormatInt(w.randomGroup(r), 10)
		switch r.IntN(8) {
		case 0:
			key = "-" + strconv.FormatInt(pick(r, w.users).id, 10)
		case 1:
			key = " " + key
		case 2:
			key = pick(r, []string{"x", "", "0"})
		}
		if !slices.ContainsFunc(w.rules, func(rule worldRule) bool { return rule.key == key }) {
			w.rules = append(w.rules, worldRule{key, !one(r, 4)})
		}
	}
	for i := range 3 + r.IntN(3) {
		w.sessions = append(w.sessions, w.randomSession(r, "s"+strconv.Itoa(i)))
	}
	return w
}

// addGroups adds group id as a nested set that begins at left, with children,
// and returns the next id and position.
func (w *world) addGroups(r *rand.Rand, id, left int64) (nextID, right int64) {
	at := len(w.groups)
	w.groups = append(w.groups, worldGroup{id: id, lft: left})
	id, right = id+1, left+1
	for len(w.groups) < 9 && !one(r, 3) {
		id, right = w.addGroups(r, id, right)
	}
	w.groups[at].rgt = right
	return id, right + 1
}

// randomGroup returns the id of a group that, now and then, does not exist.
func (w *world) randomGroup(r *rand.Rand) int64 {
	if one(r, 12) {
		return 77
	}
	return pick(r, w.groups).id
}

func (w *world) randomSession(r *rand.Rand, id string) worldSession {
	s := worldSession{id: id, inRow: !one(r, 6), held: !one(r, 10), readable: !one(r, 10), login: pick(r, w.users).id,
		time: w.now - pick(r, []int64{0, 1, w.lifetime, w.lifetime + 1, -5, 0, 0})}
	switch r.IntN(10) {
	case 0:
		s.login = 0
	case 1:
		s.login = 4711
	}
	if s.userID = s.login; one(r, 3) { // without metadata, or of another
		s.userID = pick(r, []int64{0, w.users[0].id, 4711})
	}
	s.timer = w.now - pick(r, []int64{0, 0, w.lifetime, w.lifetime + 1})
	s.form, s.class, s.counted, s.timed = pick(r, []string{"values", "namespace", "variable"}), `Joomla\CMS\User\User`, !one(r, 8), !one(r, 8)
	if one(r, 2) { // As the site itself writes it.
		s.form = map[bool]string{true: "values", false: "namespace"}[w.layout >= joomlatest.Joomla40]
	}
	if one(r, 4) {
		s.class = pick(r, []string{"JUser", "stdClass", `joomla\cms\user\user`, "My\\User"})
	}
	s.checked, s.mandatory = pick(r, []string{"", "", "i:1;", "i:0;", "N;"}), pick(r, []string{"", "", "", "i:1;", "i:0;"})
	return s
}

// payload returns the data of the session.
func (s worldSession) payload() string {
	object := func(class string, members ...string) string {
		text := fmt.Sprintf(`O:%d:"%s":%d:{`, len(class), class, len(members)/2)
		for i := 0; i < len(members); i += 2 {
			text += fmt.Sprintf(`s:%d:"%s";%s`, len(members[i]), members[i], members[i+1])
		}
		return text + "}"
	}
	user := object(s.class, "id", fmt.Sprintf("i:%d;", s.login))
	var counters, timers []string
	if s.counted {
		counters = []string{"counter", "i:2;"}
	}
	if s.timed {
		timers = []string{"timer", object("stdClass", "now", fmt.Sprintf("i:%d;", s.timer))}
	}
	values := object("stdClass", append(withFactor(s.checked, s.mandatory),
		"user", user, "session", object("stdClass", append(counters, timers...)...))...)
	text := ""
	switch s.form {
	case "namespace":
		values = object("stdClass", "__default", values)
		fallthrough
	case "values":
		text = wrapped(object(`Joomla\Registry\Registry`, "data", values))
	case "variable":
		members := fmt.Sprintf(`s:4:"user";%s`, user)
		n := 1
		if s.counted {
			members, n = members+`s:15:"session.counter";i:2;`, n+1
		}
		if s.timed {
			members, n = members+fmt.Sprintf(`s:17:"session.timer.now";i:%d;`, s.timer), n+1
		}
		text = fmt.Sprintf(`__default|a:%d:{%s}`, n, members)
	}
	if !s.readable {
		return text[:len(text)-9]
	}
	return text
}

// build makes s the site of this world.
func (w *world) build(t *testing.T, s *site) *capi.Site {
	s.Now, s.data = w.now, nil
	tables := []string{"session", "users", "user_usergroup_map", "usergroups", "assets", "extensions"}
	if w.hasFactors() {
		tables = append(tables, "user_mfa")
	}
	for _, table := range tables {
		s.Exec(t, `DELETE FROM "#__`+table+`"`)
	}
	for _, g := range w.groups {
		s.Insert(t, "usergroups", row{"id": g.id, "lft": g.lft, "rgt": g.rgt})
	}
	for _, u := range w.users {
		s.Insert(t, "users", row{"id": u.id, "username": u.name, "block": u.blocked, "activation": u.activation, "requireReset": u.mustWait})
		for _, g := range u.groups {
			s.Insert(t, "user_usergroup_map", row{"user_id": u.id, "group_id": g})
		}
		for _, method := range u.methods {
			s.Insert(t, "user_mfa", row{"user_id": u.id, "method": method})
		}
	}
	var rules []string
	for _, rule := range w.rules {
		rules = append(rules, fmt.Sprintf("%q:%d", rule.key, map[bool]int{true: 1}[rule.allowed]))
	}
	text := `{"core.login.site":{"2":1},"core.admin":{` + strings.Join(rules, ",") + `}}`
	if !w.readable {
		text = strings.TrimSuffix(text, "}")
	}
	s.Insert(t, "assets", row{"id": 5, "name": "com_gone.1", "rules": `{"core.admin":{"1":1}}`}, row{"id": 9, "name": "root.1", "rules": text})
	for method, enabled := range w.plugins {
		s.Insert(t, "extensions", factorPlugin(method, map[bool]int{true: 1}[enabled]))
	}
	s.Insert(t, "extensions", row{"type": "component", "element": "com_users", "params": fmt.Sprintf(
		`{"neverMFAUserGroups":["1"],"forceMFAUserGroups":%s}`, list(w.forced))})

	elsewhere := memory{}
	for _, session := range w.sessions {
		var data any
		if session.held {
			data = session.payload()
			elsewhere[session.id] = capi.Payload(session.payload())
		}
		if !w.inTable {
			data = nil
		}
		if session.inRow {
			s.Insert(t, "session", row{"session_id": session.id, "client_id": 0, "guest": 0, "userid": session.userID,
				"time": strconv.FormatInt(session.time, 10), "data": data, "username": ""})
		}
	}
	config := s.config
	config.RootUser, config.Lifetime, config.SessionHandler = w.rootUser, time.Duration(w.lifetime)*time.Second, "database"
	if !w.inTable {
		config.SessionHandler, s.data = "redis", elsewhere
	}
	return s.open(t, s.DB, config)
}

// list returns ids as Joomla writes them: as strings in a list.
func list(ids []int64) string {
	text := "["
	for i, id := range ids {
		if i > 0 {
			text += ","
		}
		text += `"` + strconv.FormatInt(id, 10) + `"`
	}
	return text + "]"
}
