package php

import "encoding/binary"

// specialWords returns a word with a bit set for each byte of b, the first one lowest, that JSON cannot hold as it is: a
// control character, a quote, a slash, a backslash or a byte above ASCII.
func specialWords(b *[blockSize]byte) (special uint64) {
	const lowest = 0x0101010101010101
	for i := 0; i < blockSize; i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		// With the highest bits out of the way, no sum of two bytes reaches the next one. A sum has its highest bit set
		// unless the byte is the one that it stands for, or below a space.
		low := word & (lowest * 0x7F)
		plain := (low ^ lowest*'"') + lowest*0x7F
		plain &= (low ^ lowest*'/') + lowest*0x7F
		plain &= (low ^ lowest*'\\') + lowest*0x7F
		plain &= low + lowest*(0x80-' ')
		// The factor moves the lowest bits of eight bytes side by side into the highest byte.
		special |= (^plain | word) >> 7 & lowest * 0x0102040810204080 >> 56 << i
	}
	return special
}
