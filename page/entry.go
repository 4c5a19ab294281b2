package page

import (
	"hash/fnv"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomla"
)

// An entry is what the page shows of a session.
type entry struct {
	client         capi.ClientID
	guest          bool
	user           int64
	username, name string
	last, started  time.Time
	requests       int64
	agent          string
	// readable reports whether there is data, and it could be decoded.
	readable bool
	// checked and mustSetUp are MFAChecked and MandatoryMFASetup of
	// [capi.State].
	checked, mustSetUp bool
}

// entryOf returns the entry of a session's row.
func entryOf(s *capi.Session) *entry {
	e := &entry{client: s.ClientID, guest: s.Guest, last: s.Time}
	if !s.Guest {
		e.user, e.username = s.UserID, s.Username
	}
	return e
}

// readEntry returns the entry of a session. It prefers data over the row, which
// may outlive its session, and is a guest's if the site keeps no metadata.
func readEntry(s *capi.Session) *entry {
	e := entryOf(s)
	if len(s.Data) == 0 {
		return e
	}
	if e.guest { // Most sessions are guests', and their data is not shown.
		if login, err := joomla.AnyLogin(s.Data); err != nil || login.UserID <= 0 {
			return e
		}
	}
	state, err := s.Data.State()
	if err != nil {
		return e
	}
	if e.readable = true; state.Now.After(e.last) {
		e.last = state.Now // Joomla 3 does not always update the row.
	}
	if e.guest = state.UserID <= 0; e.guest {
		return e
	}
	if e.user != state.UserID {
		e.user, e.username = state.UserID, state.Username
	}
	e.name, e.started, e.requests, e.agent = state.Name, state.Started, state.Counter, state.Browser
	e.checked, e.mustSetUp = state.MFAChecked, state.MandatoryMFASetup
	return e
}

// person returns a number that identifies a person: the user id or, if the row
// has none, a negative number derived from the username.
func (e *entry) person() int64 {
	if e.user != 0 {
		return e.user
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(e.username))
	return -int64(hash.Sum64()>>1) - 1
}
