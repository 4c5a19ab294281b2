package capi

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A SiteConfig is what this package needs to know of a Joomla site: properties of its configuration.php, each named in
// the comment of its field. [LoadSiteConfig] reads them from that file. Printed with package fmt, logged with log/slog
// or marshalled to JSON, it does not show Secret and Password.
type SiteConfig struct {
	// DBType is Joomla's name of the database driver ($dbtype), in any letter case: "mysqli", "mysql" or "pdomysql" for
	// MySQL and MariaDB, "pgsql" or "postgresql" for PostgreSQL, and "sqlite".
	DBType string
	// Host says where the database server is ($host), in one of the forms that [SiteConfig.Address] reads.
	Host string
	// User is the name to log in to the database with ($user).
	User string
	// Password is the password of User ($password).
	Password string `json:"-"`
	// DB is the name of the database ($db). For SQLite, it is the path of its file.
	DB string
	// DBPrefix is what the names of the site's tables begin with ($dbprefix), such as "jos_": letters, digits and
	// underscores.
	DBPrefix string
	// Secret is the site's secret ($secret), which its cookie names and API tokens are made with.
	Secret string `json:"-"`
	// Lifetime is how long a session lives without a request ($lifetime, which is in minutes). Zero is Joomla's default
	// of 15 minutes.
	Lifetime time.Duration
	// SessionHandler is Joomla's name of where session data is kept ($session_handler), such as "database" or "redis".
	// Nothing in this package depends on it; with another than "database", the data of most sessions is null or empty.
	SessionHandler string
	// SessionName is what the name of the session cookie is made from where the applications of the site share one
	// session ($session_name). Empty is Joomla's default: each application has a cookie of its own.
	SessionName string
	// RootUser is a user who is a Super Admin whatever the access rules say ($root_user): a user id if it is a whole
	// number, else a username. Empty is nobody.
	RootUser string
	// Now is the clock that sessions expire by. Nil is [time.Now].
	Now func() time.Time `json:"-"`
}

// A Site is a Joomla installation: its database and what its configuration says. It is safe for concurrent use.
type Site struct {
	db     *sql.DB
	config SiteConfig
	// quote is the database's quote of identifiers.
	quote string
	// numbered says that placeholders are $1, $2 and so on.
	numbered bool
}

// NewSite returns the site that config describes, with its tables in db, which stays the caller's to close. It reads
// nothing from db. The error names everything that is wrong with config. It panics if db is nil.
func NewSite(db *sql.DB, config SiteConfig) (*Site, error) {
	if db == nil {
		panic("capi: nil DB")
	}
	site := &Site{db: db, config: config, quote: `"`}
	var errs []error
	switch config.DBType {
	case "mysqli", "mysql", "pdomysql":
		site.quote = "`"
	case "pgsql", "postgresql":
		site.numbered = true
	case "sqlite":
	default:
		errs = append(errs, fmt.Errorf("capi: unknown database type %q", config.DBType))
	}
	for _, c := range []byte(config.DBPrefix) {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			errs = append(errs, fmt.Errorf("capi: database prefix %q has other characters than letters, digits and _",
				config.DBPrefix))
			break
		}
	}
	if config.Lifetime < 0 {
		errs = append(errs, fmt.Errorf("capi: negative lifetime %v", config.Lifetime))
	}
	if config.Lifetime == 0 {
		site.config.Lifetime = 15 * time.Minute
	}
	if config.Now == nil {
		site.config.Now = time.Now
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return site, nil
}

// sql returns query in the dialect of the site's database: "name" quoted as an identifier, #__ replaced by the prefix
// of its tables, and ? by its placeholder.
func (s *Site) sql(query string) string {
	query = strings.NewReplacer(`"`, s.quote, "#__", s.config.DBPrefix).Replace(query)
	if !s.numbered {
		return query
	}
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

// oldest returns the time of the oldest session that still counts, in seconds since 1970. One counts while
// time + lifetime >= now.
func (s *Site) oldest() int64 { return s.config.Now().Add(-s.config.Lifetime).Unix() }

// Address returns where the database server of c listens, as [net.Dial] takes it: network "tcp" with a host and a port,
// or "unix" with the absolute path of a socket.
func (c SiteConfig) Address() (network, address string, err error) {
	return "", "", ErrConfiguration
}
