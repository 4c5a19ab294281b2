package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/capi-go/capi"
)

// A row is what list, watch and the metrics keep of a session: no payload, only
// short texts.
type row struct {
	id, username, browser string
	user, requests        int64
	application           capi.ClientID
	guest                 bool
	written               time.Time
	standing              standing
	// gone reports whether the session has ended because its user was deleted.
	gone  bool
	super bool
}

// A standing is the state of a session.
type standing uint8

const (
	live    standing = iota
	waiting          // for the second factor
	asked            // live or waiting; settle decides
	unread           // like asked, before the data was read
	ended
)

// String returns what a table shows.
func (s standing) String() string { return [...]string{"live", "waiting", "live", "live", "ended"}[s] }

// browserSize is how many bytes of a browser are kept: visitors choose it.
const browserSize = 512

// row returns the row of a session. It prefers the session's data to the
// columns: without session metadata, every row looks like a guest's.
func (s *source) row(session capi.Session, now time.Time) row {
	r := row{id: session.ID, username: session.Username, user: session.UserID, application: session.ClientID, guest: session.Guest, written: session.Time}
	state, err := session.Data.State()
	readable := err == nil && len(session.Data) > 0
	if readable {
		// Copies do not keep the payload in memory.
		r.browser, r.requests = strings.Clone(state.Browser[:min(len(state.Browser), browserSize)]), state.Counter
		if state.Now.After(r.written) {
			r.written = state.Now // Joomla 3 does not always update the row.
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
	case r.guest:
	case session.Data == nil && s.summary != nil:
		r.standing = unread
	case !readable:
	case state.MandatoryMFASetup:
		r.standing = waiting
	case !state.MFAChecked:
		r.standing = asked
	}
	return r
}

// settle completes the rows of users: whether the user still exists, is a Super
// User, and has to pass a second factor. An endpoint does not tell any of it. If
// the sessions were listed without data, settle reads the data of those that may
// be waiting, and of those that wanted selects.
func (s *source) settle(ctx context.Context, rows []row, wanted func(*row) bool) error {
	if s.joomla == nil {
		return nil
	}
	var ids []int64
	for i := range rows {
		if r := &rows[i]; !r.guest && r.standing != ended {
			ids = append(ids, r.user)
		}
	}
	users, err := s.joomla.Users(ctx, ids)
	if err != nil {
		return err
	}
	pending, err := s.joomla.SecondFactorUsers(ctx, ids)
	if err != nil {
		return err
	}
	waits := func(r *row) bool {
		_, found := slices.BinarySearch(pending, r.user)
		return found
	}
	var open []*row
	for i := range rows {
		r := &rows[i]
		if r.guest || r.standing == ended {
			continue
		}
		at, exists := slices.BinarySearchFunc(users, r.user, func(u capi.User, id int64) int { return cmp.Compare(u.ID, id) })
		switch {
		case !exists && r.user > 0: // Others have a name, and no id.
			r.standing, r.gone = ended, true
			continue
		case exists:
			r.super = users[at].SuperAdmin
		}
		if r.standing == unread && (waits(r) || wanted(r)) {
			open = append(open, r)
		}
	}
	if err := s.read(ctx, open); err != nil {
		return err
	}
	for i := range rows {
		switch r := &rows[i]; {
		case r.standing == asked && waits(r):
			r.standing = waiting
		case r.standing == asked, r.standing == unread:
			r.standing = live
		}
	}
	return nil
}

// manyUsers is the number of sessions from which on reading all of them is
// cheaper than reading them by user.
const manyUsers = 1024

// read reads the data of sessions that were listed without it.
func (s *source) read(ctx context.Context, rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	byID := make(map[string]*row, len(rows))
	users := make([]int64, len(rows))
	for i, r := range rows {
		byID[r.id], users[i] = r, r.user
	}
	store := s.Store
	if len(rows) <= manyUsers {
		store = capi.SQLStoreOptions{Users: users}.NewSQLStore(s.joomla)
	}
	now := time.Now()
	for session, err := range store.Sessions(ctx) {
		if err != nil {
			return err
		}
		// By now, the session may be somebody else's.
		if r := byID[session.ID]; r != nil {
			if found := s.row(session, now); found.user == r.user {
				found.super = r.super
				*r = found
			}
		}
	}
	return ctx.Err()
}

// A snapshot is who is logged in at one time, and how many guests there are.
type snapshot struct {
	rows   []row // of users
	guests map[capi.ClientID]guestCount
	newest time.Time
}

// A guestCount counts sessions of guests.
type guestCount struct{ live, ended int }

// snapshot reads who is logged in, and the data of the sessions that wanted
// selects. It is not safe for concurrent use.
func (s *source) snapshot(ctx context.Context, wanted func(*row) bool) (*snapshot, error) {
	found := &snapshot{rows: make([]row, 0, s.people+s.people/8), guests: map[capi.ClientID]guestCount{}}
	store := s.Store
	if s.summary != nil {
		store = s.summary
	}
	now := time.Now()
	for session, err := range store.Sessions(ctx) {
		if err != nil {
			return nil, err
		}
		r := s.row(session, now)
		if r.written.After(found.newest) {
			found.newest = r.written
		}
		if !r.guest {
			found.rows = append(found.rows, r)
			continue
		}
		count := found.guests[r.application]
		if r.standing == ended {
			count.ended++
		} else {
			count.live++
		}
		found.guests[r.application] = count
	}
	if err := ctx.Err(); err != nil {
		return nil, err // A Store may just stop when ctx ends.
	}
	s.people = len(found.rows)
	return found, s.settle(ctx, found.rows, wanted)
}
