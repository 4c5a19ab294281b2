package capi

import (
	"errors"
	"net/http"
)

// A SessionAuthorizer is the [Authorizer] of those who are logged in to the site itself: it accepts a request with the
// session cookie of a Super Admin, of the site's frontend or its administrator. It is safe for concurrent use.
type SessionAuthorizer struct {
	site *Site
}

// NewSessionAuthorizer returns the SessionAuthorizer of site. It panics if site is nil.
func NewSessionAuthorizer(site *Site) *SessionAuthorizer {
	return &SessionAuthorizer{site: site}
}

// Authorize implements [Authorizer].
func (a *SessionAuthorizer) Authorize(r *http.Request) error { return errors.ErrUnsupported }
