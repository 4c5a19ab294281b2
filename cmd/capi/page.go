package main

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

// pagePath is where the page of a site is, or of all.
const pagePath = "/capi/"

// addPages adds the page of each site and, if they have names, that of all.
func (r *router) addPages(sites []*followedSite, logger *slog.Logger) error {
	for _, s := range sites {
		if err := r.addPage(s.name, []*followedSite{s}, s.logger); err != nil {
			return err
		}
	}
	if sites[0].name == "" {
		return nil
	}
	byName := func(a, b *followedSite) int { return strings.Compare(a.name, b.name) }
	return r.addPage("", slices.SortedFunc(slices.Values(sites), byName), logger)
}

// addPage adds the page of sites to the routes of the site with that name, or to
// those of all hosts.
func (r *router) addPage(name string, sites []*followedSite, logger *slog.Logger) error {
	shown := make([]page.Site, len(sites))
	byName := map[string]http.Handler{}
	for i, s := range sites {
		// Each site serves its own feed, by its current configuration.
		shown[i] = page.Site{Name: s.name, Store: capi.Sessions{}, Auth: s, Administrator: s.administrator(), Page: s.page()}
		byName[s.name] = s.feed()
	}
	handler, err := page.Options{Logger: logger}.NewHandler(shown...)
	if err != nil {
		return err
	}
	r.handle(name, "page", pagePath, handler)
	ofSite := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		feed := byName[request.URL.Query().Get("site")]
		switch {
		case len(sites) == 1:
			feed = byName[sites[0].name]
		case feed == nil:
			feed = handler // It answers that there is no such site.
		}
		feed.ServeHTTP(w, request)
	})
	r.handle(name, "feed", pagePath+"feed", ofSite)
	r.handle(name, "user", pagePath+"user", ofSite)
	return nil
}

// page returns the address of the page under the site's own host, where its
// cookie counts. A site that is a path of another host has none.
func (f *followedSite) page() string {
	if strings.Contains(f.name, ".") { // A host.
		return "//" + f.name + pagePath
	}
	return ""
}

// newFeed returns the handler of a site's feed.
func (f *followedSite) newFeed(s *site) (http.Handler, error) {
	shown := page.Site{Name: s.name, Store: f.limited(s.store(capi.SQLStoreOptions{})), Auth: s.guard, Joomla: s.joomla}
	if summary := s.summary(); summary != nil {
		shown.Summary = f.limited(summary)
	}
	key, err := pseudonymKey(s.config.Secret.Reveal())
	if err != nil {
		return nil, err
	}
	feed, err := page.Options{Logger: f.logger, StallTimeout: f.options.stall, Key: key}.NewHandler(shown)
	if err != nil {
		return nil, err
	}
	return f.turns.keep(feed), nil // It reads the summary, and then the list.
}
