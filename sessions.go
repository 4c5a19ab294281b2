package capi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/envelopejson"
)

// A Session is one row of Joomla's table #__session. It marshals to the JSON of
// the contract, where every value is a string or null, as PHP writes what MySQL
// returns. Unmarshalling also accepts numbers, as Joomla 4 and later write
// them.
//
// A Session from a table or from JSON remembers the columns that its fields
// cannot hold, such as a null user id or a time that is not a number. It
// marshals them as they were, unless the field has changed.
type Session struct {
	// ID is the session id (session_id), the value of the session's cookie.
	// Whoever knows it can take the session over.
	ID string
	// ClientID is the application that the session belongs to (client_id). It
	// is ClientNone if the column is null.
	ClientID ClientID
	// Guest reports whether nobody is logged in (guest). It is true if the
	// column is null, like the column's default.
	Guest bool
	// Time is when the session was last written (time), in seconds. It is the
	// zero time if the column is zero, empty, null or not a number.
	Time time.Time
	// Data is the content of the session as PHP serialized it (data). Nil is
	// null: the site keeps its session data outside the table.
	Data Payload
	// UserID is the user that is logged in (userid), 0 for a guest and for
	// null.
	UserID int64
	// Username is the name that the user logs in with (username), empty for a
	// guest and for null.
	Username string

	// odd are the columns that the fields cannot hold, nil if there are none.
	odd *oddColumns
}

// oddColumns are the columns of a row that the fields of a Session cannot hold.
type oddColumns struct {
	clientID oddColumn[ClientID]
	guest    oddColumn[bool]
	time     oddColumn[time.Time]
	userID   oddColumn[int64]
	username oddColumn[string]
}

// An oddColumn is a column as it is in the table. The zero value is none.
type oddColumn[T comparable] struct {
	set, null bool
	text      string
	// field is the value of the field when it was read.
	field T
}

// of reports whether c is what to write for the given value of its field.
func (c *oddColumn[T]) of(field T) bool { return c.set && c.field == field }

// oddUnless returns the oddColumn of a column, or none if the field can hold
// it.
func oddUnless[T comparable](held bool, column []byte, field T) oddColumn[T] {
	if held {
		return oddColumn[T]{}
	}
	return oddColumn[T]{set: true, null: column == nil, text: string(column), field: field}
}

// A ClientID is one of Joomla's applications, as numbered by
// Joomla\CMS\Application\ApplicationHelper. The zero value is the site.
type ClientID int64

// The applications that write sessions of users.
const (
	// ClientNone is null: the session does not belong to one application,
	// because site and administrator share it, or the site writes no session
	// metadata.
	ClientNone ClientID = -1
	// ClientSite is the public site.
	ClientSite ClientID = 0
	// ClientAdministrator is the administration.
	ClientAdministrator ClientID = 1
)

// String returns Joomla's name of the application, such as "site", "none" for
// ClientNone, and the number of an unknown one.
func (c ClientID) String() string {
	switch c {
	case ClientNone:
		return "none"
	case ClientSite:
		return "site"
	case ClientAdministrator:
		return "administrator"
	case 2:
		return "installation"
	case 3:
		return "api"
	case 4:
		return "cli"
	}
	return strconv.FormatInt(int64(c), 10)
}

// clone returns a copy of s that owns its Data.
func (s Session) clone() Session {
	s.Data = bytes.Clone(s.Data)
	return s
}

// MarshalJSON returns s in the form of the contract. Note that [encoding/json]
// also escapes <, > and &, which neither PHP nor the handler of this package
// does. The error is always nil.
func (s Session) MarshalJSON() ([]byte, error) {
	var w listWriter
	w.session(&s)
	return w.buffer, nil
}

// UnmarshalJSON reads what MarshalJSON writes, and the same object with numbers
// or booleans instead of strings. A missing member is the same as null. Times
// are in UTC. On error, s is unchanged. The error contains nothing of text.
func (s *Session) UnmarshalJSON(text []byte) error {
	if text = bytes.TrimSpace(text); string(text) == "null" {
		text = []byte("{}")
	}
	if !json.Valid(text) || text[0] != '{' {
		return errors.New("capi: reading a session: not a JSON object")
	}
	session, _, err := parseSession(text, nil)
	if err != nil {
		return fmt.Errorf("capi: reading a session: %w", err)
	}
	*s = session
	return nil
}

// parseSession reads a valid JSON object. It puts Data into buffer, which it
// grows as needed and returns.
func parseSession(object, buffer []byte) (Session, []byte, error) {
	var (
		session                                   Session
		id, clientID, guest, when, user, username []byte
		err                                       error
	)
	for name, value := range envelopejson.Members(object) {
		switch memberName(name) {
		case "session_id":
			id, err = jsonColumn(value)
		case "client_id":
			clientID, err = jsonColumn(value)
		case "guest":
			guest, err = jsonColumn(value)
		case "time":
			when, err = jsonColumn(value)
		case "data":
			session.Data = nil
			if value[0] == '"' {
				if buffer == nil {
					buffer = make([]byte, 0, len(value))
				}
				buffer = envelopejson.Unquote(buffer[:0], value)
				session.Data = buffer
			} else if string(value) != "null" {
				err = errNotText
			}
		case "userid":
			user, err = jsonColumn(value)
		case "username":
			username, err = jsonColumn(value)
		}
		if err != nil {
			return Session{}, buffer, err
		}
	}
	session.ID, session.Username = string(id), string(username)
	session.setColumns(clientID, guest, when, user, username)
	return session, buffer, nil
}

// errNotText leaves out the value, which a client may have written.
var errNotText = errors.New("neither text nor a number")

// jsonColumn returns a string, a number, a boolean or null as a column that PHP
// gets from MySQL. Null is nil.
func jsonColumn(value []byte) ([]byte, error) {
	switch value[0] {
	case '"':
		return envelopejson.Unquote(make([]byte, 0, len(value)), value), nil
	case 'n':
		return nil, nil
	case 'f':
		return []byte("0"), nil
	case 't':
		return []byte("1"), nil
	case '[', '{':
		return nil, errNotText
	default:
		return value, nil
	}
}

// memberName returns the member of a session that is called name, in any case
// as in encoding/json, or "".
func memberName(name []byte) string {
	names := [...]string{"session_id", "client_id", "guest", "time", "data", "userid", "username"}
	for _, known := range names {
		if string(name) == known {
			return known
		}
	}
	for _, known := range names {
		if strings.EqualFold(string(name), known) {
			return known
		}
	}
	return ""
}

// setColumns sets the fields of s except the texts from columns, which are nil
// for null.
func (s *Session) setColumns(clientID, guest, when, userID, username []byte) {
	id, whole := parseInteger(clientID)
	if s.ClientID = ClientID(id); !whole || id < 0 {
		s.ClientID = ClientNone
	}
	guests, known := parseInteger(guest)
	s.Guest = guests != 0 || !known
	seconds, timed := parseInteger(when)
	s.Time = unixTime(seconds)
	user, numbered := parseInteger(userID)
	s.UserID = user

	odd := oddColumns{
		clientID: oddUnless(whole && id >= 0 || clientID == nil, clientID, s.ClientID),
		guest:    oddUnless(known && (guests == 0 || guests == 1), guest, s.Guest),
		time:     oddUnless(timed && unix(s.Time) == seconds, when, s.Time),
		userID:   oddUnless(numbered, userID, s.UserID),
		username: oddUnless(username != nil, nil, s.Username),
	}
	if odd != (oddColumns{}) {
		kept := odd // Only this copy is on the heap.
		s.odd = &kept
	}
}

// parseInteger returns column as a whole number and true, or 0 and false if it
// is not one in the form that databases write.
func parseInteger(column []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(column), 10, 64)
	if err != nil {
		return 0, false
	}
	var canonical [20]byte
	if !bytes.Equal(strconv.AppendInt(canonical[:0], n, 10), column) {
		return 0, false
	}
	return n, true
}

// unix returns t in seconds since 1970, as Joomla stores it: 0 for the zero
// time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// unixTime is the inverse of unix.
func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
