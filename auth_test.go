package capi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestAnyOf(t *testing.T) {
	errDown := errors.New("down")
	expired := fmt.Errorf("%w: expired", capi.ErrUnauthenticated)
	tests := []struct {
		name    string
		answers []error
		want    error
		asked   int
	}{
		{"none", nil, capi.ErrUnauthenticated, 0},
		{"accepts", []error{nil}, nil, 1},
		{"first accepts", []error{nil, capi.ErrForbidden}, nil, 1},
		{"second accepts", []error{capi.ErrUnauthenticated, nil, errDown}, nil, 2},
		{"wrapped passes on", []error{expired, expired, nil}, nil, 3},
		{"forbidden is final", []error{capi.ErrForbidden, nil}, capi.ErrForbidden, 1},
		{"forbidden after unauthenticated", []error{expired, capi.ErrForbidden, nil}, capi.ErrForbidden, 2},
		{"failure is final", []error{errDown, nil}, errDown, 1},
		{"nobody knows", []error{expired, capi.ErrUnauthenticated}, capi.ErrUnauthenticated, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			var asked []int
			var authorizers []capi.Authorizer
			for i, answer := range tt.answers {
				authorizers = append(authorizers, capi.AuthorizerFunc(func(got *http.Request) error {
					assert.Same(t, r, got)
					asked = append(asked, i)
					return answer
				}))
			}
			auth := capi.AnyOf(authorizers...)
			clear(authorizers) // The caller may change them.
			if err := auth.Authorize(r); tt.want == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, tt.want)
			}
			assert.Len(t, asked, tt.asked)
			for i, n := range asked {
				assert.Equal(t, i, n, "in their order, and once")
			}
		})
	}
}

func TestAnyOfPanicsOnNil(t *testing.T) {
	for _, auth := range []capi.Authorizer{nil, capi.AuthorizerFunc(nil), (*capi.SessionAuthorizer)(nil)} {
		assert.PanicsWithValue(t, "capi: nil Authorizer", func() { capi.AnyOf(answering(nil), auth) })
	}
}

// A guard without authorizers accepts nobody.
func TestAnyOfNoneRefuses(t *testing.T) {
	store := &spyStore{Store: capi.Sessions{{ID: "a"}}}
	w := httptest.NewRecorder()
	capi.NewHandler(store, capi.AnyOf()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 401, w.Code)
	assert.Zero(t, store.called.Load())
}

func TestAnyOfJoinsReasons(t *testing.T) {
	reason := func(text string) capi.Authorizer {
		return answering(fmt.Errorf("%w: %s", capi.ErrUnauthenticated, text))
	}
	err := capi.AnyOf(reason("no cookie"), capi.AnyOf(reason("no token"), reason("expired"))).Authorize(httptest.NewRequest("GET", "/", nil))
	require.EqualError(t, err, "capi: not authenticated: no cookie; capi: not authenticated: no token; capi: not authenticated: expired")
	assert.ErrorIs(t, err, capi.ErrUnauthenticated)
	assert.NotErrorIs(t, err, capi.ErrForbidden)

	err = capi.AnyOf(reason("no cookie")).Authorize(httptest.NewRequest("GET", "/", nil))
	assert.EqualError(t, err, "capi: not authenticated: no cookie", "one reason stays as it is")
	assert.Equal(t, capi.ErrUnauthenticated, capi.AnyOf().Authorize(httptest.NewRequest("GET", "/", nil)))
}

func TestSetUserElsewhere(t *testing.T) {
	assert.NotPanics(t, func() { capi.SetUser(t.Context(), capi.User{ID: 7}) })
}

func TestAuthorize(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	zoe := capi.User{ID: 42, Username: "zoe", Credential: "session"}
	user, err := capi.Authorize(capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), zoe)
		return nil
	}), r)
	require.NoError(t, err)
	assert.Equal(t, zoe, user)
	user, err = capi.Authorize(capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), zoe)
		return capi.ErrForbidden
	}), r)
	assert.Equal(t, capi.ErrForbidden, err)
	assert.Zero(t, user)
	assert.Panics(t, func() { _, _ = capi.Authorize(nil, r) })
}

// An Authorizer inside another passes on its user, if it accepts and names one.
func TestAuthorizePassesOn(t *testing.T) {
	own := capi.User{ID: 1, Credential: "own"}
	inner := capi.User{ID: 2, Credential: "inner"}
	for name, test := range map[string]struct {
		inner capi.Authorizer
		want  capi.User
	}{
		"accepts":      {naming(inner.ID, inner.Credential), inner},
		"names nobody": {answering(nil), own},
		"refuses": {capi.AuthorizerFunc(func(r *http.Request) error {
			capi.SetUser(r.Context(), inner)
			return capi.ErrForbidden
		}), own},
	} {
		user, err := capi.Authorize(capi.AuthorizerFunc(func(r *http.Request) error {
			capi.SetUser(r.Context(), own)
			_, _ = capi.Authorize(test.inner, r)
			return nil
		}), withHeaders())
		require.NoError(t, err)
		assert.Equal(t, test.want, user, name)
	}
}

func TestForbiddenReason(t *testing.T) {
	for _, err := range []error{nil, errors.New("down"), capi.ErrForbidden, fmt.Errorf("%w: of a program's own", capi.ErrForbidden),
		capi.ErrUnauthenticated} {
		assert.Empty(t, capi.ForbiddenReason(err), "%v", err)
	}
	assert.Equal(t, "second factor is pending", capi.ForbiddenReason(fmt.Errorf("in a program: %w", capi.SecondFactorRefusal)))
	assert.Empty(t, capi.ForbiddenReason(capi.ExpiredRefusal), "what is wrong with credentials is nobody's business")
}
