package main

import (
	"context"
	"fmt"
	"iter"
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
			if err := l.wait(ctx); err != nil {
				yield(capi.Session{}, err)
				return
			}
			l.running.Add(1)
			defer l.turns.Release(1)
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

// wait waits for the turn of a list.
func (l *limit) wait(ctx context.Context) error {
	if l.turns.TryAcquire(1) { // Also without patience.
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	if l.turns.Acquire(patient, 1) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errTooManyLists
}
