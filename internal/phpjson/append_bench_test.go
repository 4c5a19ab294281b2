package phpjson_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpjson"
)

// benchmarkTexts returns many texts of 2 KB of each kind, too many for the
// branch predictor to learn: words of a language, sessions as PHP serializes
// them and as base64 of that, and random bytes.
func benchmarkTexts(tb testing.TB) map[string][][]byte {
	tb.Helper()
	const size, count = 2048, 500
	var words map[string][]string
	text, err := os.ReadFile("testdata/words.json")
	require.NoError(tb, err)
	require.NoError(tb, json.Unmarshal(text, &words))

	source := rand.NewChaCha8([32]byte{})
	random := rand.New(source)
	texts := map[string][][]byte{}
	for range count {
		for language, words := range words {
			var text []byte
			for len(text) < size {
				text = append(text, words[random.IntN(len(words))]...)
				if language != "chinese" && language != "japanese" {
					text = append(text, ' ')
				}
			}
			texts[language] = append(texts[language], text)
		}
		var serialized []byte
		for len(serialized) < size {
			serialized = fmt.Appendf(serialized, `s:22:"session.client.browser";s:39:"Mozilla/5.0 (X11; Linux x86_64) Firefox";`+
				`s:8:"registry";O:24:"Joomla\Registry\Registry":2:{s:7:"\0\0\0data";O:8:"stdClass":0:{}s:9:"separator";s:1:".";}`+
				`s:13:"session.token";s:32:"%0*x";`, random.IntN(40), random.Uint64())
		}
		texts["serialized"] = append(texts["serialized"], serialized[:size])
		raw := make([]byte, size)
		source.Read(raw)
		texts["random"] = append(texts["random"], raw)
		texts["base64"] = append(texts["base64"], []byte(base64.StdEncoding.EncodeToString(raw))[:size])
	}
	return texts
}

func BenchmarkAppendEscaped(b *testing.B) {
	texts := benchmarkTexts(b)
	for _, kind := range slices.Sorted(maps.Keys(texts)) {
		b.Run("text="+kind, func(b *testing.B) {
			var dst []byte
			size := 0
			for _, text := range texts[kind] {
				dst = phpjson.AppendEscaped(dst[:0], text)
				size += len(text)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range texts[kind] {
					dst = phpjson.AppendEscaped(dst[:0], text)
				}
			}
		})
	}
}
