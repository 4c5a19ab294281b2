package capi_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/mock"

	"github.com/capi-go/capi"
)

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

// Each interface has one method, so its mock of testify takes a few lines. In a
// test, use AssertExpectations and AssertNotCalled instead of printing.
func Example_mock() {
	ctx := context.Background()
	request := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)

	// A Super Admin gets the list.
	store, auth := new(mockStore), new(mockAuthorizer)
	store.On("Sessions", mock.Anything).Return(capi.Sessions{{ID: "abc", Username: "steve"}}.Sessions(ctx))
	auth.On("Authorize", mock.Anything).Return(nil)
	w := httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, request)
	fmt.Println(w.Code, w.Body)

	// Somebody else does not, and the store is not asked.
	store, auth = new(mockStore), new(mockAuthorizer)
	auth.On("Authorize", mock.Anything).Return(capi.ErrForbidden)
	w = httptest.NewRecorder()
	capi.NewHandler(store, auth).ServeHTTP(w, request)
	fmt.Println(w.Code, w.Body, len(store.Calls))

	// A session that has ended in Redis is refused.
	data := new(mockSessionData)
	data.On("Payloads", mock.Anything, []string{"abc"}).Return([]capi.Payload{nil}, nil)
	db, queries, err := sqlmock.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	queries.ExpectQuery("locked").WillReturnRows(sqlmock.NewRows([]string{"locked"}).AddRow(0)) // Joomla 4 and later.
	queries.ExpectClose()
	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, capi.SiteConfig{
		DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("secret"), SessionHandler: "redis",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cookies, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		fmt.Println(err)
		return
	}
	request.AddCookie(&http.Cookie{Name: cookies.CookieNames()[0], Value: "abc"})
	err = cookies.Authorize(request)
	fmt.Println(errors.Is(err, capi.ErrUnauthenticated), len(data.Calls))
	// Output:
	// 200 {"msg":[{"session_id":"abc","client_id":"0","guest":"0","time":"0","data":null,"userid":"0","username":"steve"}],"error":false,"status":200}
	// 403 {"msg":"Not authorized.","error":true,"status":403} 0
	// true 1
}
