package capi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A fixedLogin is an Authenticator with one answer.
type fixedLogin struct {
	user capi.User
	err  error
}

func (l fixedLogin) User(*http.Request) (capi.User, error) { return l.user, l.err }
func (l fixedLogin) Authorize(*http.Request) error         { return errors.New("a route asks who it is") }

func TestRequire(t *testing.T) {
	zoe := capi.User{ID: 7, Username: "zoe", Groups: []int64{1, 2, 20}}
	admin := capi.User{ID: 8, Username: "admin", Groups: []int64{1, 8}, SuperAdmin: true}
	down := errors.New("down")
	const unauthenticated = `{"msg":"Not authenticated.","error":true,"status":401}`
	const forbidden = `{"msg":"Not authorized.","error":true,"status":403}`
	for name, test := range map[string]struct {
		login fixedLogin
		rule  func(capi.User) bool
		want  int
		body  string
		level string
		error string
	}{
		"logged in":             {fixedLogin{user: zoe}, capi.LoggedIn, 200, "zoe", "", ""},
		"group":                 {fixedLogin{user: zoe}, capi.InGroup(9, 20), 200, "zoe", "", ""},
		"ancestor":              {fixedLogin{user: zoe}, capi.InGroup(2), 200, "zoe", "", ""},
		"no such group":         {fixedLogin{user: zoe}, capi.InGroup(8, 9), 403, forbidden, "DEBUG", "capi: not authorized: user does not meet the rule of the route"},
		"Super Admin, no group": {fixedLogin{user: admin}, capi.InGroup(20), 403, forbidden, "DEBUG", "capi: not authorized: user does not meet the rule of the route"},
		"Super Admin":           {fixedLogin{user: admin}, capi.SuperAdmin, 200, "admin", "", ""},
		"no Super Admin":        {fixedLogin{user: zoe}, capi.SuperAdmin, 403, forbidden, "DEBUG", "capi: not authorized: user does not meet the rule of the route"},
		"own rule":              {fixedLogin{user: zoe}, func(u capi.User) bool { return u.ID == 7 }, 200, "zoe", "", ""},
		"nobody":                {fixedLogin{}, capi.LoggedIn, 403, forbidden, "DEBUG", "capi: not authorized: credential names no user"},
		"without an id":         {fixedLogin{user: capi.User{Username: "ada"}}, capi.LoggedIn, 200, "ada", "", ""},
		"not logged in":         {fixedLogin{err: fmt.Errorf("%w: expired", capi.ErrUnauthenticated)}, capi.LoggedIn, 401, unauthenticated, "DEBUG", "capi: not authenticated: expired"},
		"user with an error":    {fixedLogin{zoe, capi.ErrForbidden}, capi.LoggedIn, 403, forbidden, "DEBUG", "capi: not authorized"},
		"database down":         {fixedLogin{err: down}, capi.LoggedIn, 500, `{"msg":"Internal server error.","error":true,"status":500}`, "ERROR", "down"},
	} {
		t.Run(name, func(t *testing.T) {
			var logs bytes.Buffer
			options := capi.RequireOptions{Logger: slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			guarded := options.Require(test.login, test.rule)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, ok := capi.UserFromContext(r.Context())
				assert.True(t, ok)
				_, _ = w.Write([]byte(user.Username))
			}))
			w := httptest.NewRecorder()
			guarded.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
			assert.Equal(t, test.want, w.Code)
			assert.Equal(t, test.body, w.Body.String())
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, test.want == 401, w.Header().Get("WWW-Authenticate") == "Bearer")
			if test.level == "" {
				assert.Empty(t, logs.String())
				return
			}
			record := records(t, &logs)[0]
			assert.Equal(t, test.level, record["level"])
			assert.Equal(t, test.error, record["error"])
		})
	}
}

// A client that has left is not a failure of the service.
func TestRequireCancelled(t *testing.T) {
	var logs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	options := capi.RequireOptions{Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	guarded := options.Require(fixedLogin{err: context.Canceled}, capi.LoggedIn)(http.NotFoundHandler())
	guarded.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	assert.Equal(t, "INFO", records(t, &logs)[0]["level"])
}

func TestRequireHandlerMayBeCached(t *testing.T) {
	w := httptest.NewRecorder()
	capi.Require(fixedLogin{user: capi.User{ID: 7}}, capi.LoggedIn)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=60")
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, "private, max-age=60", w.Header().Get("Cache-Control"))
}

func TestRequirePanics(t *testing.T) {
	assert.PanicsWithValue(t, "capi: nil Authorizer", func() { capi.Require(nil, capi.LoggedIn) })
	assert.PanicsWithValue(t, "capi: nil Authorizer", func() { capi.Require((*capi.SessionAuthorizer)(nil), capi.LoggedIn) })
	assert.PanicsWithValue(t, "capi: nil rule", func() { capi.Require(fixedLogin{}, nil) })
	assert.PanicsWithValue(t, "capi: nil Handler", func() { capi.Require(fixedLogin{}, capi.LoggedIn)(nil) })
	assert.PanicsWithValue(t, "capi: InGroup without groups", func() { capi.InGroup() })
}

func TestInGroupKeepsItsGroups(t *testing.T) {
	groups := []int64{2}
	rule := capi.InGroup(groups...)
	groups[0] = 8
	assert.True(t, rule(capi.User{Groups: []int64{2}}))
	assert.False(t, rule(capi.User{Groups: []int64{8}}))
}

func TestUserFromContextOfNobody(t *testing.T) {
	_, ok := capi.UserFromContext(t.Context())
	assert.False(t, ok)
}

// If an Authorizer has no method User, its user is that of SetUser.
func TestAnyOfUser(t *testing.T) {
	zoe := capi.User{ID: 7, Username: "zoe"}
	tells := capi.AuthorizerFunc(func(r *http.Request) error { capi.SetUser(r.Context(), zoe); return nil })
	down := errors.New("down")
	for name, test := range map[string]struct {
		auth capi.Authenticator
		want capi.User
		err  error
	}{
		"the first who knows": {capi.AnyOf(answering(capi.ErrUnauthenticated), fixedLogin{user: zoe}), zoe, nil},
		"one who tells":       {capi.AnyOf(capi.AnyOf(tells)), zoe, nil},
		"one who does not":    {capi.AnyOf(answering(nil)), capi.User{}, capi.ErrForbidden},
		"forbidden is final":  {capi.AnyOf(fixedLogin{zoe, capi.ErrForbidden}, tells), capi.User{}, capi.ErrForbidden},
		"so is a failure":     {capi.AnyOf(fixedLogin{err: down}, tells), capi.User{}, down},
		"nobody knows":        {capi.AnyOf(fixedLogin{err: capi.ErrUnauthenticated}, answering(capi.ErrUnauthenticated)), capi.User{}, capi.ErrUnauthenticated},
		"none":                {capi.AnyOf(), capi.User{}, capi.ErrUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := test.auth.User(httptest.NewRequest(http.MethodGet, "/", nil))
			assert.Equal(t, test.want, user)
			if test.err == nil {
				require.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, test.err)
			}
		})
	}
}
