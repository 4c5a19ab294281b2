package joomlatest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomlatest"
)

func TestRecorded(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		r := joomlatest.Recorded(name)
		assert.NotEmpty(t, r.Config.Secret, name)
		assert.Equal(t, 15, r.Config.LifetimeMinutes, name)
		assert.NotEmpty(t, r.CookieNames.Administrator, name)
		assert.Len(t, r.Users, 22, name)
		assert.Equal(t, []json.Number{"1", "8", "20"}, userNamed(t, r, "ops").Groups, name)
		assert.Len(t, r.Sessions, 44, name)
		assert.Equal(t, name != "j3", len(r.APITokens) == 30, name)

		before := r.Now
		r.MoveTo(time.Unix(before+60, 0))
		moved, fresh := r.Tables["session"][0]["time"], joomlatest.Recorded(name)
		assert.NotEqual(t, fresh.Tables["session"][0]["time"], moved, "what one caller changes is its own")
		assert.Equal(t, before+60, r.Now)
	}
}

func userNamed(t *testing.T, r *joomlatest.Recording, username string) joomlatest.User {
	for _, user := range r.Users {
		if user.Username == username {
			return user
		}
	}
	t.Fatal("nobody is called", username)
	return joomlatest.User{}
}

func TestCases(t *testing.T) {
	type count struct{ all, granted, factors, redis, files int }
	for name, test := range map[string]struct {
		cases []joomlatest.Case
		want  count
	}{
		"second factor": {joomlatest.SecondFactor(), count{all: 36, granted: 16, factors: 24, redis: 18}},
		"handlers":      {joomlatest.Handlers(), count{all: 44, granted: 34, redis: 10, files: 8}},
	} {
		var got count
		for _, c := range test.cases {
			got.all++
			if c.Want == 200 {
				got.granted++
			}
			if len(c.Recording.Tables["user_mfa"]) > 0 {
				got.factors++
			}
			for key, stored := range c.Redis {
				got.redis++
				assert.NotEmpty(t, stored.Value, key)
				assert.Equal(t, name == "handlers", stored.TTL > 0, key)
			}
			got.files += len(c.Files)
			assert.NotEmpty(t, c.Cookies, c.Name)
			super := userNamed(t, c.Recording, "super")
			assert.True(t, super.CoreAdmin, c.Name)
			for _, session := range c.Recording.Tables["session"] {
				assert.NotEmpty(t, session["session_id"], c.Name)
			}
		}
		assert.Equal(t, test.want, got, name)
	}
}

func TestDialectRewrite(t *testing.T) {
	const query = `SELECT "a" FROM "#__b" WHERE "c" = ? AND "d" = ?`
	assert.Equal(t, "SELECT `a` FROM `x_b` WHERE `c` = ? AND `d` = ?", joomlatest.MySQL.Rewrite(query, "x_"))
	assert.Equal(t, `SELECT "a" FROM "x_b" WHERE "c" = $1 AND "d" = $2`, joomlatest.PostgreSQL.Rewrite(query, "x_"))
	assert.Equal(t, `SELECT "a" FROM "x_b" WHERE "c" = ? AND "d" = ?`, joomlatest.SQLite.Rewrite(query, "x_"))
}

func TestConfigurationPHP(t *testing.T) {
	got := joomlatest.ConfigurationPHP(map[string]any{
		"sitename": `Zoë's \ site`, "lifetime": 15, "offline": false, "root_user": nil,
	})
	require.Equal(t, "<?php\nclass JConfig {\n"+
		"\tpublic $lifetime = 15;\n"+
		"\tpublic $offline = false;\n"+
		"\tpublic $root_user = null;\n"+
		"\tpublic $sitename = 'Zoë\\'s \\\\ site';\n}\n", got)
}
