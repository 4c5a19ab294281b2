package joomla

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"testing"
)

// FuzzParseAPIToken checks that only tokens that Joomla could have made are
// accepted, and that no made-up token verifies.
func FuzzParseAPIToken(f *testing.F) {
	encode := base64.StdEncoding.EncodeToString
	f.Add(encode([]byte("sha256:7:" + strings.Repeat("0", 64))))
	f.Add(encode([]byte("sha512:2147483647:" + strings.Repeat("f", 128))))
	f.Add(encode([]byte("sha1:7:" + strings.Repeat("0", 40))))
	f.Add(encode([]byte("sha256:7abc:" + strings.Repeat("0", 64))))
	f.Add("%%%not-base64%%%")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := ParseAPIToken(text)
		if !ok {
			return
		}
		if token.UserID < 1 || token.UserID > math.MaxInt32 {
			t.Fatalf("user %d", token.UserID)
		}
		algorithm := map[int]string{64: "sha256", 128: "sha512"}[len(token.mac)]
		if algorithm == "" || hex.EncodedLen(token.hash().Size()) != len(token.mac) {
			t.Fatalf("a mac of %d digits", len(token.mac))
		}
		again := algorithm + ":" + strconv.FormatInt(token.UserID, 10) + ":" + string(token.mac)
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil || string(decoded) != again {
			t.Fatalf("%q is accepted as %q", text, again)
		}
		if token.Verify("secret", encode([]byte("seed"))) || token.Verify("", "") {
			t.Fatal("a made-up token is verified")
		}
	})
}
