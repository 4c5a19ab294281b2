package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capi-go/capi"
)

// A readiness knows whether a site can be served. It checks in the background,
// so it answers at once.
type readiness struct {
	site *followedSite
	// turns limits the checks of all sites together.
	turns chan struct{}
	// pause is the time between checks while the site is ready.
	pause time.Duration
	// again receives when a check is needed at once.
	again chan struct{}
	// first is closed after the first check.
	first chan struct{}
	// answered is when a request was last let in, in nanoseconds since 1970.
	answered atomic.Int64

	mu      sync.Mutex
	checked bool
	of      *site // the site that was checked, nil if it could not be opened
	err     error // why the site is not ready
	down    bool  // whether its database is out of reach
	// served reports whether the site has been ready with this configuration.
	served bool
}

const (
	// readyPause and brokenPause are the times between checks of a site that is
	// ready, and of one that is not. Each further site adds checkPause to the
	// first.
	readyPause  = 5 * time.Second
	brokenPause = time.Second
	checkPause  = 25 * time.Millisecond
	// checksAtOnce limits how many sites are checked at the same time. A check
	// that takes longer than checkTurn stops counting, so that servers that do
	// not answer delay no other site.
	checksAtOnce = 16
	checkTurn    = 250 * time.Millisecond
	// startPatience is how long the program waits for the first checks before
	// it serves.
	startPatience = 2 * time.Second
)

// newReadiness returns the readiness of one of several sites.
func newReadiness(site *followedSite, sites int, turns chan struct{}) *readiness {
	return &readiness{
		site: site, turns: turns, pause: readyPause + time.Duration(sites-1)*checkPause,
		again: make(chan struct{}, 1), first: make(chan struct{}),
	}
}

// ready reports whether the site can be served.
func (r *readiness) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checked && r.err == nil
}

// refuses returns why s, the site with its current configuration, must not serve
// requests: its database is out of reach, or it has never been ready. A site that
// has been ready is tried, since only a part of it may have failed.
func (r *readiness) refuses(s *site) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == s && r.err != nil && (r.down || !r.served && !onlySessionData(r.err)) {
		return fmt.Errorf("%w: the site is not ready", capi.ErrUnavailable)
	}
	return nil
}

// failed asks for a check after a request has failed with err. It returns the
// error to answer with.
func (r *readiness) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	r.recheck()
	return unavailable(err)
}

// authorizeTimeout is how long authorizing a request may take.
const authorizeTimeout = 10 * time.Second

// guard returns auth with a timeout. Its failures cause a check.
func (r *readiness) guard(auth capi.Authorizer) capi.Authorizer {
	return capi.AuthorizerFunc(func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), authorizeTimeout)
		defer cancel()
		err := auth.Authorize(request.WithContext(ctx))
		switch {
		case err == nil:
			r.answered.Store(time.Now().UnixNano())
		case errors.Is(err, capi.ErrUnauthenticated), errors.Is(err, capi.ErrForbidden):
		default:
			return r.failed(request.Context(), err)
		}
		return err
	})
}

// recheck asks for a check.
func (r *readiness) recheck() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// run checks the site until ctx ends.
func (r *readiness) run(ctx context.Context) {
	for {
		pause := r.pause
		if !r.check(ctx) {
			pause = brokenPause
		}
		if !sleep(ctx, min(pause, 100*time.Millisecond)) { // Not more often, however many requests fail.
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.again:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// sleep waits, and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// check checks the site, and reports whether it is ready.
func (r *readiness) check(ctx context.Context) bool {
	select {
	case r.turns <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	release := sync.OnceFunc(func() { <-r.turns })
	defer release()
	defer time.AfterFunc(checkTurn, release).Stop()
	began := time.Now()
	current, done, err := r.site.current(ctx)
	if err != nil {
		return r.set(ctx, nil, err, false)
	}
	defer done()
	r.site.checking.Store(true)
	r.site.keepIdle()
	down, err := current.checkCalmly(ctx)
	r.site.checking.Store(false)
	r.site.keepIdle()
	if onlySessionData(err) && r.wasReady(current) {
		// There were sessions before: the store has lost them, for example in a
		// restart, and new ones will come.
		err = nil
	}
	if isFull(err) {
		down = false // Requests wait until it has a connection left.
	}
	if err != nil && r.answered.Load() > began.UnixNano() { // Requests do get answers.
		down = false
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // The check has waited for them.
		}
	}
	return r.set(ctx, current, err, down)
}

// checkCalmly is check, in which a panic is an error: here it would end the
// program.
func (s *site) checkCalmly(ctx context.Context) (down bool, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("checking the site: panic: %s\n%s", panicText(value), debug.Stack())
		}
	}()
	return s.check(ctx)
}

// wasReady reports whether s has ever been ready.
func (r *readiness) wasReady(s *site) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of == s && r.served
}

// onlySessionData reports whether err says only that no session has data where
// it should be. Tokens work nevertheless.
func onlySessionData(err error) bool {
	all := problems(err)
	return len(all) == 1 && errors.Is(all[0], capi.ErrSessionData)
}

// set stores the result of a check, logs changes, and reports whether the site
// is ready.
func (r *readiness) set(ctx context.Context, s *site, err error, down bool) bool {
	if ctx.Err() != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.err
	if r.of != s {
		r.served = false
	}
	r.of, r.err, r.down, r.served = s, err, down, r.served || err == nil
	switch {
	case err != nil && (before == nil || cause(before) != cause(err)):
		if s != nil { // Otherwise, the reason was logged.
			for _, problem := range problems(err) {
				r.site.logger.ErrorContext(ctx, "not ready", "error", problem.Error())
			}
		}
	case err == nil && before != nil:
		r.site.logger.InfoContext(ctx, "ready again")
	}
	if !r.checked {
		r.checked = true
		close(r.first)
	}
	return err == nil
}

// brokenText matches how errors of broken connections differ from one attempt to
// the next: the port of this end, and how far each one came.
var brokenText = regexp.MustCompile(`(read|write) \w+ \S+->\S+: |(unexpected )?EOF|(read|write): (connection reset by peer|broken pipe)`)

// cause returns the text of err without what differs from one attempt to the
// next.
func cause(err error) string { return brokenText.ReplaceAllString(err.Error(), "") }

// waitChecked waits until each site was checked once, but at most
// startPatience.
func waitChecked(ctx context.Context, sites []*followedSite) {
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	for _, f := range sites {
		select {
		case <-f.ready.first:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
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
		for _, site := range all {
			if site.ready() {
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
