package capi

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// A SessionData reads the data of sessions that a site keeps outside of its
// database, as its $session_handler says. [FileSessionData] is one for files.
//
// Payloads returns what the sessions of ids hold, one for each id and in their
// order: nil for a session that does not exist or has expired, and an empty
// Payload for one that holds nothing yet. Implementations follow these rules:
//
//   - Payloads must be safe for concurrent use.
//   - It takes any ids, also none and malformed ones, and asks its store for
//     many at once.
//   - It returns early, with an error, when ctx ends.
//   - A store that is out of reach is an error, not a session that does not
//     exist.
//   - Its errors may be logged, so they must hold neither ids nor payloads.
//   - The caller may keep the result, and must not change it.
type SessionData interface {
	Payloads(ctx context.Context, ids []string) ([]Payload, error)
}

// payloads returns what the site's SessionData has of ids.
func (s *Site) payloads(ctx context.Context, ids []string) ([]Payload, error) {
	payloads, err := s.data.Payloads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading session data: %w", err)
	}
	if len(payloads) != len(ids) {
		return nil, errors.New("reading session data: a SessionData returned another number of payloads than asked for")
	}
	return payloads, nil
}

// fillSize is how many sessions are asked for at a time, and fillAhead how many
// times before the first answer is needed: the store then works on one question
// while the answer to another is on its way.
const (
	fillSize  = 256
	fillAhead = 2
)

// fill returns sessions with the Data that the site's SessionData has of those
// that have none. With liveOnly, it leaves out the others that it has none of.
// While a batch is yielded, the data of the next ones is read.
func (s *Site) fill(ctx context.Context, sessions iter.Seq2[Session, error], liveOnly bool) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var asked []*filling // in the order of the sessions
		defer func() {
			cancel()
			for _, f := range asked {
				<-f.done
			}
		}()
		batch := make([]Session, 0, fillSize)
		var spare []Session
		// next yields the first batch that was asked for, and reports whether
		// to go on.
		next := func() bool {
			first := asked[0]
			if !first.yield(yield, liveOnly) {
				return false
			}
			asked, spare = asked[1:], first.sessions[:0]
			return true
		}
		for session, err := range sessions {
			if err != nil {
				yield(Session{}, err)
				return
			}
			// The column may hold what was written under another handler.
			session.Data = nil
			if batch = append(batch, session); len(batch) < fillSize {
				continue
			}
			if len(asked) > fillAhead && !next() {
				return
			}
			asked = append(asked, s.ask(ctx, batch))
			batch, spare = spare, nil
		}
		if len(batch) > 0 {
			asked = append(asked, s.ask(ctx, batch))
		}
		for len(asked) > 0 {
			if !next() {
				return
			}
		}
	}
}

// A filling is a batch of sessions whose data is being read.
type filling struct {
	sessions []Session
	payloads []Payload
	err      error
	panicked any
	done     chan struct{} // is closed when the fields above are set
}

// ask begins to read the data of sessions.
func (s *Site) ask(ctx context.Context, sessions []Session) *filling {
	f := &filling{sessions: sessions, done: make(chan struct{})}
	ids := make([]string, len(sessions))
	for i, session := range sessions {
		ids[i] = session.ID
	}
	go func() {
		defer close(f.done)
		defer func() { f.panicked = recover() }()
		f.err = errors.New("reading session data: a SessionData did not return")
		f.payloads, f.err = s.payloads(ctx, ids)
	}()
	return f
}

// yield waits for the data of f, yields its sessions, and reports whether to go
// on. It panics where the SessionData did.
func (f *filling) yield(yield func(Session, error) bool, liveOnly bool) bool {
	<-f.done
	if f.panicked != nil {
		panic(f.panicked) // So that it ends the request, not the program.
	}
	if f.err != nil {
		yield(Session{}, fmt.Errorf("capi: %w", f.err))
		return false
	}
	for i, session := range f.sessions {
		if session.Data = f.payloads[i]; session.Data == nil && liveOnly {
			continue
		}
		if !yield(session, nil) {
			return false
		}
	}
	return true
}
