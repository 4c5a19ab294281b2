package phpjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// slack is how many bytes after the end of the output may be overwritten,
// because it is cheaper to store whole words and vectors. Every function with a
// parameter out needs room there for [MaxEscape] times the length of src, plus
// slack.
const slack = 32

// putWords writes src to out and returns the end of the output. It works a word
// at a time in ASCII, and a character at a time elsewhere.
func putWords(out, src []byte) (end int) {
	for i := 0; i < len(src); {
		if len(src)-i >= 8 {
			word := binary.LittleEndian.Uint64(src[i : i+8 : i+8])
			found := special(word)
			if found == 0 {
				binary.LittleEndian.PutUint64(out[end:end+8:end+8], word)
				i, end = i+8, end+8
				continue
			}
			if word&highs == 0 {
				// Escapes cannot be predicted, so there is no branch for each.
				for _, c := range src[i : i+8] {
					single := singles[c]
					binary.LittleEndian.PutUint64(out[end:end+8:end+8], single)
					end += int(single >> 56)
				}
				i += 8
				continue
			}
			binary.LittleEndian.PutUint64(out[end:end+8:end+8], word)
			n := bits.TrailingZeros64(found) / 8
			i, end = i+n, end+n
		}
		n, done := putRunes(out[end:], src[i:])
		i, end = i+done, end+n
	}
	return end
}

// putRunes writes characters of src until words pay again, before four bytes of
// ASCII. It writes at least one character.
func putRunes(out, src []byte) (end, done int) {
	i := 0
	for i < len(src) {
		c := src[i]
		if single := singles[c]; single != 0 {
			binary.LittleEndian.PutUint64(out[end:end+8:end+8], single)
			end += int(single >> 56)
			i++
			if len(src)-i >= 4 && binary.LittleEndian.Uint32(src[i:i+4:i+4])&uint32(highs&0xFFFFFFFF) == 0 {
				break
			}
			continue
		}
		// The sequence, first byte highest, if it is complete.
		var sequence uint32
		if len(src)-i >= 4 {
			sequence = binary.BigEndian.Uint32(src[i : i+4 : i+4])
		} else {
			for n, c := range src[i:] {
				sequence |= uint32(c) << (24 - 8*n)
			}
		}
		switch {
		case sequence&0xE0C00000 == 0xC0800000:
			unit := unit(sequence>>18&0x7C0 | sequence>>16&0x3F)
			binary.LittleEndian.PutUint64(out[end:end+8:end+8], unit)
			end, i = end+6, i+2
			continue
		case sequence&0xF0C0C000 == 0xE0808000:
			u := sequence>>12&0xF000 | sequence>>10&0xFC0 | sequence>>8&0x3F
			if u >= 0x800 && u>>11 != 0xD800>>11 {
				binary.LittleEndian.PutUint64(out[end:end+8:end+8], unit(u))
				end, i = end+6, i+3
				continue
			}
		case sequence&0xF8C0C0C0 == 0xF0808080:
			u := sequence>>6&0x1C0000 | sequence>>4&0x3F000 | sequence>>2&0xFC0 | sequence&0x3F
			if u -= 0x10000; u < 0x100000 {
				binary.LittleEndian.PutUint64(out[end:end+8:end+8], unit(0xD800+u>>10))
				binary.LittleEndian.PutUint64(out[end+6:end+14:end+14], unit(0xDC00+u&0x3FF))
				end, i = end+12, i+4
				continue
			}
		}
		binary.LittleEndian.PutUint64(out[end:end+8:end+8], unit(utf8.RuneError))
		end, i = end+6, i+invalid(src[i:])
	}
	return end, i
}

// invalid returns how many bytes of the invalid sequence at the beginning of
// src PHP replaces at once: as many as the first byte announces, but none that
// could begin another sequence.
func invalid(src []byte) int {
	size := 2
	if src[0] >= 0xF0 {
		size = 4
	} else if src[0] >= 0xE0 {
		size = 3
	}
	for n := 1; n < size; n++ {
		if n == len(src) || lead(src[n]) {
			return n
		}
	}
	return size
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// special returns a word with the highest bit set of each byte that needs an
// escape.
func special(word uint64) uint64 {
	// In seven bits, adding 0x7F carries into the eighth unless the byte is 0.
	ascii := word &^ highs
	plain := (ascii ^ '"'*ones) + 0x7F*ones
	plain &= (ascii ^ '/'*ones) + 0x7F*ones
	plain &= (ascii ^ '\\'*ones) + 0x7F*ones
	plain &= ascii + (0x80-' ')*ones
	return (word | ^plain) & highs
}

// unit returns the escape of a UTF-16 unit, first byte lowest.
func unit(u uint32) uint64 {
	return '\\' | 'u'<<8 | uint64(digits[u>>8&0xFF])<<16 | uint64(digits[u&0xFF])<<32
}

// digits has the two hexadecimal digits of each byte, first digit lowest.
var digits = func() (table [1 << 8]uint16) {
	const hex = "0123456789abcdef"
	for c := range table {
		table[c] = uint16(hex[c>>4]) | uint16(hex[c&0xF])<<8
	}
	return table
}()

// singles has the output for each byte that does not begin a sequence, first
// byte lowest, with its length in the highest byte, and 0 for bytes that begin
// one.
var singles = func() (table [1 << 8]uint64) {
	for c := range table {
		switch {
		case c < ' ':
			table[c] = unit(uint32(c)) | 6<<56
		case c < utf8.RuneSelf:
			table[c] = uint64(c) | 1<<56
		case !lead(byte(c)):
			table[c] = unit(utf8.RuneError) | 6<<56
		}
	}
	for _, short := range []string{"\bb", "\tt", "\nn", "\ff", "\rr", `""`, `//`, `\\`} {
		table[short[0]] = '\\' | uint64(short[1])<<8 | 2<<56
	}
	return table
}()
