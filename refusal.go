package capi

import (
	"context"
	"errors"
)

// A refusal is a reason not to let somebody in, in fixed words.
type refusal struct {
	kind   error // ErrUnauthenticated or ErrForbidden
	reason string
}

func (r *refusal) Error() string { return r.kind.Error() + ": " + r.reason }

// Unwrap is for package errors.
func (r *refusal) Unwrap() error { return r.kind }

// ForbiddenReason returns why an Authorizer of this package forbids the list to
// a user whose credentials are good, in fixed words that this user may see,
// such as "second factor is pending". It returns "" for any other error: what
// is wrong with credentials helps those who guess them, and errors of other
// Authorizers are for logs.
func ForbiddenReason(err error) string {
	var r *refusal
	if !errors.As(err, &r) || r.kind != ErrForbidden {
		return ""
	}
	return r.reason
}

// errNoSite is the error of authorizers that were not made by their
// constructors.
var errNoSite = errors.New("capi: authorizer without a site")

var errNoCoreAdmin = &refusal{ErrForbidden, "no core.admin"}

// admit ends the Authorize of authorizers that know the user of a request.
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
