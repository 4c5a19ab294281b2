// Package joomlatest holds what the tests of every module need of Joomla:
// recordings of real sites, the tables that the library reads in each dialect
// of SQL, and configuration.php as Joomla writes it. Only tests import it. It
// imports only the standard library; its users bring the database driver.
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

// A Recording is what a real Joomla site wrote into its database, and how it
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

// A Config is what the configuration.php of a recorded site says.
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

// A SessionCase is a request with a session's cookie, and the status that the
// original endpoint answered it with.
type SessionCase struct {
	User         int64
	Username     string
	ClientID     int64 `json:"client_id"`
	Cookie       struct{ Name, Value string }
	JoomlaStatus int `json:"joomla_status"`
}

// Want returns the status that the case is to be answered with: that of Joomla,
// but for users whose accounts Joomla does not look at again during a session.
func (c SessionCase) Want() int {
	switch c.Username {
	case "super_blocked", "super_unactivated", "super_must_reset":
		return http.StatusForbidden
	}
	return c.JoomlaStatus
}

// An APITokenCase is a request with a Joomla API token, and the status that
// Joomla's web services answered it with.
type APITokenCase struct {
	Name         string
	Headers      map[string]string
	JoomlaStatus int `json:"joomla_api_status"`
}

// Want returns the status that the case is to be answered with. It differs from
// that of Joomla for a malformed token that a cast of PHP lets pass, and for a
// good token whose user is no Super Admin.
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
	Want             int        // the status that the case is to be answered with
	Recording        *Recording `json:"-"` // the site, without the requests of other users
}

// A RedisValue is what Redis held for a key. TTL is in seconds, and 0 where it
// was not recorded.
type RedisValue struct {
	Value string
	TTL   int
}

// UnmarshalJSON reads the value alone, or an object of value and ttl.
func (v *RedisValue) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &v.Value)
	}
	type plain RedisValue
	return json.Unmarshal(text, (*plain)(v))
}

// Recordings returns the names of all recordings: those of Joomla 3, 5 and 6.
func Recordings() []string { return []string{"j3", "j5", "j6"} }

// Recorded returns the recording of that name, which is the caller's to change.
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
				// It was recorded with 200, perhaps after a page, which sets
				// mfa_checked. Before one, Joomla answers 403 to what is no
				// page.
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

// read reads a file of this package. It does not change, so whatever is wrong
// with it is a mistake here.
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

// A FormSite is a site whose sessions had texts of odd forms.
type FormSite struct {
	Site  string // "j3" or "j5"
	Now   int64  // when the sessions were written and asked for
	User  int64  // a Super Admin without a second factor
	Cases []Form
}

// A Form is the text of a session, and the status that the site's own Joomla
// answered its cookie with: 200 to the Super Admin, 403 to a guest, and 500
// where it did not start.
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
