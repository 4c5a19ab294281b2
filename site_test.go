package capi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
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

	for _, dbType := range []string{"mysqli", "mysql", "pdomysql", "pgsql", "postgresql", "sqlite", "MySQLi", "PgSQL"} {
		for _, prefix := range []string{"", "jos_", "J5_9"} {
			_, err := capi.NewSite(db, capi.SiteConfig{DBType: dbType, DBPrefix: prefix})
			assert.NoError(t, err, "%s %s", dbType, prefix)
		}
	}
	for name, config := range map[string]capi.SiteConfig{
		"no type":           {},
		"unknown type":      {DBType: "sqlsrv"},
		"quote in prefix":   {DBType: "mysqli", DBPrefix: "a`b"},
		"space in prefix":   {DBType: "mysqli", DBPrefix: "a b"},
		"letter beyond A-Z": {DBType: "mysqli", DBPrefix: "é_"},
		"placeholder":       {DBType: "mysqli", DBPrefix: "?"},
		"negative lifetime": {DBType: "mysqli", Lifetime: -1},
	} {
		site, err := capi.NewSite(db, config)
		assert.ErrorIs(t, err, capi.ErrConfiguration, name)
		assert.Nil(t, site, name)
	}

	_, err = capi.NewSite(db, capi.SiteConfig{DBType: "oracle", DBPrefix: "'", Lifetime: -time.Hour})
	require.Error(t, err)
	for _, part := range []string{"oracle", "prefix", "lifetime"} {
		assert.Contains(t, err.Error(), part, "everything that is wrong is named")
	}
	assert.PanicsWithValue(t, "capi: nil DB", func() { _, _ = capi.NewSite(nil, capi.SiteConfig{DBType: "sqlite"}) })
	assert.NoError(t, mock.ExpectationsWereMet())
}

func TestAuthorizersPanicOnANilSite(t *testing.T) {
	assert.PanicsWithValue(t, "capi: nil Site", func() { capi.NewSessionAuthorizer(nil) })
	assert.PanicsWithValue(t, "capi: nil Site", func() { capi.NewTokenAuthorizer(nil) })
}

func TestSiteConfigAddress(t *testing.T) {
	tests := []struct{ dbType, host, network, address string }{
		{"mysqli", "localhost", "tcp", "localhost:3306"},
		{"pgsql", "localhost", "tcp", "localhost:5432"},
		{"postgresql", "", "tcp", "localhost:5432"},
		{"MySQLi", "", "tcp", "localhost:3306"},
		{"mysql", "db.example.org:3307", "tcp", "db.example.org:3307"},
		{"pdomysql", "my_db-1", "tcp", "my_db-1:3306"},
		{"mysqli", "bücher.example:1", "tcp", "bücher.example:1"},
		{"mysqli", "127.0.0.1", "tcp", "127.0.0.1:3306"},
		{"mysqli", "127.0.0.1:65535", "tcp", "127.0.0.1:65535"},
		{"mysqli", ":3307", "tcp", "localhost:3307"},
		{"mysqli", "[::1]", "tcp", "[::1]:3306"},
		{"mysqli", "[::1]:3307", "tcp", "[::1]:3307"},
		{"pgsql", "[2001:db8::1]:6432", "tcp", "[2001:db8::1]:6432"},
		{"mysqli", "::1", "tcp", "[::1]:3306"},
		{"mysqli", "fe80::1%eth0", "tcp", "[fe80::1%eth0]:3306"},
		{"mysqli", "2001:db8::1:3307", "tcp", "[2001:db8::1:3307]:3306"},
		{"mysqli", "localhost:/run/mysqld/mysqld.sock", "unix", "/run/mysqld/mysqld.sock"},
		{"mysqli", "/run/my:sql.sock", "unix", "/run/my:sql.sock"},
		{"mysqli", ":/run/mysqld.sock", "unix", "/run/mysqld.sock"},
		{"mysqli", "[::1]:/run/mysqld.sock", "unix", "/run/mysqld.sock"},
		{"mysqli", "unix:/run/mysqld.sock", "unix", "/run/mysqld.sock"},
		{"pgsql", "/var/run/postgresql", "unix", "/var/run/postgresql"},
		{"mysqli", "p:localhost", "tcp", "localhost:3306"},
		{"mysqli", "p:db:3307", "tcp", "db:3307"},
		{"mysqli", "p:[::1]:3307", "tcp", "[::1]:3307"},
		{"mysqli", "p::/run/mysqld.sock", "unix", "/run/mysqld.sock"},
		{"mysqli", "p:", "tcp", "localhost:3306"},
		{"pgsql", "p:5433", "tcp", "p:5433"},
	}
	for _, test := range tests {
		t.Run(test.dbType+" "+test.host, func(t *testing.T) {
			network, address, err := capi.SiteConfig{DBType: test.dbType, Host: test.host}.Address()
			require.NoError(t, err)
			assert.Equal(t, test.network, network)
			assert.Equal(t, test.address, address)
		})
	}

	for _, host := range []string{
		"db:", "db:0", "db:65536", "db:-1", "db:+1", "db:3306x", "db:my.sock", "db:3306:3306", "[::1", "[::1]3306", "[::1]:",
		"[127.0.0.1]", "[db]", "[]", "a b", "user@db", "db)/other?x=(", "tcp(db)", "a/b", "db\n", "db\x00", "/a\x00b", "\xff", "::1::",
	} {
		network, address, err := capi.SiteConfig{DBType: "mysqli", Host: host}.Address()
		require.ErrorIs(t, err, capi.ErrConfiguration, host)
		assert.Empty(t, network+address)
	}
	for _, dbType := range []string{"sqlite", "", "oracle"} {
		_, _, err := capi.SiteConfig{DBType: dbType, Host: "localhost"}.Address()
		assert.ErrorIs(t, err, capi.ErrConfiguration)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	db, _, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	config := capi.SiteConfig{
		DBType: "mysqli", Host: "db.example.org", User: "joomla", Password: "pass-hush", Secret: "secret-hush", DBPrefix: "jos_",
		RootUser: "42", Lifetime: 15 * time.Minute,
	}
	site, err := capi.NewSite(db, config)
	require.NoError(t, err)

	type holder struct {
		Config  capi.SiteConfig
		Pointer *capi.SiteConfig
	}
	for name, value := range map[string]any{
		"config":      config,
		"pointer":     &config,
		"field":       holder{config, &config},
		"slice":       []capi.SiteConfig{config},
		"map":         map[string]capi.SiteConfig{"a": config},
		"site":        site,
		"sites":       []*capi.Site{site},
		"site itself": struct{ Site *capi.Site }{site},
		"session":     capi.NewSessionAuthorizer(site),
		"token":       capi.NewTokenAuthorizer(site),
		"store":       capi.NewSQLStore(site),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, value)
			assert.NotContains(t, text, "hush", "%s of %s", verb, name)
			assert.NotContains(t, text, fmt.Sprintf("%x", "hush"), "%s of %s", verb, name)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("a", "b", value, slog.Group("c", "d", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("a", "b", value, slog.Group("c", "d", value))
		assert.NotContains(t, log.String(), "hush", name)
		text, err := json.Marshal(value)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "hush", name)
	}

	text := fmt.Sprintf("%v %+v %#v %v", config, config, config, site)
	for _, shown := range []string{"db.example.org", "Host:db.example.org", `Host:"db.example.org"`, "[hidden]", "15m0s"} {
		assert.Contains(t, text, shown, "the rest is printed")
	}
	assert.NotContains(t, fmt.Sprint(capi.SiteConfig{}), "[hidden]", "what is not set is seen to be")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a", "config", config)
	assert.Contains(t, log.String(), `"host":"db.example.org"`)
	assert.Contains(t, log.String(), `"secret":"[hidden]"`)
	assert.Equal(t, "secret-hush", config.Secret, "the config itself is left alone")
}
