package joomlatest

import (
	_ "embed"
	"strconv"
	"strings"
)

// A Dialect is a dialect of SQL, by its name in configuration.php.
type Dialect string

// The dialects that the library speaks. MySQL is also MariaDB's.
const (
	MySQL      Dialect = "mysqli"
	PostgreSQL Dialect = "pgsql"
	SQLite     Dialect = "sqlite"
)

// Rewrite returns query, written with #__ for the prefix of the tables, "
// around names and ? for values, in the dialect. None of the three may be in a
// literal.
func (d Dialect) Rewrite(query, prefix string) string {
	query = strings.ReplaceAll(query, "#__", prefix)
	switch d {
	case MySQL:
		query = strings.ReplaceAll(query, `"`, "`")
	case PostgreSQL:
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
		}
	}
	return query
}

// A Layout is the form of a site's tables, by the first version of Joomla that
// has it.
type Layout int

// The layouts, each with its changes.
const (
	// Joomla25 is 2.5 to 3.2: no column requireReset in the users. The id of a
	// session is text, with a collation that ignores case if there is one (and
	// trailing spaces, in MariaDB), and its time is text.
	Joomla25 Layout = iota
	// Joomla33 is 3.3 to 3.8: users with requireReset.
	Joomla33
	// Joomla39 is 3.9 to 3.15: the id of a session is binary, its time a
	// number.
	Joomla39
	// Joomla40 is 4.0 and 4.1: extensions with locked.
	Joomla40
	// Joomla42 is 4.2 and later: a table user_mfa.
	Joomla42
)

// String returns the version, such as "Joomla 3.3".
func (l Layout) String() string { return "Joomla " + [...]string{"2.5", "3.3", "3.9", "4.0", "4.2"}[l] }

// SessionLayouts returns the newest layout of each form of the session table.
func SessionLayouts() []Layout { return []Layout{Joomla42, Joomla33} }

// tables creates the tables that the library reads, in words that statements
// translates into a dialect. Columns have Joomla's types, and defaults for what
// recorded rows leave out.
//
//go:embed tables.sql
var tables string

// statements returns the statements that create the tables of a site.
func (d Dialect) statements(l Layout) []string {
	id, written, reset := "BYTES NOT NULL", "int NOT NULL DEFAULT 0", `"requireReset" BOOL NOT NULL DEFAULT 0, "otpKey" varchar(1000) NOT NULL DEFAULT '',`
	if l < Joomla39 {
		id, written = "IDTEXT NOT NULL", "varchar(14) DEFAULT ''"
	}
	if l < Joomla33 {
		reset = ""
	}
	locked := `"locked" BOOL NOT NULL DEFAULT 0,`
	if l < Joomla40 {
		locked = ""
	}
	text := strings.NewReplacer("SESSIONID", id, "SESSIONTIME", written, "REQUIRERESET", reset, "LOCKED", locked).Replace(tables)
	if l < Joomla42 {
		before, after, _ := strings.Cut(text, `CREATE TABLE "#__user_mfa"`)
		_, after, _ = strings.Cut(after, ";\n")
		text = before + after
	}
	words := strings.NewReplacer("BYTES", "blob", "IDTEXT", "varchar(200) COLLATE NOCASE", "SERIAL", "integer",
		"BOOL", "integer", "LONGTEXT", "text", "DATETIME", "datetime", "OPTIONS", "")
	switch d {
	case MySQL:
		words = strings.NewReplacer("BYTES", "varbinary(192)", "IDTEXT", "varchar(200)", "SERIAL", "int NOT NULL AUTO_INCREMENT",
			"BOOL", "tinyint", "LONGTEXT", "mediumtext", "DATETIME", "datetime",
			"OPTIONS", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci")
	case PostgreSQL:
		words = strings.NewReplacer("BYTES", "bytea", "IDTEXT", "varchar(200)", "SERIAL", "serial",
			"BOOL", "smallint", "LONGTEXT", "text", "DATETIME", "timestamp", "OPTIONS", "")
	}
	return strings.Split(strings.TrimSuffix(words.Replace(text), ";\n"), ";\n")
}
