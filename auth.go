package capi

import (
	"errors"
	"net/http"
)

var (
	// ErrUnauthenticated is what an [Authorizer] returns for a request that does not say who it comes from, or not in a
	// way that holds: no credentials, or unusable ones. It is answered with 401.
	ErrUnauthenticated = errors.New("capi: not authenticated")
	// ErrForbidden is what an [Authorizer] returns for a request whose user may not read the session list. It is
	// answered with 403.
	ErrForbidden = errors.New("capi: not authorized")
)

// An Authorizer decides who may read the session list. It must be safe for concurrent use.
//
// Authorize returns nil if the request comes from a Super Admin, [ErrUnauthenticated] if it does not say who it comes
// from, [ErrForbidden] if its user is no Super Admin, and any other error if that could not be found out; wrapped
// errors count as what they wrap. Whatever it returns but nil, the list is not read. It must not read the body of the
// request, and should end when the context of the request does. What it returns may be logged, so it must not hold
// credentials.
type Authorizer interface {
	Authorize(r *http.Request) error
}

// An AuthorizerFunc is a function that serves as an [Authorizer].
type AuthorizerFunc func(r *http.Request) error

// Authorize calls f.
func (f AuthorizerFunc) Authorize(r *http.Request) error { return f(r) }

// AnyOf returns an Authorizer that asks each of authorizers in their order. The first that accepts wins;
// [ErrUnauthenticated] passes on to the next, and is the answer if there is none left, or none at all; anything else is
// final. It panics if one of authorizers is nil.
func AnyOf(authorizers ...Authorizer) Authorizer {
	for _, authorizer := range authorizers {
		mustAuthorizer(authorizer)
	}
	return anyOf(append([]Authorizer(nil), authorizers...))
}

type anyOf []Authorizer

func (a anyOf) Authorize(r *http.Request) error {
	for _, authorizer := range a {
		if err := authorizer.Authorize(r); !errors.Is(err, ErrUnauthenticated) {
			return err
		}
	}
	return ErrUnauthenticated
}

// mustAuthorizer panics on what would only fail in a request, or worse.
func mustAuthorizer(authorizer Authorizer) {
	if f, ok := authorizer.(AuthorizerFunc); authorizer == nil || ok && f == nil {
		panic("capi: nil Authorizer")
	}
}
