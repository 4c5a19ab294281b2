package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// neededColumns are the columns that the library reads in tables that every
// site has.
var neededColumns = map[string][]string{
	"session":            {"session_id", "client_id", "guest", "time", "data", "userid", "username"},
	"users":              {"id", "username", "name", "email", "block", "activation"},
	"user_usergroup_map": {"user_id", "group_id"},
	"usergroups":         {"id", "lft", "rgt", "title"},
	"viewlevels":         {"id", "rules"},
	"assets":             {"id", "name", "rules"},
	"extensions":         {"extension_id", "type", "folder", "element", "enabled", "state", "access", "params"},
	"user_profiles":      {"user_id", "profile_key", "profile_value"},
}

// broken is a SessionData that always fails.
type broken struct{}

func (broken) Payloads(context.Context, []string) ([]capi.Payload, error) {
	return nil, errors.New("connection refused")
}

// check returns the result of Check in a new pool, because prepared statements
// would outlive changes.
func (s *site) check(t testing.TB, change func(*capi.SiteConfig)) error {
	t.Helper()
	config := s.config
	if change != nil {
		change(&config)
	}
	db, _ := counted(t, s)
	defer db.Close()
	return s.open(t, db, config).Check(t.Context())
}

// newestSession returns the id of the session that was written last.
func (s *site) newestSession() string {
	newest := slices.MaxFunc(s.Tables["session"], func(a, b joomlatest.Row) int { return strings.Compare(fmt.Sprint(a["time"]), fmt.Sprint(b["time"])) })
	return fmt.Sprint(newest["session_id"])
}

func TestSiteCheckFindsNothing(t *testing.T) {
	onEachSite(t, func(t *testing.T, s *site) {
		require.NoError(t, s.check(t, nil))
		redis := func(c *capi.SiteConfig) { c.SessionHandler = "redis" }
		live := s.newestSession()
		s.data = memory{live: capi.Payload{}}
		require.NoError(t, s.check(t, redis))
		s.data = memory{}
		require.ErrorIs(t, s.check(t, redis), capi.ErrSessionData)
		s.Exec(t, `UPDATE "#__session" SET "time" = '1'`)
		require.NoError(t, s.check(t, redis), "no session that should have data")
		s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME TO "#__gone"`) // Optional.
		require.NoError(t, s.check(t, nil))
		s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__services_tokens"`)
	})
}

func TestSiteCheckNamesWhatIsWrong(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		says := func(err error, texts ...string) {
			t.Helper()
			for _, text := range texts {
				assert.ErrorContains(t, err, text)
			}
		}
		for table, columns := range neededColumns {
			s.Exec(t, `ALTER TABLE "#__`+table+`" RENAME TO "#__gone"`)
			says(s.check(t, nil), "no table "+s.Prefix+table, "$dbprefix")
			s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__`+table+`"`)
			for _, column := range columns {
				s.Exec(t, `ALTER TABLE "#__`+table+`" RENAME COLUMN "`+column+`" TO "gone"`)
				says(s.check(t, nil), "table "+s.Prefix+table+" has no column "+column)
				s.Exec(t, `ALTER TABLE "#__`+table+`" RENAME COLUMN "gone" TO "`+column+`"`)
			}
		}
		for _, column := range []string{"token", "userid", "state"} {
			s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME COLUMN "`+column+`" TO "gone"`)
			says(s.check(t, nil), "table "+s.Prefix+"services_tokens has no column "+column)
			s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME COLUMN "gone" TO "`+column+`"`)
		}
		says(s.check(t, func(c *capi.SiteConfig) { c.DBPrefix = "other_" }), `no table with the prefix "other_"`, "$dbprefix", "$db")
		for _, change := range []string{`UPDATE "#__assets" SET "name" = 'root.2' WHERE "name" = 'root.1'`, `DELETE FROM "#__assets"`} {
			s.Exec(t, change)
			says(s.check(t, nil), "no asset root.1")
		}
		s.Insert(t, "assets", row{"id": 1, "name": "root.1"})
		redis := func(c *capi.SiteConfig) { c.SessionHandler = "redis" }
		says(s.check(t, redis), "sessions are outside the database", "SessionData")
		s.data = broken{}
		says(s.check(t, redis), "cannot read session data", "connection refused")
		for handler, text := range map[string]string{
			"redis": "$session_redis_server_db", "memcached": "the prefix of the keys", "filesystem": "PHP's session.save_path",
			"none": "PHP's session.save_path",
		} {
			s.data = memory{}
			says(s.check(t, func(c *capi.SiteConfig) { c.SessionHandler = handler }), "none of the newest sessions has its data", text)
		}
		s.data = capi.FileSessionData{Dir: filepath.Join(t.TempDir(), "gone")}
		says(s.check(t, func(c *capi.SiteConfig) { c.SessionHandler = "filesystem" }), "cannot read session data", "filesystem")
		s.data = nil
		s.Insert(t, "extensions", factorPlugin("totp", 1))
		s.Exec(t, `ALTER TABLE "#__user_mfa" RENAME COLUMN "method" TO "gone"`)
		says(s.check(t, nil), s.Prefix+"user_mfa")
		s.Exec(t, `ALTER TABLE "#__user_mfa" RENAME COLUMN "gone" TO "method"`)
		require.NoError(t, s.check(t, nil))

		// All at once.
		s.data = broken{}
		s.Exec(t, `DELETE FROM "#__assets"`)
		s.Exec(t, `ALTER TABLE "#__viewlevels" RENAME TO "#__gone"`)
		s.Exec(t, `ALTER TABLE "#__users" RENAME COLUMN "block" TO "gone"`)
		s.Exec(t, `ALTER TABLE "#__services_tokens" RENAME COLUMN "token" TO "gone"`)
		s.Exec(t, `ALTER TABLE "#__user_mfa" RENAME COLUMN "method" TO "gone"`)
		says(s.check(t, redis), "no table "+s.Prefix+"viewlevels", s.Prefix+"users has no column block", "no asset root.1",
			s.Prefix+"services_tokens has no column token", s.Prefix+"user_mfa has no column method", "cannot read session data")
		s.Exec(t, `ALTER TABLE "#__gone" RENAME TO "#__viewlevels"`) // The end of the test drops it.
	})
}

func TestSiteCheckNamesMissingPrivileges(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := joomla5(t, d)
			s.Insert(t, "extensions", factorPlugin("totp", 1))
			require.NoError(t, s.open(t, s.limited(t), s.config).Check(t.Context()))
		})
		tables := []string{"services_tokens", "user_mfa"}
		for table := range neededColumns {
			tables = append(tables, table)
		}
		for i := range len(tables) + 1 {
			// All at once, except one: MariaDB refuses logins of users who may
			// read nothing.
			unreadable := slices.DeleteFunc(slices.Clone(tables), func(table string) bool { return table == "users" })
			if i < len(tables) {
				unreadable = tables[i : i+1]
			}
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				s := joomla5(t, d)
				s.Insert(t, "extensions", factorPlugin("totp", 1))
				err := s.open(t, s.limited(t, unreadable...), s.config).Check(t.Context())
				for _, table := range unreadable {
					if table == "user_mfa" && len(unreadable) > 1 {
						continue // An unreadable table says whether it matters.
					}
					require.ErrorContains(t, err, "table "+s.Prefix+table+" cannot be read: grant SELECT")
				}
			})
		}
	}
}

func TestSiteCheckOfAnUnreachableDatabase(t *testing.T) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			dsn := map[string]string{"mysqli": "root@tcp(127.0.0.1:1)/test", "pgsql": "postgres://postgres@127.0.0.1:1/test",
				"sqlite": "file:" + filepath.Join(t.TempDir(), "gone", "site.db")}[d.dbType]
			db, err := sql.Open(d.driver, dsn)
			require.NoError(t, err)
			defer db.Close()
			s := &site{Site: &joomlatest.Site{Recording: joomlatest.Recorded("j5")}}
			config := capi.SiteConfig{DBType: d.dbType, DBPrefix: "jos_", Secret: capi.NewSecret("hush")}
			err = s.open(t, db, config).Check(t.Context())
			require.ErrorContains(t, err, "cannot connect to the database")
			require.ErrorContains(t, err, "$host")
			assert.NotContains(t, err.Error(), "hush")
		})
	}
}
