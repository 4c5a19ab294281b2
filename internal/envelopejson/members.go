package envelopejson

import (
	"bytes"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// Members yields the members of a valid JSON object in order, duplicates
// included: the name and the JSON of the value. A name without escapes is a
// part of object.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		at := space(object, bytes.IndexByte(object, '{')+1)
		for object[at] != '}' {
			if object[at] == ',' {
				at = space(object, at+1)
			}
			end := after(object, at)
			name := object[at+1 : end-1]
			if bytes.IndexByte(name, '\\') >= 0 {
				name = Unquote(nil, object[at:end])
			}
			at = space(object, space(object, end)+1)
			end = after(object, at)
			if !yield(name, object[at:end]) {
				return
			}
			at = space(object, end)
		}
	}
}

// space returns the end of the white space that begins at at.
func space(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r' {
		at++
	}
	return at
}

// after returns the end of the value that begins at at.
func after(text []byte, at int) int {
	depth := 0
	for {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				break
			}
			// Numbers and names have no end of their own.
			for {
				switch text[at] {
				case ',', '}', ']', ' ', '\t', '\n', '\r':
					return at
				}
				at++
			}
		}
		at++
		if depth == 0 {
			return at
		}
	}
}

// Unquote appends the text of a valid JSON string. As in encoding/json, a lone
// surrogate and each byte that is not UTF-8 become U+FFFD.
func Unquote(dst, text []byte) []byte {
	text = text[1 : len(text)-1]
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] != '\\' && text[n] < utf8.RuneSelf {
			n++
		}
		dst, text = append(dst, text[:n]...), text[n:]
		if len(text) == 0 {
			break
		}
		if text[0] != '\\' {
			r, size := utf8.DecodeRune(text)
			dst, text = utf8.AppendRune(dst, r), text[size:]
			continue
		}
		c := text[1]
		text = text[2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := unit(text)
			text = text[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
					pair = utf16.DecodeRune(r, unit(text[2:]))
				}
				if pair != utf8.RuneError {
					text = text[6:]
				}
				r = pair
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// unit returns the UTF-16 unit that four hexadecimal digits encode.
func unit(text []byte) (r rune) {
	for _, c := range text[:4] {
		digit, _ := hex(c)
		r = r<<4 | digit
	}
	return r
}

// hex returns the value of a hexadecimal digit.
func hex(c byte) (rune, bool) {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0'), true
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}
