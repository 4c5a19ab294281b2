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

// These are expressions for the column locked of #__extensions: of a table that
// has it, and of one that may have it. The latter is for a query from something
// else that has a column of that name: the innermost one counts.
const (
	lockedColumn      = `(SELECT e."locked" FROM "#__extensions" AS e LIMIT 1)`
	lockedColumnIfAny = `(SELECT "locked" FROM "#__extensions" AS e LIMIT 1)`
	selectVersion     = `SELECT ` + lockedColumnIfAny + ` FROM (SELECT -1 AS "locked") AS missing`
)

// versionOf returns which Joomla a site is whose lockedColumn is given.
func versionOf(locked integer) joomla.Version {
	switch {
	case !locked.valid: // No extensions at all, or unknownVersion.
		return joomla.UnknownVersion
	case locked.value < 0:
		return joomla.Joomla3
	}
	return joomla.Joomla4
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
	locked, err := s.column(ctx, s.sql(selectVersion))
	if err != nil && !s.hidesLocked(ctx) {
		return joomla.UnknownVersion, err
	}
	version := joomla.UnknownVersion
	if len(locked) == 1 {
		version = versionOf(locked[0].integer())
	}
	s.learn(version)
	return version, nil
}

// learn remembers which Joomla the site is.
func (s *Site) learn(version joomla.Version) {
	if last := s.learned.Load(); last == nil || last.version != version || time.Since(last.at) > versionAge/2 {
		s.learned.Store(&learnedVersion{version, time.Now()})
	}
}

// adapt finds out why a query for accounts failed, which the schema that is
// known leads to. It reports whether the schema changed.
func (s *Site) adapt(ctx context.Context, known schema) bool {
	var found schema
	switch {
	case known&withoutColumns == 0 && s.lacksColumns(ctx):
		found = withoutColumns
	case known&(withoutLocked|unknownVersion) == 0 && s.lacksLocked(ctx):
		found = withoutLocked
	case known&unknownVersion == 0 && s.hidesLocked(ctx):
		found = unknownVersion
	case known&withoutFactors == 0 && s.lacksFactors(ctx):
		found = withoutFactors
	default:
		return false
	}
	s.schema.Or(uint32(found))
	return true
}

// lacksColumns reports whether #__users is known to lack a column that is read.
// The names of columns come with any result, whatever the database and the
// rights of the account.
func (s *Site) lacksColumns(ctx context.Context) bool {
	columns, err := s.tableColumns(ctx, "users")
	return err == nil && !(columns["requirereset"] && columns["otpkey"])
}

// lacksLocked reports whether #__extensions is known to lack the column locked,
// be there rows or not: it may be asked for where something else has it, too,
// and not by its full name.
func (s *Site) lacksLocked(ctx context.Context) bool {
	if _, err := s.column(ctx, s.sql(selectVersion)); err != nil {
		return false
	}
	_, err := s.column(ctx, s.sql(`SELECT e."locked" FROM "#__extensions" AS e WHERE 1 = 0`))
	return err != nil
}

// hidesLocked reports whether #__extensions may be read, but not its column
// locked: columns can be granted one by one.
func (s *Site) hidesLocked(ctx context.Context) bool {
	if _, err := s.column(ctx, s.sql(`SELECT "type" FROM "#__extensions" WHERE 1 = 0`)); err != nil {
		return false
	}
	_, err := s.column(ctx, s.sql(selectVersion))
	return err != nil
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
	return columns, rows.Err()
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
