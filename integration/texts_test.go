package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// textKinds returns what makes the data of a session, by kind of text: the
// payloads, serialized text of German words, words of each language, and random
// bytes. The names are in the order of the result.
func textKinds(tb testing.TB) (names []string, kinds map[string]func(random *rand.ChaCha8) string) {
	tb.Helper()
	var languages map[string][]string
	text, err := os.ReadFile("../internal/phpjson/testdata/words.json")
	require.NoError(tb, err)
	require.NoError(tb, json.Unmarshal(text, &languages))

	kinds = maps.Clone(payloads)
	for language, words := range languages {
		separator := " "
		if language == "chinese" || language == "japanese" {
			separator = ""
		}
		kinds[language] = func(random *rand.ChaCha8) string {
			var b strings.Builder
			for b.Len() < payloadSize {
				b.WriteString(words[random.Uint64()%uint64(len(words))] + separator)
			}
			return b.String()
		}
	}
	kinds["serialized-accents"] = func(random *rand.ChaCha8) string {
		var b strings.Builder
		for german := languages["german"]; b.Len() < payloadSize; {
			title := strings.Join([]string{german[random.Uint64()%uint64(len(german))], german[random.Uint64()%uint64(len(german))]}, " ")
			fmt.Fprintf(&b, `s:5:"title";s:%d:"%s";s:9:"published";i:%d;`, len(title), title, random.Uint64()%2)
		}
		return b.String()
	}
	kinds["random"] = func(random *rand.ChaCha8) string {
		raw := make([]byte, payloadSize)
		random.Read(raw)
		return string(raw)
	}
	return slices.Sorted(maps.Keys(kinds)), kinds
}
