// Quickstart serves the session list of a small Joomla site that it brings along, and prints how to ask for it.
//
//	go run ./quickstart
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	redact := flag.Bool("redact", false, "mask the secrets inside sessions, and replace session ids")
	flag.Parse()
	if err := run(*addr, *redact); err != nil {
		log.Fatal(err)
	}
}

// run makes the site in a temporary directory, and serves until the program is interrupted.
func run(addr string, redact bool) (err error) {
	demo, err := site.OpenTemporary(context.Background(), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()

	mux, err := newMux(demo, redact)
	if err != nil {
		return err
	}
	return serve.Run(context.Background(), addr, mux, func(url string) { usage(demo, url) })
}

// newMux mounts the session list of demo next to another route.
func newMux(demo *site.Site, redact bool) (*http.ServeMux, error) {
	joomla, err := capi.NewSite(demo.DB, demo.Config)
	if err != nil {
		return nil, err
	}
	var config capi.Config
	if redact {
		// The key lives as long as the program, so the pseudonyms of two runs do not match. Keep it to compare them.
		key := make([]byte, 32)
		rand.Read(key)
		pseudonyms, err := capi.PseudonymizeIDs(key)
		if err != nil {
			return nil, err
		}
		config.Redact = []capi.Redaction{capi.MaskSecrets(), pseudonyms}
	}
	cookies, err := capi.NewSessionAuthorizer(joomla)
	if err != nil {
		return nil, err
	}
	auth := capi.AnyOf(cookies, capi.NewAPITokenAuthorizer(joomla), capi.NewCAPITokenAuthorizer(joomla))
	sessions, err := config.NewHandler(capi.NewSQLStore(joomla), auth)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", sessions)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "This route is the service's own. The session list is at /api/v1/user/sessions.")
	})
	return mux, nil
}

// usage prints how to ask for the list, and how not to.
func usage(demo *site.Site, url string) {
	url += "/api/v1/user/sessions"
	fmt.Printf(`Serving the session list of a Joomla site at %[1]s

With the cookie of a Super Admin who is logged in to Joomla:
  curl -i --cookie %[2]s=%[3]s %[1]s

With the same user's Joomla API token:
  curl -i -H 'Authorization: Bearer %[4]s' %[1]s

Refused, with the cookie of somebody who is no Super Admin:
  curl -i --cookie %[5]s=%[6]s %[1]s

Ctrl+C ends it.
`, url, demo.Admin.Cookie.Name, demo.Admin.Cookie.Value, demo.Admin.APIToken,
		demo.Registered.Cookie.Name, demo.Registered.Cookie.Value)
}
