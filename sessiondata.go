package capi

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/capi-go/capi/internal/joomla"
)

// A SessionData reads the data of sessions that a site keeps outside its
// database, as its $session_handler says. [FileSessionData] is one for files.
//
// Payloads returns a Payload for each id, in order: what its session holds, nil
// if the session does not exist or has expired, and an empty Payload if it
// holds nothing yet. Implementations follow these rules:
//
//   - Payloads must be safe for concurrent use.
//   - It accepts any ids, including none and malformed ones, and reads many at
//     once.
//   - It returns early, with an error, when ctx ends.
//   - If the store cannot be reached, that is an error, not a session that does
//     not exist.
//   - Its errors may be logged, so they must not contain ids or payloads.
//   - The caller may keep the result, but must not change it.
//
// A SessionData may have two more methods:
//
//   - PayloadsUpTo(ctx context.Context, ids []string, limit int) (payloads
//     []Payload, lengths []int, err error) is like Payloads, except that it
//     does not read sessions of more than limit bytes: their payload is nil,
//     and lengths holds their length, which is 0 for all others. With it,
//     visitors with long sessions cannot make the guard exceed its memory
//     budget for them.
//   - ForJoomla(version int) SessionData returns the SessionData for a site
//     with that major version of Joomla, or 0 if it is not known. It is for
//     stores in which the version matters.
type SessionData interface {
	Payloads(ctx context.Context, ids []string) ([]Payload, error)
}

// boundedSessionData and versionedSessionData are what a SessionData may also
// be.
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

// payloads calls data.Payloads, and checks the result.
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

// payloadsUpTo is payloads, except that it returns only the length of a payload
// of more than limit bytes, if data supports that.
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

// fillSize is the number of sessions in a batch, and fillAhead the number of
// batches to request ahead: the store then works on one while the answer for
// another is on its way.
const (
	fillSize  = 256
	fillAhead = 2
)

// fill returns sessions with their Data from the site's SessionData. With
// liveOnly, it leaves out sessions without any. While it yields a batch, it
// reads the data of the next ones.
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
		// next yields the oldest batch, and reports whether to go on.
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
			// The column may hold data from before a change of the handler.
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
	done     chan struct{} // closed when the fields above are set
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
		f.err = errors.New("reading session data: the SessionData ended its goroutine")
		f.payloads, f.err = payloads(ctx, data, ids)
	}()
	return f
}

// yield waits for the data of f, yields its sessions, and reports whether to go
// on. It panics if the SessionData did.
func (f *filling) yield(yield func(Session, error) bool, liveOnly bool) bool {
	<-f.done
	if f.panicked != nil {
		panic(f.panicked) // Here it ends the request, not the program.
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
