package capi

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capi-go/capi/internal/joomla"
)

// SiteOptions are optional settings of a [Site] that its configuration.php does
// not hold. The zero value is useful.
type SiteOptions struct {
	// SessionData reads the data of sessions that the site keeps outside its
	// database, with any $session_handler except "database". If it is nil,
	// [NewSessionAuthorizer] returns an error for such a site, and its sessions
	// are listed without Data.
	SessionData SessionData
	// PHPSerialize reports whether the site's PHP has the
	// session.serialize_handler "php_serialize". False is "php", PHP's default.
	// A Site reads only that one form.
	PHPSerialize bool
	// Now is the clock for the expiry of sessions. Nil is [time.Now].
	Now func() time.Time

	_ struct{} // Options are written with names.
}

// A Site is a Joomla installation: its database and what its configuration
// says. It is safe for concurrent use. Make one with [NewSite]; the
// constructors that take a Site panic if it is the zero value.
//
// In MySQL and SQLite, it keeps the few queries of the authorizers prepared on
// each connection until the database is closed, so make one Site for a
// database, not one for each request. MySQL counts them towards
// max_prepared_stmt_count; when that is reached, queries are sent unprepared.
//
// When a connection turns out to be broken, a Site closes the idle connections of
// the *sql.DB, which go to the same server, before it asks once more. A database
// that a service shares with a Site may lose them, too.
//
// The tables and columns depend on the version of Joomla. A Site learns it from
// its first request, which may take a few more queries than the authorizers'
// comments say.
type Site struct {
	db      *sql.DB
	config  SiteConfig
	dialect dialect
	data    SessionData
	// serialize is SiteOptions.PHPSerialize.
	serialize bool
	now       func() time.Time
	// schema holds a value of type schema.
	schema atomic.Uint32
	// learned is the version of Joomla when the site was last asked.
	learned atomic.Pointer[learnedVersion]
	// asked counts the queries that were asked again with a new text.
	asked atomic.Uint64
	// long bounds how much of long sessions requests read at a time.
	long *budget
	// statements maps the text of a query to its *sql.Stmt.
	statements sync.Map
	// rules and policy are what was last parsed of the root asset and of the
	// parameters of com_users.
	rules  atomic.Pointer[parsed[joomla.Rule]]
	policy atomic.Pointer[parsed[joomla.FactorPolicy]]
}

// NewSite calls [SiteOptions.NewSite] with the zero SiteOptions.
func NewSite(db *sql.DB, config SiteConfig) (*Site, error) { return SiteOptions{}.NewSite(db, config) }

// NewSite returns the site that config describes, with its tables in db, which
// the caller closes. It reads nothing from db, and ignores what config says
// about the location of db. It needs DBType, DBPrefix and Secret. The error
// names everything that is missing or wrong, and wraps [ErrSiteConfig]. NewSite
// panics if db is nil, or if SessionData is a nil pointer.
func (o SiteOptions) NewSite(db *sql.DB, config SiteConfig) (*Site, error) {
	if db == nil {
		panic("capi: nil DB")
	}
	if o.SessionData != nil && isNil(o.SessionData) {
		panic("capi: nil SessionData")
	}
	err := config.validate()
	if files, ok := o.SessionData.(interface{ validate() error }); ok {
		err = errors.Join(err, files.validate())
	}
	if err != nil {
		return nil, err
	}
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Site{
		db: db, config: config, dialect: config.Database().dialect(), data: o.SessionData, now: o.Now,
		serialize: o.PHPSerialize, long: newBudget(longBudget),
	}, nil
}

// mustSite panics on a Site that could only fail in a request.
func mustSite(site *Site) {
	if site == nil || site.db == nil {
		panic("capi: nil or zero Site")
	}
}

// sql returns query in the dialect of the site's database, with #__ replaced by
// the prefix of its tables.
func (s *Site) sql(query string) string { return s.dialect.sql(query, s.config.DBPrefix) }

// dataInTable reports whether sessions live in the column data of #__session.
// So they do if the SiteConfig names no handler: the column is then the only
// place to look.
func (s *Site) dataInTable() bool {
	return s.config.SessionHandler == "database" || s.config.SessionHandler == ""
}

// oldest returns the time of the oldest session that still counts, in seconds
// since 1970. One counts while time + lifetime >= now.
func (s *Site) oldest() int64 { return s.now().Add(-s.config.Lifetime).Unix() }

// Ended reports whether session, from a [SQLStore] of s, has ended although its
// row still exists: it has outlived the site's lifetime or, if the site keeps
// session data outside its database and s has a [SessionData], its data is
// gone. Do not use it for such a site with [SQLStoreOptions.OmitData]: without
// data, all sessions would count as ended. Ended does not query the database.
// It is safe for concurrent use.
func (s *Site) Ended(session Session) bool {
	if s.data == nil || s.dataInTable() {
		return unix(session.Time) < s.oldest()
	}
	return session.Data == nil
}

// column returns the first column of each row of a query.
func (s *Site) column(ctx context.Context, query string, args ...any) ([]column, error) {
	return collect(ctx, s, query, args, func(rows *result) (c column, err error) { return c, rows.Scan(&c) })
}
