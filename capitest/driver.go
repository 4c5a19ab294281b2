package capitest

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// A connector connects to the tables of a site.
type connector struct{ site *Site }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	return connection(c), ctx.Err()
}

func (c connector) Driver() driver.Driver { return nil }

// A connection answers queries, and nothing else.
type connection struct{ site *Site }

var errReadOnly = errors.New("capitest: the database of a Site answers queries only")

func (c connection) Begin() (driver.Tx, error) { return nil, errReadOnly }
func (c connection) Close() error              { return nil }

func (c connection) Prepare(query string) (driver.Stmt, error) {
	return statement{c, query}, nil
}

// QueryContext implements [driver.QueryerContext].
func (c connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, err := c.site.run(query, args)
	if err != nil {
		return nil, err
	}
	return &rows{table: found, ctx: ctx}, nil
}

// A statement is a query that is evaluated anew each time.
type statement struct {
	connection
	query string
}

func (s statement) Close() error                               { return nil }
func (s statement) NumInput() int                              { return -1 }
func (s statement) Exec([]driver.Value) (driver.Result, error) { return nil, errReadOnly }
func (s statement) Query([]driver.Value) (driver.Rows, error) {
	return nil, errors.New("capitest: a query without a context")
}

// QueryContext implements [driver.StmtQueryContext].
func (s statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.connection.QueryContext(ctx, s.query, args)
}

// rows are the rows that a query found.
type rows struct {
	*table
	ctx context.Context
}

func (r *rows) Columns() []string { return r.columns }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if len(r.rows) == 0 {
		return io.EOF
	}
	for i, value := range r.rows[0] {
		if text, ok := value.(string); ok { // As Go's driver for MySQL returns it.
			value = []byte(text)
		}
		dest[i] = value
	}
	r.rows = r.rows[1:]
	return nil
}
