// Mount is the smallest program that mounts the session list: it shows fixed
// sessions to whoever has a token.
//
//	go run ./mount
//
// It prints how to ask for the list.
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
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	flag.Parse()

	store := capi.Sessions{
		{ID: "09330c9f0999649789391191fab99269", Guest: true, Time: time.Now()},
		{ID: "f188888888ffa8fd9f777777779a1f99", UserID: 99, Username: "steve", Time: time.Now()},
	}
	auth := capi.AuthorizerFunc(func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer let-me-in")) != 1 {
			return capi.ErrUnauthenticated
		}
		capi.SetUser(r.Context(), capi.User{Credential: "static token"}) // The log says who reads the list.
		return nil
	})

	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(store, auth))
	err := serve.Run(context.Background(), *addr, mux, func(url string) {
		fmt.Printf("curl -i -H 'Authorization: Bearer let-me-in' %s/api/v1/user/sessions\n", url)
	})
	if err != nil {
		log.Fatal(err)
	}
}
