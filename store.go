package capi

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math"
	"strconv"

	"github.com/capi-go/capi/internal/envelopejson"
)

// A Store reads the sessions of a site. It must be safe for concurrent use. Package storetest tests one.
//
// Sessions returns an iterator over the site's current sessions, in no particular order. Nothing is done until it is
// ranged over, and each range reads anew. A non-nil error comes with the zero Session and is the last pair; the list is
// not whole then. It ends early, with an error, when ctx does. What the range holds is released when it ends, for
// whatever reason. The Data of a Session is valid until the next one is asked for, and must not be changed; everything
// else may be kept.
type Store interface {
	Sessions(ctx context.Context) iter.Seq2[Session, error]
}

// A StoreFunc is a function that serves as a [Store].
type StoreFunc func(ctx context.Context) iter.Seq2[Session, error]

// Sessions calls f.
func (f StoreFunc) Sessions(ctx context.Context) iter.Seq2[Session, error] { return f(ctx) }

// Sessions are a [Store] of fixed rows, in their order. The slice must not be changed while it is read.
type Sessions []Session

// Sessions returns an iterator over s.
func (s Sessions) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		for _, session := range s {
			if err := ctx.Err(); err != nil {
				yield(Session{}, err)
				return
			}
			if !yield(session, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Session{}, err)
		}
	}
}

// Collect reads sessions to their end and returns them, each with Data of its own. If there is an error it is returned
// with those that came before it. It holds the whole list in memory, which the handler of this package never does.
func Collect(sessions iter.Seq2[Session, error]) ([]Session, error) {
	var list []Session
	for session, err := range sessions {
		if err != nil {
			return list, err
		}
		list = append(list, session.clone())
	}
	return list, nil
}

// A SQLStore is the [Store] of a site's own database: its table #__session, with every row that stands in it, also those
// that have expired and wait for Joomla's garbage collection, in the order of the database. It runs one query a range,
// and holds one connection and one row until the range ends.
type SQLStore struct {
	// ActiveOnly leaves out sessions that have outlived the site's lifetime. It must not be changed during use.
	ActiveOnly bool

	site        *Site
	all, active string
}

// NewSQLStore returns the Store of site. It panics if site is nil.
func NewSQLStore(site *Site) *SQLStore {
	if site == nil {
		panic("capi: nil Site")
	}
	const query = `SELECT "session_id", "client_id", "guest", "time", "data", "userid", "username" FROM "#__session"`
	return &SQLStore{site: site, all: site.sql(query), active: site.sql(query + ` WHERE "time" >= ?`)}
}

// Sessions returns an iterator over the rows of the table.
func (s *SQLStore) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		query, args, oldest := s.all, []any(nil), int64(math.MinInt64)
		if s.ActiveOnly {
			oldest = s.site.oldest()
			// As text, since that compares with the integer column of today as with the varchar of older Joomla 3.
			query, args = s.active, []any{strconv.FormatInt(oldest, 10)}
		}
		rows, err := s.site.db.QueryContext(ctx, query, args...)
		if err != nil {
			yield(Session{}, fmt.Errorf("capi: querying sessions: %w", err))
			return
		}
		defer rows.Close()
		var row sessionRow
		for rows.Next() {
			session, err := row.scan(rows)
			if err != nil {
				yield(Session{}, fmt.Errorf("capi: scanning a session: %w", err))
				return
			}
			if row.time.value < oldest { // Where time is text, the database compared it as text.
				continue
			}
			if !yield(session, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Session{}, fmt.Errorf("capi: reading sessions: %w", err))
		}
	}
}

// A sessionRow is where the rows of a query are scanned to, one after another.
type sessionRow struct {
	// id is the driver's own memory. That it is RawBytes makes database/sql keep that memory, also of the columns beside
	// it, until the next row.
	id                            sql.RawBytes
	username                      text
	clientID, guest, time, userID integer
	data                          payloadColumn
	dest                          [7]any
}

// scan returns the current row of rows. Its Data is valid until the next call of rows.Next or rows.Close.
func (r *sessionRow) scan(rows *sql.Rows) (Session, error) {
	if r.dest[0] == nil {
		r.dest = [...]any{&r.id, &r.clientID, &r.guest, &r.time, &r.data, &r.userID, &r.username}
	}
	if err := rows.Scan(r.dest[:]...); err != nil {
		return Session{}, err
	}
	return Session{
		ID:       string(r.id),
		ClientID: r.clientID.clientID(),
		// Null is what the column's own default says, which is 1.
		Guest:    r.guest.value != 0 || !r.guest.valid,
		Time:     unixTime(r.time.value),
		Data:     r.data.payload,
		UserID:   r.userID.value,
		Username: string(r.username),
	}, nil
}

// A payloadColumn takes the data column as it stands. It is no RawBytes, since that makes null of an empty text where
// the driver gives a string.
type payloadColumn struct {
	// payload is nil for null. It is the memory of the driver or of buffer, until the next row.
	payload Payload
	buffer  []byte
}

// Scan implements [sql.Scanner].
func (c *payloadColumn) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		c.payload = nil
		return nil
	case []byte:
		c.payload = src
	case string:
		c.buffer = append(c.buffer[:0], src...)
		c.payload = c.buffer
	default:
		return fmt.Errorf("not text: %T", src)
	}
	if c.payload == nil {
		c.payload = Payload{}
	}
	return nil
}

// A text is a string that arrives as bytes or as a string, by driver and column type, and is empty for null.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(value []byte) error {
	var short [256]byte
	switch {
	case value[0] == '"':
		*t = text(envelopejson.Unquote(short[:0], value))
	case string(value) == "null":
		*t = ""
	default:
		return errNotText
	}
	return nil
}

// Scan implements [sql.Scanner].
func (t *text) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*t = ""
	case []byte:
		*t = text(src)
	case string:
		*t = text(src)
	default:
		return fmt.Errorf("not text: %T", src)
	}
	return nil
}
