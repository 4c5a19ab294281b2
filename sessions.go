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

// A Session is one row of Joomla's table #__session. It marshals to the JSON of the contract, where every value is a
// string or null, as PHP writes what MySQL returns; unmarshalled, numbers are taken too, as Joomla 4 and later write
// them.
type Session struct {
	// ID is the session id (session_id), the value of the session's cookie. Whoever knows it can take the session over.
	ID string
	// ClientID is the application that the session belongs to (client_id).
	// It is ClientNone where the column is null.
	ClientID ClientID
	// Guest says that nobody is logged in (guest).
	Guest bool
	// Time is when the session was last written (time), in whole seconds. The zero time stands for a column that is
	// zero, empty or null.
	Time time.Time
	// Data is what the session holds, as PHP serialized it (data). Nil stands for null: the site keeps its session
	// data outside the table.
	Data Payload
	// UserID is the user that is logged in (userid), 0 for a guest.
	UserID int64
	// Username is the name that the user logs in with (username), empty for a guest.
	Username string
}

// A ClientID is one of Joomla's applications, as numbered by
// Joomla\CMS\Application\ApplicationHelper. The zero value is the site.
type ClientID int64

// The applications that write sessions of users.
const (
	// ClientNone stands for null: the session belongs to no one application, as
	// where site and administrator share one session, or where the site writes
	// no session metadata.
	ClientNone ClientID = -1
	// ClientSite is the public site.
	ClientSite ClientID = 0
	// ClientAdministrator is the administration.
	ClientAdministrator ClientID = 1
)

// String returns Joomla's name of the application, such as "site", "none" for
// ClientNone, and the number of any other.
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

// MarshalJSON returns s as the contract has it. Note that [encoding/json] goes on to escape <, > and & in it, which
// neither PHP nor the handler of this package does.
func (s Session) MarshalJSON() ([]byte, error) {
	var w listWriter
	w.session(&s)
	return w.buffer, nil
}

// UnmarshalJSON reads what MarshalJSON writes, and the same object with numbers or booleans in place of strings. A
// missing member counts as null: [ClientNone], nil Data, and otherwise the zero value. Times are in UTC.
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

// parseSession reads a valid JSON object. Data is in buffer, which is returned
// grown as needed.
func parseSession(object, buffer []byte) (Session, []byte, error) {
	var (
		session                       = Session{ClientID: ClientNone}
		clientID, guest, time, userID integer
		username, id                  text
		err                           error
	)
	for name, value := range envelopejson.Members(object) {
		switch memberName(name) {
		case "session_id":
			err = id.UnmarshalJSON(value)
		case "client_id":
			err = clientID.UnmarshalJSON(value)
		case "guest":
			err = guest.UnmarshalJSON(value)
		case "time":
			err = time.UnmarshalJSON(value)
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
			err = userID.UnmarshalJSON(value)
		case "username":
			err = username.UnmarshalJSON(value)
		}
		if err != nil {
			return Session{}, buffer, err
		}
	}
	session.ID, session.Username = string(id), string(username)
	session.ClientID = clientID.clientID()
	session.Guest = guest.value != 0
	session.Time = unixTime(time.value)
	session.UserID = userID.value
	return session, buffer, nil
}

// memberName returns the member of a session that name is, in any case as for
// encoding/json, or "".
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

// unix returns t in seconds since 1970, as Joomla stores it: 0 for the zero time.
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

// errNotInteger says nothing of the value, which may be anything that a client wrote.
var errNotInteger = errors.New("not a whole number")

// errNotText says as little.
var errNotText = errors.New("not text")

// An integer is a whole number that arrives as a number or as text, by driver, column type and Joomla version.
type integer struct {
	value int64
	valid bool // false for null and for no text at all
}

func (n *integer) parse(text string) error {
	if text == "" {
		*n = integer{}
		return nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errNotInteger
	}
	*n = integer{value: value, valid: true}
	return nil
}

func (n integer) clientID() ClientID {
	if !n.valid {
		return ClientNone
	}
	return ClientID(n.value)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *integer) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "null":
		return n.parse("")
	case "false":
		return n.parse("0")
	case "true":
		return n.parse("1")
	}
	return n.parse(string(bytes.Trim(text, `"`)))
}

// Scan implements [sql.Scanner].
func (n *integer) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		return n.parse("")
	case int64:
		*n = integer{value: src, valid: true}
		return nil
	case []byte:
		return n.parse(string(src))
	case string:
		return n.parse(src)
	case bool:
		*n = integer{valid: true}
		if src {
			n.value = 1
		}
		return nil
	}
	return fmt.Errorf("%w: %T", errNotInteger, src)
}
