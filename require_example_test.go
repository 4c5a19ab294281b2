package capi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/capi-go/capi"
)

// Routes for those who are logged in, and for a group. In a service, auth is
// [capi.AnyOf] of the site's authorizers; in its tests, the site is one of
// package capitest.
func ExampleRequire() {
	auth := capi.AnyOf(capi.AuthorizerFunc(func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer let-me-in" {
			return capi.ErrUnauthenticated
		}
		capi.SetUser(r.Context(), capi.User{ID: 99, Username: "steve", Groups: []int64{1, 2}, DirectGroups: []int64{2}})
		return nil
	}))
	me := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := capi.UserFromContext(r.Context())
		_ = json.NewEncoder(w).Encode(user)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /me", capi.Require(auth, capi.LoggedIn)(me))
	mux.Handle("GET /managers", capi.Require(auth, capi.InGroup(6))(me))

	for _, path := range []string{"/me", "/managers"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer let-me-in")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"id":99,"username":"steve","name":"","email":"","groups":[1,2],"direct_groups":[2],"super_admin":false,"blocked":false}
	//
	// 403 {"msg":"Not authorized.","error":true,"status":403}
}
