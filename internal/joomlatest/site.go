package joomlatest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Site is a Joomla site for one test, in tables with their own prefix.
type Site struct {
	*Recording
	DB      *sql.DB
	Dialect Dialect
	Layout  Layout
	Prefix  string
}

// NewSite creates the tables of a site and fills them with the recording. The
// end of the test drops them.
func NewSite(t testing.TB, db *sql.DB, d Dialect, l Layout, recording *Recording) *Site {
	t.Helper()
	s := &Site{Recording: recording, DB: db, Dialect: d, Layout: l, Prefix: "capi" + strings.ToLower(rand.Text()[:10]) + "_"}
	for _, statement := range d.statements(l) {
		s.Exec(t, statement)
		if !strings.HasPrefix(statement, "CREATE") {
			continue
		}
		table := strings.Split(statement, `"`)[1]
		t.Cleanup(func() {
			if _, err := db.Exec(s.SQL(`DROP TABLE "` + table + `"`)); err != nil {
				t.Logf("dropping a table: %v", err)
			}
		})
		name := strings.TrimPrefix(table, "#__")
		s.Insert(t, name, recording.Tables[name]...)
	}
	return s
}

// SQL returns query for the site's tables, in its dialect (see
// [Dialect.Rewrite]).
func (s *Site) SQL(query string) string { return s.Dialect.Rewrite(query, s.Prefix) }

// Exec runs a statement, written as for SQL.
func (s *Site) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB.ExecContext(context.Background(), s.SQL(statement), args...); err != nil {
		t.Fatalf("%.200s: %v", statement, err)
	}
}

// Insert adds rows to a table. Successive rows with the same columns share a
// statement.
func (s *Site) Insert(t testing.TB, table string, rows ...Row) {
	t.Helper()
	const most = 50 // A statement for MariaDB has at most 16 MiB, and a session in tests 128 KiB.
	for len(rows) > 0 {
		columns := s.columns(table, rows[0])
		n := 1
		for n < min(len(rows), most) && slices.Equal(s.columns(table, rows[n]), columns) {
			n++
		}
		var args []any
		for _, row := range rows[:n] {
			for _, column := range columns {
				args = append(args, s.value(column, row[column]))
			}
		}
		tuple := "(" + strings.Repeat("?,", len(columns)-1) + "?)"
		s.Exec(t, fmt.Sprintf(`INSERT INTO "#__%s" ("%s") VALUES %s`, table, strings.Join(columns, `","`),
			strings.Repeat(tuple+",", n-1)+tuple), args...)
		rows = rows[n:]
	}
}

// columns returns the columns of a row, without those that the layout lacks.
func (s *Site) columns(table string, row Row) []string {
	columns := slices.Sorted(maps.Keys(row))
	if table == "users" && s.Layout < Joomla33 {
		columns = slices.DeleteFunc(columns, func(column string) bool { return column == "requireReset" })
	}
	return columns
}

// value returns a value in the type of its column.
func (s *Site) value(column string, value any) any {
	switch value := value.(type) {
	case string:
		if column == "session_id" && s.Layout >= Joomla39 {
			return []byte(value)
		}
	case int:
		if s.Dialect == PostgreSQL {
			return strconv.Itoa(value) // pgx takes text for every type, but no number for text.
		}
	}
	return value
}

// CookieOf returns the header of a request with the user's recorded cookie of
// the site's frontend.
func (r *Recording) CookieOf(t testing.TB, username string) http.Header {
	t.Helper()
	for _, session := range r.Sessions {
		if session.Username == username && session.ClientID == 0 {
			return http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
		}
	}
	t.Fatalf("%s has no session", username)
	return nil
}
