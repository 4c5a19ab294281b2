// Package demo has the main function of the examples that differ only in how
// they mount the session list.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
)

// Path is where the examples mount the session list.
const Path = "/api/v1/user/sessions"

// Main calls mount with the session list of an embedded site, and serves the
// result until the program is interrupted.
func Main(mount func(sessions http.Handler) http.Handler) {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	flag.Parse()
	if err := run(*addr, mount); err != nil {
		log.Fatal(err)
	}
}

func run(addr string, mount func(sessions http.Handler) http.Handler) (err error) {
	demo, err := site.OpenTemporary(context.Background(), 500)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()
	joomla, err := capi.NewSite(demo.DB, demo.Config)
	if err != nil {
		return err
	}
	cookies, err := capi.NewSessionAuthorizer(joomla)
	if err != nil {
		return err
	}
	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(joomla), capi.NewCAPITokenAuthorizer(joomla), cookies)
	handler := mount(capi.NewHandler(capi.NewSQLStore(joomla), auth))
	return serve.Run(context.Background(), addr, handler, func(url string) {
		fmt.Printf("curl -i --compressed --cookie %s=%s %s%s\n", demo.Admin.Cookie.Name, demo.Admin.Cookie.Value, url, Path)
	})
}
