package capi_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"

	"github.com/capi-go/capi"
)

// README: mocking

type mockStore struct{ mock.Mock }

func (m *mockStore) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return m.Called(ctx).Get(0).(iter.Seq2[capi.Session, error])
}

type mockAuthorizer struct{ mock.Mock }

func (m *mockAuthorizer) Authorize(r *http.Request) error { return m.Called(r).Error(0) }

func TestSuperAdminsSeeTheList(t *testing.T) {
	store, auth := new(mockStore), new(mockAuthorizer)
	store.On("Sessions", mock.Anything).Return(capi.Sessions{{ID: "abc", Username: "steve"}}.Sessions(t.Context()))
	auth.On("Authorize", mock.Anything).Return(nil)

	w := httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/user/sessions", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"username":"steve"`)
}

func TestOthersDoNot(t *testing.T) {
	store, auth := new(mockStore), new(mockAuthorizer)
	auth.On("Authorize", mock.Anything).Return(capi.ErrForbidden)

	w := httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/user/sessions", nil))
	assert.Equal(t, http.StatusForbidden, w.Code)
	store.AssertNotCalled(t, "Sessions", mock.Anything)
}

// README: end
