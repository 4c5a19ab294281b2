package phpjson

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPut compares put with putWords, and checks that both stay within their
// room.
func TestPut(t *testing.T) {
	for c := range 1 << 8 {
		for length := range 50 {
			src := bytes.Repeat([]byte{'x'}, length)
			for i := range src {
				src[i] = byte(c)
				comparePut(t, src)
				src[i] = 'x'
			}
		}
	}
}

func TestPutOfAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	often := []string{`"`, "/", `\`, "\x1f", "ß", "ü", "Ж", "日", "한", "ｱ", "😀", "\U0010ffff", "\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\x98", "\xff"}
	for range 50_000 {
		var src []byte
		length, share, kinds := random.IntN(200), random.IntN(40)+1, random.IntN(len(often))+1
		for len(src) < length {
			if random.IntN(share) == 0 {
				src = append(src, often[len(often)-1-random.IntN(kinds)]...)
			} else if share < 20 {
				src = append(src, often[random.IntN(kinds)]...)
			} else {
				src = append(src, byte(random.IntN('~'-' '))+' ')
			}
		}
		comparePut(t, src)
	}
}

func comparePut(t *testing.T, src []byte) {
	t.Helper()
	room := MaxEscape*len(src) + slack
	guarded := func(put func(out, src []byte) int) []byte {
		out := bytes.Repeat([]byte{0xAA}, room+64)
		end := put(out[:room:room], src)
		if behind := out[end+slack:]; bytes.Count(behind, []byte{0xAA}) != len(behind) {
			require.Fail(t, "overwritten behind its slack", "%q", src)
		}
		return out[:end]
	}
	if want, got := guarded(putWords), guarded(put); !bytes.Equal(want, got) {
		require.Equal(t, string(want), string(got), "%q", src)
	}
}
