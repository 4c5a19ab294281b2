package main

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/capi-go/capi"
)

// The page as browsers get it: there is no build step.
//
//go:embed page
var files embed.FS

// newDashboard returns the page, at the root, and the list that it reads, at the path that the list has in cAPI. The
// page may be mounted under another path with [http.StripPrefix]: all its addresses are relative.
//
// The list has no secrets: session ids are replaced by pseudonyms that hold for the life of the handler, and of what
// sessions hold it has what the page shows, see [stateOnly]. Pages of other origins cannot read it.
func newDashboard(store capi.Store, auth capi.Authorizer, logger *slog.Logger) (http.Handler, error) {
	key := make([]byte, 32)
	rand.Read(key) // It never fails.
	pseudonyms, err := capi.PseudonymizeIDs(key)
	if err != nil {
		return nil, err
	}
	list, err := capi.Config{
		CORS:   capi.CORS{AllowedOrigins: []string{}},
		Logger: logger,
		Redact: []capi.Redaction{pseudonyms, stateOnly},
	}.NewHandler(store, auth)
	if err != nil {
		return nil, err
	}
	page, err := fs.Sub(files, "page")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", list)
	mux.Handle("/", secure(http.FileServerFS(page)))
	return mux, nil
}

// policy is what the page may do: load its own scripts, styles and pictures, and ask its own server. Nothing inline, and
// since no script may make markup out of text (trusted-types), what a session holds cannot become any.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self'",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types 'none'",
}, "; ")

// secure adds the headers that a browser guards the page by.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// A state is what the page is told of what a session holds. Nothing else leaves the server.
type state struct {
	Browser  string `json:"browser,omitempty"`
	Started  int64  `json:"started,omitempty"` // Seconds since 1970.
	Requests int64  `json:"requests,omitempty"`
}

// stateOnly is a [capi.Redaction]. It replaces the data of a session by a [state] in JSON, or by null if it holds
// nothing of that or cannot be decoded.
func stateOnly(s capi.Session) capi.Session {
	held, err := s.Data.State()
	s.Data = nil
	if err != nil {
		return s
	}
	shown := state{Browser: held.Browser, Started: unix(held.Started), Requests: held.Counter}
	if shown == (state{}) {
		return s
	}
	s.Data, err = json.Marshal(shown)
	if err != nil {
		s.Data = nil
	}
	return s
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
