package integration_test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/joomlatest"
)

// A world is everything about a site that the decision depends on.
type world struct {
	now, lifetime int64
	inTable       bool // $session_handler is database
	layout        joomlatest.Layout
	rootUser      string
	groups        []worldGroup
	users         []worldUser
	sessions      []worldSession
	// rules are core.admin of the root asset. Not all keys are as PHP writes
	// them. readable reports whether json_decode accepts the rules.
	rules    []worldRule
	readable bool
	plugins  map[string]bool // of second factors: enabled or not
	forced   []int64         // groups in com_users
}

type worldGroup struct{ id, lft, rgt int64 }

type worldUser struct {
	id                int64
	name              string
	blocked, mustWait bool
	activation        string
	groups            []int64
	methods           []string // of second factors
}

type worldSession struct {
	id           string
	inRow        bool // There is a row,
	time, userID int64
	held         bool // and there is data: in the column, or elsewhere.
	readable     bool
	form         string // where its values are: "values" of a Registry, its "namespace" __default, the "variable" of that name
	class        string // of the user
	counted      bool   // There is a count of requests,
	timed        bool   // and the time of the last one.
	login        int64  // the user in it, 0 for a guest
	timer        int64  // of the last request
	checked      string // serialized, or ""
	mandatory    string
}

type worldRule struct {
	key     string
	allowed bool
}

// answer returns the status of a request with the session ids: one Super Admin
// is enough, and a refused user outweighs no user.
func (w *world) answer(ids []string) int {
	status := http.StatusUnauthorized
	for _, s := range w.sessions {
		if !slices.Contains(ids, s.id) {
			continue
		}
		switch w.answerTo(s) {
		case http.StatusOK:
			return http.StatusOK
		case http.StatusForbidden:
			status = http.StatusForbidden
		}
	}
	return status
}

func (w *world) answerTo(s worldSession) int {
	expired := s.timer+w.lifetime < w.now
	if w.inTable {
		expired = expired || !s.inRow || s.time+w.lifetime < w.now
	}
	i := slices.IndexFunc(w.users, func(u worldUser) bool { return u.id == s.login })
	if expired || !s.held || !s.readable || !w.reads(s) || i < 0 {
		return http.StatusUnauthorized
	}
	u := w.users[i]
	reset := u.mustWait && w.layout >= joomlatest.Joomla33
	if u.blocked || u.activation != "" && u.activation != "0" || reset || w.pending(s, u) || !w.superAdmin(u) {
		return http.StatusForbidden
	}
	return http.StatusOK
}

// hasFactors reports whether there are second factors.
func (w *world) hasFactors() bool { return w.layout >= joomlatest.Joomla42 }

// reads reports whether the site's own Joomla finds a login in s.
func (w *world) reads(s worldSession) bool {
	if !s.counted || !s.timed {
		return false
	}
	if w.layout >= joomlatest.Joomla40 {
		return s.form != "variable" && s.class == `Joomla\CMS\User\User`
	}
	return s.form != "values" && (s.class == `Joomla\CMS\User\User` || s.class == "JUser")
}

func (w *world) pending(s worldSession, u worldUser) bool {
	if s.form != "variable" && s.mandatory == "i:1;" {
		return true
	}
	if s.form != "variable" && s.checked == "i:1;" {
		return false
	}
	anyPlugin := slices.Contains(slices.Collect(maps.Values(w.plugins)), true)
	enrolled := anyPlugin && slices.ContainsFunc(u.methods, func(m string) bool {
		enabled, known := w.plugins[strings.ToLower(m)]
		return m != "backupcodes" && (enabled || !known)
	})
	in := func(list []int64) bool {
		return slices.ContainsFunc(w.groupsOf(u), func(g int64) bool { return slices.Contains(list, g) })
	}
	return enrolled || in(w.forced)
}

// groupsOf returns the groups of a user with all their ancestors, by nested
// set, and 0 for a group that does not exist.
func (w *world) groupsOf(u worldUser) (all []int64) {
	if len(u.groups) == 0 {
		return []int64{1}
	}
	for _, id := range u.groups {
		if !slices.ContainsFunc(w.groups, func(g worldGroup) bool { return g.id == id }) {
			all = append(all, 0)
		}
	}
	for _, own := range w.groups {
		for _, g := range w.groups {
			if slices.Contains(u.groups, own.id) && g.lft <= own.lft && own.rgt <= g.rgt {
				all = append(all, g.id)
			}
		}
	}
	return all
}

func (w *world) superAdmin(u worldUser) bool {
	// A number is an id, and not a username: anybody could register under it.
	if id, err := strconv.ParseInt(w.rootUser, 10, 64); err == nil && id == u.id || err != nil && w.rootUser == u.name {
		return true
	}
	identities := append(w.groupsOf(u), -u.id)
	granted := false
	for _, rule := range w.rules {
		id, _ := strconv.ParseInt(strings.TrimSpace(rule.key), 10, 64) // 0 if it is not a number, as in PHP.
		if !w.readable || !slices.Contains(identities, id) {
			continue
		}
		if !rule.allowed {
			return false
		}
		// A key that is not an integer as PHP writes it may deny, but not
		// grant.
		granted = granted || rule.key == strconv.FormatInt(id, 10)
	}
	return granted
}
