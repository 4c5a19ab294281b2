package capi

import (
	"context"
	"database/sql"
	"strings"
)

// query runs a query. One with arguments is prepared once on each connection,
// where the dialect has it so: else, drivers prepare it each time, at the price
// of a round trip. A server that keeps no more statements gets it as it is,
// which is all that a driver needs that interpolates arguments.
func (s *Site) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s.dialect.keepsStatements && len(args) > 0 {
		if statement, err := s.statement(ctx, query); err == nil {
			rows, err := statement.QueryContext(ctx, args...)
			// Another connection may have to prepare it, too, and find that the
			// server has max_prepared_stmt_count of them.
			if err == nil || !strings.Contains(err.Error(), "Error 1461") {
				return rows, err
			}
		}
	}
	return s.db.QueryContext(ctx, query, args...)
}

// statement returns the prepared statement of a query. There are a few in all,
// which last as long as the database.
func (s *Site) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, ok := s.statements.Load(query); ok {
		return known.(*sql.Stmt), nil
	}
	prepared, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	known, loaded := s.statements.LoadOrStore(query, prepared)
	if loaded {
		_ = prepared.Close() // Another request was first.
	}
	return known.(*sql.Stmt), nil
}
