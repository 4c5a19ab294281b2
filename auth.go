package capi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

var (
	// ErrUnauthenticated is what an [Authorizer] returns, often wrapped, for a
	// request that carries no credentials, or invalid ones. The handler answers
	// it with 401.
	ErrUnauthenticated = errors.New("capi: not authenticated")
	// ErrForbidden is what an [Authorizer] returns, often wrapped, for a
	// request whose user may not read the session list. The handler answers it
	// with 403.
	ErrForbidden = errors.New("capi: not authorized")
	// ErrUnavailable is what an [Authorizer] or a [Store] returns, often
	// wrapped, if it cannot answer now but may soon: all connections are in
	// use, say, or a server is starting. The handler answers it with 503 and
	// the header Retry-After. The database Stores and Authorizers of this
	// package return it if the server has no connection left, after having
	// waited for one.
	ErrUnavailable = errors.New("capi: not available now")
)

// An Authorizer decides who may read the session list.
//
// Authorize returns
//
//   - nil if the request comes from a Super Admin;
//   - [ErrUnauthenticated] if it carries no credentials, or invalid ones;
//   - [ErrForbidden] if its user is no Super Admin;
//   - [ErrUnavailable] if that cannot be found out at the moment;
//   - any other error if that cannot be found out.
//
// An error that wraps one of these counts as that one. On any error, the list
// is not read.
//
// Implementations follow these rules:
//
//   - Authorize must be safe for concurrent use.
//   - It must not read the body of the request.
//   - It should return early when the context of the request ends.
//   - Its errors may be logged, so they must hold no credentials and nothing
//     else that the client sent.
//   - Where it knows the user whom it accepts, it calls [SetUser], so that the
//     handler can log who read the list.
type Authorizer interface {
	Authorize(r *http.Request) error
}

// An AuthorizerFunc is a function that serves as an [Authorizer]. [NewHandler]
// and [AnyOf] panic if it is nil.
type AuthorizerFunc func(r *http.Request) error

// Authorize calls f.
func (f AuthorizerFunc) Authorize(r *http.Request) error { return f(r) }

// AnyOf returns an Authenticator that asks authorizers in order until one
// accepts the request or returns an error other than [ErrUnauthenticated]. If
// all return that, or there are none, the error wraps ErrUnauthenticated and
// lists each reason. AnyOf panics if one of them is nil.
//
// Put tokens before cookies: programs send tokens on purpose, browsers send
// cookies by themselves. A valid token then decides, for or against its sender,
// whatever cookie comes with it; an invalid one leaves the decision to the
// cookie. A request without a token takes no more queries that way.
//
// An authorizer that is not an Authenticator tells its user by [SetUser]. If it
// accepts a request without doing so, User returns an [ErrForbidden].
func AnyOf(authorizers ...Authorizer) Authenticator {
	for _, authorizer := range authorizers {
		mustAuthorizer(authorizer)
	}
	return anyOf(slices.Clone(authorizers))
}

type anyOf []Authorizer

// Authorize implements [Authorizer].
func (a anyOf) Authorize(r *http.Request) error {
	slot, _ := r.Context().Value(userKey{}).(*userSlot)
	return a.ask(func(authorizer Authorizer) error {
		err := authorizer.Authorize(r)
		if err != nil && slot != nil {
			*slot = userSlot{} // Whoever accepts next may not know the user.
		}
		return err
	})
}

// User implements [Authenticator].
func (a anyOf) User(r *http.Request) (User, error) {
	var user User
	err := a.ask(func(authorizer Authorizer) (err error) {
		if authenticator, ok := authorizer.(Authenticator); ok {
			user, err = authenticator.User(r)
			return err
		}
		if user, err = Authorize(authorizer, r); err == nil && user.ID == 0 && user.Username == "" {
			err = errNobody
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	return user, nil
}

// ask calls with for each of a, until the error is another than
// [ErrUnauthenticated], and returns that, or all of them.
func (a anyOf) ask(with func(Authorizer) error) error {
	var all refusals
	for _, authorizer := range a {
		err := with(authorizer)
		if !errors.Is(err, ErrUnauthenticated) {
			return err
		}
		all = append(all, err)
	}
	switch len(all) {
	case 0:
		return ErrUnauthenticated
	case 1:
		return all[0]
	default:
		return all
	}
}

// refusals are the errors of several authorizers, none of which accepts.
type refusals []error

func (r refusals) Error() string {
	texts := make([]string, len(r))
	for i, err := range r {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap is for package errors.
func (r refusals) Unwrap() []error { return r }

// mustAuthorizer panics on what would only fail in a request, or worse.
func mustAuthorizer(authorizer Authorizer) {
	if isNil(authorizer) {
		panic("capi: nil Authorizer")
	}
}

// isNil reports whether an implementation of an interface is nil, or a nil
// pointer or function, which only its first call would show. A nil slice or map
// is an empty one.
func isNil(implementation any) bool {
	switch value := reflect.ValueOf(implementation); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return value.IsNil()
	}
	return false
}

// A User is a user of the site: that of a request, as its credentials prove it,
// or one whom [Site.Users] found. The zero User is nobody.
type User struct {
	// ID is the user id (#__users.id), never 0.
	ID int64 `json:"id"`
	// Username is the name that the user logs in with.
	Username string `json:"username"`
	// Name is the name that is shown for the user.
	Name string `json:"name"`
	// Email is the user's e-mail address.
	Email string `json:"email"`
	// Groups are the ids of the groups that the user is in and of all their
	// ancestors, in ascending order. A user without a group is in group 1, as
	// for Joomla.
	Groups []int64 `json:"groups"`
	// DirectGroups are the ids of the groups that the user is assigned to, in
	// ascending order. [Site.GroupTitles] has their titles.
	DirectGroups []int64 `json:"direct_groups"`
	// SuperAdmin reports whether the user has core.admin on the root asset, or
	// is the root user of the configuration. A blocked user may be one, too.
	SuperAdmin bool `json:"super_admin"`
	// Blocked reports whether the account is blocked. The user of a request
	// never is: the authorizers of this package refuse blocked users.
	Blocked bool `json:"blocked"`
	// Credential is the kind of credential of a request: "session", "API token"
	// or "cAPI token". Other authorizers have their own kinds.
	Credential string `json:"credential,omitempty"`
}

// userKey is the key of the *userSlot in the context of a request that SetUser
// fills.
type userKey struct{}

// A userSlot is where SetUser puts a user.
type userSlot struct {
	user User
	set  bool
}

// SetUser tells the handler of this package, or the function [Authorize], that
// a request comes from user. An [Authorizer] that accepts a request calls it
// with the context of that request, or with one derived from it; with any other
// context, SetUser does nothing. Of several calls, the last counts. The handler
// logs the user's ID, Username and Credential with the list, and warns once if
// it has none of them. SetUser must not be called by several goroutines at once
// for the same request.
func SetUser(ctx context.Context, user User) {
	if slot, ok := ctx.Value(userKey{}).(*userSlot); ok {
		*slot = userSlot{user, true}
	}
}

// Authorize asks auth, for routes other than those of this package or for an
// Authorizer that wraps auth. It returns the user whom auth accepts, as auth
// told [SetUser], or the error of auth. If auth does not call SetUser, that is
// the zero User. Inside an Authorizer, Authorize also calls SetUser, so that
// the log of the handler has the user. It sends nothing. It panics if auth is
// nil.
func Authorize(auth Authorizer, r *http.Request) (User, error) {
	mustAuthorizer(auth)
	outer := r.Context()
	slot := new(userSlot)
	if err := auth.Authorize(r.WithContext(context.WithValue(outer, userKey{}, slot))); err != nil {
		return User{}, err
	}
	if slot.set {
		SetUser(outer, slot.user)
	}
	return slot.user, nil
}
