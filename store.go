package capi

import (
	"context"
	"iter"
)

// A Store reads the sessions of a site. Package storetest tests one.
//
// Sessions returns an iterator over the site's current sessions, in no
// particular order. Implementations follow these rules:
//
//   - Sessions must be safe for concurrent use.
//   - It does nothing until the iterator is ranged over, and each range reads
//     anew.
//   - A non-nil error comes with the zero Session and is the last pair. The
//     list is not whole then. One that wraps [ErrUnavailable] may pass soon.
//   - The range ends early, with an error, when ctx ends. A Store that ignores
//     ctx goes on, and keeps its connection, after the client has left.
//   - What the range holds is released when it ends, for whatever reason.
//   - The Data of a Session is valid until the next one is asked for, and must
//     not be changed by the caller. Everything else may be kept.
type Store interface {
	Sessions(ctx context.Context) iter.Seq2[Session, error]
}

// A StoreFunc is a function that serves as a [Store]. A nil one is none:
// [NewHandler] panics.
type StoreFunc func(ctx context.Context) iter.Seq2[Session, error]

// Sessions calls f.
func (f StoreFunc) Sessions(ctx context.Context) iter.Seq2[Session, error] { return f(ctx) }

// Sessions are a [Store] of fixed rows, in their order. The slice must not be
// changed while it is read. Nil is an empty list.
type Sessions []Session

// Sessions returns an iterator over s.
func (s Sessions) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		for _, session := range s {
			if err := ctx.Err(); err != nil {
				yield(Session{}, err)
				return
			}
			if !yield(session, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Session{}, err)
		}
	}
}

// Collect reads sessions to their end and returns them, each with Data of its
// own. With an error, it returns those that came before. It holds the whole
// list in memory, which the handler of this package never does. It panics if
// sessions is nil.
func Collect(sessions iter.Seq2[Session, error]) ([]Session, error) {
	var list []Session
	for session, err := range sessions {
		if err != nil {
			return list, err
		}
		list = append(list, session.clone())
	}
	return list, nil
}
