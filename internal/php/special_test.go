package php

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestSpecial(t *testing.T) {
	for c := range 256 {
		want := c < ' ' || c == '"' || c == '/' || c == '\\' || c >= utf8.RuneSelf
		for i := range blockSize {
			var block [blockSize]byte
			for j := range block {
				block[j] = 'x'
			}
			block[i] = byte(c)
			bit := uint64(0)
			if want {
				bit = 1 << i
			}
			require.Equal(t, bit, special(&block), "%q at %d", c, i)
			require.Equal(t, bit, specialWords(&block), "%q at %d", c, i)
		}
	}
}

func TestSpecialOfAnything(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	var block [blockSize]byte
	for range 10_000 {
		random.Read(block[:])
		require.Equal(t, specialWords(&block), special(&block), "%q", block)
	}
}
