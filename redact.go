package capi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/capi-go/capi/internal/joomla"
)

// A Redaction changes a [Session] before it is sent: it returns the Session to
// send instead. A Redaction
//
//   - must not write to the memory of s.Data, which belongs to the store and
//     may be valid only until the next row;
//   - may return s.Data itself, a part of it, or new memory as Data;
//   - must be safe for concurrent use.
//
// A nil Redaction changes nothing.
type Redaction func(s Session) Session

// OmitData returns a Redaction that removes Data, so that it is sent as null.
//
// It protects everything that a session holds. It does not protect the
// session's ID, with which the session can be taken over: see
// [PseudonymizeIDs].
func OmitData() Redaction {
	return func(s Session) Session {
		s.Data = nil
		return s
	}
}

// PseudonymizeIDs returns a Redaction that replaces a session's ID with a keyed
// hash of it: HMAC-SHA256 in 64 lower-case hexadecimal digits. The same ID and
// key always give the same pseudonym, so that lists can be compared over time.
// The key should be 32 bytes from crypto/rand; fewer than 16 bytes are an
// error. It is copied.
//
// While the key is secret, nobody can take over a session with what the list
// shows, or find out whether a known ID is in it. PseudonymizeIDs does not hide
// who is logged in, nor that rows of two lists are the same session. It does
// not look for the ID in Data: combine it with [MaskSecrets] or [OmitData].
func PseudonymizeIDs(key []byte) (Redaction, error) {
	if len(key) < 16 {
		return nil, errors.New("capi: key for PseudonymizeIDs is shorter than 16 bytes")
	}
	key = slices.Clone(key)
	return func(s Session) Session {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s.ID))
		s.ID = hex.EncodeToString(mac.Sum(nil))
		return s
	}, nil
}

// MaskSecrets returns a Redaction that overwrites the secrets in Data: the new
// Data has the same length and decodes to the same shape. In Data,
//
//   - the characters of secret strings become asterisks, and the digits of
//     secret numbers 0, or 1 in JSON; true, false, null, enums and names stay;
//   - a character that JSON writes as an escape, in a text inside a JSON
//     string, becomes another character with an escape of the same length;
//   - the body of an object with custom serialization, which cannot be
//     searched, is overwritten completely;
//   - everything else stays as it is.
//
// Data that cannot be decoded is removed. So is ambiguous Data, which PHP does
// not write by itself: text that decodes both with and without the escaped NUL
// bytes of Joomla 3.4.6, a Registry by reference, or references that lead
// backwards from secret to secret more than eight times.
//
// A value is secret if it, or anything that contains it, has the name of a
// secret, or if a secret refers to it. Names are compared by their letters and
// digits, in any case and without accents. A name is that of a secret if
//
//   - it contains one of names;
//   - it contains a word for a password or its hash, such as password, passwd,
//     passkey, pwd, hash or salt, or ends in pass or pw (pass2 and
//     pass_confirm too);
//   - it contains a word for a password in another language, such as passwort,
//     motdepasse, contraseña, wachtwoord, пароль, şifre or 密码, or has the word
//     mdp, senha, parola, hasło or heslo;
//   - it contains token, csrf, nonce, signature, authorization, bearer, jwt or
//     credential, or ends in auth;
//   - it contains otp, otep, twofactor, webauthn, or the name of a one-time
//     code, such as backupcode, emailcode or securitycode, or has the word pin;
//   - it contains captcha or securimage;
//   - it contains activation or the name of another code that lets somebody in;
//   - it contains secret, or the name of a key, such as apikey, privatekey,
//     encryptionkey, licensekey, downloadid or dlid;
//   - it contains sessionid, or has the word sid;
//   - it contains oauth, pkce, codeverifier, fbcode or another name of what
//     clients of single sign-on keep, or the name of a ticket or a cookie of
//     theirs, such as serviceticket or servicecookie, or has the word pgt;
//   - it contains the name of a number or code of a card or an account, such as
//     creditcard, ccnumber, cvv or iban.
//
// That covers Joomla's own secrets, wherever an extension nests them: password
// hashes, form and API tokens, otpKey and otep, keys of second factors,
// activation codes, and the passwords of a configuration form. A harmless value
// with such a name is masked too. Of names, one without letters and digits is
// ignored.
//
// Strings that hold JSON or a serialized value are searched, and so are the
// strings in these, in any order and up to four levels deep. This includes JSON
// after white space or a byte order mark, and JSON that is a quoted string. A
// string is overwritten completely if it
//
//   - begins like JSON or a serialized value, and is more than four levels
//     deep;
//   - begins like a serialized value, and is malformed or has too many
//     references;
//   - begins like JSON, is malformed, and contains the name of a secret or a
//     backslash.
//
// It does not protect secrets with meaningless names ("key", "0", "note"), in
// the middle of a text, in other encodings (base64 within the session, XML,
// encrypted text), or used as names. It does not hide personal data, such as
// names, e-mail addresses, browsers and what somebody typed into a form, nor
// the lengths of secrets. For all of these, use [OmitData]. It does not change
// the session's ID: see [PseudonymizeIDs].
func MaskSecrets(names ...string) Redaction {
	masker := joomla.NewMasker(names...)
	return func(s Session) Session {
		s.Data = masker.Mask(s.Data)
		return s
	}
}
