// Package capi serves the session list of a Joomla site from a Go service:
// GET /api/v1/user/sessions of the cAPI extension for Joomla, to Super Admins
// only, with no PHP in the path. It also reads such lists: see [Client].
//
// # Mounting it
//
// A service points at the site's own database and mounts the handler on its own
// mux:
//
//	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
//	if err != nil {
//		return err
//	}
//	db, err := sql.Open("mysql", dsn) // a driver of your choice; ?charset=utf8mb4
//	if err != nil {
//		return err
//	}
//	site, err := capi.NewSite(db, config)
//	if err != nil {
//		return err
//	}
//	cookies, err := capi.NewSessionAuthorizer(site)
//	if err != nil {
//		return err
//	}
//	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(site), cookies)
//	handler := capi.NewHandler(capi.NewSQLStore(site), auth)
//	mux.Handle("/api/v1/user/sessions", handler)
//
// The pattern has no method: with "GET /api/v1/user/sessions", preflights of
// browsers and other methods would not reach the handler, which answers them.
// [Site.Check] tells what keeps a site from being served.
//
// The handler takes a [Store], which reads sessions, and an [Authorizer], which
// decides who may see them. [SQLStore] and the authorizers of this package read
// the database of Joomla 3.3 to 6; a service may bring its own of either.
// Package storetest tests a Store. [HandlerOptions] has the handler's settings. Package
// page serves a page that shows who is logged in.
//
// A site's configuration changes: secrets and passwords are rotated, a root
// user is taken away. Joomla reads configuration.php with every request. A
// [SiteHandler] makes all that is above anew when the file changes.
//
// # Who gets in
//
// The authorizers of this package accept what Joomla accepts of a Super Admin:
//
//   - [SessionAuthorizer]: the cookie of a live session that has passed the
//     second factor. Where the site keeps session data outside of its database,
//     it needs a [SessionData], such as [FileSessionData].
//   - [APITokenAuthorizer]: a Joomla API token, of Joomla 4 and later.
//   - [CAPITokenAuthorizer]: a token of the cAPI extension.
//
// [AnyOf] joins them. A Super Admin is a user with core.admin on the root
// asset, or the $root_user of the configuration, whose account is in order.
// Where this package differs from Joomla, it refuses: doc/compatibility.md
// lists where.
//
// # What it exposes
//
// Clients get the list in the [Envelope] that they know,
// {"msg":[…],"error":false,"status":200}, with every row as it is in the table.
// That includes session ids, with which sessions can be taken over, and
// whatever the sessions hold. To send less, name Redactions in [HandlerOptions.Redact]:
// [MaskSecrets], [OmitData], [PseudonymizeIDs] or your own.
//
// The list is streamed, so that memory does not grow with it. One that fails
// breaks the connection, so that no client takes a part for the whole.
//
// # Security
//
//   - A guard that fails is an error, never access.
//   - Neither a log nor an error of this package has a credential, a session
//     id, a payload, or anything else that a client sent. Passwords of a
//     configuration are of type [Secret].
//   - Why a request is refused is logged at level Debug, and who has read a
//     list at level Info; the client gets fixed messages.
//   - Nothing that is read from a file, a table or a request makes this package
//     panic, or use time or memory out of proportion to its size.
//   - Nothing is written to the site.
//   - This package does not encrypt and does not limit rates: that is the job
//     of the server that the handler is mounted on, or of a proxy.
package capi
