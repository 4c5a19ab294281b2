package joomla_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
)

// TestReadLoginForms compares each form of a session with the answer of the
// site's own Joomla.
func TestReadLoginForms(t *testing.T) {
	cases := 0
	for _, site := range joomlatest.Forms() {
		version := joomla.Joomla4
		if site.Site == "j3" {
			version = joomla.Joomla3
		}
		for _, form := range site.Cases {
			read := func(v joomla.Version) bool {
				login, err := joomla.ReadLogin(form.Data, joomla.SessionFormat{Version: v, Table: true})
				return err == nil && login.UserID == site.User && login.Now >= site.Now-900
			}
			assert.Equal(t, form.JoomlaStatus == 200, read(version), "%s: %s", site.Site, form.Name)
			if read(joomla.UnknownVersion) {
				assert.Equal(t, 200, form.JoomlaStatus, "%s: %s", site.Site, form.Name)
			}
			cases++
		}
	}
	assert.Equal(t, 110, cases)
}
