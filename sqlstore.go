package capi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
)

// A SQLStore is the [Store] of a site's own database. It lists the rows of
// #__session as they are in the table, in the order of the database, including
// expired ones that await Joomla's garbage collection. Each range runs one
// query, and holds one connection and one row until it ends. So a query inside
// the loop needs a second connection, and if [database/sql.DB.SetMaxOpenConns]
// is 1, waits for it until its context ends. A SQLStore is safe for concurrent
// use. The zero value has no site, so its ranges fail.
//
// If the site keeps session data outside its database, Data is null in the
// table. With a [SiteOptions.SessionData], the store fills it in, a few hundred
// rows at a time; it stays nil for a session that no longer exists. If such a
// site also has [SiteConfig.SessionMetadataOff], the table has no rows, and the
// list is empty.
type SQLStore struct {
	site       *Site
	activeOnly bool
	omitData   bool
	// users are the arguments of each query: none for a single one, or the ids
	// of users.
	users       [][]any
	all, active string
}

// SQLStoreOptions are the optional settings of a [SQLStore]. The zero value
// lists every row.
type SQLStoreOptions struct {
	// ActiveOnly leaves out sessions that have outlived the site's lifetime
	// and, if the site keeps session data outside its database, those whose
	// data is gone.
	ActiveOnly bool
	// Users are the ids of the users whose sessions to list, with one query for
	// every 128 of them, by Joomla's index on the column userid. Nil lists
	// everybody's sessions, an empty slice nobody's. A session belongs to a
	// user by its row only: if the site has [SiteConfig.SessionMetadataOff],
	// rows name nobody, and the list is empty.
	Users []int64
	// OmitData does not read the column data, nor session data outside the
	// database: Data is nil. Such a list takes a fraction of the time. A
	// session counts as active by its row only.
	OmitData bool

	_ struct{} // Options are written with names.
}

// NewSQLStore calls [SQLStoreOptions.NewSQLStore] with the zero
// SQLStoreOptions.
func NewSQLStore(site *Site) *SQLStore { return SQLStoreOptions{}.NewSQLStore(site) }

// NewSQLStore returns the Store of site. It panics if site is nil or the zero
// Site.
func (o SQLStoreOptions) NewSQLStore(site *Site) *SQLStore {
	mustSite(site)
	data := `"data"`
	if o.OmitData {
		data = `NULL`
	}
	s := &SQLStore{site: site, activeOnly: o.ActiveOnly, omitData: o.OmitData, users: [][]any{nil}}
	query := `SELECT "session_id", "client_id", "guest", "time", ` + data + `, "userid", "username" FROM "#__session"`
	all, active := query, query+` WHERE "time" >= ?`
	if o.Users != nil {
		ids, list := userIDs(o.Users), usersList()
		s.users = slices.Collect(argsOfUsers(ids))
		if len(ids) == 1 {
			s.users, list = [][]any{{ids[0]}}, `(?)`
		}
		all = query + ` WHERE "userid" IN ` + list
		active = all + ` AND "time" >= ?`
	}
	s.all, s.active = site.sql(all), site.sql(active)
	return s
}

// Sessions returns an iterator over the rows of the table. See [Store].
func (s *SQLStore) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	if s.site == nil {
		return func(yield func(Session, error) bool) { yield(Session{}, errors.New("capi: SQLStore without a site")) }
	}
	if s.site.data != nil && !s.site.dataInTable() && !s.omitData {
		// A session with data is live, whatever its time in the table, which
		// Joomla 3.x does not update.
		return s.site.fill(ctx, s.rows(ctx, false), s.activeOnly)
	}
	return s.rows(ctx, s.activeOnly)
}

// rows returns an iterator over the rows of the table.
func (s *SQLStore) rows(ctx context.Context, activeOnly bool) iter.Seq2[Session, error] {
	if len(s.users) == 1 {
		return s.rowsOf(ctx, s.users[0], activeOnly)
	}
	return func(yield func(Session, error) bool) {
		for _, users := range s.users {
			for session, err := range s.rowsOf(ctx, users, activeOnly) {
				if !yield(session, err) || err != nil {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Session{}, fmt.Errorf("capi: reading sessions: %w", err))
		}
	}
}

// rowsOf returns an iterator over the rows of users, or of everybody if users
// is empty.
func (s *SQLStore) rowsOf(ctx context.Context, users []any, activeOnly bool) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		query, args, oldest := s.all, slices.Clip(users), int64(math.MinInt64)
		if activeOnly {
			oldest = s.site.oldest()
			// Cutoffs below 1e9 sort wrongly as text, and PostgreSQL's int4 has
			// no larger ones than MaxInt32; the check below handles both.
			if oldest >= 1e9 {
				// Text compares with the integer column, and with the varchar
				// of older versions of Joomla 3.
				query, args = s.active, append(args, strconv.FormatInt(min(oldest, math.MaxInt32), 10))
			}
		}
		rows, err := s.site.query(ctx, query, args...)
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
			// If the column is text, the database compared text.
			if oldest != math.MinInt64 && unix(session.Time) < oldest {
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

// A sessionRow is what the rows of a query are scanned to, one after another.
type sessionRow struct {
	// id is RawBytes so that database/sql keeps the driver's buffer, which the
	// other columns share, valid until the next row.
	id                                            sql.RawBytes
	clientID, guest, time, data, userID, username rowColumn
	dest                                          [7]any
	// texts are the texts that the Session owns.
	texts []byte
}

// scan returns the current row of rows. Its Data is valid until the next call
// of rows.Next or rows.Close.
func (r *sessionRow) scan(rows *result) (Session, error) {
	if r.dest[0] == nil {
		r.dest = [...]any{&r.id, &r.clientID, &r.guest, &r.time, &r.data, &r.userID, &r.username}
	}
	if err := rows.Scan(r.dest[:]...); err != nil {
		return Session{}, err
	}
	// One allocation for both texts, since there are many rows.
	r.texts = append(append(r.texts[:0], r.id...), r.username.text...)
	texts := string(r.texts)
	session := Session{ID: texts[:len(r.id)], Data: r.data.text, Username: texts[len(r.id):]}
	session.setColumns(r.clientID.text, r.guest.text, r.time.text, r.userID.text, r.username.text)
	return session, nil
}
