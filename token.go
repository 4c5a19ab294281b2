package capi

import (
	"errors"
	"net/http"
)

// A TokenAuthorizer is the [Authorizer] of programs: it accepts a request with a token of a Super Admin. It takes
// Joomla's API tokens, in the headers Authorization (Bearer) and X-Joomla-Token, and the tokens of the cAPI extension,
// in the header token. It is safe for concurrent use.
type TokenAuthorizer struct {
	// DisableAPITokens refuses Joomla API tokens. It must not be changed during use.
	DisableAPITokens bool
	// DisableCAPITokens refuses tokens of the cAPI extension. It must not be changed during use.
	DisableCAPITokens bool

	site *Site
}

// NewTokenAuthorizer returns the TokenAuthorizer of site. It panics if site is nil.
func NewTokenAuthorizer(site *Site) *TokenAuthorizer {
	return &TokenAuthorizer{site: site}
}

// Authorize implements [Authorizer].
func (a *TokenAuthorizer) Authorize(r *http.Request) error { return errors.ErrUnsupported }
