// Package joomlatest has Joomla's part of the tests of every module: recordings
// of real sites, the tables that the library reads in each dialect of SQL, and
// configuration.php as Joomla writes it. Only tests import it. It imports only
// the standard library; its users bring the database driver.
package joomlatest

import (
	"embed"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

//go:embed testdata
var testdata embed.FS

// A Recording has what a real Joomla site wrote into its database, and how it
// answered its users.
type Recording struct {
	Now         int64 // the Unix time of the newest session
	Config      Config
	CookieNames struct{ Site, Administrator string } `json:"cookie_names"`
	Tables      map[string][]Row
	Users       []User         `json:"groups_and_core_admin"`
	Sessions    []SessionCase  `json:"session_cases"`
	APITokens   []APITokenCase `json:"api_token_cases"`
}

// A Config is the configuration.php of a recorded site.
type Config struct {
	DBType, DBPrefix, Secret string
	LifetimeMinutes          int `json:"lifetime_minutes"`
}

// A Row is a row of a table: values by column, each text, bytes, a number or
// nil. Recorded values are text or nil.
type Row map[string]any

// A User is a user as Joomla resolves it.
type User struct {
	ID        int64
	Username  string
	Groups    []json.Number // the user's own and all their ancestors
	CoreAdmin bool          `json:"core.admin"`
}

// A SessionCase is a request with the cookie of a session, and the original
// endpoint's status.
type SessionCase struct {
	User         int64
	Username     string
	ClientID     int64 `json:"client_id"`
	Cookie       struct{ Name, Value string }
	JoomlaStatus int `json:"joomla_status"`
}

// Want returns the expected status: Joomla's, except for users whose accounts
// Joomla does not check again during a session.
func (c SessionCase) Want() int {
	switch c.Username {
	case "super_blocked", "super_unactivated", "super_must_reset":
		return http.StatusForbidden
	}
	return c.JoomlaStatus
}

// An APITokenCase is a request with a Joomla API token, and the status of
// Joomla's web services.
type APITokenCase struct {
	Name         string
	Headers      map[string]string
	JoomlaStatus int `json:"joomla_api_status"`
}

// Want returns the expected status: Joomla's, except for a malformed token that
// a cast of PHP's lets pass, and for a valid token of a user who is not a Super
// Admin.
func (c APITokenCase) Want() int {
	switch c.Name {
	case "user id with trailing junk":
		return http.StatusUnauthorized
	case "super group + explicit core.admin deny":
		return http.StatusForbidden
	}
	return c.JoomlaStatus
}

// A Case is a request to a site with a certain session handler, or in a certain
// state of the second factor.
type Case struct {
	Name             string
	Site             string // "j3", "j5" or "j6"
	SessionHandler   string `json:"session_handler"`
	Metadata         bool   `json:"session_metadata"`
	MetadataForGuest bool   `json:"session_metadata_for_guest"`
	ClientID         int64  `json:"client_id"`
	Cookies          map[string]string
	Redis            map[string]RedisValue
	Files            []string   // names in the directory of session files
	Want             int        // the expected status
	Recording        *Recording `json:"-"` // the site, without the requests of other users
}

// A RedisValue is the value of a key in Redis. TTL is in seconds, or 0 if it
// was not recorded.
type RedisValue struct {
	Value string
	TTL   int
}

// UnmarshalJSON reads a value, or an object of value and ttl.
func (v *RedisValue) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &v.Value)
	}
	type plain RedisValue
	return json.Unmarshal(text, (*plain)(v))
}

// Recordings returns the names of all recordings: those of Joomla 3, 5 and 6.
func Recordings() []string { return []string{"j3", "j5", "j6"} }

// Recorded returns the recording of that name, which the caller may change.
func Recorded(name string) *Recording { return read[*Recording](name) }

// SecondFactor returns sessions of a Super Admin before and after the second
// factor.
func SecondFactor() []Case { return cases("second_factor") }

// Handlers returns live and ended sessions under each session handler and
// setting of session metadata.
func Handlers() []Case { return cases("handlers") }

// cases returns the cases of a file. Their users are those of the recording j6,
// or j3 for Joomla 3.
func cases(name string) []Case {
	file := read[map[string]json.RawMessage](name)
	var all []Case
	for _, site := range slices.Sorted(maps.Keys(file)) {
		users := "j6"
		switch site {
		case "about", "clock":
			continue
		case "j3":
			users = "j3"
		}
		recorded := parse[struct {
			Config Config
			Cases  []json.RawMessage
		}](file[site])
		for _, text := range recorded.Cases {
			c := Case{Site: site, Metadata: true, MetadataForGuest: true}
			if err := json.Unmarshal(text, &c); err != nil {
				panic(err)
			}
			rows := parse[struct {
				Now     int64
				Tables  map[string][]Row
				Session []Row
			}](text)
			of := Recorded(users)
			sessions := slices.Concat(rows.Session, rows.Tables["session"])
			c.Recording = &Recording{Now: rows.Now, Config: recorded.Config, Tables: of.Tables, Users: of.Users}
			c.Recording.Tables["session"] = sessions
			c.Recording.Tables["user_mfa"] = rows.Tables["user_mfa"]
			c.Recording.Tables["extensions"] = slices.Concat(of.Tables["extensions"], rows.Tables["extensions"])
			if rows.Now == 0 && len(sessions) > 0 {
				c.Recording.Now = written(sessions[0])
			}
			if c.Name == "record; neverMFAUserGroups [8]; password only" {
				// The recorded status is 200, perhaps after a page, which sets
				// mfa_checked. Before a page, Joomla answers 403 to requests
				// that are not pages.
				c.Want = http.StatusForbidden
			}
			all = append(all, c)
		}
	}
	return all
}

// MoveTo shifts the times of all sessions so that the newest was written at
// now.
func (r *Recording) MoveTo(now time.Time) {
	shift := now.Unix() - r.Now
	for _, row := range r.Tables["session"] {
		row["time"] = strconv.FormatInt(written(row)+shift, 10)
	}
	r.Now += shift
}

// written returns the time of a recorded session.
func written(row Row) int64 { return parse[int64]([]byte(row["time"].(string))) }

// read reads a file of this package. It panics on errors, which are mistakes in
// this package.
func read[T any](name string) T {
	text, err := testdata.ReadFile("testdata/" + name + ".json")
	if err != nil {
		panic(err)
	}
	return parse[T](text)
}

func parse[T any](text []byte) (value T) {
	if err := json.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return value
}

// A FormSite is a site with sessions of odd forms.
type FormSite struct {
	Site  string // "j3" or "j5"
	Now   int64  // when the sessions were written and used
	User  int64  // a Super Admin without a second factor
	Cases []Form
}

// A Form is the text of a session, and the status of the site's own Joomla for
// its cookie: 200 for the Super Admin, 403 for a guest, and 500 if Joomla did
// not start.
type Form struct {
	Name         string
	Data         []byte `json:"data_base64"`
	JoomlaStatus int    `json:"joomla_status"`
}

// Forms returns sites with sessions of every odd form.
func Forms() []FormSite {
	sites := read[struct{ Sites map[string]FormSite }]("forms").Sites
	var all []FormSite
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		site := sites[name]
		site.Site = name
		all = append(all, site)
	}
	return all
}
