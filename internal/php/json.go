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

// A window holds a block and what follows it, so that whole blocks can be copied from wherever a rune in it ends.
type window [2*blockSize + 8]byte

// AppendEscaped appends what stands between the quotes of a JSON string, as [AppendString] describes.
//
// What cannot be predicted is where the next byte to escape is, so that is not branched upon: whole blocks are copied,
// of which only what comes before that byte counts.
func AppendEscaped(dst, src []byte) []byte {
	dst = slices.Grow(dst, MaxEscape*len(src)+len(window{}))
	n, out := len(dst), dst[:cap(dst)]
	for len(src) >= len(window{}) {
		in := (*window)(src)
		marks := special((*[blockSize]byte)(in[:]))
		if count := bits.OnesCount64(marks); count <= 2 {
			// Most blocks of clean text. What is not there is escaped too, behind the block, but counts 0 bytes.
			first, second := bits.TrailingZeros64(marks), bits.TrailingZeros64(marks&(marks-1))
			if a, b := in[first], in[second]; a|b < utf8.RuneSelf {
				hasFirst, hasSecond := (count+1)>>1, count>>1
				putBlock(out[n:], in[:])
				n += first
				binary.LittleEndian.PutUint64(out[n:], escapes[a])
				n += int(escapes[a]>>56) * hasFirst
				putBlock(out[n:], in[first+hasFirst:])
				n += second - (first + hasFirst)
				binary.LittleEndian.PutUint64(out[n:], escapes[b])
				n += int(escapes[b]>>56) * hasSecond
				putBlock(out[n:], in[second+hasSecond:])
				n += blockSize - (second + hasSecond)
				src = src[blockSize:]
				continue
			}
		}
		var done int
		n, done = putEscaped(out, n, src, in, marks)
		src = src[done:]
	}
	var last window
	for len(src) > 0 {
		copy(last[:], src)
		marks := special((*[blockSize]byte)(last[:]))
		if len(src) < blockSize {
			marks &= 1<<len(src) - 1
		}
		var done int
		n, done = putEscaped(out, n, src, &last, marks)
		src = src[done:]
	}
	return out[:n]
}

// putEscaped writes the first block of src, which in begins with and whose special bytes marks has, to out[n:], up to
// the end of its last rune. It returns where that is in out and in src.
func putEscaped(out []byte, n int, src []byte, in *window, marks uint64) (end, done int) {
	putBlock(out[n:], in[:])
	copied := blockSize
	for marks != 0 {
		next := bits.TrailingZeros64(marks)
		if next > copied {
			putBlock(out[n:], in[done:])
		}
		n += next - done
		if c := in[next]; c < utf8.RuneSelf {
			binary.LittleEndian.PutUint64(out[n:], escapes[c])
			n += int(escapes[c] >> 56)
			done = next + 1
			marks &= marks - 1
		} else {
			var size int
			n, size = putRune(out, n, src[next:])
			done = next + size
			marks = marks >> done << done
		}
		// Where there are many, few bytes are between them.
		*(*[16]byte)(out[n:]) = *(*[16]byte)(in[done:])
		copied = done + 16
	}
	size := min(blockSize, len(src))
	if size <= done {
		return n, done
	}
	if size > copied {
		putBlock(out[n:], in[done:])
	}
	return n + size - done, size
}

// putBlock copies a block from in to out, which do not overlap. The compiler would call for a general copy of 64 bytes;
// it writes those of 16 in line.
func putBlock(out, in []byte) {
	to, from := (*[blockSize]byte)(out), (*[blockSize]byte)(in)
	*(*[16]byte)(to[0:]) = *(*[16]byte)(from[0:])
	*(*[16]byte)(to[16:]) = *(*[16]byte)(from[16:])
	*(*[16]byte)(to[32:]) = *(*[16]byte)(from[32:])
	*(*[16]byte)(to[48:]) = *(*[16]byte)(from[48:])
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
