package phpjson_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/capi-go/capi/internal/phpjson"
)

// benchmarkTexts are many texts of 2 KB, so that no branch is learnt by heart, in each of the two ways in which Joomla has
// stored sessions: as PHP's serializer writes them, where one byte in eight is escaped, and as base64 of that; and German,
// where one rune in fifteen is above ASCII.
func benchmarkTexts() map[string][][]byte {
	const size, count = 2048, 500
	texts := map[string][][]byte{}
	random := rand.NewChaCha8([32]byte{})
	german := []byte(strings.Repeat("Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. ", 40))
	for range count {
		texts["german"] = append(texts["german"], german[random.Uint64()%40:][:size])
		var serialized []byte
		for len(serialized) < size {
			serialized = fmt.Appendf(serialized, `s:22:"session.client.browser";s:39:"Mozilla/5.0 (X11; Linux x86_64) Firefox";`+
				`s:8:"registry";O:24:"Joomla\Registry\Registry":2:{s:7:"\0\0\0data";O:8:"stdClass":0:{}s:9:"separator";s:1:".";}`+
				`s:13:"session.token";s:32:"%0*x";`, random.Uint64()%40, random.Uint64())
		}
		texts["serialized"] = append(texts["serialized"], serialized[:size])
		raw := make([]byte, size)
		random.Read(raw)
		texts["base64"] = append(texts["base64"], []byte(base64.StdEncoding.EncodeToString(raw))[:size])
	}
	return texts
}

func BenchmarkAppendEscaped(b *testing.B) {
	for name, texts := range benchmarkTexts() {
		dst := make([]byte, 0, bytes.MinRead+2*phpjson.MaxEscape*len(texts[0]))
		size := int64(len(texts) * len(texts[0]))
		b.Run("text="+name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range texts {
					dst = phpjson.AppendEscaped(dst[:0], text)
				}
			}
		})
	}
}
