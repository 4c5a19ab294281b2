package joomla

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/capi-go/capi/internal/phpserial"
)

// A coding is how a string encodes the text that it holds.
type coding uint8

const (
	plain      coding = iota // byte for byte
	phpEscapes               // S: strings
	nulEscapes               // every \0\0\0 is NUL * NUL
	jsonString               // JSON's escapes
)

func codingOf(c phpserial.Coding) coding {
	switch c {
	case phpserial.Escaped:
		return phpEscapes
	case phpserial.EscapedNUL:
		return nulEscapes
	default:
		return plain
	}
}

// minNested is the length of the shortest text to search, {"":""}.
const minNested = 7

// nested masks the text in the string at s of a layer. If the text is
// ambiguous, it overwrites the string.
func (m *masker) nested(level int, s phpserial.Span) {
	l := &m.layers[level]
	if s.End-s.Start < minNested || !mayOpen[l.from[s.Start]] {
		return
	}
	if !m.inside(level, s.Start, s.End, codingOf(s.Coding)) {
		l.overwrite(s)
	}
}

// mayOpen has the first bytes of strings to search: those of JSON and of
// serialized values, of what may precede these, and of escapes.
var mayOpen = [256]bool{
	'{': true, '[': true, '"': true, 'a': true, 'O': true, 's': true, 'S': true, 'C': true, '\\': true,
	' ': true, '\t': true, '\n': true, '\v': true, '\f': true, '\r': true, 0: true, 0xef: true,
}

// inside masks the text in the string from start to end of a layer. It reports
// false if the string must be overwritten.
func (m *masker) inside(level, start, end int, c coding) bool {
	l, in := &m.layers[level], &m.layers[level+1]
	raw := l.from[start:end]
	if c0, c1 := raw[0], raw[1]; c0 >= 'A' && c0 != '{' && c0 != '[' && c0 < utf8.RuneSelf && c0 != '\\' && c1 != ':' && c1 != '\\' {
		return true // The usual text.
	}
	text, starts := raw, []int(nil)
	if c != plain && bytes.IndexByte(raw, '\\') >= 0 {
		in.plain, in.starts = unescape(in.plain[:0], in.starts[:0], raw, c)
		text, starts = in.plain, in.starts
	}
	before := len(text) - len(bytes.TrimLeft(text, anySpace))
	for bytes.HasPrefix(text[before:], []byte(byteOrderMark)) {
		before += len(byteOrderMark)
		before += len(text) - before - len(bytes.TrimLeft(text[before:], anySpace))
	}
	after := len(bytes.TrimRight(text, anySpace))
	if after-before < minNested {
		return true
	}
	in.from, in.to, in.escaped = text[before:after], nil, false
	switch opening(in.from) {
	case opensJSON:
		if level == m.last {
			return false
		}
		if !json.Valid(in.from) {
			// Prose may begin with a bracket. Text without the name of a
			// secret, and without escapes that could hide one, has no secret.
			return bytes.IndexByte(in.from, '\\') < 0 && !m.names.match(in.from)
		}
		m.json(level + 1)
	case opensSerialized:
		if level == m.last || !m.serialized(level+1, false) {
			return false
		}
	default:
		return true
	}
	if in.to != nil {
		to := l.target()[start:end]
		if starts == nil {
			copy(to[before:], in.to)
		} else {
			rewrite(to, in.from, in.to, starts[before:], c)
		}
	}
	return true
}

const byteOrderMark = "\ufeff"

type opens uint8

const (
	opensNothing opens = iota
	opensJSON
	opensSerialized
)

// opening returns what the beginning of a text looks like.
func opening(text []byte) opens {
	switch text[0] {
	case '{', '[', '"':
		return opensJSON
	case 'a', 'O', 's', 'S', 'C':
		if text[1] == ':' && '0' <= text[2] && text[2] <= '9' {
			return opensSerialized
		}
	}
	return opensNothing
}

// unescape appends to dst the bytes that raw encodes, and to starts the offset
// in raw of each of these bytes, and at the end the length of raw.
func unescape(dst []byte, starts []int, raw []byte, c coding) ([]byte, []int) {
	for i := 0; i < len(raw); {
		n, had := 1, len(dst)
		switch {
		case raw[i] != '\\':
			dst = append(dst, raw[i])
		case c == phpEscapes:
			n = 3
			dst = append(dst, hexDigit(raw[i+1])<<4|hexDigit(raw[i+2]))
		case c == nulEscapes:
			if bytes.HasPrefix(raw[i:], escapedNUL) {
				n = len(escapedNUL)
				dst = append(dst, 0, '*', 0)
			} else {
				dst = append(dst, '\\')
			}
		default:
			dst, n = unescapeJSON(dst, raw[i:])
		}
		for range dst[had:] {
			starts = append(starts, i)
		}
		i += n
	}
	return dst, append(starts, len(raw))
}

// unescapeJSON appends to dst what the escape at the start of raw, part of a
// valid JSON string, encodes, and returns the length of the escape.
func unescapeJSON(dst, raw []byte) ([]byte, int) {
	switch raw[1] {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		c := unit(raw[2:])
		if utf16.IsSurrogate(c) && len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
			if pair := utf16.DecodeRune(c, unit(raw[8:])); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), 12
			}
		}
		return utf8.AppendRune(dst, c), 6
	default:
		return append(dst, raw[1]), 2
	}
}

// unit returns the number in four hexadecimal digits.
func unit(digits []byte) rune {
	var n rune
	for _, c := range digits[:4] {
		n = n<<4 | rune(hexDigit(c))
	}
	return n
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// rewrite changes to, a string whose content is from, so that its content is
// masked, which has the same length. See unescape for starts. An escape keeps
// its length and encodes as many bytes as before, so it may become a character
// other than an asterisk.
func rewrite(to, from, masked []byte, starts []int, c coding) {
	for i := 0; i < len(from); {
		j := i + 1
		for j < len(from) && starts[j] == starts[i] {
			j++
		}
		if escape := to[starts[i]:starts[j]]; !bytes.Equal(from[i:j], masked[i:j]) {
			replace(escape, masked[i:j], c)
		}
		i = j
	}
}

// replace writes an escape of the same length that encodes masked, or another
// character of the same length.
func replace(escape, masked []byte, c coding) {
	const digits = "0123456789abcdef"
	switch {
	case len(escape) == 1:
		escape[0] = masked[0]
	case c == nulEscapes: // See layer.overwrite.
	case c == phpEscapes:
		escape[1], escape[2] = digits[masked[0]>>4], digits[masked[0]&15]
	case len(escape) == 2:
		escape[1] = '/'
	case len(masked) == 1:
		copy(escape, `\u00`)
		escape[4], escape[5] = digits[masked[0]>>4], digits[masked[0]&15]
	case len(masked) == 2:
		copy(escape, `\u00b7`)
	case len(masked) == 3:
		copy(escape, `\u2022`)
	default:
		copy(escape, `\ud83d\udd12`)
	}
}
