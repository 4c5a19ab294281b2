package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/capi-go/capi"
	"golang.org/x/sync/semaphore"
)

// A limit limits how many lists of a site are sent at a time, each on a database
// connection. Others wait in line.
type limit struct {
	turns    *semaphore.Weighted
	patience time.Duration
	running  atomic.Int64
}

// newLimit returns a limit of lists. Others wait for up to patience.
func newLimit(lists int, patience time.Duration) *limit {
	return &limit{turns: semaphore.NewWeighted(int64(lists)), patience: patience}
}

// errTooManyLists is the error of a list that did not get its turn in time.
var errTooManyLists = fmt.Errorf("%w: too many lists at a time (--max-lists, --max-wait)", capi.ErrUnavailable)

// store returns a Store whose lists count, from their beginning, after the request
// was authorized, to their end. It passes errors through failed.
func (l *limit) store(store capi.Store, failed func(context.Context, error) error) capi.Store {
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			release, err := l.wait(ctx)
			if err != nil {
				yield(capi.Session{}, err)
				return
			}
			defer release()
			l.running.Add(1)
			defer l.running.Add(-1)
			store.Sessions(ctx)(func(session capi.Session, err error) bool {
				if err != nil {
					err = failed(ctx, err)
				}
				return yield(session, err)
			})
		}
	})
}

// turnKey is the key of the *keptTurn in the context of a request.
type turnKey struct{}

// A keptTurn is the turn of a request that reads several lists.
type keptTurn struct{ taken bool }

// keep returns a handler whose requests keep the turn of their first list until
// they end. The others need none, so they cannot fail for want of one after a
// part of the answer was sent.
func (l *limit) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := new(keptTurn)
		defer func() {
			if kept.taken {
				l.turns.Release(1)
			}
		}()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), turnKey{}, kept)))
	})
}

// wait waits for the turn of a list. The caller releases it.
func (l *limit) wait(ctx context.Context) (release func(), err error) {
	kept, _ := ctx.Value(turnKey{}).(*keptTurn)
	if kept != nil && kept.taken {
		return func() {}, nil
	}
	if !l.turns.TryAcquire(1) { // Which takes no patience.
		patient, cancel := context.WithTimeout(ctx, l.patience)
		defer cancel()
		if l.turns.Acquire(patient, 1) != nil {
			return nil, cmp.Or(ctx.Err(), errTooManyLists)
		}
	}
	if kept != nil {
		kept.taken = true
		return func() {}, nil
	}
	return func() { l.turns.Release(1) }, nil
}
