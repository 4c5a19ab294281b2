package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/capi-go/capi"
)

// A row is what is shown of a session. It holds nothing of its payload but
// short texts.
type row struct {
	id, username, browser string
	user, requests        int64
	application           capi.ClientID
	guest                 bool
	written               time.Time
	standing              standing
}

// A standing says what a session is worth.
type standing uint8

const (
	live    standing = iota
	waiting          // for the second factor
	asked            // waiting if its user is asked for one: settle finds out
	ended
)

// String returns what a table shows.
func (s standing) String() string { return [...]string{"live", "waiting", "live", "ended"}[s] }

// browserSize is how many bytes of a browser are kept: visitors choose it.
const browserSize = 512

// row returns what a session tells, its data before its row: where a site keeps
// no metadata, a row is that of a guest.
func (s *source) row(session capi.Session, now time.Time) row {
	r := row{id: session.ID, username: session.Username, user: session.UserID, application: session.ClientID, guest: session.Guest, written: session.Time}
	state, err := session.Data.State()
	readable := err == nil && len(session.Data) > 0
	if readable {
		// Copies, which do not keep the payload in memory.
		r.browser, r.requests = strings.Clone(state.Browser[:min(len(state.Browser), browserSize)]), state.Counter
		if state.Now.After(r.written) {
			r.written = state.Now // Joomla 3 may write the row no more.
		}
		switch r.guest = state.UserID <= 0; {
		case r.guest:
			r.user, r.username = 0, ""
		case r.user != state.UserID:
			r.user, r.username = state.UserID, strings.Clone(state.Username)
		}
	}
	switch {
	case s.joomla != nil && s.joomla.Ended(session), s.joomla == nil && r.written.Before(now.Add(-s.lifetime)):
		r.standing = ended
	case r.guest || !readable:
	case state.MandatoryMFASetup:
		r.standing = waiting
	case !state.MFAChecked:
		r.standing = asked
	}
	return r
}

// settle finds out what rows of users do not say themselves: whose users do not
// exist any more, and who is asked for a second factor. An endpoint does not
// tell.
func (s *source) settle(ctx context.Context, rows []row) error {
	if s.joomla == nil {
		return nil
	}
	var users, open []int64
	for _, r := range rows {
		if r.guest || r.standing == ended {
			continue
		}
		users = append(users, r.user)
		if r.standing == asked {
			open = append(open, r.user)
		}
	}
	existing, err := s.joomla.ExistingUsers(ctx, users)
	if err != nil {
		return err
	}
	pending, err := s.joomla.SecondFactorUsers(ctx, open)
	if err != nil {
		return err
	}
	among := func(users []int64, user int64) bool {
		_, found := slices.BinarySearch(users, user)
		return found
	}
	for i := range rows {
		switch r := &rows[i]; {
		case r.guest || r.standing == ended:
		case r.user > 0 && !among(existing, r.user):
			r.standing = ended
		case r.standing == asked && among(pending, r.user):
			r.standing = waiting
		}
	}
	return nil
}
