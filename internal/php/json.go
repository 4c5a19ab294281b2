package php

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxEscape is how many bytes one byte of input can become in JSON: a control character gives \u00XX.
const MaxEscape = 6

// escapes holds what each byte below 0x80, the plain ones too, becomes in a JSON string: up to six bytes in memory order,
// and their number in the last byte. It follows PHP 8.2's json_encode without options: the slash is escaped, DEL is not,
// hexadecimal digits are lower-case.
var escapes = func() (table [utf8.RuneSelf]uint64) {
	const hex = "0123456789abcdef"
	for c := range table {
		text := []byte{byte(c)}
		if c < ' ' {
			text = []byte{'\\', 'u', '0', '0', hex[c>>4], hex[c&0xF]}
		}
		if short, ok := map[int]byte{
			'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\', '/': '/',
		}[c]; ok {
			text = []byte{'\\', short}
		}
		var entry [8]byte
		copy(entry[:], text)
		entry[7] = byte(len(text))
		table[c] = binary.LittleEndian.Uint64(entry[:])
	}
	return table
}()

// AppendString appends s to dst as a JSON string, quotes included, byte for byte as PHP 8.2's json_encode writes valid
// UTF-8. An invalid sequence, which json_encode refuses, becomes \ufffd as with its JSON_INVALID_UTF8_SUBSTITUTE.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	// Strings are copied through a small block on the stack, which is cheaper than converting them to a slice.
	var block [256]byte
	for len(s) > 0 {
		n := Cut(s, len(block))
		dst = AppendEscaped(dst, block[:copy(block[:], s[:n])])
		s = s[n:]
	}
	return append(dst, '"')
}

// Cut returns how many bytes of s, at most limit (which must be 4 or more), can be escaped on their own: all of them,
// or fewer so as not to split a UTF-8 sequence.
func Cut[T string | []byte](s T, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if lead(s[n]) {
			return n
		}
	}
	return limit // No sequence is that long: the bytes are invalid however they are cut.
}

// blockSize is how many bytes AppendEscaped looks at in one go. One bit of a word stands for each.
const blockSize = 64

// A word is what is copied at once.
type word [16]byte

// A block holds blockSize bytes, and some more so that a word can be read from each of them.
type block [blockSize + len(word{})]byte

// AppendEscaped appends what stands between the quotes of a JSON string, as [AppendString] describes.
func AppendEscaped(dst, src []byte) []byte {
	// Room for the worst case, and for the words that are written beyond what counts of them.
	dst = slices.Grow(dst, MaxEscape*len(src)+len(block{}))
	n, out := len(dst), dst[:cap(dst)]
	var last block
	for len(src) > 0 {
		in := &last
		if len(src) >= len(block{}) {
			in = (*block)(src)
		} else {
			copy(last[:], src)
		}
		size := min(blockSize, len(src))
		done := 0
		for special := in.special() & (1<<size - 1); special != 0; special = special >> done << done {
			next := bits.TrailingZeros64(special)
			n = putPlain(out, n, in, done, next)
			if c := src[next]; c < utf8.RuneSelf {
				entry := escapes[c]
				binary.LittleEndian.PutUint64(out[n:], entry)
				n += int(entry >> 56)
				done = next + 1
			} else {
				var width int
				n, width = putRune(out, n, src[next:])
				done = next + width
			}
		}
		if done < size {
			n = putPlain(out, n, in, done, size)
			done = size
		}
		src = src[done:]
	}
	return out[:n]
}

// special returns a word with a bit set for each byte of b, the first one lowest, that JSON cannot hold as it is: a
// control character, a quote, a slash, a backslash or a byte above ASCII.
func (b *block) special() uint64 {
	// The factor moves the lowest bits of eight bytes side by side into the highest byte.
	const gather = 0x0102040810204080
	return specialBytes(b[0:])*gather>>56 |
		specialBytes(b[8:])*gather>>56<<8 |
		specialBytes(b[16:])*gather>>56<<16 |
		specialBytes(b[24:])*gather>>56<<24 |
		specialBytes(b[32:])*gather>>56<<32 |
		specialBytes(b[40:])*gather>>56<<40 |
		specialBytes(b[48:])*gather>>56<<48 |
		specialBytes(b[56:])*gather>>56<<56
}

// specialBytes returns a word with the lowest bit set of each of the first eight bytes of b that are special.
func specialBytes(b []byte) uint64 {
	const lowest = 0x0101010101010101
	word := binary.LittleEndian.Uint64(b)
	// With the highest bits out of the way, no sum of two bytes reaches the next one. A sum has its highest bit set
	// unless the byte is the one that it stands for, or below a space.
	low := word & (lowest * 0x7F)
	plain := (low ^ lowest*'"') + lowest*0x7F
	plain &= (low ^ lowest*'/') + lowest*0x7F
	plain &= (low ^ lowest*'\\') + lowest*0x7F
	plain &= low + lowest*(0x80-' ')
	return (^plain | word) >> 7 & lowest
}

// putPlain copies b[from:to] to out[n:], in whole words, and returns where it ends there.
func putPlain(out []byte, n int, b *block, from, to int) int {
	end := n + to - from
	// The first word is always written, since most runs are shorter and whether one is empty cannot be predicted.
	for {
		*(*word)(out[n:]) = *(*word)(b[from:])
		if n += len(word{}); n >= end {
			return end
		}
		from += len(word{})
	}
}

// putRune writes the first rune of src, which is above ASCII, to out[n:] as one or two \uXXXX, and returns where they
// end and how many bytes of src they stand for.
func putRune(out []byte, n int, src []byte) (end, size int) {
	r, size := utf8.DecodeRune(src)
	if r == utf8.RuneError && size == 1 {
		size = invalid(src)
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		n = putUnit(out, n, high)
		r = low
	}
	return putUnit(out, n, r), size
}

// invalid returns how many bytes of src, which begins with an invalid sequence, PHP replaces at once: as many as the
// first byte calls for, but none that could begin a sequence of its own.
func invalid(src []byte) int {
	size := 1
	switch c := src[0]; {
	case c >= 0xC2 && c <= 0xDF:
		size = 2
	case c >= 0xE0 && c <= 0xEF:
		size = 3
	case c >= 0xF0 && c <= 0xF4:
		size = 4
	}
	for n := 1; n < size; n++ {
		if n == len(src) || lead(src[n]) {
			return n
		}
	}
	return size
}

// lead reports whether a valid sequence may begin with c.
func lead(c byte) bool { return c < utf8.RuneSelf || c >= 0xC2 && c <= 0xF4 }

func putUnit(out []byte, n int, unit rune) int {
	const hex = "0123456789abcdef"
	u := out[n : n+6]
	u[0], u[1] = '\\', 'u'
	u[2], u[3], u[4], u[5] = hex[unit>>12&0xF], hex[unit>>8&0xF], hex[unit>>4&0xF], hex[unit&0xF]
	return n + 6
}

// AppendJSON appends the valid JSON text src to dst with its strings written as PHP's json_encode writes them.
func AppendJSON(dst, src []byte) []byte {
	for len(src) > 0 {
		switch c := src[0]; {
		case c == '\\': // An escape already: keep it, so that \/ does not become \\/.
			dst = append(dst, src[:2]...)
			src = src[2:]
		case c == '/' || c >= utf8.RuneSelf: // Both occur in strings only.
			n := 1
			if c != '/' {
				_, n = utf8.DecodeRune(src)
			}
			dst = AppendEscaped(dst, src[:n])
			src = src[n:]
		default:
			dst = append(dst, c)
			src = src[1:]
		}
	}
	return dst
}
