package page

import (
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
}

// listSites answers with the sites that the caller may see.
func (h *handler) listSites(w http.ResponseWriter, r *http.Request) {
	if !fromHere(r) {
		h.Answer(w, r, http.StatusForbidden, "Not authorized: other origins may not ask.")
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
			panic(panicked) // In this goroutine, it ends the request, not the program.
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
	h.Answer(w, r, http.StatusOK, shown)
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
