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

// addPages adds the page of each site and, where they have names, that of all.
func (r *router) addPages(sites []*site, o serveOptions, logger *slog.Logger) error {
	for _, s := range sites {
		named := logger
		if s.name != "" {
			named = logger.With("site", s.name)
		}
		if err := r.addPage(s.name, []*site{s}, o, named); err != nil {
			return err
		}
	}
	if sites[0].name == "" {
		return nil
	}
	byName := func(a, b *site) int { return strings.Compare(a.name, b.name) }
	return r.addPage("", slices.SortedFunc(slices.Values(sites), byName), o, logger)
}

// addPage adds the page of sites to the routes of the site name, or of all
// hosts.
func (r *router) addPage(name string, sites []*site, o serveOptions, logger *slog.Logger) error {
	shown := make([]page.Site, len(sites))
	byName := map[string]*site{}
	for i, s := range sites {
		shown[i] = s.page(o)
		byName[s.name] = s
	}
	key, err := pseudonymKey(sites[0].config.Secret.Reveal())
	if err != nil {
		return err
	}
	handler, err := page.Config{Logger: logger, StallTimeout: o.stall, Key: key}.NewHandler(shown...)
	if err != nil {
		return err
	}
	r.handle(name, "page", pagePath, handler)
	// A feed takes a connection of the database as a list does, and counts as
	// one.
	r.handle(name, "feed", pagePath+"feed", http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		s := byName[request.URL.Query().Get("site")]
		if len(sites) == 1 {
			s = sites[0]
		}
		if s == nil {
			handler.ServeHTTP(w, request)
			return
		}
		s.turns.handler(handler).ServeHTTP(w, request)
	}))
	return nil
}

// page returns what the page shows of a site.
func (s *site) page(o serveOptions) page.Site {
	p := page.Site{Name: s.name, Store: s.turns.store(s.store(capi.SQLStoreConfig{})), Auth: s.guard, Joomla: s.joomla}
	// Where sessions live elsewhere, their rows do not tell which have ended,
	// and without metadata they do not tell whose they are.
	if s.data.SessionData == nil && !s.config.SessionMetadataOff {
		p.Summary = s.turns.store(capi.SQLStoreConfig{OmitData: true}.NewSQLStore(s.joomla))
	}
	switch {
	case o.administrator == "":
	case s.name == "" || !strings.HasPrefix(o.administrator, "/"):
		p.Administrator = o.administrator
	case strings.Contains(s.name, "."): // A host.
		p.Administrator = "//" + s.name + o.administrator
	}
	return p
}
