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
//
// The pattern names no method, because the handler also answers the preflights
// of browsers, and refuses other methods. [Site.Check] reports what keeps a
// site from being served.
//
// The handler reads sessions from a [Store] and asks an [Authorizer] who may
// see them. Those of this package read the database of Joomla 3.3 to 6; a
// service may bring its own. [HandlerOptions] configure the handler. Package
// storetest tests a Store. Package page shows who is logged in.
//
// When a site's secret, password or root user changes, so must what was made
// from its configuration: a [SiteHandler] follows configuration.php.
//
// # Who gets in
//
// The authorizers accept what Joomla accepts of a Super Admin, a user with
// core.admin on the root asset or the $root_user, whose account is in order:
//
//   - [APITokenAuthorizer]: a Joomla API token, of Joomla 4 and later.
//   - [CAPITokenAuthorizer]: a token of the cAPI extension.
//   - [SessionAuthorizer]: the cookie of a live session that has passed the
//     second factor. If the site keeps session data outside its database, it
//     needs a [SessionData], such as [FileSessionData].
//
// [AnyOf] joins them. Where this package differs from Joomla, it refuses:
// doc/compatibility.md lists the cases.
//
// # What it exposes
//
// The answer is an [Envelope], {"msg":[…],"error":false,"status":200}, with
// every row of the table, including session ids, which let anyone take over the
// session, and all that the sessions hold. [HandlerOptions.Redact] sends less,
// with [MaskSecrets], [OmitData], [PseudonymizeIDs] or a [Redaction] of yours.
//
// The list is streamed, so memory does not grow with it. If it fails, the
// connection breaks, so that no client mistakes a part for the whole.
//
// # Security
//
//   - A guard that fails is an error, never access.
//   - Logs and errors of this package hold no credentials, session ids,
//     payloads or other client input. Passwords are of type [Secret].
//   - The log tells why a request was refused (level Debug) and who has read a
//     list (Info); clients get fixed messages.
//   - No file, table or request makes this package panic, or use time or memory
//     out of proportion to its size.
//   - It writes nothing to the site.
//   - It does not encrypt or limit rates: that is the job of your server or of a
//     proxy.
package capi
