package page

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/capi-go/capi"
)

// fromHere reports whether a request comes from the page itself, or from no
// page, as far as browsers say. Pages of other origins could not read the
// answer; this spares the database their questions.
func fromHere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return false
	}
	return true
}

// A shownSite is what the page is told of a site before its feed.
type shownSite struct {
	Name          string `json:"name"`
	Administrator string `json:"administrator"`
}

// listSites answers with the sites that the request may see.
func (h *handler) listSites(w http.ResponseWriter, r *http.Request) {
	if !fromHere(r) {
		h.answer(w, r, http.StatusForbidden, "Not authorized: other origins may not ask.")
		return
	}
	answers, panics := make([]error, len(h.sites)), make([]any, len(h.sites))
	var group sync.WaitGroup
	const atOnce = 8
	turns := make(chan struct{}, atOnce)
	for i, site := range h.sites {
		group.Add(1)
		go func() {
			defer group.Done()
			turns <- struct{}{}
			defer func() { <-turns }()
			defer func() { panics[i] = recover() }()
			_, answers[i] = capi.Authorize(site.Auth, r)
		}()
	}
	group.Wait()
	for _, panicked := range panics {
		if panicked != nil {
			panic(panicked) // So that it ends the request, not the program.
		}
	}
	shown := []shownSite{}
	var refusal error
	for i, err := range answers {
		switch {
		case err == nil:
			shown = append(shown, shownSite{h.sites[i].Name, h.sites[i].Administrator})
		case worse(err, refusal):
			refusal = err
		}
	}
	if len(shown) == 0 {
		h.refuse(w, r, refusal)
		return
	}
	h.answer(w, r, http.StatusOK, shown)
}

// worse reports whether err says more than other about why nothing is shown: a
// failure more than a user who is refused, and that more than no user.
func worse(err, other error) bool {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, capi.ErrUnauthenticated):
			return 1
		case errors.Is(err, capi.ErrForbidden):
			return 2
		}
		return 3
	}
	return rank(err) > rank(other)
}

// refuse answers a request that an Authorizer does not let in.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, capi.ErrUnauthenticated):
		h.log(r, slog.LevelDebug, "refused", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		h.answer(w, r, http.StatusUnauthorized, "Not authenticated.")
	case errors.Is(err, capi.ErrForbidden):
		h.log(r, slog.LevelDebug, "refused", err)
		message := "Not authorized."
		if reason := capi.ForbiddenReason(err); reason != "" {
			message = "Not authorized: " + reason + "."
		}
		h.answer(w, r, http.StatusForbidden, message)
	default:
		h.fail(w, r, "authorizing a request", err)
	}
}

// fail answers with an error whose cause only the log is told.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if errors.Is(err, capi.ErrUnavailable) {
		h.log(r, levelOf(r, slog.LevelWarn), doing, err)
		w.Header().Set("Retry-After", retryAfter)
		h.answer(w, r, http.StatusServiceUnavailable, "Service unavailable.")
		return
	}
	h.log(r, levelOf(r, slog.LevelError), doing, err)
	h.answer(w, r, http.StatusInternalServerError, "Internal server error.")
}

// retryAfter is when the page may try again after a 503, in seconds.
const retryAfter = "5"

// levelOf returns level, or a lower one where the client has left.
func levelOf(r *http.Request, level slog.Level) slog.Level {
	if r.Context().Err() == context.Canceled {
		return slog.LevelInfo
	}
	return level
}

// answer answers with an envelope.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, msg any) {
	if err := capi.WriteEnvelope(w, status, msg); err != nil {
		h.log(r, slog.LevelInfo, "sending an answer", err)
	}
}

// log logs an err that holds nothing that the client sent.
func (h *handler) log(r *http.Request, level slog.Level, doing string, err error) {
	h.slog().LogAttrs(r.Context(), level, "page: "+doing, slog.Any("error", err))
}

func (h *handler) slog() *slog.Logger {
	if h.logger == nil {
		return slog.Default()
	}
	return h.logger
}
