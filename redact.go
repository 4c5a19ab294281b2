package capi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/capi-go/capi/internal/joomla"
)

// A Redaction changes a [Session] before it is sent: it returns what is to be sent instead. It must not write to the
// memory of s.Data, which belongs to the store and may be valid only until the next row; what it returns may be s.Data,
// a part of it, or memory of its own. It must be safe for concurrent use. A nil Redaction, where one is taken, changes
// nothing.
type Redaction func(s Session) Session

// OmitData returns a Redaction that leaves Data out, so that it is sent as null.
//
// It protects everything that a session holds. It does not protect the session's ID, with which the session can be
// taken over: see [PseudonymizeIDs].
func OmitData() Redaction {
	return func(s Session) Session {
		s.Data = nil
		return s
	}
}

// PseudonymizeIDs returns a Redaction that replaces a session's ID by a keyed hash of it: HMAC-SHA256 in 64 lower-case
// hexadecimal digits. The same ID and key always give the same pseudonym, so that lists can be compared over time. The
// key must have at least 16 bytes, best 32 from crypto/rand; fewer are an error. It is copied.
//
// It protects from taking a session over with what the list shows, and from finding out whether a known ID is in it,
// as long as the key is secret. It does not hide who is logged in, nor that two rows of different times are the same
// session. It does not look for the ID in Data: combine it with [MaskSecrets] or [OmitData], whose reach it adds to.
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

// MaskSecrets returns a Redaction that overwrites the secrets in Data in place: a new Data of the same length that
// decodes to the same shape. Characters of strings become asterisks, digits of numbers 0; true, false, null and names
// stay. Data that cannot be decoded is left out, as is the rare Data in which it cannot be told what is secret: text
// that decodes both with and without the masking of Joomla 3.4.6, and references that lead from secret to secret
// more than eight times backwards.
//
// A value is secret if it, or anything that it is inside of, has a name that contains one of these, in any case and
// whatever stands between their letters other than letters and digits: password, passwd, passphrase, passcode, pwd,
// token, secret, hash, salt, nonce, csrf, otp, otep, twofactor, apikey, accesskey, authkey, privatekey, activation,
// backupcode, recoverycode, securitycode, verificationcode, emailcode, credential, authorization, bearer, jwt,
// sessionid, downloadid, downloadkey, dlid; or that ends in pass or auth. So are values that a secret one refers to. That
// covers Joomla's own secrets, wherever an extension nests them: password hashes, form and API tokens, otpKey and otep,
// activation codes, and the passwords of a configuration form. A harmless value with such a name is masked too.
//
// Strings are searched where they hold JSON or another serialized value, up to three levels deep. The body of an object
// with a serialization of its own cannot be searched, and is overwritten whole.
//
// It does not protect a secret under a name that says nothing ("key", "0", "note"), in the middle of a text, inside
// other encodings (base64 within the session, XML, encrypted text), or used as a name itself. It does not hide personal
// data: names, e-mail addresses, browsers, what somebody typed into a form. The lengths of secrets stay visible. For all
// of these, use [OmitData]. It leaves the session's ID alone: see [PseudonymizeIDs].
func MaskSecrets() Redaction {
	masker := joomla.NewMasker()
	return func(s Session) Session {
		s.Data = masker.Mask(s.Data)
		return s
	}
}
