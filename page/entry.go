package page

import (
	"hash/fnv"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomla"
)

// An entry is what is shown of a session.
type entry struct {
	client         capi.ClientID
	guest          bool
	user           int64
	username, name string
	last, started  time.Time
	requests       int64
	agent          string
	// readable reports whether the session's data is there, and could be
	// decoded.
	readable bool
	// checked and mustSetUp are those of [capi.State].
	checked, mustSetUp bool
}

// entryOf returns what the row of a session tells.
func entryOf(s *capi.Session) *entry {
	e := &entry{client: s.ClientID, guest: s.Guest, last: s.Time}
	if !s.Guest {
		e.user, e.username = s.UserID, s.Username
	}
	return e
}

// readEntry returns what a session tells, its data before its row: a row may
// outlive its session, and where a site keeps no metadata it is that of a
// guest.
func readEntry(s *capi.Session) *entry {
	e := entryOf(s)
	if len(s.Data) == 0 {
		return e
	}
	if e.guest { // Most of them are, and nothing else of theirs is shown.
		if login, err := joomla.AnyLogin(s.Data); err != nil || login.UserID <= 0 {
			return e
		}
	}
	state, err := s.Data.State()
	if err != nil {
		return e
	}
	if e.readable = true; state.Now.After(e.last) {
		e.last = state.Now // Joomla 3 may write the row no more.
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

// person returns a number that tells people apart: the user id or, where a row
// has none, one below zero that is made from the username.
func (e *entry) person() int64 {
	if e.user != 0 {
		return e.user
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(e.username))
	return -int64(hash.Sum64()>>1) - 1
}
