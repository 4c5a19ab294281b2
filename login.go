package capi

import (
	"cmp"
	"context"
	"math"

	"github.com/capi-go/capi/internal/joomla"
)

// A sessionLogin tells who is logged in by a session, or why nobody is.
type sessionLogin struct {
	joomla.Login
	// refusal is why the session does not count, nil if it does.
	refusal error
	// version is the version of Joomla that the session was read for.
	version joomla.Version
	// account is the account of the user whom the session's row names, if any.
	account account
}

// logins returns who is logged in by sessions.
func (s *Site) logins(ctx context.Context, texts []sessionText) ([]sessionLogin, error) {
	var logins []sessionLogin
	for _, text := range texts {
		login := sessionLogin{refusal: text.refusal, version: text.format.Version, account: text.account}
		read := func(data Payload) { login.Login, login.refusal = s.readLogin(data, text.format) }
		switch {
		case text.refusal != nil:
		case text.long:
			refusal, err := s.readLong(ctx, text, read)
			if err != nil {
				return nil, err
			}
			login.refusal = cmp.Or(refusal, login.refusal)
		default:
			read(text.data)
		}
		logins = append(logins, login)
	}
	return logins, nil
}

// readLogin returns who is logged in by a session with the given data, or why
// nobody is.
func (s *Site) readLogin(data Payload, format joomla.SessionFormat) (joomla.Login, error) {
	login, err := joomla.ReadLogin(data, format)
	switch {
	case err != nil:
		return joomla.Login{}, errUnreadable
	case login.UserID <= 0:
		return joomla.Login{}, errGuest
	case login.Now < s.oldest():
		return joomla.Login{}, errExpired
	case login.UserID > math.MaxInt32:
		// The id is an int in all of Joomla's databases, and some refuse to
		// compare it with larger numbers.
		return joomla.Login{}, errNoUser
	}
	return login, nil
}
