package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/capi-go/capi"
)

// A readiness knows whether a site can be served. It finds out when it is
// asked, but not more often than every few seconds for each configuration,
// whoever asks.
type readiness struct {
	site *followedSite

	mu      sync.Mutex
	checked time.Time
	of      *site // what was checked
	ready   bool
}

// fresh is how long an answer holds.
const fresh = 5 * time.Second

// get reports whether the site can be served.
func (r *readiness) get(ctx context.Context) bool {
	// Others wait for the answer, so that it must not depend on who asked
	// first.
	ctx = context.WithoutCancel(ctx)
	current, release, err := r.site.acquire(ctx)
	if err != nil {
		return false // The log has been told.
	}
	defer release()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == current && time.Since(r.checked) < fresh {
		return r.ready
	}
	_, err = current.check(ctx)
	was := r.ready || r.checked.IsZero()
	r.checked, r.of, r.ready = time.Now(), current, err == nil
	switch {
	case err != nil && was:
		r.site.logger.ErrorContext(ctx, "not ready", "error", err.Error())
	case err == nil && !was:
		r.site.logger.InfoContext(ctx, "ready again")
	}
	return r.ready
}

// findReady reports of each whether it is ready.
func findReady(ctx context.Context, all []*readiness) []bool {
	const atOnce = 16
	turns := make(chan struct{}, atOnce)
	ready := make([]bool, len(all))
	var group sync.WaitGroup
	for i, site := range all {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			ready[i] = site.get(ctx)
		})
	}
	group.Wait()
	return ready
}

// readyHandler answers with 200 while at least one of the sites can be served:
// the others have readiness routes of their own. Once ctx has ended, nothing is
// ready: the program is about to stop.
func readyHandler(ctx context.Context, all []*readiness) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			_ = capi.WriteEnvelope(w, http.StatusServiceUnavailable, "Stopping.") // A client that has left needs no answer.
			return
		}
		status, message := http.StatusOK, "Ready."
		count := 0
		for _, ready := range findReady(r.Context(), all) {
			if ready {
				count++
			}
		}
		if count == 0 {
			status, message = http.StatusServiceUnavailable, "Not ready."
		}
		if len(all) > 1 {
			message = fmt.Sprintf("%d of %d sites are ready.", count, len(all))
		}
		_ = capi.WriteEnvelope(w, status, message) // A client that has left needs no answer.
	})
}

// sendAway returns a handler that, once ctx has ended, closes each connection
// after its answer, so that a balancer sends its next request elsewhere.
func sendAway(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
