package main

import (
	"database/sql"
	"net/http"

	"github.com/capi-go/capi"
)

// mountSite mounts the list of a Joomla site. README.md shows its body, which a test holds it to.
func mountSite(mux *http.ServeMux, db *sql.DB) error {
	config, err := capi.LoadSiteConfig("/var/www/joomla/configuration.php")
	if err != nil {
		return err
	}
	site, err := capi.NewSite(db, config) // db is a *sql.DB of the site's database
	if err != nil {
		return err
	}
	auth := capi.AnyOf(capi.NewSessionAuthorizer(site), capi.NewTokenAuthorizer(site))
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(capi.NewSQLStore(site), auth))

	return nil
}
