package main

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/capi-go/capi"
)

// A limit is how many lists of a site may be sent at a time, each with a
// connection of the database.
type limit chan struct{}

// errTooManyLists is what a list fails with that got no turn.
var errTooManyLists = errors.New("too many lists at a time: raise --max-lists")

// patience is how long a list waits for its turn.
const patience = 2 * time.Second

// handler answers with 503 while the limit is reached, before anybody is let
// in.
func (l limit) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && len(l) == cap(l) {
			w.Header().Set("Retry-After", "5")
			_ = capi.WriteEnvelope(w, http.StatusServiceUnavailable, "Too many lists at a time.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// store returns a Store whose lists count: each from its beginning, when
// whoever asked for it has been let in, to its end.
func (l limit) store(store capi.Store) capi.Store {
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			select {
			case l <- struct{}{}:
				defer func() { <-l }()
			case <-timer.C:
				yield(capi.Session{}, errTooManyLists)
				return
			case <-ctx.Done():
				yield(capi.Session{}, ctx.Err())
				return
			}
			store.Sessions(ctx)(yield)
		}
	})
}
