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

// A SessionAuthorizer is the [Authorizer] of those who are logged in to the
// site itself: it accepts a request with the session cookie of a Super Admin,
// of the site's frontend or its administrator. Of several such cookies, one of
// a Super Admin is enough. It is safe for concurrent use; make one with
// [NewSessionAuthorizer]; the zero value fails.
//
// It goes by the session itself, not by what the row in #__session says of it:
//
//   - A session lives where the site's $session_handler keeps it: in the column
//     data, or in the site's [SessionData]. A row that outlives it does not
//     count.
//   - In the table, it counts while its time is within the site's lifetime.
//     Elsewhere, the store's own expiry decides. In both, the time of the last
//     request in its data must be within the lifetime, as in Joomla's class
//     Session.
//   - Who is logged in is the user that its data names to the Joomla that the
//     site runs: 3.x and 4 or later read different forms. Which one it is shows
//     in the table #__extensions, which has the column locked since 4.0; where
//     that may not be read, a session must be one that both read. Data that
//     cannot be read names nobody.
//
// A request without such a session is refused with [ErrUnauthenticated]. So is
// one whose user does not exist. A user who is no Super Admin, is blocked, is
// not activated, has to reset the password, or has yet to pass the second
// factor, or to set one up where the site demands it, is refused with
// [ErrForbidden]. Joomla itself lets blocked users go on with a session that
// they have.
//
// A request takes one query, and none without a cookie that could be a
// session's. It takes a second one where the row does not name the user whom
// the data names, or where a user has a second factor and the data does not
// tell that it was passed, and two more for a session of more than 64 KiB. With
// a SessionData, it takes one query after a look there, and every five seconds
// another one before that, for which Joomla the site is.
//
// Visitors choose how much their sessions hold. Of those with more than 64 KiB,
// the authorizers of a Site read 16 MiB at a time at most; requests wait for
// that in their order, as long as their context lasts.
//
// A cookie comes with requests that other pages make a browser send. That is
// harmless with a handler that only reads, as long as no [CORS] policy lets
// those pages see the answer.
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
// It returns an error, which wraps [ErrSiteConfig], if the site keeps session
// data outside of its database and has no [SiteOptions.SessionData]: a live
// session cannot be told from one that has ended. Give the site a source of
// session data, or mount the handler with other authorizers alone.
func NewSessionAuthorizer(site *Site) (*SessionAuthorizer, error) {
	mustSite(site)
	if !site.dataInTable() && site.data == nil {
		return nil, fmt.Errorf("%w: sessions live outside of the database ($session_handler is %q): "+
			"give SiteOptions.SessionData, or do without SessionAuthorizer", ErrSiteConfig, site.config.SessionHandler)
	}
	a := &SessionAuthorizer{site: site, names: joomla.CookieNames(site.config.Secret.Reveal(), site.config.SessionName)}
	for i := range a.names {
		a.sessions = append(a.sessions, site.tableQuery(i+1))
		a.users = append(a.users, site.userQuery(i+1))
	}
	return a, nil
}

// CookieNames returns the names of the cookies that count, for a proxy or a
// test. Joomla makes them from the site's secret. The slice is the caller's to
// change.
func (a *SessionAuthorizer) CookieNames() []string { return slices.Clone(a.names) }

// Authorize implements [Authorizer].
func (a *SessionAuthorizer) Authorize(r *http.Request) error {
	user, err := a.User(r)
	return admit(r.Context(), user, err)
}

// User returns the user who is logged in by a session cookie of r, Super Admin
// or not, so that a service can use the site's login for routes of its own. Of
// two users, it prefers a Super Admin. It returns the errors of Authorize,
// except that it does not require core.admin.
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

// verdict returns the user of logins whom to let in, given their accounts, or
// the refusal that says most.
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

// moreSpecific returns the refusal to report: forbidden wins, then what is
// known of an account, then anything but an unknown session.
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
