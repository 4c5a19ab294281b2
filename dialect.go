package capi

import (
	"strconv"
	"strings"
)

// A dialect is everything that differs between the databases that Joomla runs
// on.
type dialect struct {
	// quote encloses an identifier.
	quote string
	// numbered reports whether placeholders are $1, $2 and so on rather than ?.
	numbered bool
	// list aggregates the values of % to one text, separated by commas.
	list string
	// listLimit is the number of bytes at which the database silently cuts such
	// a text, or NULL if it never does.
	listLimit string
	// length is the number of bytes in the column %.
	length string
	// untyped reports whether bytes never equal text of the same content.
	untyped bool
	// keepsStatements reports whether statements are kept prepared. PostgreSQL
	// drivers do that themselves, unless a pooler forbids it.
	keepsStatements bool
	// exists counts the tables called "#__%". Any account may run it; in MySQL,
	// it leaves out tables that the account may not read.
	exists string
	// characterSet looks up the character set of the connection, which must be
	// utf8. It is empty if there is only one.
	characterSet, utf8 string
}

// dialect returns the dialect of d.
func (d Database) dialect() dialect {
	switch d {
	case PostgreSQL:
		return dialect{
			quote: `"`, numbered: true,
			list: `STRING_AGG(CAST(% AS TEXT), ',')`, listLimit: "CAST(NULL AS INTEGER)",
			length:       `OCTET_LENGTH(%)`,
			exists:       `SELECT COUNT(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('"#__%"')`,
			characterSet: `SELECT pg_catalog.current_setting('client_encoding')`, utf8: "UTF8",
		}
	case SQLite:
		return dialect{
			quote: `"`, untyped: true, keepsStatements: true,
			list: `GROUP_CONCAT(%)`, listLimit: "NULL",
			length: `OCTET_LENGTH(%)`,
			exists: `SELECT COUNT(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = '#__%'`,
		}
	default:
		return dialect{
			quote: "`", keepsStatements: true,
			list: `GROUP_CONCAT(%)`, listLimit: "LEAST(@@group_concat_max_len, 4294967295)",
			length: `LENGTH(%)`,
			exists: `SELECT COUNT(*) FROM information_schema.tables` +
				` WHERE table_schema = DATABASE() AND table_name = '#__%'`,
			characterSet: `SELECT @@character_set_results`, utf8: "utf8mb4",
		}
	}
}

// sql returns query in the dialect: "name" quoted as an identifier, #__
// replaced by prefix, and ? by its placeholder.
func (d dialect) sql(query, prefix string) string {
	query = strings.NewReplacer(`"`, d.quote, "#__", prefix).Replace(query)
	if !d.numbered {
		return query
	}
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}
