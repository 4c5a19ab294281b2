// Mount is the smallest program that mounts the session list: fixed sessions, shown to whoever has a token.
//
//	go run ./mount
//	curl -H 'Authorization: Bearer let-me-in' http://127.0.0.1:8080/api/v1/user/sessions
package main

import (
	"context"
	"crypto/subtle"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/serve"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at")
	flag.Parse()

	store := capi.Sessions{
		{ID: "09330c9f0999649789391191fab99269", Guest: true, Time: time.Now()},
		{ID: "f188888888ffa8fd9f777777779a1f99", UserID: 99, Username: "steve", Time: time.Now()},
	}
	auth := capi.AuthorizerFunc(func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer let-me-in")) != 1 {
			return capi.ErrUnauthenticated
		}
		return nil
	})

	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(store, auth))
	if err := serve.Run(context.Background(), *addr, mux, func(url string) { fmt.Println(url) }); err != nil {
		log.Fatal(err)
	}
}
