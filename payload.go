package capi

import (
	"errors"
	"strconv"
	"time"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/phpserial"
)

// Payload is the data column of Joomla's session table: what PHP's session
// handler wrote, byte for byte. A nil Payload is NULL: the site keeps its
// session data elsewhere. An empty one is a session that holds nothing yet.
// Methods only read it, so that it is safe for concurrent use while nobody
// changes it.
//
// Joomla has stored it in three ways, which Decode and State tell apart by
// themselves:
//
//   - up to 3.4.6 in PHP's own session format, name|value name|value, with the
//     bytes NUL * NUL, by which PHP marks protected properties, written as the
//     six characters \0\0\0 (JSessionStorageDatabase);
//   - since then, in 3.x to 6 alike, with a single variable "joomla": the
//     base64 text of a serialized Registry;
//   - either of them as one serialized array, on sites where
//     session.serialize_handler is php_serialize.
type Payload []byte

// A PayloadError is the error of a [Payload] that is not what Joomla writes.
// It never holds any of the payload's content.
type PayloadError struct {
	// Offset counts the bytes of the Payload before the place where it is
	// malformed. Where the place is inside base64 text, it is that of the group
	// of four characters that encodes it.
	Offset int
	// Expected is what should have been there.
	Expected string
}

// Error tells what was expected, and where.
func (e *PayloadError) Error() string {
	return "capi: malformed session payload: expected " + e.Expected + " at byte " + strconv.Itoa(e.Offset)
}

// Decode returns the session's variables, or for Joomla 3.4.7 and later, which
// has but one, the data of the Registry in it. A nil Payload gives a nil map,
// an empty one an empty map. Errors are of type *[PayloadError].
//
// PHP's values become these:
//
//   - null, bool, int, float and string: nil, bool, int64, float64 and string.
//     A string is whatever bytes PHP had, which need not be UTF-8. A float may
//     be infinite or not a number, which encoding/json refuses.
//   - a list, which has the keys 0, 1, 2 … in this order, and an empty array:
//     []any.
//   - any other array, and an object: map[string]any, with integer keys as
//     decimal strings, property names without the marks of their visibility,
//     and no class names.
//   - a Joomla Registry: the data that it holds.
//   - an enum: the string "Class:Case".
//   - an object with a serialization of its own: the string that it made.
//
// What PHP stored as a reference to an earlier value is that same map or slice
// again, not a copy: do not change it, or copy it first. A reference from
// inside a value to that value is nil, so that there are no cycles.
//
// The text may come from anywhere: no input panics, takes more than time and
// memory in proportion to its length, nests deeper than 512 levels, or grows to
// more than 17 times its length when all references are written out.
func (p Payload) Decode() (map[string]any, error) {
	variables, _, err := joomla.Decode(p)
	return variables, payloadError(err)
}

// payloadError returns err as what this package promises it to be.
func payloadError(err error) error {
	var syntax *phpserial.SyntaxError
	if errors.As(err, &syntax) {
		return &PayloadError{Offset: syntax.Offset, Expected: syntax.Expected}
	}
	return err
}

// State is what people look for in a session's data, wherever the Joomla
// version at hand keeps it. What the session does not hold has its zero value.
type State struct {
	// Counter is how many requests the session has seen (session.counter).
	Counter int64
	// Started is when the session began (session.timer.start), in whole
	// seconds, in UTC.
	Started time.Time
	// Last is when the request before the last one came (session.timer.last),
	// in whole seconds, in UTC.
	Last time.Time
	// Now is when the last request came (session.timer.now), in whole seconds,
	// in UTC.
	Now time.Time
	// Browser is the User-Agent header that the session began with
	// (session.client.browser). The client chose it. Joomla 4 and later do not
	// store it.
	Browser string
	// UserID is the id of the user that is logged in, 0 for a guest.
	UserID int64
	// Name is the user's full name. Joomla 4 and later, and 3.x since 3.4.7,
	// store the UserID alone: there, it is empty, as are Username and Email.
	Name string
	// Username is the name that the user logs in with.
	Username string
	// Email is the user's e-mail address.
	Email string
	// MFAChecked reports whether the session has passed the second factor, or
	// had none to pass (com_users.mfa_checked is 1). Joomla 4.2 and later set
	// it with the first page after the password: until then, and in older
	// versions, it is false.
	MFAChecked bool
	// MandatoryMFASetup reports whether the user must set up a second factor
	// before anything else (com_users.mandatory_mfa_setup is 1).
	MandatoryMFASetup bool
	// Application is the state that Joomla's application keeps for itself and
	// its components (registry), such as filters and half-filled forms, decoded
	// as by [Payload.Decode]. It is nil if there is none.
	Application map[string]any
}

// State decodes p and picks out what people look for. A nil or empty Payload
// gives the zero State. Errors are those of [Payload.Decode]; a value of an
// unexpected type is no error, but counts as missing.
func (p Payload) State() (State, error) {
	_, own, err := joomla.Decode(p)
	if err != nil {
		return State{}, payloadError(err)
	}
	user, _ := own["user"].(map[string]any)
	login := joomla.LoginOf(own)
	s := State{
		Counter:           joomla.Integer(joomla.Lookup(own, "session", "counter")),
		Started:           sessionTime(joomla.Integer(joomla.Lookup(own, "session", "timer", "start"))),
		Last:              sessionTime(joomla.Integer(joomla.Lookup(own, "session", "timer", "last"))),
		Now:               sessionTime(login.Now),
		Browser:           stringValue(joomla.Lookup(own, "session", "client", "browser")),
		UserID:            login.UserID,
		Name:              stringValue(user["name"]),
		Username:          stringValue(user["username"]),
		Email:             stringValue(user["email"]),
		MFAChecked:        login.MFAChecked == joomla.One,
		MandatoryMFASetup: login.MandatoryMFASetup == joomla.One,
		Application:       phpserial.Map(own["registry"]),
	}
	if s.Browser == "" {
		s.Browser = stringValue(joomla.Lookup(own, "client", "browser"))
	}
	return s, nil
}

func stringValue(v any) string {
	s, _ := v.(string)
	return s
}

func sessionTime(n int64) time.Time {
	// Beyond the year 9999, a time.Time has no JSON.
	if n <= 0 || n >= 253402300800 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
