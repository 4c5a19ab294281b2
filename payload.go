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
// session data elsewhere. An empty one is a session that holds nothing yet. Its
// methods only read it, so it is safe for concurrent use while nobody changes
// it.
//
// Joomla stores it in three forms, which Decode and State tell apart:
//
//   - up to 3.4.6 in PHP's own session format, name|value name|value, with the
//     bytes NUL * NUL, by which PHP marks protected properties, written as the
//     six characters \0\0\0 (JSessionStorageDatabase);
//   - since then, in 3.x to 6 alike, with a single variable "joomla": the
//     base64 text of a serialized Registry;
//   - either of them as one serialized array, on sites where
//     session.serialize_handler is php_serialize.
type Payload []byte

// A PayloadError reports a [Payload] that Joomla did not write. It holds
// nothing of the payload's content.
type PayloadError struct {
	// Offset counts the bytes of the Payload before the fault. For a fault
	// inside base64 text, it is the offset of the group of four characters that
	// encodes it.
	Offset int
	// Expected says what should have been there.
	Expected string
}

// Error says what was expected, and where.
func (e *PayloadError) Error() string {
	return "capi: malformed session payload: expected " + e.Expected + " at byte " + strconv.Itoa(e.Offset)
}

// Decode returns the session's variables or, for Joomla 3.4.7 and later, which
// has only one, the data of the Registry in it. A nil Payload gives a nil map,
// an empty one an empty map. Errors are of type *[PayloadError].
//
// PHP's values become:
//
//   - null, bool, int, float and string: nil, bool, int64, float64 and string.
//     A string may hold any bytes, not only UTF-8. A float may be infinite or
//     not a number, which encoding/json refuses.
//   - a list, which has the keys 0, 1, 2 … in this order, and an empty array:
//     []any.
//   - any other array, and an object: map[string]any, with integer keys as
//     decimal strings, property names without the marks of their visibility,
//     and no class names.
//   - a Joomla Registry: the data that it holds.
//   - an enum: the string "Class:Case".
//   - an object with custom serialization: the string that it made.
//
// A reference to an earlier value becomes the same map or slice, not a copy, so
// copy it before you change it. A reference from inside a value to that value
// becomes nil, so that there are no cycles.
//
// The text may come from anywhere. No input makes Decode panic, or take more
// time or memory than in proportion to its length. The result nests at most 512
// levels deep, and is at most 17 times as long with all references written out.
func (p Payload) Decode() (map[string]any, error) {
	variables, _, err := joomla.Decode(p)
	return variables, payloadError(err)
}

// payloadError converts a syntax error to a PayloadError.
func payloadError(err error) error {
	var syntax *phpserial.SyntaxError
	if errors.As(err, &syntax) {
		return &PayloadError{Offset: syntax.Offset, Expected: syntax.Expected}
	}
	return err
}

// State is what people look for in a session's data, wherever its version of
// Joomla keeps it. What the session does not hold is zero.
type State struct {
	// Counter is how many requests the session has seen (session.counter).
	Counter int64
	// Started is when the session began (session.timer.start), in seconds and
	// UTC.
	Started time.Time
	// Last is when the request before the last one came (session.timer.last),
	// in seconds and UTC.
	Last time.Time
	// Now is when the last request came (session.timer.now), in seconds and
	// UTC.
	Now time.Time
	// Browser is the User-Agent header that the session began with
	// (session.client.browser). The client chose it. Joomla 4 and later do not
	// store it.
	Browser string
	// UserID is the id of the user that is logged in, 0 for a guest.
	UserID int64
	// Name is the user's full name. Since 3.4.7, Joomla stores only the UserID,
	// and Name, Username and Email are empty.
	Name string
	// Username is the name that the user logs in with.
	Username string
	// Email is the user's e-mail address.
	Email string
	// MFAChecked reports whether the session has passed the second factor, or
	// had none to pass (com_users.mfa_checked is 1). Joomla 4.2 and later set
	// it with the first page after the password. Until then, and in older
	// versions, it is false.
	MFAChecked bool
	// MandatoryMFASetup reports whether the user must set up a second factor
	// before anything else (com_users.mandatory_mfa_setup is 1).
	MandatoryMFASetup bool
	// Application is the state of Joomla's application and components
	// (registry), such as filters and half-filled forms, decoded as by
	// [Payload.Decode]. It is nil if there is none.
	Application map[string]any
}

// State decodes p and picks out what people look for. A nil or empty Payload
// gives the zero State. Errors are those of [Payload.Decode]. A value of an
// unexpected type is not an error, but counts as missing.
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
