// Package page serves a page that shows who is logged in to Joomla sites, and
// the feed that it reads.
//
//	handler, err := page.NewHandler(page.Site{Store: capi.NewSQLStore(site), Auth: auth, Joomla: site})
//	…
//	mux.Handle("/capi/", handler)
//
// The page asks with the cookie of Joomla if it is under the host of the site,
// else with a token that its user types in, one for all sites or one for each.
// The feed has no session ids, and of what sessions hold only what the page
// shows. [OpenAPI] describes it.
//
// The handler may be mounted at any path that ends in a slash: all addresses of
// the page are relative. It changes nothing at a site, and pages of other
// origins cannot read what it answers.
package page
