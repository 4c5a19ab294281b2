package capi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capi-go/capi/internal/stream"
)

// SiteHandlerOptions are the optional settings of a [SiteHandler]. The zero
// value is useful.
type SiteHandlerOptions struct {
	// Logger gets, once and not with every request,
	//
	//   - at level Error, why the site cannot be served, and errors from
	//     closing what is no longer used;
	//   - at level Info, that the configuration has changed, with the names of
	//     the fields but not their values, and that the site can be served
	//     again.
	//
	// Nil is [slog.Default].
	Logger *slog.Logger

	_ struct{} // Options are written with names.
}

// A SiteHandler serves a Joomla site by its current configuration. Joomla reads
// configuration.php with every request, but a [Site] has one configuration and
// never changes. So a SiteHandler makes a new one when the configuration
// changes. Make one with [NewSiteHandler].
//
// A request is served by a configuration that was read at most 200 milliseconds
// before it arrived, or later. If the last reading is older, the request waits
// for a new one, as do those that arrive meanwhile. The contents are compared,
// so that it does not matter when and how a file changed. No goroutine reads
// while there are no requests.
//
// While the configuration cannot be read or opened, requests are answered with
// 503, the header Retry-After and the message "Service unavailable."; the cause
// goes to the Logger. The same happens if the context of a waiting request
// ends, or if reading takes more than two seconds, such as on a network file
// system that does not answer. The next successful reading ends that.
//
// A request keeps the configuration that it began with. So a list that is being
// sent is neither cut nor mixed.
//
// A SiteHandler is safe for concurrent use. The zero value is not usable.
type SiteHandler struct {
	load   func() (SiteConfig, error)
	open   func(SiteConfig) (http.Handler, func() error, error)
	logger *slog.Logger

	// told is the last error that was logged. Only the running look uses it.
	told string

	mu      sync.Mutex
	looking *look       // nil if none is running
	last    *look       // the last that has ended
	config  SiteConfig  // of the site that was opened last
	current *openedSite // made of config, or nil if opening another failed since
	err     error       // why current is not served
	closed  bool
	// running is the number of looks and sites that Shutdown waits for, and
	// idle is closed once there are none.
	running int
	idle    chan struct{}
}

// A look reads the configuration.
type look struct {
	number int // Looks are numbered from 1.
	began  time.Time
	ended  chan struct{}
	late   atomic.Bool // whether it was logged that it takes too long
}

// An openedSite is what open returned.
type openedSite struct {
	handler http.Handler
	close   func() error
	uses    int // by requests, plus 1 while it is current; guarded by mu
}

const (
	// lookAgain is how old a look may be when a request arrives. Only time
	// decides, so that visitors cannot choose how often files are read.
	lookAgain = 200 * time.Millisecond
	// lookPatience is how long requests wait for a look, so that they do not
	// pile up.
	lookPatience = 2 * time.Second
)

var (
	errLate     = errors.New("capi: reading and opening a site configuration takes too long")
	errShutdown = errors.New("capi: the SiteHandler was shut down")
)

// NewSiteHandler calls [SiteHandlerOptions.NewSiteHandler] with the zero
// SiteHandlerOptions.
func NewSiteHandler(load func() (SiteConfig, error), open func(SiteConfig) (http.Handler, func() error, error)) *SiteHandler {
	return SiteHandlerOptions{}.NewSiteHandler(load, open)
}

// NewSiteHandler returns a handler that serves what open makes of the
// configuration that load returns. It calls neither; [SiteHandler.Check] does.
// It panics if either is nil.
//
// The function load returns the current configuration, for example by calling
// [LoadSiteConfig]. It is called up to five times a second.
//
// The function open is called for each configuration that differs from the one
// before and, while it fails, after each call of load. It returns the handler
// of the site, such as a mux with the list and with routes that use the site's
// authorizers, and a function that closes what it has opened, such as the
// method Close of a [database/sql.DB]. That function is called when nothing
// uses the site any more, and its errors go to the Logger. It may be nil. If
// open returns an error, it must have closed everything.
//
// Neither function is called concurrently. Their errors go to the Logger, so
// they must not contain secrets. A panic counts as an error.
func (o SiteHandlerOptions) NewSiteHandler(load func() (SiteConfig, error), open func(SiteConfig) (http.Handler, func() error, error)) *SiteHandler {
	if load == nil || open == nil {
		panic("capi: a SiteHandler without load or open")
	}
	return &SiteHandler{load: load, open: open, logger: o.Logger, last: new(look), idle: make(chan struct{})}
}

// ServeHTTP implements [http.Handler].
func (h *SiteHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site, err := h.acquire(r.Context(), lookAgain)
	if err != nil {
		w.Header().Set("Retry-After", stream.RetryAfter)
		_ = WriteEnvelope(w, http.StatusServiceUnavailable, "Service unavailable.") // A client that has left needs no answer.
		return
	}
	defer h.release(site)
	site.handler.ServeHTTP(w, r)
}

// Acquire returns the handler that open made of the current configuration, for
// other uses than serving one request. It stays usable until release is called.
// The error says why the site cannot be served, and wraps the error of ctx if
// that ended the wait.
func (h *SiteHandler) Acquire(ctx context.Context) (current http.Handler, release func(), err error) {
	site, err := h.acquire(ctx, lookAgain)
	if err != nil {
		return nil, nil, err
	}
	return site.handler, sync.OnceFunc(func() { h.release(site) }), nil
}

// Check reads the configuration, and returns why the site cannot be served. Use
// it at the start of a service, or to apply a change at once. It does not query
// the site's database; [Site.Check] does.
func (h *SiteHandler) Check(ctx context.Context) error {
	site, err := h.acquire(ctx, 0)
	if err == nil {
		h.release(site)
	}
	return err
}

// Shutdown closes what open made once no request uses it any more. It waits for
// that until ctx ends, and then returns the error of ctx. Requests that arrive
// later are answered with 503. Call it when the server has been shut down.
func (h *SiteHandler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		h.retire()
		h.running++
		h.end()
	}
	h.mu.Unlock()
	select {
	case <-h.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("capi: shutting down a SiteHandler: %w", ctx.Err())
	}
}

// acquire returns the current site, according to a look that began at most age
// before the call, or after it. The caller releases the site.
func (h *SiteHandler) acquire(ctx context.Context, age time.Duration) (*openedSite, error) {
	arrived := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	number := h.last.number
	if h.looking != nil {
		number = h.looking.number
	}
	for {
		switch {
		case h.closed:
			return nil, errShutdown
		case h.last.number > number || age > 0 && arrived.Sub(h.last.began) < age:
			if h.err != nil {
				return nil, h.err
			}
			h.current.uses++
			return h.current, nil
		}
		if h.looking == nil {
			h.looking = &look{number: h.last.number + 1, began: time.Now(), ended: make(chan struct{})}
			h.running++
			go h.run(h.looking)
		}
		looking := h.looking
		h.mu.Unlock()
		err := h.wait(ctx, looking)
		h.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
}

// wait waits until a look has ended.
func (h *SiteHandler) wait(ctx context.Context, l *look) error {
	timer := time.NewTimer(time.Until(l.began.Add(lookPatience)))
	defer timer.Stop()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("capi: waiting for a site configuration: %w", ctx.Err())
	case <-timer.C:
		if !l.late.Swap(true) {
			h.slog().LogAttrs(ctx, slog.LevelError, "capi: site cannot be served", slog.Any("error", errLate))
		}
		return errLate
	}
}

// release ends a use of a site, and closes it after the last use.
func (h *SiteHandler) release(site *openedSite) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if site.uses--; site.uses == 0 {
		// Closing a pool may take a while, and nobody should wait for it.
		go h.close(site)
	}
}

// retire replaces the current site with none, and closes it after its last use.
// It is called with mu held.
func (h *SiteHandler) retire() {
	if site := h.current; site != nil {
		h.current = nil
		if site.uses--; site.uses == 0 {
			go h.close(site)
		}
	}
}

func (h *SiteHandler) close(site *openedSite) {
	if site.close != nil {
		if err := calmly(site.close); err != nil {
			h.logError("closing a site that is no longer used", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
}

// end tells Shutdown that something it waits for has ended. It is called with
// mu held.
func (h *SiteHandler) end() {
	if h.running--; h.closed && h.running == 0 {
		close(h.idle)
	}
}

// run is the goroutine of a look.
func (h *SiteHandler) run(l *look) {
	var config SiteConfig
	err := calmly(func() (err error) {
		config, err = h.load()
		return err
	})
	h.mu.Lock()
	current, before := h.current, h.config
	h.mu.Unlock()
	var opened *openedSite
	var changed []string
	failed := false // to open
	if err == nil {
		changed = changedFields(before, config)
		if current == nil || len(changed) > 0 {
			opened, err = h.openSite(config)
			failed = err != nil
		}
	}
	h.tell(l, err, changed, before)

	h.mu.Lock()
	defer h.mu.Unlock()
	if opened != nil || failed {
		// If a configuration cannot be read, the next one may be that of the
		// current site. This one is not.
		h.retire()
	}
	if opened != nil {
		h.running++
		h.current, h.config = opened, config
	}
	if h.closed {
		h.retire()
	}
	h.last, h.looking, h.err = l, nil, err
	close(l.ended)
	h.end()
}

// openSite calls open.
func (h *SiteHandler) openSite(config SiteConfig) (*openedSite, error) {
	site := &openedSite{uses: 1}
	err := calmly(func() (err error) {
		site.handler, site.close, err = h.open(config)
		return err
	})
	if err == nil && site.handler == nil {
		err = errors.New("capi: the function open of a SiteHandler returned a nil Handler")
	}
	if err != nil {
		return nil, err
	}
	return site, nil
}

// tell logs what a look has found, unless it was logged before.
func (h *SiteHandler) tell(l *look, err error, changed []string, before SiteConfig) {
	if err != nil {
		if text := err.Error(); text != h.told {
			h.told = text
			h.logError("site cannot be served", err)
		}
		return
	}
	first := len(changedFields(before, SiteConfig{})) == 0
	if len(changed) > 0 && !first {
		h.slog().LogAttrs(context.Background(), slog.LevelInfo, "capi: site configuration changed", slog.Any("fields", changed))
	}
	if h.told != "" || l.late.Load() {
		h.told = ""
		h.slog().LogAttrs(context.Background(), slog.LevelInfo, "capi: site can be served again")
	}
}

// logError logs an error of the service.
func (h *SiteHandler) logError(doing string, err error) {
	attrs := []slog.Attr{slog.Any("error", err)}
	var p *panicError
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", p.stack))
	}
	h.slog().LogAttrs(context.Background(), slog.LevelError, "capi: "+doing, attrs...)
}

func (h *SiteHandler) slog() *slog.Logger {
	if h.logger == nil {
		return slog.Default()
	}
	return h.logger
}

// changedFields returns the names of the fields in which two configurations
// differ.
func changedFields(a, b SiteConfig) []string {
	var names []string
	before, after := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range before.NumField() {
		field := before.Type().Field(i)
		if field.IsExported() && !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			names = append(names, field.Name)
		}
	}
	return names
}

// A panicError holds the value of a panic.
type panicError struct {
	value any
	stack string
}

func (p *panicError) Error() string { return fmt.Sprintf("capi: panic: %v", p.value) }

// calmly calls do, and turns a panic into an error: outside a request's
// goroutine, it would end the program.
func calmly(do func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, string(debug.Stack())}
		}
	}()
	return do()
}
