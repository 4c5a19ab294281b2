package capi_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// README: mocking

type mockStore struct{ mock.Mock }

func (m *mockStore) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return m.Called(ctx).Get(0).(iter.Seq2[capi.Session, error])
}

type mockAuthorizer struct{ mock.Mock }

func (m *mockAuthorizer) Authorize(r *http.Request) error { return m.Called(r).Error(0) }

type mockSessionData struct{ mock.Mock }

func (m *mockSessionData) Payloads(ctx context.Context, ids []string) ([]capi.Payload, error) {
	args := m.Called(ctx, ids)
	return args.Get(0).([]capi.Payload), args.Error(1)
}

func TestHandlerListsForSuperAdmins(t *testing.T) {
	store, auth := new(mockStore), new(mockAuthorizer)
	store.On("Sessions", mock.Anything).Return(capi.Sessions{{ID: "abc", Username: "steve"}}.Sessions(t.Context()))
	auth.On("Authorize", mock.Anything).Return(nil)

	w := httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/user/sessions", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"username":"steve"`)
}

func TestHandlerRefusesOthers(t *testing.T) {
	store, auth := new(mockStore), new(mockAuthorizer)
	auth.On("Authorize", mock.Anything).Return(capi.ErrForbidden)

	w := httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/user/sessions", nil))
	assert.Equal(t, http.StatusForbidden, w.Code)
	store.AssertNotCalled(t, "Sessions", mock.Anything)
}

func TestSessionAuthorizerRefusesEndedSessions(t *testing.T) {
	data := new(mockSessionData)
	data.On("Payloads", mock.Anything, []string{"abc"}).Return([]capi.Payload{nil}, nil)
	db, queries, err := sqlmock.New()
	require.NoError(t, err)
	queries.ExpectQuery("locked").WillReturnRows(sqlmock.NewRows([]string{"locked"}).AddRow(0)) // Joomla 4 and later has it.
	config := capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("secret"), SessionHandler: "redis"}
	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
	require.NoError(t, err)
	auth, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)

	r := httptest.NewRequest("GET", "/api/v1/user/sessions", nil)
	r.AddCookie(&http.Cookie{Name: auth.CookieNames()[0], Value: "abc"})
	assert.ErrorIs(t, auth.Authorize(r), capi.ErrUnauthenticated)
	data.AssertExpectations(t)
}

// README: end
