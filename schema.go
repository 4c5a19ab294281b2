package capi

import (
	"context"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/joomla"
)

// A schema is what is known about the tables of a site, which depend on the
// version of Joomla. A Site learns it from failing queries, and again after an
// upgrade.
type schema uint32

const (
	// withoutFactors is set if #__user_mfa cannot be read and no plugin for
	// second factors is enabled. Both came with Joomla 4.2, and factors count
	// only while a plugin is enabled.
	withoutFactors schema = 1 << iota
	// withoutColumns is set if #__users lacks requireReset, which came with
	// Joomla 3.3, or otpKey, which came with 3.2 and is deprecated.
	withoutColumns
	// withoutLocked is set if #__extensions lacks the column locked, which came
	// with Joomla 4.0.
	withoutLocked
	// unknownVersion is set if that column may not be read.
	unknownVersion
	schemas
)

// lockedColumnIfAny is the expression for the column locked of #__extensions in
// a query from another table with a column of that name: the name resolves to
// the innermost column that exists.
const (
	lockedColumnIfAny = `(SELECT "locked" FROM "#__extensions" AS e LIMIT 1)`
	selectVersion     = `SELECT ` + lockedColumnIfAny + ` FROM (SELECT -1 AS "locked") AS missing`
)

// asksVersion reports whether an account query reads the column locked, to find
// out which version of Joomla the site is.
func (known schema) asksVersion() bool {
	return known&(withoutLocked|unknownVersion) == withoutLocked
}

// version returns the version of Joomla of a site with the schema, given its
// column locked. If a query for that column succeeds, the column exists, even
// if there are no extensions.
func (known schema) version(locked integer) joomla.Version {
	switch {
	case known&unknownVersion != 0:
		return joomla.UnknownVersion
	case locked.valid && locked.value < 0, !locked.valid && known&withoutLocked != 0:
		return joomla.Joomla3
	}
	return joomla.Joomla4
}

// schemaOf returns what is known about the tables of a version.
func schemaOf(version joomla.Version) schema {
	switch version {
	case joomla.Joomla3:
		return withoutLocked
	case joomla.UnknownVersion:
		return unknownVersion
	}
	return 0
}

// A learnedVersion is the version of Joomla of a site at some time.
type learnedVersion struct {
	version joomla.Version
	at      time.Time
}

// versionAge is how long a version is trusted. It matters only if nobody is
// logged in by a session: with a user's account, the current version is read.
const versionAge = 5 * time.Second

// version returns the version of Joomla, as far as it is known.
func (s *Site) version(ctx context.Context) (joomla.Version, error) {
	if last := s.learned.Load(); last != nil && time.Since(last.at) < versionAge {
		return last.version, nil
	}
	version, err := s.askVersion(ctx)
	if err != nil {
		return joomla.UnknownVersion, err
	}
	s.schema.And(^uint32(withoutLocked | unknownVersion))
	s.schema.Or(uint32(schemaOf(version)))
	s.learned.Store(&learnedVersion{version, time.Now()})
	return version, nil
}

// askVersion asks the database for the version of Joomla.
func (s *Site) askVersion(ctx context.Context) (joomla.Version, error) {
	locked, err := s.column(ctx, s.sql(selectVersion))
	switch {
	case err == nil && len(locked) == 1 && locked[0] != nil:
		return withoutLocked.version(locked[0].integer()), nil
	case err == nil: // The table is empty.
		columns, err := s.tableColumns(ctx, "extensions")
		if err != nil || columns["locked"] {
			return joomla.Joomla4, err
		}
		return joomla.Joomla3, nil
	// Columns may be granted one by one. Only that makes the version unknown: a
	// passing failure must not keep people out for good.
	case isDenied(err) && s.readsExtensions(ctx):
		return joomla.UnknownVersion, nil
	}
	return joomla.UnknownVersion, err
}

// readsExtensions reports whether a column of #__extensions can be read.
func (s *Site) readsExtensions(ctx context.Context) bool {
	_, err := s.column(ctx, s.sql(`SELECT "type" FROM "#__extensions" WHERE 1 = 0`))
	return err == nil
}

// learn remembers the version of Joomla that an account was read from. It does
// not remember an unknown version, because the column may be granted later.
func (s *Site) learn(version joomla.Version) {
	if version == joomla.UnknownVersion {
		return
	}
	if last := s.learned.Load(); last == nil || last.version != version || time.Since(last.at) > versionAge/2 {
		s.learned.Store(&learnedVersion{version, time.Now()})
	}
}

// adapt finds out why a query for accounts with the known schema failed. It
// reports whether the schema changed.
func (s *Site) adapt(ctx context.Context, known schema) bool {
	found := known
	if version, err := s.askVersion(ctx); err == nil {
		found |= schemaOf(version)
	}
	if found == known && known&withoutColumns == 0 && s.lacksColumns(ctx) {
		found |= withoutColumns
	}
	if found == known && known&withoutFactors == 0 && s.lacksFactors(ctx) {
		found |= withoutFactors
	}
	s.schema.Or(uint32(found))
	return found != known
}

// lacksColumns reports whether #__users is known to lack a column that this
// package reads.
func (s *Site) lacksColumns(ctx context.Context) bool {
	columns, err := s.tableColumns(ctx, "users")
	return err == nil && !(columns["requirereset"] && columns["otpkey"])
}

// lacksFactors reports whether no plugin for second factors is known to be
// enabled, and the table of factors cannot be read.
func (s *Site) lacksFactors(ctx context.Context) bool {
	plugins, err := s.readFactorPlugins(ctx)
	if err != nil || plugins.enabled != "" {
		return false
	}
	_, err = s.tableColumns(ctx, "user_mfa")
	return err != nil
}

// tableColumns returns the names of the columns of a table, in lower case.
// Every result has them, even if the account may not read the database's
// catalog.
func (s *Site) tableColumns(ctx context.Context, table string) (map[string]bool, error) {
	// The one row of nulls is needed: at their end, rows are closed and have no
	// columns.
	rows, err := s.query(ctx, s.sql(`SELECT t.* FROM (SELECT 1) AS one LEFT JOIN "#__`+table+`" AS t ON 1 = 0`))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	columns := make(map[string]bool, len(names))
	for _, name := range names {
		columns[strings.ToLower(name)] = true
	}
	return columns, nil
}

// isMissing reports whether a query failed with err because the table does not
// exist.
func (s *Site) isMissing(ctx context.Context, table string, err error) bool {
	// MySQL's catalog also leaves out tables that the account may not read.
	if s.config.Database() == MySQL && !isMySQLError(err, 1146) {
		return false
	}
	found, err := s.column(ctx, s.sql(strings.Replace(s.dialect.exists, "%", table, 1)))
	return err == nil && len(found) == 1 && string(found[0]) == "0"
}
