package page

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/capi-go/capi"
)

// fromHere reports whether, according to the browser, a request comes from the
// page itself or from no page. Pages of other origins could not read the answer
// anyway; refusing them spares the database.
func fromHere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return false
	}
	return true
}

// A shownSite is what the page learns about a site before it reads the feed.
type shownSite struct {
	Name          string `json:"name"`
	Administrator string `json:"administrator"`
	Page          string `json:"page"`
}

// listSites answers with all sites if one of them admits the caller, who is told
// that the others exist, but not what is in them.
func (h *handler) listSites(w http.ResponseWriter, r *http.Request) {
	if err := h.admitted(r); err != nil {
		h.refuse(w, r, err)
		return
	}
	shown := make([]shownSite, len(h.sites))
	for i, site := range h.sites {
		shown[i] = shownSite{site.Name, site.Administrator, site.Page}
	}
	h.Answer(w, r, http.StatusOK, shown)
}

// admitted returns nil as soon as one of the sites admits the request, without
// waiting for the others. Otherwise it returns the error that explains most.
func (h *handler) admitted(r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
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
			if answers[i] = ctx.Err(); answers[i] != nil {
				return
			}
			if _, answers[i] = capi.Authorize(site.Auth, r.WithContext(ctx)); answers[i] == nil {
				cancel()
			}
		}()
	}
	group.Wait()
	for _, panicked := range panics {
		if panicked != nil {
			panic(panicked) // In this goroutine, it ends the request, not the program.
		}
	}
	refusal := answers[0]
	for _, err := range answers {
		if err == nil {
			return nil
		}
		if worse(err, refusal) {
			refusal = err
		}
	}
	return refusal
}

// worse reports whether err is the better explanation for an empty page: a
// failure before a refused user, and that before no user.
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

// refuse answers a request that an Authorizer refuses.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, capi.ErrUnauthenticated):
		h.Refuse(w, r, http.StatusUnauthorized, "Not authenticated.", err)
	case errors.Is(err, capi.ErrForbidden):
		message := "Not authorized."
		if reason := capi.ForbiddenReason(err); reason != "" {
			message = "Not authorized: " + reason + "."
		}
		h.Refuse(w, r, http.StatusForbidden, message, err)
	default:
		h.Fail(w, r, "authorizing a request", err)
	}
}
