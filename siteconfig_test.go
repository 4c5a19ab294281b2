package capi_test

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// configurationPHP returns a configuration.php with the given members.
func configurationPHP(members string) string { return "<?php\nclass JConfig {\n" + members + "\n}\n" }

func TestLoadSiteConfigProperties(t *testing.T) {
	got, err := capi.ReadSiteConfig(strings.NewReader(configurationPHP(`
	public $offline = false;
	public $dbtype = 'mysqli';
	public $host = 'localhost:3307';
	public $user = 'joomla';
	public $password = 'it\'s "mine"';
	public $db = 'site';
	public $dbprefix = 'j5_';
	public $dbencryption = 2;
	public $dbsslkey = '/etc/ssl/key.pem';
	public $dbsslcert = '/etc/ssl/cert.pem';
	public $dbsslca = '/etc/ssl/ca.pem';
	public $dbsslcipher = 'ECDHE-RSA-AES256-GCM-SHA384';
	public $dbsslverifyservercert = true;
	public $secret = 'RzLnxjfxfS73CDww';
	public $root_user = 42;
	public $lifetime = '20';
	public $session_handler = 'redis';
	public $session_name = 'shared';
	public $shared_session = '1';
	public $session_metadata = false;
	public $session_filesystem_path = '/var/sessions';
	public $session_redis_persist = 1;
	public $session_redis_server_host = '/run/redis.sock';
	public $session_redis_server_port = 6380;
	public $session_redis_server_db = '3';
	public $session_redis_server_auth = 'redis-hush';
	public $session_memcached_server_host = 'cache';
	public $session_memcached_server_port = '11212';
	public $log_categories = array('secret' => 'x');`)))
	require.NoError(t, err)
	assert.Equal(t, capi.SiteConfig{
		DBType: "mysqli", Host: "localhost:3307", User: "joomla", Password: capi.NewSecret(`it's "mine"`), DB: "site", DBPrefix: "j5_",
		DBEncryption: 2, DBSSLKey: "/etc/ssl/key.pem", DBSSLCert: "/etc/ssl/cert.pem", DBSSLCA: "/etc/ssl/ca.pem",
		DBSSLCipher: "ECDHE-RSA-AES256-GCM-SHA384", DBSSLVerifyServerCert: true,
		Secret: capi.NewSecret("RzLnxjfxfS73CDww"), RootUser: "42", Lifetime: 20 * time.Minute,
		SessionHandler: "redis", SessionName: "shared", SharedSession: true, SessionMetadataOff: true, SessionFilesystemPath: "/var/sessions",
		SessionRedisHost: "/run/redis.sock", SessionRedisPort: 6380, SessionRedisDB: 3, SessionRedisAuth: capi.NewSecret("redis-hush"),
		SessionMemcachedHost: "cache", SessionMemcachedPort: 11212,
	}, got)
}

func TestLoadSiteConfigConverts(t *testing.T) {
	lifetime := func(d time.Duration) capi.SiteConfig { return capi.SiteConfig{Lifetime: d} }
	off := capi.SiteConfig{SessionMetadataOff: true}
	for member, want := range map[string]capi.SiteConfig{
		"":                                      {},
		"lifetime = 15":                         lifetime(15 * time.Minute),
		`lifetime = " 15\v"`:                    lifetime(15 * time.Minute),
		"lifetime = 1.5":                        lifetime(90 * time.Second),
		`lifetime = "1e2"`:                      lifetime(100 * time.Minute),
		"lifetime = 0":                          {},
		"lifetime = ''":                         {},
		"lifetime = null":                       {},
		"lifetime = false":                      {},
		"lifetime = true":                       lifetime(time.Minute),
		"lifetime = 525600":                     lifetime(365 * 24 * time.Hour),
		"lifetime = 99999999999":                lifetime(math.MaxInt64),
		"lifetime = 0xFFFFFFFFFFFFFFFFFF":       lifetime(math.MaxInt64),
		"lifetime = '1e400'":                    lifetime(math.MaxInt64),
		"session_metadata = true":               {},
		"session_metadata = '1'":                {},
		"session_metadata = null":               {},
		"session_metadata = ''":                 {}, // To Registry::get, it is missing.
		"session_metadata = '0'":                off,
		"session_metadata = 0":                  off,
		"session_metadata = -0.0":               off,
		"shared_session = '0'":                  {},
		"shared_session = '0.0'":                {SharedSession: true},
		"dbencryption = '1'":                    {DBEncryption: 1},
		"session_redis_server_port = ''":        {},
		"session_redis_server_port = '-1'":      {SessionRedisPort: -1},
		"session_redis_server_port = '6379abc'": {SessionRedisPort: 6379},
		"session_redis_server_port = 'hush'":    {},
		"session_redis_server_port = null":      {},
		"session_redis_server_port = 6380.9":    {SessionRedisPort: 6380},
		"session_redis_server_db = ' 3 '":       {SessionRedisDB: 3},
		"session_redis_server_db = -1":          {SessionRedisDB: -1},
		"session_redis_server_db = '1e30'":      {SessionRedisDB: math.MaxInt32},
		"session_memcached_server_port = true":  {SessionMemcachedPort: 1},
		"session_memcached_server_port = -1e30": {SessionMemcachedPort: math.MinInt32},
		"session_redis_server_auth = ''":        {},
		"session_memcached_server_port = 0x10 ": {SessionMemcachedPort: 16},
	} {
		if member != "" {
			member = "public $" + member + ";"
		}
		got, err := capi.ReadSiteConfig(strings.NewReader(configurationPHP(member)))
		require.NoError(t, err, member)
		want.SessionHandler = "none" // Joomla's default.
		assert.Equal(t, want, got, member)
	}
}

func TestLoadSiteConfigErrors(t *testing.T) {
	for member, want := range map[string]string{
		"public $lifetime = 'hush'":                                            "line 3: $lifetime is not a number",
		"public $lifetime = '0x10'":                                            "line 3: $lifetime is not a number",
		"public $lifetime = 'inf'":                                             "line 3: $lifetime is not a number",
		"public $lifetime = 1e400":                                             "line 3: $lifetime is not a number",
		"public $lifetime = '\u00a015'":                                        "line 3: $lifetime is not a number",
		"public $secret = 'hush'; public\n$lifetime = -1":                      "line 4: $lifetime is negative",
		"public $dbencryption = 'hush'":                                        "line 3: $dbencryption is not a whole number",
		"public $dbencryption = '1hush'":                                       "line 3: $dbencryption is not a whole number",
		"public $dbencryption = -1":                                            "line 3: $dbencryption is negative",
		"public $lifetime = '15hush'":                                          "line 3: $lifetime is not a number",
		"public $secret = hush()":                                              "line 3: expected a string, a number, a boolean or null for $secret",
		"function __construct() {\n$this->session_name = 'hush'; }; public $x": "line 4: code outside the properties names $session_name",
	} {
		got, err := capi.ReadSiteConfig(strings.NewReader(configurationPHP(member + ";")))
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		assert.ErrorContains(t, err, "capi: invalid site configuration: "+want)
		assert.NotContains(t, err.Error(), "hush")
		assert.Zero(t, got)
	}
}

func TestLoadSiteConfigExcept(t *testing.T) {
	text := configurationPHP(`public $dbprefix = 'j5_'; public $password = 'file';
		function __construct() { $this->password = getenv('P'); $this->lifetime = getenv('L'); }`)
	_, err := capi.ReadSiteConfig(strings.NewReader(text), "password")
	require.ErrorContains(t, err, "names $lifetime", "which is read still")
	got, err := capi.ReadSiteConfig(strings.NewReader(text), "password", "lifetime")
	require.NoError(t, err)
	assert.Equal(t, capi.SiteConfig{DBPrefix: "j5_", SessionHandler: "none"}, got)
	got, err = capi.ReadSiteConfig(strings.NewReader(text), "password", "lifetime", "session_handler")
	require.NoError(t, err)
	assert.Empty(t, got.SessionHandler, "it is the caller's to set")

	_, err = capi.ReadSiteConfig(strings.NewReader(text), "pasword")
	require.ErrorIs(t, err, capi.ErrSiteConfig)
	assert.ErrorContains(t, err, "unknown property $pasword in except")
}

func TestLoadSiteConfigIsBounded(t *testing.T) {
	const limit = 1 << 20
	text := configurationPHP("")
	text += "//" + strings.Repeat("x", limit-len(text)-2)
	_, err := capi.ReadSiteConfig(strings.NewReader(text))
	require.NoError(t, err)

	_, err = capi.ReadSiteConfig(strings.NewReader(text + "x"))
	require.ErrorIs(t, err, capi.ErrSiteConfig)
	assert.ErrorContains(t, err, "larger than 1048576 bytes")

	_, err = capi.ReadSiteConfig(readerFunc(func(p []byte) (int, error) { return len(p), nil }))
	require.ErrorIs(t, err, capi.ErrSiteConfig)

	broken := errors.New("broken")
	_, err = capi.ReadSiteConfig(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, capi.ErrSiteConfig)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestLoadSiteConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "configuration.php")
	_, err := capi.LoadSiteConfig(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, path)

	require.NoError(t, os.WriteFile(path, []byte(configurationPHP("public $dbprefix = 'j5_';")), 0o600))
	got, err := capi.LoadSiteConfig(path)
	require.NoError(t, err)
	assert.Equal(t, "j5_", got.DBPrefix)

	for text, want := range map[string]string{
		configurationPHP("use Secrets;"):            "line 3: class JConfig uses a trait, which is not read",
		configurationPHP("public $lifetime = 'x';"): "line 3: $lifetime is not a number",
		strings.Repeat("x", 1<<20+1):                "larger than 1048576 bytes",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = capi.LoadSiteConfig(path)
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		assert.EqualError(t, err, "capi: invalid site configuration: "+path+": "+want)
	}

	_, err = capi.LoadSiteConfig(filepath.Dir(path))
	require.Error(t, err, "a directory")
	assert.ErrorContains(t, err, filepath.Dir(path))
}

func TestSiteConfigDatabase(t *testing.T) {
	for dbType, want := range map[string]string{
		"mysqli": "MySQL", "mysql": "MySQL", "PDOMySQL": "MySQL", "pgsql": "PostgreSQL", "PostgreSQL": "PostgreSQL", "SQLite": "SQLite",
		"": "unknown", "sqlsrv": "unknown",
	} {
		assert.Equal(t, want, capi.SiteConfig{DBType: dbType}.Database().String(), dbType)
	}
}
