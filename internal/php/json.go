package php

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxExpansion is how many bytes one byte of input can become in JSON: a control character gives \u00XX.
const MaxExpansion = 6

// An escape is what a byte below 0x80 becomes in a JSON string: the low size bytes of text, in memory order.
type escape struct {
	text uint64
	size int
}

// escapes holds every ASCII byte, the plain ones too, so that writing one needs no branch. It follows PHP 8.2's
// json_encode without options: the slash is escaped, DEL is not, hexadecimal digits are lower-case.
var escapes = func() (table [utf8.RuneSelf]escape) {
	const hex = "0123456789abcdef"
	for c := range table {
		var text [8]byte
		size := copy(text[:], []byte{byte(c)})
		if c < ' ' {
			size = copy(text[:], []byte{'\\', 'u', '0', '0', hex[c>>4], hex[c&0xF]})
		}
		if short, ok := map[int]byte{
			'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\', '/': '/',
		}[c]; ok {
			size = copy(text[:], []byte{'\\', short})
		}
		table[c] = escape{binary.LittleEndian.Uint64(text[:]), size}
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

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, with the high bit of its byte, the first byte of word that JSON cannot hold as it is: a control
// character, a quote, a slash, a backslash or a byte above ASCII. Marks behind the first one may be false, since borrows
// run upwards.
func special(word uint64) uint64 {
	quote, slash, backslash := word^('"'*lows), word^('/'*lows), word^('\\'*lows)
	return ((word-' '*lows)&^word | (quote-lows)&^quote | (slash-lows)&^slash | (backslash-lows)&^backslash | word) & highs
}

// AppendEscaped appends what stands between the quotes of a JSON string, as [AppendString] describes.
func AppendEscaped(dst, src []byte) []byte {
	// Room for the worst case and for one whole word more, so that the loop below writes words without looking.
	dst = slices.Grow(dst, MaxExpansion*len(src)+8)
	n, out := len(dst), dst[:cap(dst)]
	i := 0
	for i+8 < len(src) {
		word := binary.LittleEndian.Uint64(src[i:])
		binary.LittleEndian.PutUint64(out[n:], word)
		mark := special(word)
		if mark == 0 {
			i += 8
			n += 8
			continue
		}
		plain := bits.TrailingZeros64(mark) >> 3
		i += plain
		n += plain
		if c := src[i]; c < utf8.RuneSelf {
			e := &escapes[c]
			binary.LittleEndian.PutUint64(out[n:], e.text)
			n += e.size
			i++
			continue
		}
		size := 0
		n, size = putRune(out, n, src[i:])
		i += size
	}
	for i < len(src) {
		if c := src[i]; c < utf8.RuneSelf {
			e := &escapes[c]
			binary.LittleEndian.PutUint64(out[n:], e.text)
			n += e.size
			i++
			continue
		}
		size := 0
		n, size = putRune(out, n, src[i:])
		i += size
	}
	return out[:n]
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
