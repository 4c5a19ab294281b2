package capi

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A SiteConfig is what this package needs to know of a Joomla site: the properties of its configuration.php that have
// the same names there in lower case. [LoadSiteConfig] reads them from that file.
type SiteConfig struct {
	// DBType is Joomla's name of the database driver: "mysqli", "mysql" or "pdomysql" for MySQL and MariaDB, "pgsql" or
	// "postgresql" for PostgreSQL, and "sqlite".
	DBType string
	// DBPrefix is what the names of the site's tables begin with, such as "jos_": letters, digits and underscores.
	DBPrefix string
	// Secret is the site's secret, which its cookie names and API tokens are made with.
	Secret string
	// Lifetime is how long a session lives without a request. Zero is Joomla's default of 15 minutes.
	Lifetime time.Duration
	// Now is the clock that sessions expire by. Nil is [time.Now].
	Now func() time.Time
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
