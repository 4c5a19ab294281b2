package integration_test

import (
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// A row is a row of a table: values by column.
type row = joomlatest.Row

// A site is a Joomla site of one test, and what its configuration.php says.
type site struct {
	*joomlatest.Site
	database database
	config   capi.SiteConfig
	data     capi.SessionData
}

// newSite makes the site that was recorded, which is dropped with the test.
func newSite(t testing.TB, d database, l joomlatest.Layout, data *joomlatest.Recording) *site {
	t.Helper()
	s := &site{Site: joomlatest.NewSite(t, d.open(t), joomlatest.Dialect(d.dbType), l, data), database: d}
	s.config = capi.SiteConfig{
		DBType:   d.dbType,
		DBPrefix: s.Prefix,
		Secret:   capi.NewSecret(data.Config.Secret),
		Lifetime: time.Duration(data.Config.LifetimeMinutes) * time.Minute,
	}
	return s
}

// joomla5 makes the site that Joomla 5 was recorded with.
func joomla5(t testing.TB, d database) *site {
	t.Helper()
	return newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j5"))
}

// emptySite makes a site of no rows, with the clock of a recording.
func emptySite(t testing.TB, d database, l joomlatest.Layout) *site {
	t.Helper()
	data := joomlatest.Recorded("j5")
	data.Tables = nil
	return newSite(t, d, l, data)
}

// capi returns the site as the library knows it, at the time of its clock
// (Now), after change, if any, was made to its configuration.
func (s *site) capi(t testing.TB, change func(*capi.SiteConfig)) *capi.Site {
	t.Helper()
	config := s.config
	if change != nil {
		change(&config)
	}
	return s.open(t, s.DB, config)
}

// open returns the site with that configuration, in that pool of connections.
func (s *site) open(t testing.TB, db *sql.DB, config capi.SiteConfig) *capi.Site {
	t.Helper()
	now := time.Unix(s.Now, 0)
	known, err := capi.SiteOptions{SessionData: s.data, Now: func() time.Time { return now }}.NewSite(db, config)
	require.NoError(t, err)
	return known
}

// insertSessions adds n guests' sessions, of the ids fill-0, fill-1 and so on,
// that hold what payload returns.
func (s *site) insertSessions(t testing.TB, n int, payload func(i int) string) {
	t.Helper()
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{
			"session_id": "fill-" + strconv.Itoa(i), "client_id": "0", "guest": "1", "time": strconv.FormatInt(s.Now, 10),
			"data": payload(i), "userid": "0", "username": "",
		}
	}
	s.Insert(t, "session", rows...)
}
