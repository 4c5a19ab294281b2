// Package capi serves the session list of a Joomla site from a Go service: GET /api/v1/user/sessions of the cAPI
// extension for Joomla, to Super Admins only, with no PHP in the path.
//
// A service points at the site's own database and mounts the handler on its own mux:
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	if err != nil {
//		return err
//	}
//	db, err := sql.Open("mysql", dsn) // with a driver of your choice
//	if err != nil {
//		return err
//	}
//	site, err := capi.NewSite(db, config)
//	if err != nil {
//		return err
//	}
//	auth := capi.AnyOf(capi.NewSessionAuthorizer(site), capi.NewTokenAuthorizer(site))
//	mux.Handle("/api/v1/user/sessions", capi.NewHandler(capi.NewSQLStore(site), auth))
//
// The handler takes a [Store], which reads sessions, and an [Authorizer], which decides who may see them. [SQLStore],
// [SessionAuthorizer] and [TokenAuthorizer] read the database of Joomla 3, 4 and 5 and honour its cookies, API tokens
// and access rules; a service may bring its own of either. Package storetest tests a Store.
//
// Clients get the list in the envelope that they know, {"msg":[…],"error":false,"status":200}, streamed, so that memory
// does not grow with it. What sessions hold is sent as it stands in the table, secrets included; [Config] has a
// [Redaction] for those who want less.
package capi
