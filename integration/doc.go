// Package integration tests the capi library against real MariaDB, PostgreSQL and SQLite, with tables of Joomla's own
// column types, and measures it over their real drivers. It holds no code of its own, and is a module of its own, so that
// no driver reaches those who import the library.
package integration
