package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/capi-go/capi"
)

// A variable is an environment variable that holds a property of
// configuration.php.
type variable struct {
	name, property string
	set            func(*capi.SiteConfig, string)
}

// variables are the variables that are read. Their names begin with "CAPI_" and,
// for a site with a name, that name.
var variables = []variable{
	{"DB_TYPE", "dbtype", func(c *capi.SiteConfig, v string) { c.DBType = v }},
	{"DB_HOST", "host", func(c *capi.SiteConfig, v string) { c.Host = v }},
	{"DB_USER", "user", func(c *capi.SiteConfig, v string) { c.User = v }},
	{"DB_PASSWORD", "password", func(c *capi.SiteConfig, v string) { c.Password = capi.NewSecret(v) }},
	{"DB_NAME", "db", func(c *capi.SiteConfig, v string) { c.DB = v }},
	{"DB_PREFIX", "dbprefix", func(c *capi.SiteConfig, v string) { c.DBPrefix = v }},
	{"SECRET", "secret", func(c *capi.SiteConfig, v string) { c.Secret = capi.NewSecret(v) }},
	{"SESSION_HANDLER", "session_handler", func(c *capi.SiteConfig, v string) { c.SessionHandler = v }},
	{"SESSION_DIR", "session_filesystem_path", func(c *capi.SiteConfig, v string) { c.SessionFilesystemPath = v }},
	{"SESSION_REDIS_HOST", "session_redis_server_host", func(c *capi.SiteConfig, v string) { c.SessionRedisHost = v }},
	{"SESSION_REDIS_AUTH", "session_redis_server_auth", func(c *capi.SiteConfig, v string) { c.SessionRedisAuth = capi.NewSecret(v) }},
	{"SESSION_MEMCACHED_HOST", "session_memcached_server_host", func(c *capi.SiteConfig, v string) { c.SessionMemcachedHost = v }},
}

const environmentUsage = `
Environment, in place of what configuration.php says, for sites whose constructor
reads the environment too:
  CAPI_DB_TYPE, CAPI_DB_HOST, CAPI_DB_USER, CAPI_DB_PASSWORD, CAPI_DB_NAME,
  CAPI_DB_PREFIX, CAPI_SECRET, CAPI_SESSION_HANDLER, CAPI_SESSION_DIR,
  CAPI_SESSION_REDIS_HOST, CAPI_SESSION_REDIS_AUTH, CAPI_SESSION_MEMCACHED_HOST
Each may end in _FILE instead, and then is the path of a file with the value. For
--config shop.example.org=FILE, they begin with CAPI_SHOP_EXAMPLE_ORG_.
`

// loadConfig reads the configuration of a site. The environment takes
// precedence.
func loadConfig(site siteFile) (capi.SiteConfig, error) {
	prefix := "CAPI_"
	if site.name != "" {
		prefix += strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(site.name)) + "_"
	}
	values := map[string]string{}
	var given []string
	for _, v := range variables {
		value, ok, err := lookup(prefix + v.name)
		if err != nil {
			return capi.SiteConfig{}, err
		}
		if ok {
			values[v.property] = value
			given = append(given, v.property)
		}
	}
	config, err := capi.LoadSiteConfig(site.path, given...)
	if err != nil {
		return config, err
	}
	for _, v := range variables {
		if value, ok := values[v.property]; ok {
			v.set(&config, value)
		}
	}
	return config, nil
}

// lookup returns the value of a variable, or the content of the file that
// NAME_FILE names.
func lookup(name string) (value string, ok bool, err error) {
	value, ok = os.LookupEnv(name)
	path, inFile := os.LookupEnv(name + "_FILE")
	if !inFile {
		return value, ok, nil
	}
	if ok {
		return "", false, fmt.Errorf("%s and %[1]s_FILE are both set", name)
	}
	// The file is read again and again, and a pipe cannot be.
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil {
		value, err = readLine(path)
	}
	if err != nil {
		return "", false, fmt.Errorf("reading %s_FILE: %w", name, err)
	}
	return value, true, nil
}

// readLine returns the only line of a file, such as one that holds a token.
func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(text), "\r\n")
	if strings.ContainsAny(line, "\r\n") {
		return "", errors.New("the file has more than one line")
	}
	return line, nil
}
