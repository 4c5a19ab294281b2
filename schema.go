package capi

import (
	"context"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/joomla"
)

// A schema is what is known of the tables of a site, which differ by the
// version of Joomla. It is found out while the site is used, and found out anew
// when a site is upgraded.
type schema uint32

const (
	// withoutFactors is set where #__user_mfa cannot be read and no plugin for
	// second factors is enabled. Both came with Joomla 4.2, and factors count
	// only while a plugin is enabled.
	withoutFactors schema = 1 << iota
	// withoutColumns is set where #__users lacks requireReset, which came with
	// Joomla 3.3, or otpKey, which is there since 3.2 and deprecated.
	withoutColumns
	// withoutLocked is set where #__extensions lacks the column locked, which
	// came with Joomla 4.0.
	withoutLocked
	// unknownVersion is set where that column may not be read.
	unknownVersion
	schemas
)

// lockedColumnIfAny is the expression for the column locked of #__extensions in
// a query from something else that has a column of that name: the innermost one
// counts, where there is one.
const (
	lockedColumnIfAny = `(SELECT "locked" FROM "#__extensions" AS e LIMIT 1)`
	selectVersion     = `SELECT ` + lockedColumnIfAny + ` FROM (SELECT -1 AS "locked") AS missing`
)

// version returns which Joomla a site with the schema is, given its column
// locked. A query for that column which does not fail shows that there is one,
// even if there are no extensions.
func (known schema) version(locked integer) joomla.Version {
	switch {
	case known&unknownVersion != 0:
		return joomla.UnknownVersion
	case locked.valid && locked.value < 0, !locked.valid && known&withoutLocked != 0:
		return joomla.Joomla3
	}
	return joomla.Joomla4
}

// schemaOf returns what is known of the tables of a version.
func schemaOf(version joomla.Version) schema {
	switch version {
	case joomla.Joomla3:
		return withoutLocked
	case joomla.UnknownVersion:
		return unknownVersion
	}
	return 0
}

// A learnedVersion is which Joomla a site was at some time.
type learnedVersion struct {
	version joomla.Version
	at      time.Time
}

// versionAge is how long a version counts. It matters where nobody is logged in
// by a session: whoever is has their account read, with the version that the
// site has then.
const versionAge = 5 * time.Second

// version returns which Joomla the site is, as far as is known.
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

// askVersion finds out which Joomla the site is.
func (s *Site) askVersion(ctx context.Context) (joomla.Version, error) {
	locked, err := s.column(ctx, s.sql(selectVersion))
	switch {
	case err == nil && len(locked) == 1 && locked[0] != nil:
		return withoutLocked.version(locked[0].integer()), nil
	case err == nil: // There are no extensions at all.
		columns, err := s.tableColumns(ctx, "extensions")
		if err != nil || columns["locked"] {
			return joomla.Joomla4, err
		}
		return joomla.Joomla3, nil
	// Columns may be granted one by one. Nothing else tells that the version
	// stays unknown: what fails now and then must not keep people out for good.
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

// learn remembers which Joomla an account was read from. That it cannot be told
// is asked anew, as the column may have been granted since.
func (s *Site) learn(version joomla.Version) {
	if version == joomla.UnknownVersion {
		return
	}
	if last := s.learned.Load(); last == nil || last.version != version || time.Since(last.at) > versionAge/2 {
		s.learned.Store(&learnedVersion{version, time.Now()})
	}
}

// adapt finds out why a query for accounts failed, which the schema that is
// known leads to. It reports whether the schema changed.
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

// lacksColumns reports whether #__users is known to lack a column that is read.
// The names of columns come with any result, whatever the database and the
// rights of the account.
func (s *Site) lacksColumns(ctx context.Context) bool {
	columns, err := s.tableColumns(ctx, "users")
	return err == nil && !(columns["requirereset"] && columns["otpkey"])
}

// lacksFactors reports whether it is known that no plugin for second factors is
// enabled, and the table of factors cannot be read.
func (s *Site) lacksFactors(ctx context.Context) bool {
	plugins, err := s.readFactorPlugins(ctx)
	if err != nil || plugins.enabled != "" {
		return false
	}
	_, err = s.tableColumns(ctx, "user_mfa")
	return err != nil
}

// tableColumns returns the names of the columns of a table, in lower case. They
// come with any result, whatever the rights of the account on tables that
// describe tables.
func (s *Site) tableColumns(ctx context.Context, table string) (map[string]bool, error) {
	// With one row of nulls: rows that have ended tell no names.
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

// isMissing reports whether a query of a table failed with err because there is
// no such table.
func (s *Site) isMissing(ctx context.Context, table string, err error) bool {
	// In MySQL, tables that the account may not read are missing in those that
	// describe tables, too.
	if s.config.Database() == MySQL && !isMySQLError(err, 1146) {
		return false
	}
	found, err := s.column(ctx, s.sql(strings.Replace(s.dialect.exists, "%", table, 1)))
	return err == nil && len(found) == 1 && string(found[0]) == "0"
}
