package joomla

import (
	"strings"

	"github.com/capi-go/capi/internal/phpserial"
)

// A Login tells who is logged in by a session. The zero Login is a guest's.
type Login struct {
	// UserID is the id of the user, 0 for a guest (user.id).
	UserID int64
	// MFAChecked is One if the user has passed the second factor or has none
	// (com_users.mfa_checked, since 4.2). It is Absent before the first page.
	MFAChecked Flag
	// MandatoryMFASetup is One while the user must first set up a second factor
	// (com_users.mandatory_mfa_setup, since 4.2).
	MandatoryMFASetup Flag
	// Now is when the last request came, in seconds since 1970, 0 if the
	// session does not hold it (session.timer.now).
	Now int64
}

// ReadLogin returns who is logged in by the text of a session to a site whose
// Joomla reads it as f says. A session that Joomla treats as a guest's gives a
// Login without a user; one that it fails to read gives an error.
//
// As measured on Joomla 3.15, 5.4.3 and 6.0.2, and as in their classes
// (Joomla\CMS\Session\Session and its JoomlaStorage, JSession):
//
//   - Joomla keeps everything in the variable joomla: the base64 of a
//     serialized Registry, see [SessionFormat]. If there are two, the last
//     counts.
//   - Joomla 4 and later look for the bare name, then with a leading __ if it
//     has parts, then in the namespace __default. Joomla 3 looks in that
//     namespace, and then in the variable __default, where versions before
//     3.4.7 put it.
//   - The user is an object of class Joomla\CMS\User\User, in Joomla 3 also
//     JUser. Its id is cast to an integer; unlike PHP, not from true and
//     arrays.
//   - A session without a count of requests is new, and one without the time of
//     the last request has expired. Both are a guest's.
//
// If the version is unknown, both must read the same.
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
	// Joomla 4 only adds the second factor.
	return four, nil
}

// readLogin is ReadLogin for a known version.
func readLogin(text []byte, f SessionFormat) (Login, error) {
	v, err := f.values(text)
	if err != nil {
		return Login{}, err
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

// get returns the value of a name, given by the parts that Joomla joins with
// dots, or nil.
func (v sessionValues) get(path ...string) *node {
	if v.version == Joomla4 {
		if found := v.data.find(path...); found != nil {
			// A name with one part is read as a property.
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
