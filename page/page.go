package page

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/stream"
)

// A Site is what the page shows.
type Site struct {
	// Name tells the sites of a page apart. If there is only one, it may be
	// empty.
	Name string
	// Store has the sessions, with Data, which tells who is logged in, and
	// since when. Ended sessions are shown only if Store lists them.
	Store capi.Store
	// Summary has the same sessions without Data, and is faster, such as a
	// Store with [capi.SQLStoreOptions.OmitData]. The feed begins with figures
	// from it. If it is nil, figures come with the sessions.
	Summary capi.Store
	// Auth decides who may see the site. With several sites, one request may
	// call it from several goroutines at once.
	Auth capi.Authorizer
	// Joomla tells which sessions have ended, also because their users were
	// deleted, what users are called, which groups they are in, and who is
	// asked for a second factor. It must be the site that Store reads. If it is
	// nil, no session counts as ended, and only sessions themselves tell what
	// their users are called and ([capi.State.MandatoryMFASetup]) who waits.
	Joomla *capi.Site
	// Administrator is the address that the page links to for logging users out
	// in Joomla, such as "/administrator/". Empty is no link.
	Administrator string
	// Page is the address of the site's own page, under whose host the cookie
	// of Joomla counts, such as "//www.example.org/capi/". Of several sites, the
	// page links to those that do not accept the request. Empty is no link.
	Page string

	_ struct{} // Fields are written with names.
}

// Options are the optional settings of the page. The zero value is useful.
type Options struct {
	// Logger is like [capi.HandlerOptions.Logger]. Nil is [slog.Default].
	Logger *slog.Logger
	// StallTimeout is how long one write of the feed may take; see
	// [capi.HandlerOptions.StallTimeout]. Zero is 30 seconds; less is an error.
	StallTimeout time.Duration
	// Key is the key of [capi.PseudonymizeIDs] for the pseudonyms by which the
	// page tells sessions apart: at least 16 bytes; fewer are an error. Nil is
	// a random key, so that pseudonyms last as long as the handler.
	Key []byte

	_ struct{} // Options are written with names.
}

// NewHandler is [Options.NewHandler] of the zero value.
func NewHandler(sites ...Site) (http.Handler, error) { return Options{}.NewHandler(sites...) }

// NewHandler returns a handler that serves the page of sites, at least one, and
// its feed. Of a path, it looks only at what follows the last slash. It is safe
// for concurrent use; changing o or sites later does not change it. The error
// names everything that is wrong with o and the names of sites. NewHandler
// panics if a Store or an Auth is nil or a nil pointer, or if a Joomla is the
// zero Site.
func (o Options) NewHandler(sites ...Site) (http.Handler, error) {
	h := &handler{sites: slices.Clone(sites), files: sync.OnceValue(readFiles), Answers: stream.Answers{
		Package: "page", Read: "feed read", Reading: "reading sessions", Logger: o.Logger,
		StallTimeout: cmp.Or(o.StallTimeout, 30*time.Second), Header: setFeedHeader, Envelope: capi.WriteEnvelope,
		Unavailable: capi.ErrUnavailable,
	}}
	var errs []error
	if len(sites) == 0 {
		errs = append(errs, errors.New("page: no sites"))
	}
	names := map[string]bool{}
	for _, site := range sites {
		mustServe(site)
		if names[site.Name] {
			errs = append(errs, fmt.Errorf("page: two sites of the name %q", site.Name))
		}
		names[site.Name] = true
	}
	if o.StallTimeout < 0 {
		errs = append(errs, fmt.Errorf("page: negative StallTimeout %v", o.StallTimeout))
	}
	if o.Key == nil {
		o.Key = make([]byte, 32)
		rand.Read(o.Key) // Never fails.
	}
	var err error
	if h.pseudonym, err = capi.PseudonymizeIDs(o.Key); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}

// mustServe panics on a site that would fail at its first request, as the
// constructors of package capi do.
func mustServe(site Site) {
	capi.NewHandler(site.Store, site.Auth)
	if site.Summary != nil {
		capi.NewHandler(site.Summary, site.Auth)
	}
	if site.Joomla != nil {
		capi.NewSQLStore(site.Joomla)
	}
}

type handler struct {
	stream.Answers
	sites     []Site
	pseudonym capi.Redaction
	files     func() map[string]file
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		h.Answer(w, r, http.StatusMethodNotAllowed, "Method not allowed.")
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	asked, ok := map[string]http.HandlerFunc{"sites": h.listSites, "feed": h.feed, "user": h.user}[name]
	switch {
	case !ok:
		h.serveFile(w, r, cmp.Or(name, "index.html"))
	case !fromHere(r):
		h.Answer(w, r, http.StatusForbidden, "Not authorized: other origins may not ask.")
	default:
		asked(w, r)
	}
}

// policy lets the page load its own scripts, styles and pictures, and ask its
// own server. Nothing is inline. No script may turn text into markup, so a
// session cannot inject any; the one policy of trusted types is for the address
// of the worker.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"worker-src 'self'",
	"style-src 'self'",
	"img-src 'self'",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types worker",
}, "; ")

//go:embed feed.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 description of the feed in YAML, which the
// handler serves as feed.yaml. Each call returns a copy, which the caller may
// change.
func OpenAPI() []byte { return []byte(openAPI) }
