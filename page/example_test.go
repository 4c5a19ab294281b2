package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

// In a service, the Store, the Authorizer and Joomla are those of a
// [capi.Site].
func ExampleNewHandler() {
	sessions := capi.Sessions{{UserID: 99, Username: "steve"}}
	nobody := capi.AuthorizerFunc(func(*http.Request) error { return capi.ErrUnauthenticated })
	handler, err := page.NewHandler(page.Site{Store: sessions, Auth: nobody})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/capi/", handler)

	for _, path := range []string{"/capi/", "/capi/feed"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /capi/ 200
	// /capi/feed 401
}
