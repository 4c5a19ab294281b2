package capi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/capi-go/capi/internal/joomla"
)

// A SessionAuthorizer is an [Authenticator] for users who are logged in to the
// site itself, in its frontend or its administrator: Authorize accepts a
// request with the session cookie of a Super Admin, and User one of anybody. If
// there are several such cookies, one of a Super Admin is enough. It is safe
// for concurrent use. Make one with [NewSessionAuthorizer]; the zero value
// returns errors.
//
// It reads the session itself, and does not trust what the row in #__session
// says about it:
//
//   - A session lives where the site's $session_handler keeps it: in the column
//     data, or in the site's [SessionData]. A row that outlives its session
//     does not count.
//   - In the table, a session counts while its time is within the site's
//     lifetime. Elsewhere, the store's own expiry decides. In both, the time of
//     the last request in its data must be within the lifetime, as in Joomla's
//     class Session.
//   - The user is the one that the data names to the site's version of Joomla:
//     3.x and 4 or later read different forms. The column locked of the table
//     #__extensions, which exists since 4.0, tells them apart. If it may not be
//     read, both versions must be able to read the session. Data that cannot be
//     read names nobody.
//
// A request without such a session, or whose user does not exist, is refused
// with [ErrUnauthenticated]. A user is refused with [ErrForbidden] who is not a
// Super Admin, is blocked, is not activated, has to reset the password, has yet
// to pass the second factor, or has yet to set up one that the site demands.
// Joomla itself lets blocked users continue a session.
//
// A request takes one query, and none without a cookie that could be a
// session's. It takes a second query if row and data name different users, or
// if a user has a second factor that the data does not show as passed, and two
// more for a session of more than 64 KiB. With a SessionData, it reads that and
// then takes one query; every five seconds, another query for the version of
// Joomla comes first.
//
// Visitors can make their sessions long. The authorizers of a Site read at most
// 16 MiB at a time of sessions of more than 64 KiB; requests wait their turn
// for as long as their context lasts.
//
// Browsers also send the cookie with requests that other sites' pages cause.
// That is harmless with a handler that only reads, as long as no [CORS] policy
// lets those pages see the answer.
type SessionAuthorizer struct {
	site  *Site
	names []string
	// sessions and users are queries for one id, two, and so on.
	sessions, users []accountQuery
}

var (
	errNoCookie       = &refusal{ErrUnauthenticated, "no session cookie of this site"}
	errUnknownSession = &refusal{ErrUnauthenticated, "unknown session"}
	errDoubled        = &refusal{ErrUnauthenticated, "session or its user is in the table more than once"}
	errExpired        = &refusal{ErrUnauthenticated, "session has expired"}
	errNoData         = &refusal{ErrUnauthenticated, "session has no data"}
	errTooLong        = &refusal{ErrUnauthenticated, "session holds 16 MiB or more"}
	errUnreadable     = &refusal{ErrUnauthenticated, "session is none that the site's Joomla reads"}
	errGuest          = &refusal{ErrUnauthenticated, "session is a guest's"}
	errNoUser         = &refusal{ErrUnauthenticated, "user does not exist"}
)

// NewSessionAuthorizer returns the SessionAuthorizer of site. It panics if site
// is nil or the zero Site.
//
// It returns an error that wraps [ErrSiteConfig] if the site keeps session data
// outside its database and has no [SiteOptions.SessionData]: a live session
// cannot be told from an ended one. Give the site a SessionData, or use only
// other authorizers.
func NewSessionAuthorizer(site *Site) (*SessionAuthorizer, error) {
	mustSite(site)
	if !site.dataInTable() && site.data == nil {
		return nil, fmt.Errorf("%w: sessions are outside the database ($session_handler is %q): "+
			"set SiteOptions.SessionData, or do without SessionAuthorizer", ErrSiteConfig, site.config.SessionHandler)
	}
	a := &SessionAuthorizer{site: site, names: joomla.CookieNames(site.config.Secret.Reveal(), site.config.SessionName)}
	for i := range a.names {
		a.sessions = append(a.sessions, site.tableQuery(i+1))
		a.users = append(a.users, site.userQuery(i+1))
	}
	return a, nil
}

// CookieNames returns the names of the site's session cookies, for a proxy or a
// test. Joomla makes them from the site's secret. The caller may change the
// slice.
func (a *SessionAuthorizer) CookieNames() []string { return slices.Clone(a.names) }

// Authorize implements [Authorizer].
func (a *SessionAuthorizer) Authorize(r *http.Request) error {
	user, err := a.User(r)
	return admit(r.Context(), user, err)
}

// User returns the user who is logged in by a session cookie of r, Super Admin
// or not, so that a service can use the site's login for its own routes. If
// there are two users, it prefers a Super Admin. It returns the errors of
// Authorize, except that it does not require core.admin.
func (a *SessionAuthorizer) User(r *http.Request) (User, error) {
	if a.site == nil {
		return User{}, errNoSite
	}
	ids := joomla.SessionIDs(r.Header["Cookie"], a.names)
	if len(ids) == 0 {
		return User{}, errNoCookie
	}
	user, err := a.user(r.Context(), ids)
	if errors.Is(err, errUpgraded) {
		user, err = a.user(r.Context(), ids)
	}
	return user, err
}

// user returns the user who is logged in by one of the sessions of ids.
func (a *SessionAuthorizer) user(ctx context.Context, ids []string) (User, error) {
	texts, err := a.sessionTexts(ctx, ids)
	if err != nil {
		return User{}, fmt.Errorf("capi: looking up the session of a request: %w", err)
	}
	logins, err := a.site.logins(ctx, texts)
	if err != nil {
		return User{}, fmt.Errorf("capi: reading the session of a request: %w", err)
	}
	accounts, err := a.accounts(ctx, logins)
	if err != nil {
		return User{}, fmt.Errorf("capi: looking up the user of a session: %w", err)
	}
	return verdict(logins, accounts)
}

// verdict returns the user to let in, given the accounts of logins, or the most
// specific refusal.
func verdict(logins []sessionLogin, accounts []loginAccount) (User, error) {
	var (
		user    User
		refused error = errUnknownSession
	)
	for i, login := range logins {
		if refusal := cmp.Or(login.refusal, accounts[i].refusal()); refusal != nil {
			refused = moreSpecific(refused, refusal)
			continue
		}
		if user.ID == 0 || accounts[i].superAdmin {
			user = accounts[i].user("session")
		}
		if user.SuperAdmin {
			break
		}
	}
	if user.ID == 0 {
		return User{}, refused
	}
	return user, nil
}

// moreSpecific returns the refusal to report: forbidden wins, then a fault of
// the account, then anything but an unknown session.
func moreSpecific(a, b error) error {
	rank := func(err error) int {
		switch {
		case errors.Is(err, ErrForbidden):
			return 3
		case err == error(errNoUser) || err == error(errDoubled):
			return 2
		case err != error(errUnknownSession):
			return 1
		}
		return 0
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}
