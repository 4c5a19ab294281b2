package capi

import (
	"bytes"
	"context"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// A session of up to shortText bytes is read at once. A visitor can store up to
// longText bytes, the size of the column data. A site reads at most longBudget
// bytes of such long sessions at a time.
const (
	shortText  = 64 << 10
	longText   = 1<<24 - 1
	longBudget = 1 << 24
)

// longMark replaces long data in the query. It is not the text of a session, so
// a session that holds it gets the same answer in another way.
const longMark = "long"

// A sessionText is a session whose id a request sent.
type sessionText struct {
	id string
	// data is what the session holds, or nil if it is long.
	data Payload
	long bool
	// length is the length of long data, if known.
	length int
	// format is how the site's version of Joomla reads it.
	format joomla.SessionFormat
	// refusal is why the session does not count, nil if it does.
	refusal error
	// account is the account of the user whom the row names, if any.
	account account
}

// sessionTexts returns the sessions of ids that exist.
func (a *SessionAuthorizer) sessionTexts(ctx context.Context, ids []string) ([]sessionText, error) {
	if a.site.dataInTable() {
		return a.tableTexts(ctx, ids)
	}
	return a.site.dataTexts(ctx, ids)
}

// tableQuery returns a query for the sessions of n ids, and the accounts of the
// users whom their rows name.
func (s *Site) tableQuery(n int) accountQuery {
	return s.accountQuery(
		`"#__session" AS s LEFT JOIN "#__users" AS u ON u."id" = s."userid"`,
		`s."session_id" IN (`+strings.Repeat("?, ", n*len(s.appendID(nil, ""))-1)+"?)",
		`s."session_id"`, `s."time"`,
		fmt.Sprintf(`CASE WHEN %s > %d THEN '%s' ELSE s."data" END`,
			strings.Replace(s.dialect.length, "%", `s."data"`, 1), shortText, longMark))
}

// appendID appends the arguments that stand for the id of a session. SQLite
// never finds bytes equal to text, so it gets both.
func (s *Site) appendID(args []any, id string) []any {
	if s.dialect.untyped {
		args = append(args, []byte(id))
	}
	return append(args, id)
}

// tableTexts returns the sessions of ids in the table.
func (a *SessionAuthorizer) tableTexts(ctx context.Context, ids []string) ([]sessionText, error) {
	var args []any
	for _, id := range ids {
		args = a.site.appendID(args, id)
	}
	rows, err := a.site.accounts(ctx, a.sessions[len(ids)-1], args...)
	if err != nil {
		return nil, err
	}
	var texts []sessionText
	for _, row := range rows {
		id, time, data := row.columns[0], row.columns[1].integer(), row.columns[2]
		known := 0
		for _, sent := range ids {
			// If the column is text, the collation by which the database
			// compared may ignore case and trailing spaces.
			known |= subtle.ConstantTimeCompare([]byte(sent), id)
		}
		if known == 0 {
			continue
		}
		text := sessionText{
			id: string(id), data: Payload(data), account: row.account,
			format: joomla.SessionFormat{Version: row.version, PHPSerialize: a.site.serialize, Table: true},
		}
		doubled := 0
		for _, other := range rows {
			if bytes.Equal(other.columns[0], id) {
				doubled++
			}
		}
		switch {
		case doubled > 1: // This table or #__users has lost its primary key.
			text.refusal = errDoubled
		case !time.valid || time.value < a.site.oldest():
			text.refusal = errExpired
		case data == nil:
			text.refusal = errNoData
		case string(data) == longMark:
			text.data, text.long = nil, true
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// dataTexts returns the sessions of ids in the site's SessionData.
func (s *Site) dataTexts(ctx context.Context, ids []string) ([]sessionText, error) {
	version, err := s.version(ctx)
	if err != nil {
		return nil, err
	}
	payloads, lengths, err := payloadsUpTo(ctx, s.dataOf(version), ids, shortText)
	if err != nil {
		return nil, err
	}
	var texts []sessionText
	for i, id := range ids {
		if payloads[i] == nil && lengths[i] == 0 {
			continue
		}
		texts = append(texts, sessionText{
			id: id, data: payloads[i], long: lengths[i] > 0, length: lengths[i],
			format: joomla.SessionFormat{Version: version, PHPSerialize: s.serialize},
		})
	}
	return texts, nil
}

// longQueries returns the queries for the length of a session's data, and for
// the data itself, which is null if it has more bytes than given.
func (s *Site) longQueries() (length, data string) {
	of := strings.Replace(s.dialect.length, "%", `"data"`, 1)
	from := ` FROM "#__session" WHERE "session_id" IN (` + strings.Repeat("?, ", len(s.appendID(nil, ""))-1) + `?)`
	return s.sql(`SELECT ` + of + from), s.sql(`SELECT CASE WHEN ` + of + ` <= ? THEN "data" END` + from)
}

// readLong calls read with the data of a long session, once the site's budget
// has room for it. It returns a refusal if the session is gone or too long.
func (s *Site) readLong(ctx context.Context, t sessionText, read func(Payload)) (refusal, err error) {
	lengthQuery, dataQuery := s.longQueries()
	if t.format.Table {
		lengths, err := s.column(ctx, lengthQuery, s.appendID(nil, t.id)...)
		if err != nil {
			return nil, err
		}
		if len(lengths) != 1 || lengths[0] == nil {
			return errUnknownSession, nil
		}
		t.length = int(min(lengths[0].integer().value, longText+1))
	}
	if t.length > longText {
		return errTooLong, nil
	}
	// The session may grow while this waits.
	t.length = min(t.length+shortText, longText)
	if err := s.long.acquire(ctx, t.length); err != nil {
		return nil, err
	}
	defer s.long.release(t.length)
	// The driver and the decoding have taken several times the length. Free it
	// before the next text comes, not whenever the collector runs.
	defer runtime.GC()
	if !t.format.Table {
		payloads, _, err := payloadsUpTo(ctx, s.dataOf(t.format.Version), []string{t.id}, t.length)
		if err != nil {
			return nil, err
		}
		if payloads[0] == nil { // It has grown or is gone.
			return errUnknownSession, nil
		}
		read(payloads[0])
		return nil, nil
	}
	rows, err := s.query(ctx, dataQuery, s.appendID([]any{t.length}, t.id)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var data rowColumn
	if rows.Next() {
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if data.text == nil {
		return errUnknownSession, nil
	}
	read(data.text)
	return nil, nil
}
