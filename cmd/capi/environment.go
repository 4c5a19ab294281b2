package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/spf13/pflag"
)

// A variable is an environment variable that holds a property of
// configuration.php.
type variable struct {
	name, property string
	set            func(*capi.SiteConfig, string) error
}

// variables are the variables that are read. Their names begin with "CAPI_" and,
// for a site with a name, that name.
var variables = []variable{
	{"DB_TYPE", "dbtype", textOf(func(c *capi.SiteConfig) *string { return &c.DBType })},
	{"DB_HOST", "host", textOf(func(c *capi.SiteConfig) *string { return &c.Host })},
	{"DB_USER", "user", textOf(func(c *capi.SiteConfig) *string { return &c.User })},
	{"DB_PASSWORD", "password", secretOf(func(c *capi.SiteConfig) *capi.Secret { return &c.Password })},
	{"DB_NAME", "db", textOf(func(c *capi.SiteConfig) *string { return &c.DB })},
	{"DB_PREFIX", "dbprefix", textOf(func(c *capi.SiteConfig) *string { return &c.DBPrefix })},
	{"SECRET", "secret", secretOf(func(c *capi.SiteConfig) *capi.Secret { return &c.Secret })},
	{"ROOT_USER", "root_user", textOf(func(c *capi.SiteConfig) *string { return &c.RootUser })},
	{"LIFETIME", "lifetime", func(c *capi.SiteConfig, v string) error {
		minutes := 0
		err := numberOf(func(*capi.SiteConfig) *int { return &minutes })(c, v)
		c.Lifetime = time.Duration(minutes) * time.Minute
		return err
	}},
	{"SESSION_NAME", "session_name", textOf(func(c *capi.SiteConfig) *string { return &c.SessionName })},
	{"SESSION_HANDLER", "session_handler", textOf(func(c *capi.SiteConfig) *string { return &c.SessionHandler })},
	{"SESSION_DIR", "session_filesystem_path", textOf(func(c *capi.SiteConfig) *string { return &c.SessionFilesystemPath })},
	{"SESSION_REDIS_HOST", "session_redis_server_host", textOf(func(c *capi.SiteConfig) *string { return &c.SessionRedisHost })},
	{"SESSION_REDIS_PORT", "session_redis_server_port", numberOf(func(c *capi.SiteConfig) *int { return &c.SessionRedisPort })},
	{"SESSION_REDIS_DB", "session_redis_server_db", numberOf(func(c *capi.SiteConfig) *int { return &c.SessionRedisDB })},
	{"SESSION_REDIS_AUTH", "session_redis_server_auth", secretOf(func(c *capi.SiteConfig) *capi.Secret { return &c.SessionRedisAuth })},
	{"SESSION_MEMCACHED_HOST", "session_memcached_server_host", textOf(func(c *capi.SiteConfig) *string { return &c.SessionMemcachedHost })},
	{"SESSION_MEMCACHED_PORT", "session_memcached_server_port", numberOf(func(c *capi.SiteConfig) *int { return &c.SessionMemcachedPort })},
}

// textOf, secretOf and numberOf return what sets a property.
func textOf(property func(*capi.SiteConfig) *string) func(*capi.SiteConfig, string) error {
	return func(c *capi.SiteConfig, value string) error { *property(c) = value; return nil }
}

func secretOf(property func(*capi.SiteConfig) *capi.Secret) func(*capi.SiteConfig, string) error {
	return func(c *capi.SiteConfig, value string) error { *property(c) = capi.NewSecret(value); return nil }
}

func numberOf(property func(*capi.SiteConfig) *int) func(*capi.SiteConfig, string) error {
	return func(c *capi.SiteConfig, value string) error {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return errors.New("not a number")
		}
		*property(c) = int(n)
		return nil
	}
}

const environmentUsage = `
These environment variables override configuration.php, for example for sites whose
JConfig reads the environment:
  CAPI_DB_TYPE, CAPI_DB_HOST, CAPI_DB_USER, CAPI_DB_PASSWORD, CAPI_DB_NAME,
  CAPI_DB_PREFIX, CAPI_SECRET, CAPI_ROOT_USER, CAPI_LIFETIME (in minutes),
  CAPI_SESSION_NAME, CAPI_SESSION_HANDLER, CAPI_SESSION_DIR,
  CAPI_SESSION_REDIS_HOST, CAPI_SESSION_REDIS_PORT, CAPI_SESSION_REDIS_DB,
  CAPI_SESSION_REDIS_AUTH, CAPI_SESSION_MEMCACHED_HOST, CAPI_SESSION_MEMCACHED_PORT
With _FILE at the end, the variable is the path of a file with the value. For
--config shop.example.org=FILE, they begin with CAPI_SHOP_EXAMPLE_ORG_, except that
CAPI_DB_HOST and CAPI_SESSION_DIR are for all sites without their own. Without
--config, they are the whole configuration.

Each flag also has a variable: CAPI_LOG_LEVEL sets --log-level. Flags that may be
repeated take several values, separated by spaces.
`

// where says where the configuration of a site is.
func (s siteFile) where() string {
	if s.path == "" {
		return "the environment"
	}
	return s.path
}

// variablePrefix returns what the variables of a site begin with.
func (s siteFile) variablePrefix() string {
	if s.name == "" {
		return "CAPI_"
	}
	return "CAPI_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s.name)) + "_"
}

// loadConfig reads the configuration of a site. The environment takes
// precedence. A site without a file has nothing else.
func loadConfig(site siteFile) (config capi.SiteConfig, err error) {
	values := map[string]string{}
	var given []string
	for _, v := range variables {
		value, ok, err := lookup(site.variablePrefix() + v.name)
		if err == nil && !ok && isFlag(v) { // Of all sites.
			value, ok, err = lookup("CAPI_" + v.name)
		}
		if err != nil {
			return capi.SiteConfig{}, err
		}
		if ok {
			values[v.property] = value
			given = append(given, v.property)
		}
	}
	if site.path != "" {
		if config, err = capi.LoadSiteConfig(site.path, given...); err != nil {
			return capi.SiteConfig{}, err
		}
	}
	for _, v := range variables {
		if value, ok := values[v.property]; ok {
			if err := v.set(&config, value); err != nil {
				return capi.SiteConfig{}, fmt.Errorf("%s%s: %w", site.variablePrefix(), v.name, err)
			}
		}
	}
	return config, nil
}

// isFlag reports whether a variable is also that of a flag, which is for all
// sites.
func isFlag(v variable) bool { return v.name == "DB_HOST" || v.name == "SESSION_DIR" }

// flagVariable returns the variable that sets a flag.
func flagVariable(flag string) string {
	return "CAPI_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// repeated are the flags that may be repeated.
var repeated = []string{"config", "session-owner", "cors-origin", "trusted-proxy"}

// fromEnvironment sets the flags that the command line does not have and the
// environment has. Without --config, and with variables of a site, that is the
// only one.
func (f *siteFlags) fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(flag *pflag.Flag) {
		name := flagVariable(flag.Name)
		value, ok := os.LookupEnv(name)
		// The variables of a site are read with its configuration.
		if err != nil || !ok || flag.Changed || isVariable(name) {
			return
		}
		values := []string{value}
		if slices.Contains(repeated, flag.Name) {
			values = strings.Fields(value)
		}
		for _, value := range values {
			if setErr := flags.Set(flag.Name, value); setErr != nil {
				err = fmt.Errorf("variable %s: %w", name, setErr)
				return
			}
		}
	})
	if err == nil && len(f.sites) == 0 && slices.ContainsFunc(variables, func(v variable) bool {
		_, ok := os.LookupEnv("CAPI_" + v.name)
		_, inFile := os.LookupEnv("CAPI_" + v.name + "_FILE")
		return ok || inFile
	}) {
		f.sites = []siteFile{{}}
	}
	return err
}

// isVariable reports whether a variable is one of those of a site without a
// name.
func isVariable(name string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return "CAPI_"+v.name == name })
}

// unknownVariables returns notes about variables with the program's prefix that
// it does not read.
func unknownVariables(sites []siteFile) (notes []string) {
	known := []string{"CAPI_TOKEN", "CAPI_FLAGS"} // Of list and watch, and of the unit for systemd.
	for _, c := range newRootCommand(func() {}).Commands() {
		c.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flagVariable(flag.Name)) })
	}
	for _, site := range sites {
		for _, v := range variables {
			known = append(known, site.variablePrefix()+v.name, site.variablePrefix()+v.name+"_FILE")
		}
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "CAPI_") || slices.Contains(known, name) {
			continue
		}
		note := "nothing reads the variable " + name
		if names := similar(name, known); len(names) > 0 {
			note += "; did you mean " + strings.Join(names, " or ") + "?"
		}
		notes = append(notes, note)
	}
	slices.Sort(notes)
	return notes
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
	// The file is read repeatedly, which a pipe does not allow.
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
