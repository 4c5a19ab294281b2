package capi

import (
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// SiteOptions are optional settings of a [Site]. The zero value is useful.
type SiteOptions struct {
	// Now is the clock that sessions expire by. Nil is [time.Now].
	Now func() time.Time

	_ struct{} // Options are written with names.
}

// A Site is a Joomla installation: its database and what its configuration says. It is
// safe for concurrent use.
type Site struct {
	db     *sql.DB
	config SiteConfig
	now    func() time.Time
	// quote is the database's quote of identifiers.
	quote string
	// numbered says that placeholders are $1, $2 and so on.
	numbered bool
}

// NewSite is [SiteOptions.NewSite] of the zero SiteOptions.
func NewSite(db *sql.DB, config SiteConfig) (*Site, error) { return SiteOptions{}.NewSite(db, config) }

// NewSite returns the site that config describes, with its tables in db, which stays the
// caller's to close. It reads nothing from db, and of config nothing that says where db
// is. It needs DBType, DBPrefix and Secret. The error names everything that is missing or
// wrong, and wraps [ErrSiteConfig]. NewSite panics if db is nil.
func (o SiteOptions) NewSite(db *sql.DB, config SiteConfig) (*Site, error) {
	if db == nil {
		panic("capi: nil DB")
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Lifetime == 0 {
		config.Lifetime = 15 * time.Minute
	}
	site := &Site{db: db, config: config, now: o.Now, quote: `"`}
	if o.Now == nil {
		site.now = time.Now
	}
	switch config.Database() {
	case MySQL:
		site.quote = "`"
	case PostgreSQL:
		site.numbered = true
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
func (s *Site) oldest() int64 { return s.now().Add(-s.config.Lifetime).Unix() }
