package capi

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/capi-go/capi/internal/joomla"
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
//
// A SessionData may have two methods more:
//
//   - PayloadsUpTo(ctx context.Context, ids []string, limit int) (payloads
//     []Payload, lengths []int, err error) is Payloads, except that it does not
//     read sessions of more than limit bytes: their payload is nil, and lengths
//     has their length, where it has 0 for all others. With it, visitors with
//     long sessions cannot make the guard use more memory than it has set aside
//     for them.
//   - ForJoomla(version int) SessionData returns the SessionData of a site of
//     that major version of Joomla, or 0 if that is not known, for a store in
//     which the version matters.
type SessionData interface {
	Payloads(ctx context.Context, ids []string) ([]Payload, error)
}

// boundedSessionData and versionedSessionData are what a SessionData may be on
// top.
type (
	boundedSessionData interface {
		PayloadsUpTo(ctx context.Context, ids []string, limit int) ([]Payload, []int, error)
	}
	versionedSessionData interface {
		ForJoomla(version int) SessionData
	}
)

// dataOf returns the site's SessionData for a version of Joomla.
func (s *Site) dataOf(version joomla.Version) SessionData {
	if data, ok := s.data.(versionedSessionData); ok {
		return data.ForJoomla(version.Major())
	}
	return s.data
}

// payloads returns what data has of ids.
func payloads(ctx context.Context, data SessionData, ids []string) ([]Payload, error) {
	payloads, err := data.Payloads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading session data: %w", err)
	}
	if len(payloads) != len(ids) {
		return nil, fmt.Errorf("reading session data: SessionData returned %d payloads for %d ids", len(payloads), len(ids))
	}
	return payloads, nil
}

// payloadsUpTo is payloads, with the lengths of those that have more than limit
// bytes in their place.
func payloadsUpTo(ctx context.Context, data SessionData, ids []string, limit int) ([]Payload, []int, error) {
	bounded, ok := data.(boundedSessionData)
	if !ok {
		payloads, err := payloads(ctx, data, ids)
		return payloads, make([]int, len(ids)), err
	}
	payloads, lengths, err := bounded.PayloadsUpTo(ctx, ids, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("reading session data: %w", err)
	}
	if len(payloads) != len(ids) || len(lengths) != len(ids) {
		return nil, nil, fmt.Errorf("reading session data: SessionData returned %d payloads and %d lengths for %d ids",
			len(payloads), len(lengths), len(ids))
	}
	return payloads, lengths, nil
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
		version, err := s.version(ctx)
		if err != nil {
			cancel()
			yield(Session{}, fmt.Errorf("capi: looking up the version of Joomla: %w", err))
			return
		}
		data := s.dataOf(version)
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
			asked = append(asked, fill(ctx, data, batch))
			batch, spare = spare, nil
		}
		if len(batch) > 0 {
			asked = append(asked, fill(ctx, data, batch))
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

// fill begins to read the data of sessions.
func fill(ctx context.Context, data SessionData, sessions []Session) *filling {
	f := &filling{sessions: sessions, done: make(chan struct{})}
	ids := make([]string, len(sessions))
	for i, session := range sessions {
		ids[i] = session.ID
	}
	go func() {
		defer close(f.done)
		defer func() { f.panicked = recover() }()
		f.err = errors.New("reading session data: a SessionData did not return")
		f.payloads, f.err = payloads(ctx, data, ids)
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
