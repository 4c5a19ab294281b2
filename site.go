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

// SiteOptions are the optional settings of a [Site], beside its
// configuration.php. The zero value is useful.
type SiteOptions struct {
	// SessionData reads the data of sessions that the site keeps outside of its
	// database: with any $session_handler but "database", with which it is not
	// used. Nil is none: [NewSessionAuthorizer] then returns an error for such
	// a site, and its sessions are listed without Data.
	SessionData SessionData
	// PHPSerialize reports whether PHP's session.serialize_handler is
	// "php_serialize" at the site. False is "php", PHP's default. A site reads
	// the one form alone.
	PHPSerialize bool
	// Now is the clock that sessions expire by. Nil is [time.Now].
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
// max_prepared_stmt_count; where that is reached, queries are sent unprepared.
//
// Which tables and columns there are depends on the version of Joomla. A Site
// learns that from its first request, which may take a few queries more than
// the authorizers' comments say.
type Site struct {
	db      *sql.DB
	config  SiteConfig
	dialect dialect
	data    SessionData
	// serialize is SiteOptions.PHPSerialize.
	serialize bool
	now       func() time.Time
	// schema is a schema.
	schema atomic.Uint32
	// learned is which Joomla the site was when it was last asked.
	learned atomic.Pointer[learnedVersion]
	// asked counts queries that were asked again in words of their own.
	asked atomic.Uint64
	// long is what requests may read at a time of sessions that are long.
	long *budget
	// statements are *sql.Stmt by their text.
	statements sync.Map
	// rules are the rules of the root asset that were parsed last, and policy
	// is that of the parameters of com_users.
	rules  atomic.Pointer[parsed[joomla.Rule]]
	policy atomic.Pointer[parsed[joomla.FactorPolicy]]
}

// NewSite is [SiteOptions.NewSite] of the zero SiteOptions.
func NewSite(db *sql.DB, config SiteConfig) (*Site, error) { return SiteOptions{}.NewSite(db, config) }

// NewSite returns the site that config describes, with its tables in db, which
// stays the caller's to close. It reads nothing from db, and of config nothing
// that says where db is. It needs DBType, DBPrefix and Secret. The error names
// everything that is missing or wrong, and wraps [ErrSiteConfig]. NewSite
// panics if db is nil, or SessionData a nil pointer.
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

// dataInTable reports whether sessions live in the column data of #__session. A
// SiteConfig that does not name the handler is taken to mean that: the column
// is then the only place to look.
func (s *Site) dataInTable() bool {
	return s.config.SessionHandler == "database" || s.config.SessionHandler == ""
}

// oldest returns the time of the oldest session that still counts, in seconds
// since 1970. One counts while time + lifetime >= now.
func (s *Site) oldest() int64 { return s.now().Add(-s.config.Lifetime).Unix() }

// Ended reports whether session, which a [SQLStore] of s has listed, is over
// though its row is still there: it has outlived the site's lifetime or, where
// the site keeps session data outside of its database and s has a
// [SessionData], its data is gone. Do not ask it of such a site's list with
// [SQLStoreOptions.OmitData]: no session in it has data, so all would be over.
// Ended asks nothing of the database. It is safe for concurrent use.
func (s *Site) Ended(session Session) bool {
	if s.data == nil || s.dataInTable() {
		return unix(session.Time) < s.oldest()
	}
	return session.Data == nil
}

// column returns the first column of each row that query finds.
func (s *Site) column(ctx context.Context, query string, args ...any) ([]column, error) {
	return collect(ctx, s, query, args, func(rows *result) (c column, err error) { return c, rows.Scan(&c) })
}
