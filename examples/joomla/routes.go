package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/capi-go/capi"
)

// authorizeTimeout is how long finding out who asks may take.
const authorizeTimeout = 10 * time.Second

// newHandler returns all that is served of the site.
func newHandler(db *sql.DB, site *capi.Site, config capi.SiteConfig, o options, logger *slog.Logger) (http.Handler, error) {
	store := capi.NewSQLStore(site)
	store.ActiveOnly = o.activeOnly
	guard := capi.AnyOf(capi.NewSessionAuthorizer(site), capi.NewTokenAuthorizer(site))

	list := capi.Config{Logger: logger, CORS: capi.CORS{AllowedOrigins: o.origins, AllowCredentials: o.credentials}}
	if len(o.origins) > 0 {
		list.CORS.AllowedMethods = []string{http.MethodGet}
		list.CORS.AllowedHeaders = []string{"Authorization", "X-Joomla-Token", "token"}
	}
	if o.redact {
		pseudonyms, err := pseudonyms(config.Secret.Reveal())
		if err != nil {
			return nil, err
		}
		list.Redact = []capi.Redaction{capi.MaskSecrets(), pseudonyms}
	}
	sessions, err := list.NewHandler(store, inTime(guard))
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", sessions)
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(capi.OpenAPI())
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		status, message := http.StatusOK, "OK."
		if err := ping(r.Context(), db); err != nil {
			logger.ErrorContext(r.Context(), "the database does not answer", "error", err.Error())
			status, message = http.StatusServiceUnavailable, "Database unavailable."
		}
		_ = capi.WriteEnvelope(w, status, message) // A client that has left needs no answer.
	})
	return accessLog(mux, logger), nil
}

// pseudonyms returns the Redaction that replaces session ids. Its key is made from the site's secret, so that a session
// keeps its pseudonym when the program is started anew.
func pseudonyms(secret string) (capi.Redaction, error) {
	if secret == "" {
		return nil, errors.New("the site has no secret to make pseudonyms with")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "capi: pseudonyms of session ids", sha256.Size)
	if err != nil {
		return nil, err
	}
	return capi.PseudonymizeIDs(key)
}

// inTime returns an Authorizer that gives up where the database takes too long.
func inTime(auth capi.Authorizer) capi.Authorizer {
	return capi.AuthorizerFunc(func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), authorizeTimeout)
		defer cancel()
		return auth.Authorize(r.WithContext(ctx))
	})
}
