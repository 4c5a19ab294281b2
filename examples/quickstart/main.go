// Quickstart makes a small Joomla site, serves its session list, and prints how
// to ask for it.
//
//	go run ./quickstart
//	go run ./quickstart -page   # with the page that shows who is logged in
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	neturl "net/url"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
	"github.com/capi-go/capi/page"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	redact := flag.Bool("redact", false, "mask the secrets inside sessions, and replace session ids")
	page := flag.Bool("page", false, "serve the page that shows who is logged in, of some hundred sessions")
	flag.Parse()
	if err := run(*addr, *redact, *page); err != nil {
		log.Fatal(err)
	}
}

// run makes the site in a temporary directory, and serves it until the program
// is interrupted.
func run(addr string, redact, withPage bool) (err error) {
	extra := 0
	if withPage {
		extra = 484
	}
	demo, err := site.OpenTemporary(context.Background(), extra)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()

	mux, err := newMux(demo, redact, withPage)
	if err != nil {
		return err
	}
	return serve.Run(context.Background(), addr, mux, func(url string) { usage(demo, url, withPage) })
}

// newMux mounts the session list of demo next to another route and, if wanted,
// the page.
func newMux(demo *site.Site, redact, withPage bool) (*http.ServeMux, error) {
	joomla, err := capi.NewSite(demo.DB, demo.Config)
	if err != nil {
		return nil, err
	}
	var config capi.HandlerOptions
	if redact {
		// The key lasts as long as the program, so the pseudonyms of two runs
		// do not match. Keep the key to compare them.
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
	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(joomla), capi.NewCAPITokenAuthorizer(joomla), cookies)
	sessions, err := config.NewHandler(capi.NewSQLStore(joomla), auth)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", sessions)
	if withPage {
		who, err := page.NewHandler(page.Site{
			Store: capi.NewSQLStore(joomla), Summary: capi.SQLStoreOptions{OmitData: true}.NewSQLStore(joomla), Auth: auth, Joomla: joomla,
		})
		if err != nil {
			return nil, err
		}
		mux.Handle("/capi/", who)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "This route is the service's own. The session list is at /api/v1/user/sessions.")
	})
	return mux, nil
}

// usage prints how to ask for the list, and how not to.
func usage(demo *site.Site, url string, withPage bool) {
	if withPage {
		// Browsers do not send what follows the #; the page takes the token
		// from there.
		fmt.Printf("Who is logged in, as a page:\n  %s/capi/#token=%s\n\n", url, neturl.QueryEscape(demo.Admin.APIToken))
	}
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
