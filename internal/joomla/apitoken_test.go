package joomla_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

// apiToken returns the API token of user 7 as Joomla shows it.
func apiToken(algorithm, secret, seed string) string {
	hashes := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha1": sha1.New, "md5": md5.New}
	mac := hmac.New(hashes[algorithm], []byte(secret))
	mac.Write([]byte(seed))
	return encoded(algorithm + ":7:" + hex.EncodeToString(mac.Sum(nil)))
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestParseAPIToken(t *testing.T) {
	good := apiToken("sha256", "secret", "seed")
	for _, text := range []string{good, strings.TrimRight(good, "="), good + "=", apiToken("sha512", "secret", "seed")} {
		token, ok := joomla.ParseAPIToken(text)
		require.True(t, ok, text)
		assert.Equal(t, int64(7), token.UserID)
		assert.True(t, token.Verify("secret", encoded("seed")))
	}
}

func TestParseAPITokenRefuses(t *testing.T) {
	mac := strings.Repeat("0", 64)
	texts := []string{
		"", "%%%not-base64%%%", "-_-_", encoded("{}") + "." + encoded("{}") + ".x",
		apiToken("sha1", "secret", "seed"), apiToken("md5", "secret", "seed"),
		apiToken("sha256", "secret", "seed") + strings.Repeat("=", 1<<20),
	}
	for _, text := range []string{
		"SHA256:7:" + mac, "sha256:7", "sha256:7:" + mac + ":", "sha256:7:", "sha256:7:" + mac[1:], "sha256:7:" + mac + "0", "sha512:7:" + mac,
		"sha256:7:A" + mac[1:], "sha256:7:g" + mac[1:], "sha256:7abc:" + mac, "sha256:7 OR 1=1:" + mac, "sha256: 7:" + mac, "sha256:07:" + mac,
		"sha256:+7:" + mac, "sha256:0:" + mac, "sha256:-7:" + mac, "sha256::" + mac, "sha256:2147483648:" + mac, "sha256:99999999999999999999:" + mac,
	} {
		texts = append(texts, encoded(text))
	}
	for _, text := range texts {
		_, ok := joomla.ParseAPIToken(text)
		assert.False(t, ok, text)
	}
}

// A user who never made a token has no seed, which must not act as a seed that
// everybody knows. To PHP's empty(), "0" is none.
func TestAPITokenVerify(t *testing.T) {
	tests := map[string]struct {
		made, secret, stored string // the seed of the token, and the arguments of Verify
		want                 bool
	}{
		"good":                {"seed", "secret", encoded("seed"), true},
		"another seed":        {"seed", "secret", encoded("other"), false},
		"another secret":      {"seed", "other", encoded("seed"), false},
		"no secret":           {"seed", "", encoded("seed"), false},
		"seed is no base64":   {"seed", "secret", "seed-hush", false},
		"no seed":             {"", "secret", "", false},
		"no seed but padding": {"", "secret", "====", false},
		"empty to PHP":        {"0", "secret", encoded("0"), false},
		"not empty to PHP":    {"00", "secret", encoded("00"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			made := "secret"
			if test.secret == "" {
				made = ""
			}
			token, ok := joomla.ParseAPIToken(apiToken("sha256", made, test.made))
			require.True(t, ok)
			assert.Equal(t, test.want, token.Verify(test.secret, test.stored))
		})
	}
}
