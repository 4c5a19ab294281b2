package joomla

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// An APIToken is a parsed Joomla API token. Make one with [ParseAPIToken].
type APIToken struct {
	UserID int64

	hash func() hash.Hash
	mac  []byte // in hexadecimal
}

// maxAPIToken is larger than the longest API token in base64.
const maxAPIToken = 256

// ParseAPIToken parses a token as Joomla shows it to its user:
// algorithm:userid:hmac in base64, with or without padding. It accepts the same
// algorithms as Joomla's plugin api-authentication/token, sha256 and sha512.
func ParseAPIToken(text string) (APIToken, bool) {
	if text == "" || len(text) > maxAPIToken {
		return APIToken{}, false
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return APIToken{}, false
	}
	parts := strings.Split(string(decoded), ":")
	if len(parts) != 3 {
		return APIToken{}, false
	}
	var token APIToken
	switch parts[0] {
	case "sha256":
		token.hash = sha256.New
	case "sha512":
		token.hash = sha512.New
	default:
		return APIToken{}, false
	}
	// The id is an int in all of Joomla's databases, and some refuse to compare
	// it with larger numbers.
	token.UserID, err = strconv.ParseInt(parts[1], 10, 32)
	if err != nil || token.UserID <= 0 || strconv.FormatInt(token.UserID, 10) != parts[1] {
		return APIToken{}, false
	}
	token.mac = []byte(parts[2])
	if len(token.mac) != hex.EncodedLen(token.hash().Size()) || strings.Trim(parts[2], "0123456789abcdef") != "" {
		return APIToken{}, false
	}
	return token, true
}

// Verify reports whether t is the HMAC of the user's seed, the base64 text in
// the profile (joomlatoken.token), under the site's secret. It refuses the seed
// "0", which is empty to PHP's empty().
func (t APIToken) Verify(secret, seed string) bool {
	decoded, err := base64.StdEncoding.DecodeString(seed)
	if err != nil || len(decoded) == 0 || string(decoded) == "0" || secret == "" {
		return false
	}
	mac := hmac.New(t.hash, []byte(secret))
	mac.Write(decoded)
	return hmac.Equal(hex.AppendEncode(nil, mac.Sum(nil)), t.mac)
}
