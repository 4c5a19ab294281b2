package capi

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

// A CAPITokenAuthorizer is an [Authenticator] for programs that send a token of
// the cAPI extension, in the header token. It is safe for concurrent use. Make
// one with [NewCAPITokenAuthorizer]; the zero value returns errors.
//
// It accepts a token if exactly one row of the extension's table
// (#__services_tokens) has it, and that row is published. It refuses any other
// token with [ErrUnauthenticated], also if the extension is not installed or
// the user does not exist. It refuses a user who is not a Super Admin, or whose
// account is not in order, with [ErrForbidden]. If the database account may not
// read the table, that is a failure.
//
// A request takes one query, up to five more to find out that the table does
// not exist, and none without a token of at most 255 printable ASCII
// characters.
type CAPITokenAuthorizer struct {
	site  *Site
	query accountQuery
}

var (
	errNoCAPIToken        = &refusal{ErrUnauthenticated, "no well-formed cAPI token"}
	errCAPIToken          = &refusal{ErrUnauthenticated, "cAPI token is not known"}
	errCAPITokenState     = &refusal{ErrUnauthenticated, "cAPI token is not published"}
	errCAPITokenAmbiguous = &refusal{ErrUnauthenticated, "cAPI token is in the table more than once"}
	errNoCAPITokens       = &refusal{ErrUnauthenticated, "site has no table of cAPI tokens"}
)

// NewCAPITokenAuthorizer returns the CAPITokenAuthorizer of site. It panics if
// site is nil or the zero Site.
func NewCAPITokenAuthorizer(site *Site) *CAPITokenAuthorizer {
	mustSite(site)
	return &CAPITokenAuthorizer{site: site, query: site.accountQuery(
		`"#__services_tokens" AS t LEFT JOIN "#__users" AS u ON u."id" = t."userid"`, `t."token" = ?`,
		`t."token"`, `t."state"`)}
}

// Authorize implements [Authorizer].
func (a *CAPITokenAuthorizer) Authorize(r *http.Request) error {
	user, err := a.User(r)
	return admit(r.Context(), user, err)
}

// User returns the user whose cAPI token comes with r, Super Admin or not. It
// returns the errors of Authorize, except that it does not require core.admin.
func (a *CAPITokenAuthorizer) User(r *http.Request) (User, error) {
	if a.site == nil {
		return User{}, errNoSite
	}
	sent := r.Header.Get("token")
	if !isCAPIToken(sent) {
		return User{}, errNoCAPIToken
	}
	rows, err := a.site.accounts(r.Context(), a.query, sent)
	if err != nil {
		if a.site.isMissing(r.Context(), "services_tokens", err) {
			return User{}, errNoCAPITokens
		}
		return User{}, fmt.Errorf("capi: looking up a cAPI token: %w", err)
	}
	var found []accountRow
	for _, row := range rows {
		// The collation by which the database compared may ignore case and
		// trailing spaces.
		if subtle.ConstantTimeCompare([]byte(sent), row.columns[0]) == 1 {
			found = append(found, row)
		}
	}
	switch {
	case len(found) == 0:
		return User{}, errCAPIToken
	case len(found) > 1:
		return User{}, errCAPITokenAmbiguous
	case found[0].columns[1].integer().value != 1:
		return User{}, errCAPITokenState
	case found[0].account.id == 0:
		return User{}, errNoUser
	case found[0].account.refusal != nil:
		return User{}, found[0].account.refusal
	}
	return found[0].account.user("cAPI token"), nil
}

// isCAPIToken reports whether text could be a token of the cAPI extension,
// whose column has 255 characters. Anything but ASCII is not sent to the
// database, because some column types fail to compare with it.
func isCAPIToken(text string) bool {
	return text != "" && len(text) <= 255 &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
