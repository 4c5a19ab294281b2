package capi_test

import (
	"math"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestNewSite(t *testing.T) {
	db, mock, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()

	valid := capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("s")}
	with := func(change func(*capi.SiteConfig)) capi.SiteConfig {
		config := valid
		change(&config)
		return config
	}
	for _, dbType := range []string{"mysqli", "mysql", "pdomysql", "pgsql", "postgresql", "sqlite", "MySQLi", "PgSQL"} {
		for _, prefix := range []string{"jos_", "J5_9"} {
			_, err := capi.NewSite(db, with(func(c *capi.SiteConfig) { c.DBType, c.DBPrefix = dbType, prefix }))
			assert.NoError(t, err, "%s %s", dbType, prefix)
		}
	}
	for _, lifetime := range []time.Duration{0, time.Minute, math.MaxInt64} {
		_, err := capi.NewSite(db, with(func(c *capi.SiteConfig) { c.Lifetime = lifetime }))
		assert.NoError(t, err, lifetime)
	}
	for want, config := range map[string]capi.SiteConfig{
		"no database type ($dbtype)":                      with(func(c *capi.SiteConfig) { c.DBType = "" }),
		`unknown database type "sqlsrv" ($dbtype)`:        with(func(c *capi.SiteConfig) { c.DBType = "sqlsrv" }),
		"no database prefix ($dbprefix)":                  with(func(c *capi.SiteConfig) { c.DBPrefix = "" }),
		"database prefix \"a`b\" must have":               with(func(c *capi.SiteConfig) { c.DBPrefix = "a`b" }),
		`database prefix "a b" must have`:                 with(func(c *capi.SiteConfig) { c.DBPrefix = "a b" }),
		`database prefix "é_" must have`:                  with(func(c *capi.SiteConfig) { c.DBPrefix = "é_" }),
		`database prefix "?" must have`:                   with(func(c *capi.SiteConfig) { c.DBPrefix = "?" }),
		`database prefix "\xff" must have`:                with(func(c *capi.SiteConfig) { c.DBPrefix = "\xff" }),
		"no secret ($secret)":                             with(func(c *capi.SiteConfig) { c.Secret = capi.NewSecret("") }),
		"negative lifetime -1ns ($lifetime)":              with(func(c *capi.SiteConfig) { c.Lifetime = -1 }),
		"lifetime 15ns is less than a minute ($lifetime)": with(func(c *capi.SiteConfig) { c.Lifetime = 15 }),
	} {
		site, err := capi.NewSite(db, config)
		assert.ErrorIs(t, err, capi.ErrSiteConfig)
		assert.ErrorContains(t, err, "capi: invalid site configuration: "+want)
		assert.Nil(t, site, want)
	}

	_, err = capi.NewSite(db, capi.SiteConfig{Lifetime: -time.Hour})
	require.Error(t, err)
	for _, part := range []string{"$dbtype", "$dbprefix", "$secret", "$lifetime"} {
		assert.Contains(t, err.Error(), part, "everything that is wrong is named")
	}
	assert.PanicsWithValue(t, "capi: nil SessionData", func() {
		_, _ = capi.SiteOptions{SessionData: (*capi.FileSessionData)(nil)}.NewSite(db, capi.SiteConfig{DBType: "sqlite"})
	})
	assert.PanicsWithValue(t, "capi: nil DB", func() { _, _ = capi.NewSite(nil, capi.SiteConfig{DBType: "sqlite"}) })
	assert.NoError(t, mock.ExpectationsWereMet())
}

func TestNewAuthorizersPanicOnNil(t *testing.T) {
	for _, site := range []*capi.Site{nil, new(capi.Site)} {
		const want = "capi: nil or zero Site"
		assert.PanicsWithValue(t, want, func() { _, _ = capi.NewSessionAuthorizer(site) })
		assert.PanicsWithValue(t, want, func() { capi.NewAPITokenAuthorizer(site) })
		assert.PanicsWithValue(t, want, func() { capi.NewCAPITokenAuthorizer(site) })
		assert.PanicsWithValue(t, want, func() { capi.NewSQLStore(site) })
	}
}

func TestSiteEnded(t *testing.T) {
	db, _, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	now := time.Unix(1_795_000_000, 0)
	config := capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("s"), Lifetime: time.Minute}
	clock := func() time.Time { return now }
	inTable, err := capi.SiteOptions{Now: clock}.NewSite(db, config)
	require.NoError(t, err)
	config.SessionHandler = "filesystem"
	outside, err := capi.SiteOptions{Now: clock}.NewSite(db, config)
	require.NoError(t, err)
	inFiles, err := capi.SiteOptions{Now: clock, SessionData: capi.FileSessionData{Dir: t.TempDir()}}.NewSite(db, config)
	require.NoError(t, err)
	held := capi.Payload("")
	for _, test := range []struct {
		age                       time.Duration
		data                      capi.Payload
		inTable, outside, inFiles bool
	}{
		{time.Minute, held, false, false, false},
		{time.Minute + time.Second, held, true, true, false}, // Joomla 3 does not update the rows of others.
		{0, nil, false, false, true},
	} {
		session := capi.Session{Time: now.Add(-test.age), Data: test.data}
		assert.Equal(t, test.inTable, inTable.Ended(session), "%v", test)
		assert.Equal(t, test.outside, outside.Ended(session), "%v", test)
		assert.Equal(t, test.inFiles, inFiles.Ended(session), "%v", test)
	}
}
