package page

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
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
	// deleted, and who is asked for a second factor. It must be the site that
	// Store reads. If it is nil, no session counts as ended, and only sessions
	// themselves ([capi.State.MandatoryMFASetup]) show who waits.
	Joomla *capi.Site
	// Administrator is the address that the page links to for logging users out
	// in Joomla, such as "/administrator/". Empty is no link.
	Administrator string

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
	h := &handler{sites: slices.Clone(sites), files: readFiles(), Answers: stream.Answers{
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
	files     map[string]file
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
	switch name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; name {
	case "sites":
		h.listSites(w, r)
	case "feed":
		h.feed(w, r)
	default:
		if name == "" {
			name = "index.html"
		}
		f, ok := h.files[name]
		if !ok {
			h.Answer(w, r, http.StatusNotFound, "Not found.")
			return
		}
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-cache")
		header.Set("Content-Type", f.contentType)
		header.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
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

// The page as browsers get it: there is no build step.
//
//go:embed static
var static embed.FS

//go:embed feed.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 description of the feed in YAML, which the
// handler serves as feed.yaml. Each call returns a copy, which the caller may
// change.
func OpenAPI() []byte { return []byte(openAPI) }

// A file is a file of the page.
type file struct {
	contentType, tag string
	content          []byte
}

// readFiles returns the files of the page by their names.
func readFiles() map[string]file {
	files := map[string]file{}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		panic(err) // Embedded files can be read.
	}
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	for _, entry := range entries {
		content, err := static.ReadFile("static/" + entry.Name())
		if err != nil {
			panic(err)
		}
		files[entry.Name()] = newFile(types[path.Ext(entry.Name())], content)
	}
	files["feed.yaml"] = newFile("application/yaml", OpenAPI())
	return files
}

func newFile(contentType string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, content}
}
