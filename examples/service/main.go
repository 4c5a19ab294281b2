// Service uses the logins of a Joomla site: besides the session list and the
// page, it has routes for anybody who is logged in and for two groups. Its list
// also has the sessions of another server. It makes both the site and the other
// server.
//
//	go run ./service
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
	"github.com/prometheus/client_golang/prometheus"
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

	// The other server has fixed sessions, and accepts one token.
	const token = "token-of-the-other-server"
	other := httptest.NewServer(capi.NewHandler(capi.Sessions{{ID: "elsewhere", UserID: 99, Username: "steve"}}, bearer(token)))
	defer other.Close()
	elsewhere, err := capi.ClientOptions{APIToken: capi.NewSecret(token)}.NewClient(other.URL + listPath)
	if err != nil {
		return err
	}

	service, err := newService(joomla.DB, joomla.Config, elsewhere)
	if err != nil {
		return err
	}
	return serve.Run(context.Background(), addr, measured(prometheus.NewRegistry(), service), func(url string) {
		cookie := joomla.Registered.Cookie
		fmt.Printf("Somebody who is logged in:\n  curl -i --cookie %s=%s %s/me\n", cookie.Name, cookie.Value, url)
		fmt.Printf("A member of a group:\n  curl -i -X PUT -d 'Back at ten' -H 'Authorization: Bearer %s' %s/notice\n", joomla.Admin.APIToken, url)
	})
}
