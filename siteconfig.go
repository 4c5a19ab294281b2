package capi

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/capi-go/capi/internal/phpconfig"
)

// ErrSiteConfig is wrapped by errors about what a configuration says, rather
// than about reading it: those of [LoadSiteConfig], [NewSite],
// [NewSessionAuthorizer], [SiteConfig.Address], [SiteConfig.SessionAddress] and
// [FileSessionData]. The modules redisdata and memcachedata also wrap it.
var ErrSiteConfig = errors.New("capi: invalid site configuration")

// DefaultLifetime is Joomla's default for how long a session lives.
const DefaultLifetime = 15 * time.Minute

// A SiteConfig is what this package needs to know about a Joomla site:
// properties of the class JConfig in its configuration.php, each named in the
// comment of its field. [LoadSiteConfig] reads them from that file. The zero
// value describes no site: [SiteOptions.NewSite] says which fields it needs.
type SiteConfig struct {
	// DBType is Joomla's name of the database driver ($dbtype), in any letter
	// case, as [SiteConfig.Database] reads it.
	DBType string
	// Host is the database server ($host), in one of the forms that
	// [SiteConfig.Address] reads.
	Host string
	// User is the user of the database ($user).
	User string
	// Password is the password of User ($password).
	Password Secret
	// DB is the name of the database ($db) or, for SQLite, the path of its
	// file.
	DB string
	// DBPrefix is what the names of the site's tables begin with ($dbprefix),
	// such as "jos_": letters, digits and underscores.
	DBPrefix string

	// DBEncryption says how to connect to the database ($dbencryption, of
	// Joomla 4 and later): 0 without TLS, 1 with TLS, 2 with TLS and a client
	// certificate.
	DBEncryption int
	// DBSSLKey is the path of the client's private key ($dbsslkey).
	DBSSLKey string
	// DBSSLCert is the path of the client's certificate ($dbsslcert).
	DBSSLCert string
	// DBSSLCA is the path of the certificates of the authorities that verify
	// the server's certificate ($dbsslca).
	DBSSLCA string
	// DBSSLCipher is a list of ciphers in OpenSSL's format ($dbsslcipher).
	// Empty is the default of the driver.
	DBSSLCipher string
	// DBSSLVerifyServerCert reports whether to verify the server's certificate
	// ($dbsslverifyservercert).
	DBSSLVerifyServerCert bool

	// Secret is the site's secret ($secret), from which its cookie names and
	// API tokens are made.
	Secret Secret
	// RootUser is a user who is a Super Admin regardless of the access rules
	// ($root_user): a user id if it is a whole number, else a username. Empty
	// is nobody.
	RootUser string

	// Lifetime is how long a session lives without a request ($lifetime, which
	// is in minutes), at least a minute. Zero is [DefaultLifetime], Joomla's.
	Lifetime time.Duration
	// SessionHandler is Joomla's name of where session data is kept
	// ($session_handler), such as "database" or "redis". With any other than
	// "database", the data of most sessions is null in the table. Empty is
	// "database". If a configuration.php has none, Joomla keeps sessions in
	// files, and [LoadSiteConfig] sets "none".
	SessionHandler string
	// SessionName is what the name of the session cookie is made from if the
	// applications of the site share one session ($session_name). Empty is
	// Joomla's default: each application has its own cookie.
	SessionName string
	// SharedSession reports whether site and administrator share one session
	// ($shared_session).
	SharedSession bool
	// SessionMetadataOff reports whether Joomla does not write to the table who
	// is logged in (the opposite of $session_metadata, of Joomla 4 and later).
	// False is Joomla's default.
	SessionMetadataOff bool
	// SessionFilesystemPath is the directory of the session handler
	// "filesystem" ($session_filesystem_path). Empty is PHP's
	// session.save_path.
	SessionFilesystemPath string
	// SessionRedisHost is the host of the session handler "redis", or the path
	// of its socket ($session_redis_server_host). Empty is Joomla's default,
	// 127.0.0.1.
	SessionRedisHost string
	// SessionRedisPort is the port of that host ($session_redis_server_port).
	// Zero is Joomla's default, 6379. It does not matter for a socket.
	// [LoadSiteConfig] converts the numbers of session handlers like PHP's
	// (int); they are validated when the handler is used.
	SessionRedisPort int
	// SessionRedisDB is the number of the database in that Redis
	// ($session_redis_server_db).
	SessionRedisDB int
	// SessionRedisAuth is the password of that Redis
	// ($session_redis_server_auth). Empty is none.
	SessionRedisAuth Secret
	// SessionMemcachedHost is the host of the session handler "memcached"
	// ($session_memcached_server_host). Empty is Joomla's default, localhost.
	SessionMemcachedHost string
	// SessionMemcachedPort is the port of that host
	// ($session_memcached_server_port). Zero is Joomla's default, 11211.
	SessionMemcachedPort int

	_ struct{} // Fields are written with names.
}

// LoadSiteConfig reads the file configuration.php of a Joomla site, of at most
// 1 MiB. The path may be a link. The file is read as data and never executed.
// LoadSiteConfig reads the defaults of those public properties of the class
// JConfig that [SiteConfig] has fields for, in any order. They must be
// literals, as Joomla writes them: strings without variables, numbers, booleans
// and null. It skips other members of the class, such as other properties,
// arrays, constants and functions. Properties that are missing or null leave
// the zero value, except [SiteConfig.SessionHandler].
//
// It is an error if a value may not be in the file: if the class has a parent
// or a trait, or if code, such as a constructor, could assign a property. Fill
// in a SiteConfig by hand then.
//
// The properties named in except, such as "password", are not read, and code
// may assign them; the caller sets their fields. Use it for a site whose
// constructor takes some values from the environment. A name that [SiteConfig]
// has no field for is an error.
//
// Errors name the path of the file. Errors of the file system can be tested for
// with [errors.Is]. Errors about the text wrap [ErrSiteConfig] and say what is
// wrong and in which line, but quote nothing of the text, which includes
// passwords. On error, the SiteConfig is the zero value.
func LoadSiteConfig(path string, except ...string) (SiteConfig, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|openWithoutWaiting, 0)
	if err != nil {
		return SiteConfig{}, fmt.Errorf("capi: opening a site configuration: %w", err) // A PathError names the path.
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return SiteConfig{}, fmt.Errorf("capi: opening a site configuration: %w", err)
	}
	return readSiteConfig(file, path+": ", except)
}

// readSiteConfig reads the text of a file. Errors about it begin with where.
func readSiteConfig(r io.Reader, where string, except []string) (SiteConfig, error) {
	wanted := maps.Clone(siteConfigSetters)
	for _, name := range except {
		if siteConfigSetters[name] == nil {
			return SiteConfig{}, fmt.Errorf("%w: unknown property $%s in except", ErrSiteConfig, name)
		}
		delete(wanted, name)
	}
	source, err := io.ReadAll(io.LimitReader(r, phpconfig.MaxSize+1))
	if err != nil {
		return SiteConfig{}, fmt.Errorf("capi: reading a site configuration: %s%w", where, err)
	}
	values, err := phpconfig.Properties(string(source), "JConfig", slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return SiteConfig{}, fmt.Errorf("%w: %s%w", ErrSiteConfig, where, err)
	}
	var config SiteConfig
	for _, name := range byLine(values) {
		if err := siteConfigSetters[name](&config, values[name]); err != nil {
			return SiteConfig{}, fmt.Errorf("%w: %sline %d: $%s %w", ErrSiteConfig, where, values[name].Line, name, err)
		}
	}
	if wanted["session_handler"] != nil && config.SessionHandler == "" {
		config.SessionHandler = "none"
	}
	return config, nil
}

// validate returns everything that keeps [NewSite] from using c, each error
// wrapping [ErrSiteConfig].
func (c SiteConfig) validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrSiteConfig}, args...)...))
	}
	switch {
	case c.DBType == "":
		fail("no database type ($dbtype)")
	case c.Database() == 0:
		fail("unknown database type %q ($dbtype)", c.DBType)
	}
	other := func(r rune) bool {
		return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}
	switch {
	case c.DBPrefix == "":
		fail("no database prefix ($dbprefix)")
	case strings.ContainsFunc(c.DBPrefix, other):
		fail("database prefix %q must have only letters, digits and _ ($dbprefix)", c.DBPrefix)
	}
	if c.Secret.Reveal() == "" {
		fail("no secret ($secret)")
	}
	switch {
	case c.Lifetime < 0:
		fail("negative lifetime %v ($lifetime)", c.Lifetime)
	case c.Lifetime > 0 && c.Lifetime < time.Minute:
		fail("lifetime %v is less than a minute ($lifetime); Lifetime is a time.Duration, such as 15*time.Minute", c.Lifetime)
	}
	return errors.Join(errs...)
}

// A Database is a kind of database, with its own dialect. The zero value is an
// unknown one.
type Database int

// The kinds of databases.
const (
	MySQL Database = iota + 1 // also MariaDB
	PostgreSQL
	SQLite
)

// String returns the name of the database, such as "MySQL", or "unknown".
func (d Database) String() string {
	switch d {
	case MySQL:
		return "MySQL"
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	}
	return "unknown"
}

// Database returns the kind of database that DBType names: [MySQL] for
// "mysqli", "mysql" and "pdomysql", [PostgreSQL] for "pgsql" and "postgresql",
// [SQLite] for "sqlite", in any letter case, and 0 for anything else.
func (c SiteConfig) Database() Database {
	switch strings.ToLower(c.DBType) {
	case "mysqli", "mysql", "pdomysql":
		return MySQL
	case "pgsql", "postgresql":
		return PostgreSQL
	case "sqlite":
		return SQLite
	}
	return 0
}
