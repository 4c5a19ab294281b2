//go:build !purego

package phpjson

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPutPrintable compares putPrintable with putBytes, whose few lines can be read.
func TestPutPrintable(t *testing.T) {
	for c := range 1 << 8 {
		for length := range 50 {
			src := bytes.Repeat([]byte{'x'}, length)
			for i := range src {
				src[i] = byte(c)
				comparePrintable(t, src)
				src[i] = 'x'
			}
		}
	}
}

func TestPutPrintableOfAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const often = `"/\` + "\x1f\x80"
	for range 20_000 {
		src := make([]byte, random.IntN(200))
		share := random.IntN(40) + 1
		for i := range src {
			switch random.IntN(share) {
			case 0:
				src[i] = often[random.IntN(3)]
			case 1:
				src[i] = often[random.IntN(len(often))]
			default:
				src[i] = byte(random.IntN('~'-' ')) + ' '
			}
		}
		comparePrintable(t, src)
	}
}

func comparePrintable(t *testing.T, src []byte) {
	t.Helper()
	room := 2*len(src) + printableSlack
	want, got := make([]byte, room), bytes.Repeat([]byte{0xAA}, room+16)
	wantEnd, wantDone := putBytes(want, src)
	end, done := putPrintable(got[:room], src)
	if wantEnd != end || wantDone != done || !bytes.Equal(want[:end], got[:end]) {
		require.Equal(t, []any{wantEnd, wantDone, want[:wantEnd]}, []any{end, done, got[:end]}, "%q", src)
	}
	if max := end + printableSlack; bytes.Count(got[max:], []byte{0xAA}) != len(got)-max {
		require.Fail(t, "overwritten behind its slack", "%q", src)
	}
}
