// Reststore serves the session list of another service: its Store is a Client
// of that service, for where a site's own database is out of reach. It brings
// such a service along, and asks for a bearer token of its own.
//
//	go run ./reststore
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	flag.Parse()
	if err := run(*addr); err != nil {
		log.Fatal(err)
	}
}

func run(addr string) (err error) {
	joomla, err := site.OpenTemporary(context.Background(), 100)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, joomla.Close()) }()
	service, err := newService(joomla)
	if err != nil {
		return err
	}
	defer service.Close()

	store, err := capi.ClientOptions{APIToken: capi.NewSecret(joomla.Admin.APIToken)}.NewClient(service.URL + demo.Path)
	if err != nil {
		return err
	}
	token := rand.Text()
	mux := http.NewServeMux()
	mux.Handle(demo.Path, capi.NewHandler(store, bearer(token)))
	return serve.Run(context.Background(), addr, mux, func(url string) {
		fmt.Printf("curl -i -H 'Authorization: Bearer %s' %s%s\n", token, url, demo.Path)
	})
}

// newService starts the service that has the sessions.
func newService(joomla *site.Site) (*httptest.Server, error) {
	s, err := capi.NewSite(joomla.DB, joomla.Config)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(demo.Path, capi.NewHandler(capi.NewSQLStore(s), capi.NewAPITokenAuthorizer(s)))
	return httptest.NewServer(mux), nil
}

// bearer accepts whoever has token.
func bearer(token string) capi.Authorizer {
	want := []byte("Bearer " + token)
	return capi.AuthorizerFunc(func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			return capi.ErrUnauthenticated
		}
		capi.SetUser(r.Context(), capi.User{Credential: "service token"}) // For the log, which says who reads the list.
		return nil
	})
}
