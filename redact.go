package capi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/capi-go/capi/internal/joomla"
)

// A Redaction changes a [Session] before it is sent: it returns what is to be
// sent instead. A Redaction
//
//   - must not write to the memory of s.Data, which belongs to the store and
//     may be valid only until the next row;
//   - may return as Data s.Data itself, a part of it, or memory of its own;
//   - must be safe for concurrent use.
//
// A nil Redaction, where one is taken, changes nothing.
type Redaction func(s Session) Session

// OmitData returns a Redaction that leaves Data out, so that it is sent as
// null.
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

// PseudonymizeIDs returns a Redaction that replaces a session's ID by a keyed
// hash of it: HMAC-SHA256 in 64 lower-case hexadecimal digits. The same ID and
// key always give the same pseudonym, so that lists can be compared over time.
// The key must have at least 16 bytes, best 32 from crypto/rand; fewer are an
// error. It is copied.
//
// It protects from taking a session over with what the list shows, and from
// finding out whether a known ID is in it, as long as the key is secret. It
// does not hide who is logged in, nor that two rows of different times are the
// same session. It does not look for the ID in Data: combine it with
// [MaskSecrets] or [OmitData].
func PseudonymizeIDs(key []byte) (Redaction, error) {
	if len(key) < 16 {
		return nil, errors.New("capi: key for pseudonyms is shorter than 16 bytes")
	}
	key = slices.Clone(key)
	return func(s Session) Session {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s.ID))
		s.ID = hex.EncodeToString(mac.Sum(nil))
		return s
	}, nil
}

// MaskSecrets returns a Redaction that overwrites the secrets in Data in place:
// a new Data of the same length that decodes to the same shape. In Data,
//
//   - the characters of secret strings become asterisks, and the digits of
//     secret numbers 0, or 1 in JSON; true, false, null, enums and names stay;
//   - a character that JSON writes as an escape, in a text that itself is in a
//     JSON string, becomes another character that an escape of that length can
//     encode;
//   - the body of an object with a serialization of its own, which cannot be
//     searched, is overwritten whole;
//   - everything else stays as it is.
//
// Data that cannot be decoded is left out. So is Data in which it cannot be
// told what is secret: text that decodes both with and without the escaped NUL
// bytes of Joomla 3.4.6, a Registry by reference, or references that lead from
// secret to secret more than eight times backwards. PHP writes none of these of
// itself.
//
// A value is secret if it, or anything that it is inside of, has a secret's
// name, or if a secret refers to it. A name is a secret's, in any case and
// whatever is between its letters other than letters and digits, if
//
//   - it contains one of names;
//   - it contains a word for a password or its hash, such as password, passwd,
//     passwort, passkey, pwd, hash or salt, or ends in pass or pw (pass2 and
//     pass_confirm too);
//   - it contains token, csrf, nonce, signature, authorization, bearer, jwt or
//     credential, or ends in auth;
//   - it contains otp, otep, twofactor, webauthn, or the name of a one-time
//     code, such as backupcode, emailcode or securitycode, or has the word pin;
//   - it contains activation or the name of another code that lets somebody in;
//   - it contains secret, or the name of a key, such as apikey, privatekey,
//     encryptionkey, licensekey, downloadid or dlid;
//   - it contains sessionid, or has the word sid;
//   - it contains oauth, pkce, codeverifier or another name of what clients of
//     single sign-on keep;
//   - it contains the name of a number or code of a card or an account, such as
//     creditcard, ccnumber, cvv or iban.
//
// That covers Joomla's own secrets, wherever an extension nests them: password
// hashes, form and API tokens, otpKey and otep, keys of second factors,
// activation codes, and the passwords of a configuration form. A harmless value
// with such a name is masked too. Of names, letters and digits count, in any
// case; one without is ignored.
//
// Strings are searched where they hold JSON or a serialized value, and so are
// the strings in these, in any order and up to four levels deep: JSON after
// white space or a byte order mark, and a JSON text that is a quoted string,
// too. A string is overwritten whole if it
//
//   - begins like JSON or a serialized value and is more than four levels deep;
//   - begins like a serialized value and is none, or has too many references;
//   - begins like JSON and is none, and contains a secret's name or a
//     backslash.
//
// It does not protect a secret under a name that says nothing ("key", "0",
// "note"), in the middle of a text, inside other encodings (base64 within the
// session, XML, encrypted text), or used as a name itself. It does not hide
// personal data: names, e-mail addresses, browsers, what somebody typed into a
// form. The lengths of secrets stay visible. For all of these, use [OmitData].
// It leaves the session's ID alone: see [PseudonymizeIDs].
func MaskSecrets(names ...string) Redaction {
	masker := joomla.NewMasker(names...)
	return func(s Session) Session {
		s.Data = masker.Mask(s.Data)
		return s
	}
}
