package capi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestSiteConfigAddress(t *testing.T) {
	tests := []struct{ dbType, host, network, address string }{
		{"mysqli", "localhost", "tcp", "localhost:3306"},
		{"pgsql", "localhost", "tcp", "localhost:5432"},
		{"postgresql", "", "tcp", "localhost:5432"},
		{"MySQLi", "", "tcp", "localhost:3306"},
		{"mysql", "db.example.org:3307", "tcp", "db.example.org:3307"},
		{"pdomysql", "my_db-1", "tcp", "my_db-1:3306"},
		{"mysqli", "127.0.0.1:65535", "tcp", "127.0.0.1:65535"},
		{"mysqli", ":3307", "tcp", "localhost:3307"},
		{"mysqli", "[::1]:3307", "tcp", "[::1]:3307"},
		{"mysqli", "localhost:/run/mysqld/mysqld.sock", "unix", "/run/mysqld/mysqld.sock"},
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
		"db:", "db:0", "db:65536", "db:-1", "db:+1", "db:3306x", "db:my.sock", "db:3306:3306", "[::1]:", "::1::", "db\x00", "/a\x00b", "user@db", "a b:/c",
		"tcp://db:3306", "p:tcp://db:3306", "http://db",
	} {
		network, address, err := capi.SiteConfig{DBType: "mysqli", Host: host}.Address()
		require.ErrorIs(t, err, capi.ErrSiteConfig, host)
		assert.ErrorContains(t, err, "write it as db, db:3307, [::1]:3307,")
		assert.Empty(t, network+address)
	}
	for _, dbType := range []string{"sqlite", "", "oracle"} {
		_, _, err := capi.SiteConfig{DBType: dbType, Host: "localhost"}.Address()
		assert.ErrorIs(t, err, capi.ErrSiteConfig)
	}
}

func TestSiteConfigSessionAddress(t *testing.T) {
	redis := func(host string, port int) capi.SiteConfig {
		return capi.SiteConfig{SessionHandler: "redis", SessionRedisHost: host, SessionRedisPort: port}
	}
	memcached := func(host string, port int) capi.SiteConfig {
		return capi.SiteConfig{SessionHandler: "memcached", SessionMemcachedHost: host, SessionMemcachedPort: port}
	}
	for _, test := range []struct {
		config           capi.SiteConfig
		network, address string
	}{
		{redis("", 0), "tcp", "127.0.0.1:6379"},
		{redis("redis", 65535), "tcp", "redis:65535"},
		{redis("::1", 1), "tcp", "[::1]:1"},
		{redis("[::1]", 1), "tcp", "[::1]:1"},
		{redis("/run/redis.sock", -1), "unix", "/run/redis.sock"},
		{redis("unix:/run/redis.sock", 6379), "unix", "/run/redis.sock"},
		{memcached("", 0), "tcp", "localhost:11211"},
		{memcached("cache_1.example", 1), "tcp", "cache_1.example:1"},
		{memcached("/run/memcached.sock", 11211), "unix", "/run/memcached.sock"},
	} {
		network, address, err := test.config.SessionAddress()
		require.NoError(t, err)
		assert.Equal(t, []string{test.network, test.address}, []string{network, address})
	}
	for _, host := range []string{
		"a:6379", "a:", "[::1]:1", "[a]", "localhost:/run/redis.sock", "user@secret", "a/secret", "tcp://secret", "http://secret", "a b", "/run/\x00", "\x00",
	} {
		for _, config := range []capi.SiteConfig{redis(host, 0), memcached(host, 0)} {
			network, address, err := config.SessionAddress()
			require.ErrorIs(t, err, capi.ErrSiteConfig, host)
			require.ErrorContains(t, err, "malformed host ($session_"+config.SessionHandler+"_server_host): write it as")
			assert.NotContains(t, err.Error(), "secret")
			assert.Empty(t, network+address)
		}
	}
	for _, port := range []int{-1, 65536} {
		_, _, err := redis("a", port).SessionAddress()
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		_, _, err = memcached("a", port).SessionAddress()
		require.ErrorContains(t, err, "($session_memcached_server_port)")
	}
	for _, handler := range []string{"", "database", "apcu"} {
		_, _, err := capi.SiteConfig{SessionHandler: handler}.SessionAddress()
		assert.ErrorIs(t, err, capi.ErrSiteConfig)
	}
}
