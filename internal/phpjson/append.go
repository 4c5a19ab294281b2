package phpjson

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxEscape is how many bytes one byte of input can become in JSON: a control character gives \u00XX.
const MaxEscape = 6

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

// AppendEscaped appends what stands between the quotes of a JSON string, as [AppendString] describes.
func AppendEscaped(dst, src []byte) []byte {
	dst = slices.Grow(dst, MaxEscape*len(src)+printableSlack)
	n, out := len(dst), dst[:cap(dst)]
	for len(src) > 0 {
		end, done := putPrintable(out[n:], src)
		n, src = n+end, src[done:]
		for len(src) > 0 && !printable(src[0]) {
			end, done = putUnprintable(out[n:], src)
			n, src = n+end, src[done:]
		}
	}
	return out[:n]
}

// putUnprintable writes the rune that src begins with, a control character or one above ASCII, to out. It returns where that
// ends in out and in src.
func putUnprintable(out, src []byte) (end, done int) {
	if c := src[0]; c < ' ' {
		if short := "\x00\x00\x00\x00\x00\x00\x00\x00btn\x00fr"; int(c) < len(short) && short[c] != 0 {
			out[0], out[1] = '\\', short[c]
			return 2, 1
		}
		return putUnit(out, rune(c)), 1
	}
	r, size := utf8.DecodeRune(src)
	if r == utf8.RuneError && size == 1 {
		size = invalid(src)
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		end = putUnit(out, high)
		r = low
	}
	return end + putUnit(out[end:], r), size
}

// putUnit writes a unit of UTF-16 to out and returns its length there.
func putUnit(out []byte, unit rune) int {
	const hex = "0123456789abcdef"
	_ = out[5]
	out[0], out[1] = '\\', 'u'
	out[2], out[3], out[4], out[5] = hex[unit>>12&0xF], hex[unit>>8&0xF], hex[unit>>4&0xF], hex[unit&0xF]
	return 6
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
