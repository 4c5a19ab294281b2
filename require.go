package capi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/capi-go/capi/internal/stream"
)

// An Authenticator is an [Authorizer] that also tells who a request comes from,
// Super Admin or not, so that a service can use the site's login for routes of
// its own. The authorizers of this package are Authenticators, and so is what
// [AnyOf] makes of any.
//
// User returns
//
//   - the user whose credentials come with the request;
//   - [ErrUnauthenticated] if it carries no credentials, or invalid ones;
//   - [ErrForbidden] if its user may do nothing yet, such as before the second
//     factor;
//   - any other error if that could not be found out.
//
// Both methods follow the rules of [Authorizer], except that User need not call
// [SetUser]. Authorize accepts nobody whom User does not.
type Authenticator interface {
	Authorizer
	User(r *http.Request) (User, error)
}

// LoggedIn is a rule for [Require]: anybody whom the site knows.
func LoggedIn(User) bool { return true }

// SuperAdmin is a rule for [Require]: Super Admins, as the session list has it.
func SuperAdmin(user User) bool { return user.SuperAdmin }

// InGroup returns a rule for [Require]: whoever is in at least one of groups, or
// in a group below it. A Super Admin is no exception. It panics without groups.
func InGroup(groups ...int64) func(User) bool {
	if len(groups) == 0 {
		panic("capi: InGroup without groups")
	}
	groups = slices.Clone(groups)
	return func(user User) bool {
		return slices.ContainsFunc(user.Groups, func(id int64) bool { return slices.Contains(groups, id) })
	}
}

// RequireOptions are the optional settings of [Require].
type RequireOptions struct {
	// Logger gets failures at level Error, those that the client caused at
	// level Info, and why a request was refused at level Debug, each with the
	// context of the request. It gets nothing that the client sent. Nil is
	// [slog.Default].
	Logger *slog.Logger

	_ struct{} // Options are written with names.
}

// Require is [RequireOptions.Require] of the zero RequireOptions.
func Require(auth Authenticator, rule func(User) bool) func(http.Handler) http.Handler {
	return RequireOptions{}.Require(auth, rule)
}

// Require returns middleware for routes of a service's own: it lets requests
// through whose user, as auth tells it, meets rule. That is [LoggedIn],
// [InGroup], [SuperAdmin], or a function that is safe for concurrent use. The
// handler gets the user from [UserFromContext].
//
// It answers other requests as the session list does, in an [Envelope]: 401 if
// auth returns [ErrUnauthenticated], 403 if it returns [ErrForbidden] or the
// user does not meet rule, and 500 for any other error. These answers, and those
// of the handler unless it sets another Cache-Control, must not be stored by
// caches. A handler that does lets caches keep them for one user alone:
// "private", with Vary for Cookie and the headers of tokens.
//
// All methods are treated alike. Put [CORS.Handler] around it, as preflights
// carry no credentials. A cookie comes with requests that other sites make a
// browser send, so put http.CrossOriginProtection (Go 1.25) around routes that
// change something.
//
// Require panics if auth or rule is nil, and what it returns panics if it gets
// a nil Handler.
func (o RequireOptions) Require(auth Authenticator, rule func(User) bool) func(http.Handler) http.Handler {
	mustAuthorizer(auth)
	if rule == nil {
		panic("capi: nil rule")
	}
	answers := &stream.Answers{Package: "capi", Logger: o.Logger, Envelope: WriteEnvelope, Unavailable: ErrUnavailable}
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("capi: nil Handler")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, err := auth.User(r)
			switch {
			case err != nil:
			case user.ID == 0 && user.Username == "":
				err = errNobody
			case !rule(user):
				err = errRule
			}
			if err != nil {
				deny(answers, w, r, err)
				return
			}
			w.Header().Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requireKey{}, user)))
		})
	}
}

var (
	errRule   = &refusal{ErrForbidden, "user does not meet the rule of the route"}
	errNobody = &refusal{ErrForbidden, "credential names no user"}
)

// requireKey is the key of the User in the context of a request that Require
// lets through.
type requireKey struct{}

// UserFromContext returns the user of a request that [Require] has let through,
// given the context of that request, and whether there is one. The Groups are
// not the caller's to change.
func UserFromContext(ctx context.Context) (User, bool) {
	user, ok := ctx.Value(requireKey{}).(User)
	return user, ok
}
