package main

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"

	"github.com/capi-go/capi"
)

// listPath is where the list of a site is.
const listPath = "/api/v1/user/sessions"

// A route is the name of a mux pattern in the log and the metrics.
type route struct{ site, name string }

// A router is a mux that knows its routes.
type router struct {
	mux    *http.ServeMux
	routes map[string]route // by pattern
}

// handle serves a route. If the site has a name, it is below that name and at the
// root of the host of that name, else it is at the root of any host.
func (r *router) handle(site, name, path string, handler http.Handler) {
	patterns := []string{path}
	if site != "" {
		patterns = []string{"/" + site + path, site + path}
	}
	for _, pattern := range patterns {
		r.mux.Handle(pattern, handler)
		r.routes[pattern] = route{site, name}
	}
}

// newRouter returns all that is served of sites until ctx ends.
func newRouter(ctx context.Context, sites []*followedSite, o serveOptions, logger *slog.Logger) (*router, error) {
	r := &router{http.NewServeMux(), map[string]route{}}
	r.handle("", "healthz", "/healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = capi.WriteEnvelope(w, http.StatusOK, "OK.") // A client that has left needs no answer.
	}))
	openAPI := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(capi.OpenAPI())
	})
	r.handle("", "openapi", "/openapi.yaml", openAPI)
	var all []*readiness
	for _, s := range sites {
		all = append(all, s.ready)
		r.handle(s.name, "list", listPath, s.list())
		if s.name != "" {
			r.handle(s.name, "openapi", "/openapi.yaml", openAPI)
			r.handle(s.name, "readyz", "/readyz", readyHandler(ctx, []*readiness{s.ready}))
		}
	}
	r.handle("", "readyz", "/readyz", readyHandler(ctx, all))
	if o.page {
		return r, r.addPages(sites, logger)
	}
	return r, nil
}

// cors returns the policy of the list.
func (o *serveOptions) cors() capi.CORS {
	policy := capi.CORS{AllowedOrigins: o.origins, AllowCredentials: o.credentials}
	if len(o.origins) > 0 {
		policy.AllowedMethods = []string{http.MethodGet}
		policy.AllowedHeaders = []string{"Authorization", "X-Joomla-Token", "token"}
	}
	return policy
}

// addHandlers sets the handlers of s.
func (f *followedSite) addHandlers(s *site) error {
	o := f.options
	guard := []capi.Authorizer{capi.NewAPITokenAuthorizer(s.joomla), capi.NewCAPITokenAuthorizer(s.joomla)}
	if !o.tokensOnly {
		cookies, err := capi.NewSessionAuthorizer(s.joomla)
		if err != nil {
			return err
		}
		guard = append(guard, cookies) // Last: see capi.AnyOf.
	}
	config := capi.HandlerOptions{Logger: f.logger, StallTimeout: o.stall, CORS: o.cors()}
	if o.redact {
		pseudonyms, err := pseudonyms(s.config.Secret.Reveal())
		if err != nil {
			return err
		}
		config.Redact = []capi.Redaction{capi.MaskSecrets(), pseudonyms}
	}
	s.guard = f.ready.guard(capi.AnyOf(guard...))
	var err error
	if s.Handler, err = config.NewHandler(f.limited(s.store(capi.SQLStoreOptions{ActiveOnly: o.activeOnly})), s.guard); err != nil {
		return err
	}
	s.feed, err = f.newFeed(s)
	return err
}

// pseudonyms returns the Redaction that replaces session ids.
func pseudonyms(secret string) (capi.Redaction, error) {
	key, err := pseudonymKey(secret)
	if err != nil {
		return nil, err
	}
	return capi.PseudonymizeIDs(key)
}

// pseudonymKey derives a key from the site's secret, so that sessions keep their
// pseudonyms when the program restarts.
func pseudonymKey(secret string) ([]byte, error) {
	if secret == "" {
		return nil, errors.New("the site has no secret to make pseudonyms with")
	}
	return hkdf.Key(sha256.New, []byte(secret), nil, "capi: pseudonyms of session ids", sha256.Size)
}

// limited returns store with its lists limited and their failures noticed.
func (f *followedSite) limited(store capi.Store) capi.Store {
	return f.turns.store(store, f.ready.failed)
}

// of returns the route that served a request.
func (r *router) of(request *http.Request) route {
	return cmp.Or(r.routes[request.Pattern], route{name: "other"})
}
