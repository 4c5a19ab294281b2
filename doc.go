// Package capi serves the session list of a Joomla site from a Go service:
// GET /api/v1/user/sessions of the cAPI extension for Joomla, to Super Admins
// only, with no PHP in the path. A [Client] reads such lists.
//
// # Mounting it
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	db, err := sql.Open("mysql", dsn) // a driver of your choice; ?charset=utf8mb4
//	site, err := capi.NewSite(db, config)
//	cookies, err := capi.NewSessionAuthorizer(site)
//	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(site), cookies)
//	mux.Handle("/api/v1/user/sessions", capi.NewHandler(capi.NewSQLStore(site), auth))
//	mux.Handle("GET /me", capi.Require(auth, capi.LoggedIn)(me)) // a route of your own
//
// The pattern names no method: the handler also answers CORS preflights, and
// refuses other methods. [Site.Check] reports what keeps a site from being
// served. A [SiteHandler] follows changes of configuration.php.
//
// The handler reads a [Store] and asks an [Authorizer]. Those of this package
// read the database of Joomla 3.3 to 6; a service may bring its own.
// [HandlerOptions] configure the handler. [Require] guards routes of your own.
// Package storetest tests a Store, capitest makes sites for tests, and page
// shows who is logged in.
//
// # Who gets in
//
// The authorizers accept what Joomla accepts of a Super Admin, a user with
// core.admin on the root asset or the $root_user, whose account is in order:
//
//   - [APITokenAuthorizer]: a Joomla API token, of Joomla 4 and later.
//   - [CAPITokenAuthorizer]: a token of the cAPI extension.
//   - [SessionAuthorizer]: the cookie of a live session that has passed the
//     second factor. It needs a [SessionData], such as [FileSessionData], if
//     the site keeps session data outside its database.
//
// [AnyOf] joins them. Where this package differs from Joomla, it is stricter,
// with three exceptions: see doc/compatibility.md.
//
// # What it exposes
//
// The answer is an [Envelope] with every row of the table, including session
// ids, which let anyone take over the session, and all that the sessions hold.
// [HandlerOptions.Redact] sends less. The list is streamed, so memory does not
// grow with it. If it fails, the connection breaks, so that no client mistakes
// a part for the whole.
//
// # Security
//
//   - A guard that fails is an error, never access.
//   - Logs and errors hold no credentials, session ids, payloads or other
//     client input. Passwords are of type [Secret].
//   - The log says why a request was refused and who has read a list.
//   - No file, table or request causes a panic, or takes time or memory out of
//     proportion to its size.
//   - It writes nothing to the site, does not encrypt, and does not limit
//     rates.
package capi
