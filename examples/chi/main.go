// Chi mounts the session list on a chi router, with chi's own middlewares
// around it.
//
//	go run ./chi
package main

import (
	"net/http"

	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func main() { demo.Main(mount) }

// mount puts the list on a router. Handle, rather than Get, leaves preflights
// and refusals of other methods to the list's own handler.
func mount(sessions http.Handler) http.Handler {
	router := chi.NewRouter()
	router.Use(middleware.RequestID, showRequestID)
	router.Use(middleware.Logger) // Above Recoverer, as chi demands.
	router.Use(middleware.Recoverer)
	router.Use(middleware.Compress(5, "application/json"))
	router.Handle(demo.Path, sessions)
	return router
}

// showRequestID tells the client the id that chi logs.
func showRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(middleware.RequestIDHeader, middleware.GetReqID(r.Context()))
		next.ServeHTTP(w, r)
	})
}
