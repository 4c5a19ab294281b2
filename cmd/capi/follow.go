package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capi-go/capi"
)

// A followedSite is a site that is served by its current configuration. It
// outlives each configuration.
type followedSite struct {
	siteFile
	options serveOptions
	logger  *slog.Logger
	// handler serves the list.
	handler *capi.SiteHandler
	ready   *readiness
	// turns limits the lists of all configurations together.
	turns *limit
	// unavailable answers for the list while the site cannot be served.
	unavailable http.Handler
	// idle has the share of this site under its number.
	idle   *idleBudget
	number int
	// checking reports whether a check is running.
	checking atomic.Bool

	mu sync.Mutex
	// opened are the sites that are not closed yet. The last is the current one.
	opened []*site
	// told reports whether the log was told of the site.
	told bool
	// replaced receives when there is a new one.
	replaced chan struct{}
}

// follow returns the sites of o, which follow their configurations. It opens
// none of them yet: watch does. The error is that of flags.
func follow(o serveOptions, logger *slog.Logger) ([]*followedSite, error) {
	unavailable, err := capi.HandlerOptions{CORS: o.cors(), Logger: slog.New(slog.DiscardHandler)}.NewHandler(
		capi.Sessions{}, capi.AuthorizerFunc(func(*http.Request) error { return capi.ErrUnavailable }))
	if err != nil {
		return nil, err
	}
	turns := make(chan struct{}, checksAtOnce)
	idle := newIdleBudget(o.idleConnections, len(o.sites))
	var sites []*followedSite
	for number, file := range o.sites {
		f := &followedSite{
			siteFile: file, options: o, logger: logger, turns: newLimit(o.maxLists, o.maxWait), unavailable: unavailable,
			idle: idle, number: number, replaced: make(chan struct{}, 1),
		}
		if f.name != "" {
			f.logger = logger.With("site", f.name)
		}
		f.ready = newReadiness(f, len(o.sites), turns)
		load := func() (capi.SiteConfig, error) { return o.loadSite(file) }
		f.handler = capi.SiteHandlerOptions{Logger: f.logger}.NewSiteHandler(load, f.open)
		sites = append(sites, f)
	}
	return sites, nil
}

// open opens the site with a configuration.
func (f *followedSite) open(config capi.SiteConfig) (http.Handler, func() error, error) {
	s, err := f.options.openConfig(f.siteFile, config, f.logger)
	if err != nil {
		return nil, nil, err
	}
	if err := f.addHandlers(s); err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.told {
		f.told = true
		f.logger.Info("site", "config", f.where(), "database", s.db.where(), "prefix", config.DBPrefix, "sessions", s.sessionsIn())
	}
	if note := s.empty(); note != "" {
		f.logger.Warn(note)
	}
	f.opened = append(f.opened, s)
	f.share()
	select {
	case f.replaced <- struct{}{}:
	default:
	}
	f.ready.recheck()
	return s, func() error { return f.close(s) }, nil
}

// close closes the site of one configuration.
func (f *followedSite) close(s *site) error {
	err := s.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = slices.DeleteFunc(f.opened, func(other *site) bool { return other == s })
	f.share()
	return err
}

// share gives the current configuration the connections that previous ones do
// not use. It is called with mu held.
func (f *followedSite) share() {
	if len(f.opened) == 0 {
		return
	}
	last := len(f.opened) - 1
	left := f.options.connections
	for _, s := range f.opened[:last] {
		left -= s.db.Stats().OpenConnections
	}
	current := f.opened[last].db
	if current.connector.full() {
		return
	}
	current.SetMaxOpenConns(max(1, left))
}

// reshare is share, for when a server is no longer full.
func (f *followedSite) reshare(ctx context.Context) {
	f.mu.Lock()
	var connector *fullConnector
	if len(f.opened) > 0 {
		connector = f.opened[len(f.opened)-1].db.connector
	}
	wasFull := connector.wasFull()
	f.share()
	f.mu.Unlock()
	if wasFull {
		connector.reopen(ctx)
	}
}

// keepIdle keeps the site's share of idle connections, and one during a check.
func (f *followedSite) keepIdle() {
	if pool := f.pool(); pool != nil {
		keep := f.idle.share(f.number)
		if f.checking.Load() {
			keep = max(1, keep)
		}
		pool.SetMaxIdleConns(min(keep, f.options.connections))
	}
}

// pool returns the pool of the current configuration, or nil.
func (f *followedSite) pool() *sql.DB {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.opened) == 0 {
		return nil
	}
	return f.opened[len(f.opened)-1].db.DB
}

// current returns the current site, also if it is not ready. The caller must
// release it.
func (f *followedSite) current(ctx context.Context) (s *site, release func(), err error) {
	current, release, err := f.handler.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	return current.(*site), release, nil
}

// acquire returns the current site for a request. The caller must release it.
// The error wraps [capi.ErrUnavailable].
func (f *followedSite) acquire(ctx context.Context) (s *site, release func(), err error) {
	s, release, err = f.usable(ctx)
	if err == nil {
		f.idle.use(f.number)
	}
	return s, release, err
}

// usable is acquire without a claim to idle connections.
func (f *followedSite) usable(ctx context.Context) (s *site, release func(), err error) {
	s, release, err = f.current(ctx)
	if err != nil {
		_ = f.ready.failed(ctx, err)
		return nil, nil, fmt.Errorf("%w: %w", capi.ErrUnavailable, err)
	}
	if err := f.ready.refuses(s); err != nil {
		release()
		return nil, nil, err
	}
	return s, release, nil
}

// Authorize implements [capi.Authorizer] by the current configuration.
func (f *followedSite) Authorize(r *http.Request) error {
	s, release, err := f.acquire(r.Context())
	if err != nil {
		return err
	}
	defer release()
	return s.guard.Authorize(r)
}

// list serves the list of the site.
func (f *followedSite) list() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, release, err := f.acquire(r.Context())
		if err != nil { // The log has been told.
			f.unavailable.ServeHTTP(w, r)
			return
		}
		defer release()
		s.Handler.ServeHTTP(w, r)
	})
}

// feed serves the feed of the page. It takes a database connection as a list
// does, and counts as one.
func (f *followedSite) feed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, release, err := f.acquire(r.Context())
		if err != nil { // The log has been told.
			w.Header().Set("Retry-After", "5")
			_ = capi.WriteEnvelope(w, http.StatusServiceUnavailable, "Service unavailable.") // A client that has left needs no answer.
			return
		}
		defer release()
		s.feed.ServeHTTP(w, r)
	})
}

// administrator returns the address of the site's Joomla administrator.
func (f *followedSite) administrator() string {
	switch address := f.options.administrator; {
	case f.name == "" || !strings.HasPrefix(address, "/"):
		return address
	case strings.Contains(f.name, "."): // A host.
		return "//" + f.name + address
	}
	return ""
}

// shutdown closes the site once no request uses it.
func (f *followedSite) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return f.handler.Shutdown(ctx)
}

// watchAgain is how often configurations are read without requests.
const watchAgain = 500 * time.Millisecond

// watch reads the configuration of each site now and then until stop is called,
// so that changes are logged and old connections closed without any request, and
// checks whether it can be served. On each signal, it reads all configurations.
func watch(sites []*followedSite, signals <-chan os.Signal, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, f := range sites { // One that hangs must not delay the others.
		group.Go(func() { f.watch(ctx) })
		group.Go(func() { f.ready.run(ctx) })
	}
	group.Go(func() {
		for {
			select {
			case <-signals:
				unusable := check(ctx, sites)
				logger.Info("configurations read", "sites", len(sites), "unusable", unusable)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// trim closes the idle connections of previous configurations. It may take a
// while if a server does not answer, so no request waits for it.
func (f *followedSite) trim() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.opened) < 2 {
		return
	}
	before := slices.Clone(f.opened[:len(f.opened)-1])
	f.mu.Unlock()
	for _, s := range before {
		s.db.SetMaxIdleConns(0)
	}
	f.mu.Lock()
	f.share()
}

// watch reads the configuration now and then until ctx ends.
func (f *followedSite) watch(ctx context.Context) {
	ticker := time.NewTicker(watchAgain)
	defer ticker.Stop()
	for {
		if _, release, err := f.current(ctx); err == nil { // An error was logged.
			release()
		} else if f.ready.ready() {
			f.ready.recheck()
		}
		f.trim()
		f.reshare(ctx)
		f.keepIdle()
		select {
		case <-ticker.C:
		case <-f.replaced:
		case <-ctx.Done():
			return
		}
	}
}

// check reads the configurations of sites now, and returns how many cannot be
// used.
func check(ctx context.Context, sites []*followedSite) (unusable int) {
	errs := make([]error, len(sites))
	var group sync.WaitGroup
	for i, f := range sites {
		group.Go(func() { errs[i] = f.handler.Check(ctx) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			unusable++
		}
	}
	return unusable
}
