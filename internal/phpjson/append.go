package phpjson

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// MaxEscape is how many bytes one byte of input can become: a control character
// becomes \u00xx.
const MaxEscape = 6

// AppendString appends s to dst as a JSON string, quotes included.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if len(s) <= short && plain(s) {
		return append(append(dst, s...), '"')
	}
	// Strings are copied through a small block on the stack, which is cheaper
	// than converting them to a slice.
	var block [256]byte
	for len(s) > 0 {
		n := Cut(s, len(block))
		dst = AppendEscaped(dst, block[:copy(block[:], s[:n])])
		s = s[n:]
	}
	return append(dst, '"')
}

// short is the length up to which vectors do not pay for plain strings, such as
// ids and names.
const short = 64

// plain reports whether s needs no escapes.
func plain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if singles[s[i]]>>56 != 1 {
				return false
			}
		}
		return true
	}
	for i := 0; i < len(s); i += 8 {
		i = min(i, len(s)-8) // The last word begins in the one before it.
		if special(binary.LittleEndian.Uint64([]byte(s[i:i+8]))) != 0 {
			return false
		}
	}
	return true
}

// AppendEscaped appends what belongs between the quotes of a JSON string.
func AppendEscaped(dst, src []byte) []byte {
	dst = slices.Grow(dst, MaxEscape*len(src)+slack)
	n := len(dst)
	return dst[:n+put(dst[n:cap(dst)], src)]
}

// AppendJSON appends the valid JSON text src to dst with its strings escaped
// like json_encode. It keeps existing escapes.
func AppendJSON(dst, src []byte) []byte {
	for len(src) > 0 {
		// Slashes, and bytes above ASCII, occur only in strings. A quote that
		// does not follow a backslash begins or ends a string.
		n := bytes.IndexFunc(src, func(r rune) bool { return r == '\\' || r == '/' || r >= utf8.RuneSelf })
		if n < 0 {
			return append(dst, src...)
		}
		dst, src = append(dst, src[:n]...), src[n:]
		if src[0] == '\\' {
			dst, src = append(dst, src[:2]...), src[2:]
			continue
		}
		n = 1
		for n < len(src) && src[n] >= utf8.RuneSelf {
			n++
		}
		dst, src = AppendEscaped(dst, src[:n]), src[n:]
	}
	return dst
}

// Cut returns how many bytes of s, at most limit (which must be at least 4),
// can be escaped separately without splitting a UTF-8 sequence.
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

// lead reports whether a valid sequence may begin with c.
func lead(c byte) bool { return c < utf8.RuneSelf || c >= 0xC2 && c <= 0xF4 }
