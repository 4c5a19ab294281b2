package main

import (
	"database/sql"
	"net/http"

	"github.com/capi-go/capi"
)

// mountSite mounts the list of a Joomla site. README.md shows the marked part.
func mountSite(mux *http.ServeMux, db *sql.DB) error {
	// README: mount
	config, err := capi.LoadSiteConfig("/var/www/joomla/configuration.php")
	if err != nil {
		return err
	}
	site, err := capi.NewSite(db, config) // db is a *sql.DB of the site's database
	if err != nil {
		return err
	}
	cookies, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		return err
	}
	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site), cookies)
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(capi.NewSQLStore(site), auth))
	// README: end
	return nil
}
