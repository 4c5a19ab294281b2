// Package page serves a page that shows who is logged in to Joomla sites, and
// the feed that it reads.
//
//	handler, err := page.NewHandler(page.Site{Store: capi.NewSQLStore(site), Auth: auth, Joomla: site})
//	…
//	mux.Handle("/capi/", handler)
//
// Under the host of the site, the page sends Joomla's cookie; elsewhere, its
// user types in a token, one for all sites or one for each. The feed has no
// session ids, and only the parts of a session that the page shows. [OpenAPI]
// describes it.
//
// The handler may be mounted at any path that ends in a slash: the page uses
// relative addresses only. It changes nothing on a site, and pages of other
// origins cannot read its answers.
package page
