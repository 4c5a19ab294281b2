package joomla

import (
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/phpserial"
)

// AnyLogin returns who is logged in by a session in any form that any version
// of Joomla writes. It is for showing sessions; [ReadLogin] tells whether a
// site's own Joomla reads that form. A nil or empty payload gives the zero
// Login. Errors are those of Decode. Usually AnyLogin decodes only the part of
// the payload that it needs.
func AnyLogin(payload []byte) (Login, error) {
	var r phpserial.Reader
	if text, ok := soleRegistry(&r, payload); ok && text.Coding == phpserial.Plain {
		if serialized, err := appendBase64(nil, payload[text.Start:text.End]); err == nil {
			if login, ok := scanLogin(&r, serialized); ok {
				return login, nil
			}
		}
	}
	_, own, err := Decode(payload)
	if err != nil {
		return Login{}, err
	}
	return LoginOf(own), nil
}

// LoginOf returns who is logged in by Joomla's own values, as Decode returns
// them.
func LoginOf(own map[string]any) Login {
	user, _ := own["user"].(map[string]any)
	users, _ := own["com_users"].(map[string]any)
	return Login{
		UserID:            Integer(user["id"]),
		MFAChecked:        flag(users["mfa_checked"]),
		MandatoryMFASetup: flag(users["mandatory_mfa_setup"]),
		Now:               Integer(Lookup(own, "session", "timer", "now")),
	}
}

// Lookup follows path into the values of a session. Up to 3.4.6, the parts are
// joined by dots into one key; since then, each is a level.
func Lookup(m map[string]any, path ...string) any {
	for n := len(path); n > 0; n-- {
		v, ok := m[strings.Join(path[:n], ".")]
		if !ok {
			continue
		}
		if n == len(path) {
			return v
		}
		if inner, ok := v.(map[string]any); ok {
			if v := Lookup(inner, path[n:]...); v != nil {
				return v
			}
		}
	}
	return nil
}

// A place is the meaning of a container for scanLogin.
type place uint8

const (
	elsewhere place = iota
	root            // the Registry
	data            // its data, where 4 and later keep everything
	space           // __default in it, where 3.x keeps everything
	user
	users
	session
	timer
)

// scanLogin reads a serialized Registry without decoding it. It reports false
// if that does not suffice, and Decode must be used.
func scanLogin(r *phpserial.Reader, serialized []byte) (login Login, ok bool) {
	// places are those of the open containers, except deeper ones, which do not
	// matter.
	var places [6]place
	// outer is what data holds, and inner what its __default holds. If both
	// hold something, only Decode can tell.
	var outer, inner Login
	var nested, bare, found bool
	r.Reset(serialized, false)
	for {
		t, err := r.Next()
		if err != nil || t.Kind == phpserial.Reference {
			return Login{}, false
		}
		if t.Kind == phpserial.EOF {
			if nested {
				return inner, found && !bare
			}
			return outer, found
		}
		if t.Kind == phpserial.End || t.Depth > len(places) {
			continue
		}
		container := t.Kind == phpserial.Array || t.Kind == phpserial.Object
		if t.Depth == 0 {
			places[0] = root
			continue
		}
		in, to := places[t.Depth-1], elsewhere
		if t.KeyKind == phpserial.StringKey || t.KeyKind == phpserial.PropertyKey {
			if in != elsewhere && (t.Key.Coding != phpserial.Plain || t.Text.Coding != phpserial.Plain) {
				return Login{}, false // Joomla writes no escapes.
			}
			name := serialized[t.Key.Start:t.Key.End]
			if t.KeyKind == phpserial.PropertyKey {
				name = phpserial.PropertyName(name)
			}
			l := &outer
			if t.Depth > 2 && places[2] == space {
				l = &inner
			}
			bare = bare || in == data && (string(name) == "user" || string(name) == "com_users" || string(name) == "session")
			// Of doubled keys, the last counts.
			switch {
			case in == root && string(name) == "data":
				if !container || found {
					return Login{}, false
				}
				to, found = data, true
			case in == data && string(name) == "__default":
				nested, inner, to = container, Login{}, space
			case (in == data || in == space) && string(name) == "user":
				l.UserID, to = 0, user
			case (in == data || in == space) && string(name) == "com_users":
				l.MFAChecked, l.MandatoryMFASetup, to = Absent, Absent, users
			case (in == data || in == space) && string(name) == "session":
				l.Now, to = 0, session
			case in == session && string(name) == "timer":
				l.Now, to = 0, timer
			case in == timer && string(name) == "now":
				l.Now = Integer(scalar(t, serialized))
			case in == user && string(name) == "id":
				l.UserID = Integer(scalar(t, serialized))
			case in == users && string(name) == "mfa_checked":
				l.MFAChecked = flag(scalar(t, serialized))
			case in == users && string(name) == "mandatory_mfa_setup":
				l.MandatoryMFASetup = flag(scalar(t, serialized))
			}
		}
		if !container {
			continue
		}
		if to != elsewhere && t.Kind == phpserial.Object && registryData(serialized[t.Text.Start:t.Text.End]) != "" {
			return Login{}, false // Its data is one level down.
		}
		if t.Depth < len(places) {
			places[t.Depth] = to
		}
	}
}

// scalar returns the value of t as Decode would, as far as Integer and flag
// distinguish values.
func scalar(t *phpserial.Token, text []byte) any {
	switch t.Kind {
	case phpserial.Null:
		return nil
	case phpserial.Bool:
		return t.Int == 1
	case phpserial.Int:
		return t.Int
	case phpserial.Float:
		return phpserial.ParseFloat(string(text[t.Text.Start:t.Text.End]))
	case phpserial.Array, phpserial.Object:
		return []any{}
	default:
		return string(text[t.Text.Start:t.Text.End])
	}
}

// Integer returns an integer of a decoded payload, or 0 for anything else. It
// accepts strings, because Joomla's user objects hold what the database driver
// returned.
func Integer(v any) int64 {
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
