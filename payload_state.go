package capi

import (
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/php"
)

// State is what people look for in a session's data, wherever the Joomla version at hand keeps it. What the session
// does not hold has its zero value.
type State struct {
	// Counter is how many requests the session has seen (session.counter).
	Counter int64
	// Started is when the session began (session.timer.start), in whole seconds, in UTC.
	Started time.Time
	// Last is when the request before the last one came (session.timer.last).
	Last time.Time
	// Now is when the last request came (session.timer.now).
	Now time.Time
	// Browser is the User-Agent header that the session began with (session.client.browser). The client chose it.
	// Joomla 4 and later no longer stores it.
	Browser string
	// User is the user that is logged in.
	User StateUser
	// Application is the state that Joomla's application keeps for itself and its components (registry), such as
	// filters and half-filled forms, decoded as by [Payload.Decode]. Nil if there is none.
	Application map[string]any
}

// StateUser is the user in a session's data. Joomla 4 and later, and 3.x since 3.4.7, store the ID alone.
type StateUser struct {
	// ID is the user's id, 0 for a guest.
	ID int64
	// Name is the user's full name.
	Name string
	// Username is the name that the user logs in with.
	Username string
	// Email is the user's e-mail address.
	Email string
}

// State decodes p and picks out what people look for. A nil or empty Payload gives the zero State. Errors are those of
// [Payload.Decode]; a value of an unexpected type is no error, but counts as missing.
func (p Payload) State() (State, error) {
	variables, err := p.Decode()
	if err != nil {
		return State{}, err
	}
	space := variables
	// Beside variables of somebody else's, Joomla's own are one level down.
	if m, ok := space[registryVariable].(map[string]any); ok {
		space = m
	}
	// Joomla 3.x keeps everything in the namespace __default, 4 and later does without.
	if m, ok := space["__default"].(map[string]any); ok {
		space = m
	}
	user, _ := space["user"].(map[string]any)
	s := State{
		Counter: intValue(find(space, "session", "counter")),
		Started: sessionTime(find(space, "session", "timer", "start")),
		Last:    sessionTime(find(space, "session", "timer", "last")),
		Now:     sessionTime(find(space, "session", "timer", "now")),
		Browser: stringValue(find(space, "session", "client", "browser")),
		User: StateUser{
			ID:       intValue(user["id"]),
			Name:     stringValue(user["name"]),
			Username: stringValue(user["username"]),
			Email:    stringValue(user["email"]),
		},
		Application: php.Map(space["registry"]),
	}
	if s.Browser == "" {
		s.Browser = stringValue(find(space, "client", "browser"))
	}
	return s, nil
}

// find follows path into m. Up to 3.4.6 the parts are joined by dots into one key, since then each is a level.
func find(m map[string]any, path ...string) any {
	for n := len(path); n > 0; n-- {
		v, ok := m[strings.Join(path[:n], ".")]
		if !ok {
			continue
		}
		if n == len(path) {
			return v
		}
		if inner, ok := v.(map[string]any); ok {
			if v := find(inner, path[n:]...); v != nil {
				return v
			}
		}
	}
	return nil
}

func stringValue(v any) string {
	s, _ := v.(string)
	return s
}

// intValue takes strings too: Joomla's user objects hold what the database driver returned.
func intValue(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0
		}
		return n
	default:
		return 0
	}
}

func sessionTime(v any) time.Time {
	n := intValue(v)
	// Beyond the year 9999, a time.Time has no JSON.
	if n <= 0 || n >= 253402300800 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
