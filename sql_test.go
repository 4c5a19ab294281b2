package capi

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/*.sql anew")

// The texts of all queries are in one file for each dialect. The variants for a
// schema differ in the same words in each query for accounts.
func TestSiteQueries(t *testing.T) {
	const oldest = withoutFactors | withoutColumns | withoutLocked
	for dbType, name := range map[string]string{"mysqli": "mysql", "pgsql": "postgresql", "sqlite": "sqlite"} {
		t.Run(name, func(t *testing.T) {
			site, err := NewSite(new(sql.DB), SiteConfig{DBType: dbType, DBPrefix: "jos_", Secret: NewSecret("s")})
			require.NoError(t, err)
			sessions, err := NewSessionAuthorizer(site)
			require.NoError(t, err)
			tokens, store := NewAPITokenAuthorizer(site), NewSQLStore(site)

			var got strings.Builder
			query := func(what, text string) { fmt.Fprintf(&got, "-- %s\n%s;\n\n", what, text) }
			for _, known := range []schema{0, withoutFactors, withoutColumns, withoutLocked, unknownVersion, oldest} {
				query(fmt.Sprintf("users by id, schema %04b", known), sessions.users[0].texts[known])
			}
			query("users by three ids", sessions.users[2].texts[0])
			query("a cookie", sessions.sessions[0].texts[0])
			query("two cookies, oldest schema", sessions.sessions[1].texts[oldest])
			length, data := site.longQueries()
			query("how long a session is", length)
			query("a long session", data)
			query("an API token", tokens.query.texts[0])
			query("a view level", tokens.levels)
			query("groups of a visitor", tokens.groups)
			query("a cAPI token", NewCAPITokenAuthorizer(site).query.texts[0])
			query("which Joomla it is", site.sql(selectVersion))
			query("whether a table exists", site.sql(strings.Replace(site.dialect.exists, "%", "services_tokens", 1)))
			query("users", site.usersQuery())
			query("all sessions", store.all)
			query("active sessions", store.active)
			query("sessions of a user", SQLStoreOptions{Users: []int64{7}}.NewSQLStore(site).all)
			query("active sessions of users", SQLStoreOptions{Users: []int64{7, 8}}.NewSQLStore(site).active)

			path := "testdata/" + name + ".sql"
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, strings.Split(string(want), "\n\n"), strings.Split(got.String(), "\n\n"),
				"go test -run SiteQueries -update . writes the file anew")
		})
	}
}
