package capi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestSiteCheckCharacterSet(t *testing.T) {
	gone := errors.New("gone")
	for found, says := range map[string]string{"latin1": `have the character set "latin1"`, "utf8mb3": `set utf8mb4 in the driver`, "utf8mb4": ""} {
		db := newFakeDB(list(found))
		db.rest = gone
		err := db.site(t).Check(t.Context())
		require.ErrorIs(t, err, gone)
		if says == "" {
			assert.NotContains(t, err.Error(), "character set")
		} else {
			require.ErrorContains(t, err, says)
		}
	}
	db := newFakeDB(list("LATIN1"))
	db.rest = gone
	site := db.site(t, func(c *capi.SiteConfig, _ *capi.SiteOptions) { c.DBType = "pgsql" })
	require.ErrorContains(t, site.Check(t.Context()), "set UTF8 in the driver")
}

// Only what a privilege would help against asks for one.
func TestSiteCheckSaysWhatTheServerSays(t *testing.T) {
	for text, grant := range map[string]bool{
		"Error 1142 (42000): SELECT command denied to user":                                          true,
		"Error 1820 (HY000): You must SET PASSWORD before executing this statement":                  false,
		"Error 1969 (70100): Query execution was interrupted (max_statement_time exceeded)":          false,
		"Error 1044 (42000): Access denied for user 'x'@'localhost' to database 'y', as quoted 1142": false,
	} {
		db := newFakeDB()
		db.rest = errors.New(text)
		err := db.site(t).Check(t.Context())
		require.ErrorContains(t, err, text)
		assert.Equal(t, grant, strings.Contains(err.Error(), "grant SELECT on it"), text)
	}
}
