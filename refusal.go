package capi

import (
	"context"
	"errors"
)

// A refusal is a reason to refuse a request, in fixed words.
type refusal struct {
	kind   error // ErrUnauthenticated or ErrForbidden
	reason string
}

func (r *refusal) Error() string { return r.kind.Error() + ": " + r.reason }

// Unwrap is for package errors.
func (r *refusal) Unwrap() error { return r.kind }

// ForbiddenReason returns why an Authorizer of this package refuses a user
// whose credentials are good, in fixed words that the user may see, such as
// "second factor is pending". It returns "" for any other error: what is wrong
// with credentials helps those who guess them, and errors of other Authorizers
// are for logs.
func ForbiddenReason(err error) string {
	var r *refusal
	if !errors.As(err, &r) || r.kind != ErrForbidden {
		return ""
	}
	return r.reason
}

// errNoSite is the error of the zero value of an authorizer.
var errNoSite = errors.New("capi: authorizer without a site")

var errNoCoreAdmin = &refusal{ErrForbidden, "no core.admin"}

// admit is the end of Authorize for authorizers that know the user of a
// request.
func admit(ctx context.Context, user User, err error) error {
	if err != nil {
		return err
	}
	if !user.SuperAdmin {
		return errNoCoreAdmin
	}
	SetUser(ctx, user)
	return nil
}
