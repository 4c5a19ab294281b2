package capi

import (
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

// The version of a site is kept for some seconds.
func TestSiteVersionAge(t *testing.T) {
	db, mock, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	site, err := NewSite(db, SiteConfig{DBType: "pgsql", DBPrefix: "jos_", Secret: NewSecret("s")})
	require.NoError(t, err)
	for age, want := range map[time.Duration]joomla.Version{
		0: joomla.Joomla3, versionAge / 2: joomla.Joomla3, versionAge: joomla.Joomla4, time.Hour: joomla.Joomla4,
	} {
		site.learned.Store(&learnedVersion{joomla.Joomla3, time.Now().Add(-age)})
		if want == joomla.Joomla4 {
			mock.ExpectQuery("").WillReturnRows(sqlmock.NewRows([]string{""}).AddRow(0))
		}
		got, err := site.version(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got, age)
		assert.Equal(t, want, site.learned.Load().version, age)
	}
	assert.NoError(t, mock.ExpectationsWereMet())
}
