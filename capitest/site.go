package capitest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
)

// The groups of a new Joomla. All are below Public; Publisher is below Editor,
// Editor below Author, Author below Registered, and Administrator below
// Manager.
const (
	Public        int64 = 1
	Registered    int64 = 2
	Author        int64 = 3
	Editor        int64 = 4
	Publisher     int64 = 5
	Manager       int64 = 6
	Administrator int64 = 7
	SuperUsers    int64 = 8
	Guest         int64 = 9
)

const (
	prefix     = "jos_"
	schemaName = "joomla"
)

// Options are the optional settings of a [Site].
type Options struct {
	// Joomla is the version, 3 to 6. Zero is 6. 3 has neither API tokens nor
	// second factors.
	Joomla int
	// SessionHandler is $session_handler. Empty is "database". With any other,
	// [Site.SessionData] has the contents of sessions.
	SessionHandler string
	// SessionMetadataOff leaves users out of the rows of sessions. If sessions
	// live elsewhere, it also leaves out the rows.
	SessionMetadataOff bool
	// APITokenGroups are the groups whose members may use API tokens. Nil is
	// Joomla's default, the Super Users.
	APITokenGroups []int64
	// Now is the clock of the site. Nil is [time.Now].
	Now func() time.Time

	_ struct{} // Options are written with names.
}

// A Site is a Joomla site for one test. It is safe for concurrent use. Make one
// with [NewSite].
type Site struct {
	t       testing.TB
	options Options
	config  capi.SiteConfig
	db      *sql.DB

	mutex  sync.Mutex
	tables database
	// groups are the parents of groups, and coreAdmin are the root asset's
	// rules for core.admin.
	groups    map[int64]int64
	coreAdmin map[string]int
	payloads  map[string]string
	// last is the last id of a user or a group.
	last int64
}

// NewSite is [Options.NewSite] of the zero Options.
func NewSite(t testing.TB) *Site {
	t.Helper()
	return Options{}.NewSite(t)
}

// NewSite makes a site with Joomla's own groups and no users. Super Users have
// core.admin. Sessions live for 15 minutes. The site has a secret of its own, so
// that no other site accepts its cookies and tokens. The test fails if o is not
// valid.
func (o Options) NewSite(t testing.TB) *Site {
	t.Helper()
	if o.Joomla == 0 {
		o.Joomla = 6
	}
	if o.Joomla < 3 || o.Joomla > 6 {
		t.Fatalf("capitest: there is no Joomla %d", o.Joomla)
	}
	if o.SessionHandler == "" {
		o.SessionHandler = "database"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Site{
		t: t, options: o, last: 100, payloads: map[string]string{}, tables: tablesOf(o.Joomla),
		groups: map[int64]int64{
			Public: 0, Registered: Public, Author: Registered, Editor: Author, Publisher: Editor,
			Manager: Public, Administrator: Manager, SuperUsers: Public, Guest: Public,
		},
		coreAdmin: map[string]int{"8": 1},
		config: capi.SiteConfig{
			DBType: "mysqli", Host: "localhost", User: "joomla", DB: schemaName, DBPrefix: prefix,
			Secret: capi.NewSecret(random(16)), Lifetime: 15 * time.Minute,
			SessionHandler: o.SessionHandler, SessionMetadataOff: o.SessionMetadataOff,
		},
	}
	for id, title := range [...]string{"", "Public", "Registered", "Author", "Editor", "Publisher", "Manager", "Administrator", "Super Users", "Guest"} {
		if id > 0 {
			s.insert("usergroups", map[string]any{"id": int64(id), "title": title})
		}
	}
	s.arrange()
	s.insert("assets", map[string]any{"id": int64(1), "name": "root.1"})
	s.rule()
	for id, rules := range map[int64]string{1: "[1]", 2: "[6,2,8]", 3: "[6,3,8]", 5: "[9]", 6: "[8]"} {
		s.insert("viewlevels", map[string]any{"id": id, "rules": rules})
	}
	s.extension("component", "", "com_users", `{"guest_usergroup":"9"}`)
	if o.Joomla > 3 {
		params := "{}"
		if o.APITokenGroups != nil {
			params = mustJSON(map[string]any{"allowedUserGroups": o.APITokenGroups})
		}
		s.extension("plugin", "api-authentication", "token", "{}")
		s.extension("plugin", "user", "token", params)
		s.extension("plugin", "multifactorauth", "totp", "{}")
	}
	s.db = sql.OpenDB(connector{s})
	t.Cleanup(func() { _ = s.db.Close() })
	return s
}

// DB returns the site's database. The end of the test closes it; a test may
// close it earlier, for a database that is down.
func (s *Site) DB() *sql.DB { return s.db }

// Config returns the site's configuration.
func (s *Site) Config() capi.SiteConfig { return s.config }

// SessionData returns the SessionData of a site that keeps sessions outside of
// its database.
func (s *Site) SessionData() capi.SessionData { return sessionData{s} }

// Capi returns the site as a [capi.Site] with the same clock.
func (s *Site) Capi() *capi.Site {
	s.t.Helper()
	site, err := capi.SiteOptions{SessionData: s.SessionData(), Now: s.options.Now}.NewSite(s.db, s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	return site
}

// A sessionData has the sessions of a site that keeps them outside of its
// database.
type sessionData struct{ site *Site }

func (d sessionData) Payloads(ctx context.Context, ids []string) ([]capi.Payload, error) {
	d.site.mutex.Lock()
	defer d.site.mutex.Unlock()
	payloads := make([]capi.Payload, len(ids))
	for i, id := range ids {
		if text, ok := d.site.payloads[id]; ok {
			payloads[i] = capi.Payload(text)
		}
	}
	return payloads, ctx.Err()
}

// AddGroup adds a group below parent, and returns its id.
func (s *Site) AddGroup(title string, parent int64) int64 {
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, ok := s.groups[parent]; !ok {
		s.t.Fatalf("capitest: there is no group %d", parent)
	}
	s.last++
	s.groups[s.last] = parent
	s.insert("usergroups", map[string]any{"id": s.last, "title": title, "parent_id": parent})
	s.arrange()
	return s.last
}

// SetCoreAdmin allows or denies a group core.admin on the root asset, which
// makes its members Super Admins or prevents that. By default, a group inherits
// from its parent. If one of a user's groups is denied, that wins.
func (s *Site) SetCoreAdmin(group int64, allowed bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := strconv.FormatInt(group, 10)
	s.coreAdmin[key] = 0
	if allowed {
		s.coreAdmin[key] = 1
	}
	s.rule()
}

// rule writes the rules of the root asset.
func (s *Site) rule() {
	s.update("assets", 1, map[string]any{"rules": mustJSON(map[string]any{"core.admin": s.coreAdmin})})
}

// arrange numbers the groups as a nested set.
func (s *Site) arrange() {
	next := int64(0)
	var number func(id int64)
	number = func(id int64) {
		left := next
		next++
		for _, child := range slices.Sorted(maps.Keys(s.groups)) {
			if s.groups[child] == id {
				number(child)
			}
		}
		if id != 0 {
			s.update("usergroups", id, map[string]any{"parent_id": s.groups[id], "lft": left, "rgt": next})
		}
		next++
	}
	number(0)
}

// extension adds an enabled extension.
func (s *Site) extension(kind, folder, element, params string) {
	s.insert("extensions", map[string]any{
		"extension_id": int64(len(s.tables[prefix+"extensions"].rows) + 1), "type": kind, "folder": folder, "element": element,
		"enabled": int64(1), "params": params,
	})
}

// tablesOf returns the tables and columns that are read of a version of Joomla.
func tablesOf(joomla int) database {
	columns := map[string][]string{
		"session":            {"session_id", "client_id", "guest", "time", "data", "userid", "username"},
		"users":              {"id", "name", "username", "email", "block", "activation", "requireReset", "otpKey"},
		"user_usergroup_map": {"user_id", "group_id"},
		"usergroups":         {"id", "parent_id", "lft", "rgt", "title"},
		"viewlevels":         {"id", "rules"},
		"assets":             {"id", "name", "rules"},
		"extensions":         {"extension_id", "type", "folder", "element", "enabled", "state", "access", "params"},
		"user_profiles":      {"user_id", "profile_key", "profile_value"},
		"services_tokens":    {"userid", "token", "state"},
	}
	if joomla > 3 {
		columns["extensions"] = append(columns["extensions"], "locked")
		columns["user_mfa"] = []string{"user_id", "method"}
	}
	tables := database{"information_schema.tables": {columns: []string{"table_schema", "table_name"}}}
	for name, columns := range columns {
		tables[prefix+name] = &table{columns: columns}
		known := tables["information_schema.tables"]
		known.rows = append(known.rows, []driver.Value{schemaName, prefix + name})
	}
	return tables
}

// run evaluates a query on the current tables.
func (s *Site) run(query string, args []driver.NamedValue) (*table, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.tables.run(query, args)
}

// insert adds a row to a table. It ignores columns that the table lacks.
func (s *Site) insert(name string, values map[string]any) {
	t := s.tables[prefix+name]
	line := make([]driver.Value, len(t.columns))
	for i, column := range t.columns {
		line[i] = values[column]
		if line[i] == nil && name != "session" {
			line[i] = defaults[column]
		}
	}
	t.rows = append(t.rows, line)
}

// defaults are the values of columns that rows leave out.
var defaults = map[string]driver.Value{
	"block": int64(0), "requireReset": int64(0), "parent_id": int64(0), "lft": int64(0), "rgt": int64(0), "state": int64(0), "access": int64(1), "locked": int64(0),
	"activation": "", "otpKey": "", "email": "", "name": "", "folder": "",
}

// update changes the rows of a table whose first column is id.
func (s *Site) update(name string, id int64, values map[string]any) {
	t := s.tables[prefix+name]
	for i, line := range t.rows {
		if line[0] != id {
			continue
		}
		line = slices.Clone(line) // A query may be reading it.
		for j, column := range t.columns {
			if value, ok := values[column]; ok {
				line[j] = value
			}
		}
		t.rows[i] = line
	}
}

// remove removes the rows of a table whose first column is id.
func (s *Site) remove(name string, id driver.Value) {
	t := s.tables[prefix+name]
	t.rows = slices.DeleteFunc(slices.Clone(t.rows), func(line []driver.Value) bool { return line[0] == id })
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // Maps and numbers can always be marshalled.
	}
	return string(text)
}
