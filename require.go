package capi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/capi-go/capi/internal/stream"
)

// An Authenticator is an [Authorizer] that also tells who a request comes from,
// Super Admin or not. [Require] uses it for the routes of a service. The
// authorizers of this package are Authenticators, and [AnyOf] joins them.
//
// User returns
//
//   - the user whose credentials the request carries;
//   - [ErrUnauthenticated] if it carries none, or invalid ones;
//   - [ErrForbidden] if its user may not do anything yet, such as before the
//     second factor;
//   - [ErrUnavailable] if that cannot be found out at the moment;
//   - any other error if it cannot be found out.
//
// Both methods follow the rules of [Authorizer], except that User need not call
// [SetUser].
type Authenticator interface {
	Authorizer
	User(r *http.Request) (User, error)
}

// LoggedIn is a rule for [Require] that every user meets.
func LoggedIn(User) bool { return true }

// SuperAdmin is a rule for [Require] that Super Admins meet.
func SuperAdmin(user User) bool { return user.SuperAdmin }

// InGroup returns a rule for [Require] that the members of at least one of
// groups meet, including members of the groups below it. Super Admins are no
// exception. InGroup panics if it gets no groups.
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
	// Logger gets failures at level Error, failures that the client caused at
	// level Info, and reasons of refusals at level Debug, each with the context
	// of the request. It gets nothing that the client sent. Nil is
	// [slog.Default].
	Logger *slog.Logger

	_ struct{} // Options are written with names.
}

// Require returns middleware that passes on requests whose user meets rule; the
// handler gets the user from [UserFromContext]. It answers others with 401 or
// 403, and failures with 500 or 503. It is [RequireOptions.Require] of the zero
// RequireOptions.
func Require(auth Authenticator, rule func(User) bool) func(http.Handler) http.Handler {
	return RequireOptions{}.Require(auth, rule)
}

// Require returns middleware for the routes of a service. It passes on requests
// whose user, according to auth, meets rule: [LoggedIn], [InGroup],
// [SuperAdmin] or any function that is safe for concurrent use. The handler
// gets the user from [UserFromContext].
//
// It answers other requests as the session list does, with an [Envelope]: 401
// if auth returns [ErrUnauthenticated], 403 if it returns [ErrForbidden] or the
// user does not meet rule, 503 for [ErrUnavailable], and 500 for any other
// error.
//
// All answers have Cache-Control: no-store, unless the handler sets another,
// which should then say "private", with Cookie and the headers of tokens in
// Vary.
//
// All methods need a user. Put [CORS.Handler] around the middleware, since
// preflights carry no credentials. Put http.CrossOriginProtection (Go 1.25)
// around routes that change something, since other sites can make a browser
// send requests with its cookies.
//
// Require panics if auth or rule is nil; its result panics if the Handler is
// nil.
func (o RequireOptions) Require(auth Authenticator, rule func(User) bool) func(http.Handler) http.Handler {
	mustAuthorizer(auth)
	if rule == nil {
		panic("capi: nil rule")
	}
	answers := &stream.Answers{Package: "capi", Logger: o.Logger, Envelope: WriteEnvelope, Unavailable: ErrUnavailable}
	return func(next http.Handler) http.Handler {
		if isNil(next) {
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

// requireKey is the context key of the User of a request that Require passes
// on.
type requireKey struct{}

// UserFromContext returns the user of a request that [Require] has passed on,
// from the context of that request, and whether there is one. The caller must
// not change the user's groups.
func UserFromContext(ctx context.Context) (User, bool) {
	user, ok := ctx.Value(requireKey{}).(User)
	return user, ok
}
