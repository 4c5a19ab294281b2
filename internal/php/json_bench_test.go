package php_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/php"
)

// benchmarkTexts are 4 KB of each of the two ways in which Joomla has stored sessions: serialized values as they are,
// where one byte in eight is escaped, and as base64.
func benchmarkTexts() map[string][]byte {
	const unit = `s:22:"session.client.browser";s:39:"Mozilla/5.0 (X11; Linux x86_64) Firefox";` +
		`s:8:"registry";O:24:"Joomla\Registry\Registry":2:{s:7:"\0\0\0data";O:8:"stdClass":0:{}s:9:"separator";s:1:".";}`
	var serialized []byte
	for len(serialized) < 4096 {
		serialized = append(serialized, unit...)
	}
	raw := make([]byte, 3072)
	rand.NewChaCha8([32]byte{}).Read(raw)
	return map[string][]byte{
		"serialized": serialized[:4096],
		"base64":     []byte(base64.StdEncoding.EncodeToString(raw)),
	}
}

func BenchmarkAppendEscaped(b *testing.B) {
	for name, text := range benchmarkTexts() {
		b.Run("text="+name, func(b *testing.B) {
			dst := make([]byte, 0, php.MaxEscape*len(text)+8)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				dst = php.AppendEscaped(dst[:0], text)
			}
		})
		b.Run("json/text="+name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			s := string(text)
			b.ReportAllocs()
			for b.Loop() {
				_, err := json.Marshal(s)
				require.NoError(b, err)
			}
		})
	}
}
