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
	// Name tells the sites of one page apart. It may be empty for the only one.
	Name string
	// Store has the sessions, with Data: it tells who is logged in, and since
	// when. Sessions that have ended are shown only if Store lists them.
	Store capi.Store
	// Summary has the same sessions without Data, sooner, as a Store with
	// [capi.SQLStoreOptions.OmitData] has them: the feed begins with figures
	// that are made from it. Nil is none: figures come with the sessions.
	Summary capi.Store
	// Auth decides who may see the site. Of several sites, it may be called for
	// one request by several goroutines at once.
	Auth capi.Authorizer
	// Joomla tells which sessions have ended, what their users are called and
	// which groups they are in, who does not exist any more, so that these
	// sessions have ended as well, and who is asked for a second factor. It must be the site that Store reads. With nil, no session counts
	// as ended, and only what sessions say themselves
	// ([capi.State.MandatoryMFASetup]) shows who waits.
	Joomla *capi.Site
	// Administrator is the address where Joomla logs users out, which the page
	// links to, such as "/administrator/". Empty is no link.
	Administrator string
	// Page is the address of the site's own page, under whose host the cookie
	// of Joomla counts, such as "//www.example.org/capi/". Of several sites, the
	// page links to those that do not accept the request. Empty is no link.
	Page string

	_ struct{} // Fields are written with names.
}

// Options are the optional settings of the page. The zero value is useful.
type Options struct {
	// Logger gets what [capi.HandlerOptions.Logger] gets. Nil is [slog.Default].
	Logger *slog.Logger
	// StallTimeout is for the feed what [capi.HandlerOptions.StallTimeout] is for the
	// list. Zero is 30 seconds; less is an error.
	StallTimeout time.Duration
	// Key makes the pseudonyms by which the page tells sessions apart, as that
	// of [capi.PseudonymizeIDs] does: at least 16 bytes; fewer are an error.
	// Nil is a random one, with which pseudonyms hold as long as the handler.
	Key []byte

	_ struct{} // Options are written with names.
}

// NewHandler is [Options.NewHandler] of the zero value.
func NewHandler(sites ...Site) (http.Handler, error) { return Options{}.NewHandler(sites...) }

// NewHandler returns a handler that serves the page of sites, of which there is
// at least one, and its feed. It takes any path, of which what follows the last
// slash counts. It is safe for concurrent use; changing o or sites later does
// not change it. The error names everything that is wrong with o and the names
// of sites. NewHandler panics if a Store or an Auth is nil or a nil pointer, and
// if a Joomla is the zero Site.
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
		rand.Read(o.Key) // It never fails.
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

// mustServe panics on a site that would only fail in a request, as the
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

// policy is what the page may do: load its own scripts, styles and pictures,
// and ask its own server. Nothing is inline. No script may make markup out of
// text, so that what a session holds cannot become any; the one policy of
// trusted types is for the address of the worker.
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
// handler serves as feed.yaml. Each call returns a copy, which is the caller's
// to change.
func OpenAPI() []byte { return []byte(openAPI) }
