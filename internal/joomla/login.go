package joomla

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/phpserial"
)

// A Flag is what a session holds under a name, as PHP compares it with a number
// by ==.
type Flag uint8

const (
	Absent Flag = iota // nothing, or null
	Zero               // 0, 0.0, "0", false
	One                // 1, 1.0, "1", " 1", true
	Other              // anything else
)

// A Login tells who is logged in by a session. The zero Login is a guest's.
type Login struct {
	// UserID is the id of the user, 0 for a guest (user.id).
	UserID int64
	// MFAChecked is One when the user has nothing left to prove
	// (com_users.mfa_checked, since 4.2). Absent before the first page.
	MFAChecked Flag
	// MandatoryMFASetup is One while the user must first set up a second factor
	// (com_users.mandatory_mfa_setup, since 4.2).
	MandatoryMFASetup Flag
	// Now is when the last request came, in seconds since 1970, 0 if the
	// session does not hold it (session.timer.now).
	Now int64
}

// ReadLogin returns who is logged in by the text of a session to a site whose
// Joomla reads it as f says. What that Joomla takes for a guest's gives a Login
// without a user; what it fails to read is an error.
//
// Measured on Joomla 3.15, 5.4.3 and 6.0.2, and as their classes have it
// (Joomla\CMS\Session\Session and its JoomlaStorage, JSession):
//
//   - Joomla keeps everything in the variable joomla: base64 of a serialized
//     Registry, see [SessionFormat]. Of a variable that is there twice, the last
//     counts.
//   - Joomla 4 and later looks for a name by itself, then with __ in front if it
//     has parts, then in the namespace __default. Joomla 3 looks in that
//     namespace, and then in the variable __default of before 3.4.7.
//   - The user is an object of class Joomla\CMS\User\User, in Joomla 3 also
//     JUser. Its id is cast to an integer, here not from true and arrays.
//   - A session without a count of requests is new, and one without the time of
//     the last request has expired: both are a guest's.
//
// With an unknown version, both must read the same.
func ReadLogin(text []byte, f SessionFormat) (Login, error) {
	if f.Version != UnknownVersion {
		return readLogin(text, f)
	}
	f.Version = Joomla3
	three, err := readLogin(text, f)
	if err != nil {
		return Login{}, err
	}
	f.Version = Joomla4
	four, err := readLogin(text, f)
	if err != nil || four.UserID != three.UserID || four.Now != three.Now {
		return Login{}, errNotJoomlas
	}
	// What four has on top is about the second factor.
	return four, nil
}

// readLogin is ReadLogin for a version that is known.
func readLogin(text []byte, f SessionFormat) (Login, error) {
	if f.Table && f.Version == Joomla3 && bytes.Contains(text, escapedNUL) {
		text = bytes.ReplaceAll(text, escapedNUL, []byte("\x00*\x00"))
	}
	var r nodeReader
	variables, err := f.readVariables(&r, text)
	if err != nil {
		return Login{}, err
	}
	v := sessionValues{version: f.Version, data: &node{kind: phpserial.Object, text: []byte("stdClass")}}
	if encoded := variables.get("joomla"); !encoded.isEmpty() {
		if encoded.kind != phpserial.String {
			return Login{}, errNotJoomlas
		}
		if v.data, err = f.readRegistry(&r, encoded.text); err != nil {
			return Login{}, err
		}
	}
	if f.Version == Joomla3 {
		v.before347 = variables.get("__default")
	}
	login := Login{Now: v.get("session", "timer", "now").cast()}
	user := v.get("user")
	switch {
	case user == nil: // A guest's.
	case user.kind != phpserial.Object || !f.isUser(user.text):
		return Login{}, errNotJoomlas
	case v.get("session", "counter").cast() != 0 && login.Now != 0:
		login.UserID = user.get("id").cast()
		login.MFAChecked = v.get("com_users", "mfa_checked").flag()
		login.MandatoryMFASetup = v.get("com_users", "mandatory_mfa_setup").flag()
	}
	return login, nil
}

// sessionValues are what a session holds, under the names that Joomla has for
// them.
type sessionValues struct {
	version Version
	// data is that of the Registry.
	data *node
	// before347 is the variable __default, nil where it does not count.
	before347 *node
}

// get returns the value of a name, whose parts Joomla joins by dots, or nil.
func (v sessionValues) get(path ...string) *node {
	if v.version == Joomla4 {
		if found := v.data.find(path...); found != nil {
			// A name of one part is read as a property.
			if len(path) == 1 && v.data.kind != phpserial.Object {
				return nil
			}
			return found.orNothing()
		}
		if len(path) > 1 {
			if found := v.data.find("__" + path[0]).find(path[1:]...); found != nil {
				return found.orNothing()
			}
		}
		return v.data.find("__default").find(path...).orNothing()
	}
	if found := v.data.find("__default").find(path...).orNothing(); found != nil {
		return found
	}
	if v.before347 == nil || v.before347.kind != phpserial.Array {
		return nil
	}
	if found := v.before347.get(strings.Join(path, ".")); !found.isEmpty() {
		return found
	}
	return nil
}

// find follows path as Joomla\Registry\Registry does, which passes through
// arrays and through what objects have in reach. It returns nil for null.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		if n == nil || !n.isStandard() {
			return nil
		}
		n = n.get(name)
	}
	if n == nil || n.kind == phpserial.Null {
		return nil
	}
	return n
}

// orNothing returns n, or nil for an empty string, in place of which a Registry
// gives its default.
func (n *node) orNothing() *node {
	if n != nil && n.kind == phpserial.String && len(n.text) == 0 {
		return nil
	}
	return n
}

// isEmpty reports whether PHP holds n for empty, or n is nil.
func (n *node) isEmpty() bool {
	if n == nil {
		return true
	}
	switch n.kind {
	case phpserial.Null:
		return true
	case phpserial.Bool, phpserial.Int, phpserial.Array:
		return n.integer == 0
	case phpserial.Float:
		return phpserial.ParseFloat(string(n.text)) == 0
	case phpserial.String:
		return len(n.text) == 0 || string(n.text) == "0"
	}
	return false
}

// cast returns what PHP's (int) makes of a number or a string, and 0 for
// anything else.
func (n *node) cast() int64 {
	if n == nil {
		return 0
	}
	switch n.kind {
	case phpserial.Int:
		return n.integer
	case phpserial.Float, phpserial.String:
		return CastInteger(string(n.text))
	}
	return 0
}

// flag returns how PHP compares n with 0 and 1.
func (n *node) flag() Flag {
	if n == nil {
		return Absent
	}
	switch n.kind {
	case phpserial.Null:
		return Absent
	case phpserial.Bool:
		return flag(n.integer == 1)
	case phpserial.Int:
		return flag(n.integer)
	case phpserial.Float:
		return flag(phpserial.ParseFloat(string(n.text)))
	case phpserial.String:
		return flag(string(n.text))
	}
	return Other
}

// flag compares v with 0 and 1 as PHP 8 does.
func flag(v any) Flag {
	switch v := v.(type) {
	case nil:
		return Absent
	case bool:
		if v {
			return One
		}
		return Zero
	case int64:
		return number(float64(v))
	case float64:
		return number(v)
	case string:
		// A numeric string: white space around a decimal number.
		v = strings.Trim(v, NumericSpace)
		if v == "" || strings.Trim(v, "0123456789+-.eE") != "" {
			return Other
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return Other
		}
		return number(n)
	default:
		return Other
	}
}

func number(n float64) Flag {
	switch n {
	case 0:
		return Zero
	case 1:
		return One
	default:
		return Other
	}
}
