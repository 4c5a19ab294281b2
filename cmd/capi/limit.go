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

// A limit is how many lists of a site may be sent at a time, each with a
// connection of the database. Others wait in line.
type limit struct {
	turns    *semaphore.Weighted
	patience time.Duration
	running  atomic.Int64
}

// newLimit returns a limit of so many lists. Others wait for as long as
// patience.
func newLimit(lists int, patience time.Duration) *limit {
	return &limit{turns: semaphore.NewWeighted(int64(lists)), patience: patience}
}

// errTooManyLists is the error of a list that did not get its turn in time.
var errTooManyLists = fmt.Errorf("%w: too many lists at a time (--max-lists, --max-wait)", capi.ErrUnavailable)

// store returns a Store whose lists count, from their beginning, when the
// request has been authorized, to their end. The error of a list is what failed
// makes of it.
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
