package phpconfig

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// singleQuoted reads a string in single quotes.
func (l *lexer) singleQuoted(t token) (token, error) {
	var decoded []byte
	for i := t.offset + 1; i < len(l.source); i++ {
		c := l.source[i]
		if c == '\'' {
			l.offset = i + 1
			t.kind, t.text = text, string(decoded)
			return t, nil
		}
		if c == '\\' && i+1 < len(l.source) && (l.source[i+1] == '\\' || l.source[i+1] == '\'') {
			i++
			c = l.source[i]
		}
		decoded = append(decoded, c)
	}
	return token{}, l.fail(t.offset, "unterminated string")
}

// doubleQuoted reads a string in double quotes, or the beginning of a template.
func (l *lexer) doubleQuoted(t token) (token, error) {
	var decoded []byte
	for i := t.offset + 1; i < len(l.source); {
		c, rest := l.source[i], l.source[i+1:]
		switch {
		case c == '"':
			l.offset = i + 1
			t.kind, t.text = text, string(decoded)
			return t, nil
		case c == '\\':
			var length int
			decoded, length = appendEscape(decoded, rest)
			if length < 0 {
				return token{}, l.fail(i, "malformed \\u escape")
			}
			i += 1 + length
			continue
		case c == '$' && rest != "" && (isNameStart(rest[0]) || rest[0] == '{'),
			c == '{' && rest != "" && rest[0] == '$':
			return l.openTemplate(t, template{kind: quoted, label: `"`}, i-t.offset)
		}
		decoded = append(decoded, c)
		i++
	}
	return token{}, l.fail(t.offset, "unterminated string")
}

// appendEscape appends the value of the escape sequence whose backslash is
// followed by rest, and returns how many bytes of rest belong to it, or a
// negative number if it is malformed. A backslash that begins no sequence
// stands for itself.
func appendEscape(decoded []byte, rest string) ([]byte, int) {
	if rest == "" {
		return decoded, 0
	}
	switch c := rest[0]; c {
	case 'n':
		return append(decoded, '\n'), 1
	case 't':
		return append(decoded, '\t'), 1
	case 'r':
		return append(decoded, '\r'), 1
	case 'v':
		return append(decoded, '\v'), 1
	case 'e':
		return append(decoded, 0x1b), 1
	case 'f':
		return append(decoded, '\f'), 1
	case '\\', '$', '"':
		return append(decoded, c), 1
	case 'x', 'X':
		if n := digits(rest[1:min(3, len(rest))], 16); n > 0 {
			value, _ := strconv.ParseUint(rest[1:1+n], 16, 8)
			return append(decoded, byte(value)), 1 + n
		}
	case 'u':
		if strings.HasPrefix(rest, "u{") {
			n := digits(rest[2:], 16)
			value, err := strconv.ParseUint(rest[2:2+n], 16, 32)
			if err != nil || value > utf8.MaxRune || len(rest) == 2+n || rest[2+n] != '}' {
				return decoded, -1
			}
			return appendRune(decoded, rune(value)), 2 + n + 1
		}
	default:
		if n := digits(rest[:min(3, len(rest))], 8); n > 0 {
			value, _ := strconv.ParseUint(rest[:n], 8, 16)
			return append(decoded, byte(value)), n // PHP drops bits beyond a byte.
		}
	}
	return append(decoded, '\\', rest[0]), 1
}

// appendRune appends r as UTF-8, even a surrogate, as PHP does.
func appendRune(decoded []byte, r rune) []byte {
	if r >= 0xd800 && r <= 0xdfff {
		return append(decoded, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(decoded, r)
}

// digits returns how many leading bytes of s are digits of the base.
func digits(s string, base int) int {
	for i := range len(s) {
		if digit(s[i]) >= base {
			return i
		}
	}
	return len(s)
}

// digit returns the value of a digit of any base up to 16, or 16 for anything
// else.
func digit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 16
}
