package page_test

import (
	"net/http"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

// mountPage mounts the page of a site. README.md shows what is marked here.
func mountPage(mux *http.ServeMux, site *capi.Site, auth capi.Authorizer) error {
	// README: page
	handler, err := page.NewHandler(page.Site{Store: capi.NewSQLStore(site), Auth: auth, Joomla: site})
	if err != nil {
		return err
	}
	mux.Handle("/capi/", handler)
	// README: end
	return nil
}

var _ = mountPage
