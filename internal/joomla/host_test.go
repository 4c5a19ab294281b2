package joomla_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomla"
)

func TestSplitHost(t *testing.T) {
	for text, want := range map[string][2]string{
		"":                           {"", "default"},
		"bücher.example:1":           {"bücher.example", "1"},
		"my_db-1":                    {"my_db-1", "default"},
		"db:port":                    {"db", "port"},
		"db:":                        {"db", ""},
		"db:1:2":                     {"db", "1:2"},
		"127.0.0.1":                  {"127.0.0.1", "default"},
		"[127.0.0.1]":                {"127.0.0.1", "default"},
		"[127.0.0.1]:1":              {"127.0.0.1", "1"},
		"::1":                        {"::1", "default"},
		"[::1]":                      {"::1", "default"},
		"[::1]:1":                    {"::1", "1"},
		"[::1]:/run/mysqld.sock":     {"::1", "/run/mysqld.sock"},
		"2001:db8::1:3307":           {"2001:db8::1:3307", "default"},
		"fe80::1%eth0":               {"fe80::1%eth0", "default"},
		"localhost:/run/mysqld.sock": {"localhost", "/run/mysqld.sock"},
		":/run/mysqld.sock":          {"", "/run/mysqld.sock"},
		"/run/my:sql.sock":           {"", "/run/my:sql.sock"},
		"unix:/run/mysqld.sock":      {"", "/run/mysqld.sock"},
		"unix:1":                     {"unix", "1"},
		"unix:///run/mysqld.sock":    {"", "///run/mysqld.sock"}, // Joomla takes that for a path, too.
	} {
		host, port, ok := joomla.SplitHost(text, "default")
		assert.True(t, ok, text)
		assert.Equal(t, want, [2]string{host, port}, text)
	}
	for _, text := range []string{
		"[::1", "[::1]3306", "[::1]]", "[127.0.0.1]x", "[/a]:1", "[db]", "[]", "a b", "user@db", "db)/other?x=(", "tcp(db)", "a/b", "db\n", "db\x00",
		"\xff", "tcp://db:3306", "tcp://db", "mysql://user@db/x", "ssl:///run/mysqld.sock", "://", "://run/mysqld.sock", "db://3306", "[::1]://3306",
	} {
		_, _, ok := joomla.SplitHost(text, "default")
		assert.False(t, ok, text)
	}
}
