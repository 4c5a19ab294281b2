package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	turns limit

	mu sync.Mutex
	// first is the site that the program opened at its start, until open takes
	// it over.
	first *site
	// opened are the sites that are not closed yet. The last is the current one.
	opened []*site
	// replaced receives when there is a new one.
	replaced chan struct{}
}

// follow returns the site that follows the configuration of first, which has
// been opened.
func follow(first *site, o serveOptions, logger *slog.Logger) (*followedSite, error) {
	if first.name != "" {
		logger = logger.With("site", first.name)
	}
	f := &followedSite{siteFile: first.siteFile, options: o, logger: logger, turns: make(limit, o.maxLists),
		replaced: make(chan struct{}, 1)}
	if err := f.addHandlers(first); err != nil {
		return nil, err
	}
	f.first = first
	f.ready = &readiness{site: f}
	load := func() (capi.SiteConfig, error) { return o.loadSite(f.siteFile) }
	f.handler = capi.SiteHandlerOptions{Logger: logger}.NewSiteHandler(load, f.open)
	return f, nil
}

// open opens the site with a configuration.
func (f *followedSite) open(config capi.SiteConfig) (http.Handler, func() error, error) {
	f.mu.Lock()
	s := f.first
	f.first = nil
	f.mu.Unlock()
	if s != nil && !reflect.DeepEqual(s.config, config) {
		if err := s.close(); err != nil {
			f.logger.Error("closing the site", "error", err.Error())
		}
		s = nil
	}
	if s == nil {
		var err error
		if s, err = f.options.openConfig(f.siteFile, config, f.logger); err != nil {
			return nil, nil, err
		}
		if err := f.addHandlers(s); err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
		if note := s.empty(); note != "" {
			f.logger.Warn(note)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, s)
	f.share()
	select {
	case f.replaced <- struct{}{}:
	default:
	}
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
	current.SetMaxOpenConns(max(1, left))
	current.SetMaxIdleConns(f.options.idle())
}

// pool returns the pool of the current configuration, or nil.
func (f *followedSite) pool() *sql.DB {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.opened) > 0:
		return f.opened[len(f.opened)-1].db.DB
	case f.first != nil:
		return f.first.db.DB
	}
	return nil
}

// acquire returns the current site. The caller must release it.
func (f *followedSite) acquire(ctx context.Context) (s *site, release func(), err error) {
	current, release, err := f.handler.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	return current.(*site), release, nil
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

// feed serves the feed of the page. It takes a database connection as a list
// does, and counts as one.
func (f *followedSite) feed() http.Handler {
	return f.turns.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, release, err := f.acquire(r.Context())
		if err != nil {
			_ = capi.WriteEnvelope(w, http.StatusInternalServerError, "Internal server error.") // A client that has left needs no answer.
			return
		}
		defer release()
		s.feed.ServeHTTP(w, r)
	}))
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
	err := f.handler.Shutdown(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first != nil {
		err = errors.Join(err, f.first.close())
	}
	return err
}

// watchAgain is how often configurations are read without requests.
const watchAgain = 500 * time.Millisecond

// watch reads the configuration of each site now and then until stop is called,
// so that changes are logged and old connections closed without any request. It
// reads all of them on each signal.
func watch(sites []*followedSite, signals <-chan os.Signal, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, f := range sites { // One that hangs must not delay the others.
		group.Go(func() { f.watch(ctx) })
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
		if _, release, err := f.acquire(ctx); err == nil { // An error was logged.
			release()
		}
		f.trim()
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
