package integration_test

import (
	"database/sql"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// limited returns connections with a new account of the server, which may read
// all of the site's tables except some.
func (s *site) limited(t testing.TB, unreadable ...string) *sql.DB {
	t.Helper()
	tables := slices.DeleteFunc([]string{"session", "users", "user_usergroup_map", "usergroups", "viewlevels", "assets", "extensions",
		"user_profiles", "user_mfa", "services_tokens"}, func(name string) bool { return slices.Contains(unreadable, name) })
	name := strings.TrimSuffix(s.Prefix, "_")
	var dsn string
	if s.database.dbType == "mysqli" {
		config, err := mysql.ParseDSN(s.database.dsn)
		require.NoError(t, err)
		config.User, config.Passwd = name, name
		dsn = config.FormatDSN()
		for _, host := range []string{"'%'", "'localhost'"} { // There may be an anonymous account for one of them.
			account := "'" + name + "'@" + host
			s.Exec(t, `CREATE USER `+account+` IDENTIFIED BY '`+name+`'`)
			t.Cleanup(func() { s.Exec(t, `DROP USER `+account) })
			for _, table := range tables {
				s.Exec(t, `GRANT SELECT ON "#__`+table+`" TO `+account)
			}
		}
	} else {
		address, err := url.Parse(s.database.dsn)
		require.NoError(t, err)
		address.User = url.UserPassword(name, name)
		dsn = address.String()
		s.Exec(t, `CREATE ROLE `+name+` LOGIN PASSWORD '`+name+`'`)
		t.Cleanup(func() {
			s.Exec(t, `DROP OWNED BY `+name)
			s.Exec(t, `DROP ROLE `+name)
		})
		for _, table := range tables {
			s.Exec(t, `GRANT SELECT ON "#__`+table+`" TO `+name)
		}
	}
	db, err := sql.Open(s.database.driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
