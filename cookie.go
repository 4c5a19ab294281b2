package capi

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

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
//     request in its data, if any, must be within the lifetime, as in Joomla's
//     class Session.
//   - Who is logged in is the user that its data names. Data that cannot be
//     read names nobody.
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
// tell that it was passed. With a SessionData, it takes one query after a look
// there.
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
	errUnreadable     = &refusal{ErrUnauthenticated, "data of the session cannot be read"}
	errGuest          = &refusal{ErrUnauthenticated, "session is a guest's"}
	errNoUser         = &refusal{ErrUnauthenticated, "user does not exist"}
)

// NewSessionAuthorizer returns the SessionAuthorizer of site. It panics if site
// is nil.
//
// It returns an error, which wraps [ErrSiteConfig], if the site keeps session
// data outside of its database and has no [SiteOptions.SessionData]: a live
// session cannot be told from one that has ended. Give the site a source of
// session data, or mount the handler with other authorizers alone.
func NewSessionAuthorizer(site *Site) (*SessionAuthorizer, error) {
	if site == nil {
		panic("capi: nil Site")
	}
	if !site.dataInTable() && site.data == nil {
		return nil, fmt.Errorf("%w: sessions live outside of the database ($session_handler is %q): "+
			"give SiteOptions.SessionData, or do without SessionAuthorizer", ErrSiteConfig, site.config.SessionHandler)
	}
	a := &SessionAuthorizer{site: site, names: joomla.CookieNames(site.config.Secret.Reveal(), site.config.SessionName)}
	for i := range a.names {
		in := strings.Repeat("?, ", i) + "?)"
		// A row in any case, since it has the plugins.
		a.users = append(a.users, site.accountQuery(`(SELECT 1) AS one LEFT JOIN "#__users" AS u ON u."id" IN (`+in, `1 = 1`,
			site.factorPluginList(`= 1`), site.factorPluginList(`<> 1`)))
		in = strings.Repeat("?, ", len(a.appendArgs(nil, ""))*(i+1)-1) + "?)"
		a.sessions = append(a.sessions, site.accountQuery(
			`"#__session" AS s LEFT JOIN "#__users" AS u ON u."id" = s."userid"`, `s."session_id" IN (`+in,
			`s."session_id"`, `s."time"`, `s."data"`))
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
// two users, it prefers a Super Admin. Errors are those of Authorize, but for
// the want of core.admin.
func (a *SessionAuthorizer) User(r *http.Request) (User, error) {
	if a.site == nil {
		return User{}, errNoSite
	}
	ids := joomla.SessionIDs(r.Header["Cookie"], a.names)
	if len(ids) == 0 {
		return User{}, errNoCookie
	}
	var (
		found  []loginSession
		answer error
		err    error
	)
	if a.site.dataInTable() {
		found, answer, err = a.fromTable(r.Context(), ids)
	} else {
		found, answer, err = a.fromData(r.Context(), ids)
	}
	var plugins *factorPlugins
	if err == nil {
		plugins, err = a.addAccounts(r.Context(), found)
	}
	if err == nil {
		err = a.addFactors(r.Context(), found, plugins)
	}
	if err != nil {
		return User{}, fmt.Errorf("capi: looking up the session of a request: %w", err)
	}
	if len(found) > 0 {
		answer = nil // What keeps their users out says more.
	}
	var user User
	for _, session := range found {
		switch err := session.refusal(); {
		case err != nil:
			answer = worse(answer, err)
		case user.ID == 0 || session.account.superAdmin:
			user = session.account.user("session")
		}
		if user.SuperAdmin {
			break
		}
	}
	if user.ID == 0 {
		return User{}, answer
	}
	return user, nil
}

// worse returns the reason to give of two: the first that says more than that a
// session is unknown, but any that somebody is known and forbidden.
func worse(a, b error) error {
	if a == nil || a == error(errUnknownSession) || errors.Is(b, ErrForbidden) && !errors.Is(a, ErrForbidden) {
		return b
	}
	return a
}

// A loginSession is a live session in which a user is logged in.
type loginSession struct {
	login   joomla.Login
	account account
	// enrolled reports whether the user has a second factor that counts.
	enrolled bool
}

// fromTable returns the sessions of ids in the table, and why one of them does
// not count.
func (a *SessionAuthorizer) fromTable(ctx context.Context, ids []string) (
	found []loginSession, reason, err error) {
	var args []any
	for _, id := range ids {
		args = a.appendArgs(args, id)
	}
	rows, err := a.site.accounts(ctx, a.sessions[len(ids)-1], args...)
	if err != nil {
		return nil, nil, err
	}
	reason = errUnknownSession
	for _, row := range rows {
		known := 0
		for _, sent := range ids {
			// Where the column is text, the database compared it by a
			// collation, which may ignore case and trailing spaces.
			known |= subtle.ConstantTimeCompare([]byte(sent), row.columns[0])
		}
		if known == 0 {
			continue
		}
		doubled := 0
		for _, other := range rows {
			if bytes.Equal(other.columns[0], row.columns[0]) {
				doubled++
			}
		}
		if doubled > 1 { // The table has lost its key, or that of the users.
			reason = errDoubled
			continue
		}
		if time := row.columns[1].integer(); !time.valid || time.value < a.site.oldest() {
			reason = errExpired
			continue
		}
		login, refusal := a.site.readLogin(Payload(row.columns[2]))
		if refusal != nil {
			reason = refusal
			continue
		}
		found = append(found, loginSession{login: login, account: row.account})
	}
	return found, reason, nil
}

// fromData returns the sessions of ids in the site's SessionData, and why one
// of them does not count.
func (a *SessionAuthorizer) fromData(ctx context.Context, ids []string) (
	found []loginSession, reason, err error) {
	payloads, err := a.site.payloads(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	reason = errUnknownSession
	for _, payload := range payloads {
		if payload == nil {
			continue
		}
		login, refusal := a.site.readLogin(payload)
		if refusal != nil {
			reason = refusal
			continue
		}
		found = append(found, loginSession{login: login})
	}
	return found, reason, nil
}

// readLogin returns who is logged in by a session with the given data.
func (s *Site) readLogin(data Payload) (joomla.Login, error) {
	if data == nil {
		return joomla.Login{}, errNoData
	}
	login, err := joomla.ReadLogin(data)
	switch {
	case err != nil:
		return joomla.Login{}, errUnreadable
	case login.Now != 0 && login.Now < s.oldest():
		return joomla.Login{}, errExpired
	case login.UserID <= 0:
		return joomla.Login{}, errGuest
	case login.UserID > math.MaxInt32:
		// The id is an int in all of Joomla's databases, some of which refuse
		// to compare it with more than that.
		return joomla.Login{}, errNoUser
	}
	return login, nil
}

// addAccounts sets the accounts of sessions that have another one than that of
// their user. It returns the plugins for second factors if it came to know
// them.
func (a *SessionAuthorizer) addAccounts(ctx context.Context, sessions []loginSession) (*factorPlugins, error) {
	var ids []any
	for _, session := range sessions {
		if id := any(session.login.UserID); session.account.id != session.login.UserID && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := a.site.accounts(ctx, a.users[len(ids)-1], ids...)
	if err != nil {
		return nil, err
	}
	var plugins *factorPlugins
	if len(rows) > 0 {
		plugins = &factorPlugins{string(rows[0].columns[0]), string(rows[0].columns[1])}
	}
	for i, session := range sessions {
		if session.account.id == session.login.UserID {
			continue
		}
		sessions[i].account = account{}
		for _, row := range rows {
			if row.account.id != session.login.UserID {
				continue
			}
			if sessions[i].account.id != 0 { // The table has lost its key.
				row.account.refusal = errDoubled
			}
			sessions[i].account = row.account
		}
	}
	return plugins, nil
}

// addFactors finds out whether the second factors of users count, where a
// session does not tell that it has passed them. The plugins are nil if they
// are not known yet.
func (a *SessionAuthorizer) addFactors(ctx context.Context, sessions []loginSession, plugins *factorPlugins) error {
	for i := range sessions {
		s := &sessions[i]
		if s.login.MFAChecked == joomla.One || s.account.methods == "" && s.account.otpKey == "" {
			continue
		}
		if plugins == nil {
			var err error
			if plugins, err = a.site.readFactorPlugins(ctx); err != nil {
				return err
			}
		}
		s.enrolled = joomla.Enrolled(s.account.methods, s.account.otpKey, plugins.enabled, plugins.disabled)
	}
	return nil
}

// refusal returns why the user of s is not let in, or nil.
func (s loginSession) refusal() error {
	switch {
	case s.account.id == 0:
		return errNoUser
	case s.account.refusal != nil:
		return s.account.refusal
	}
	factor := joomla.SecondFactor{
		Checked:        s.login.MFAChecked == joomla.One,
		MandatorySetup: s.login.MandatoryMFASetup == joomla.One || s.login.MandatoryMFASetup == joomla.Other,
		Enrolled:       s.enrolled, Params: s.account.usersParams, Groups: s.account.groups,
	}
	if factor.Pending() {
		return errSecondFactor
	}
	return nil
}

// appendArgs appends the arguments of a query for an id. A string is
// compared with bytes as with text, but not where these are never equal.
func (a *SessionAuthorizer) appendArgs(args []any, id string) []any {
	if a.site.dialect.untyped {
		args = append(args, []byte(id))
	}
	return append(args, id)
}
