package phpjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrRefused reports a text for which json_decode returns an error. Errors that
// wrap it say why and where, and quote nothing of the text.
var ErrRefused = errors.New("phpjson: text that json_decode refuses")

// maxDepth is how deeply arrays and objects may nest. json_decode counts the
// innermost value, even a missing one, as a level of its depth of 512.
const maxDepth = 511

// Decode returns what PHP 8.2 makes of text by json_decode($text, true):
//
//   - null is nil; true and false are bool, all of them in lower case only.
//   - A number without fraction and exponent is an int64, and -0 is 0. If that
//     overflows, or for any other number, it is a float64, which may be
//     infinite.
//   - A list is []any, and never nil.
//   - An object is map[string]any, and never nil. Of duplicate keys, the last
//     counts.
//
// PHP decodes both to an array. As its keys, "8" and 8 are the same; "08",
// "8.0", "+8", " 8" and "-0" are strings and differ, as they do here.
//
// Anything but one value, with JSON white space around it, is an error: an
// empty text, a trailing comma, a byte order mark, arrays and objects nested
// more than 511 deep, and in strings control characters below U+0020, bytes
// that are not UTF-8, and escapes of lone surrogates. The error wraps
// [ErrRefused].
//
// Decode takes linear time. It is safe for concurrent use.
func Decode(text string) (any, error) {
	d := decoder{text: text}
	value, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.peek() != 0 || d.at < len(text) {
		return nil, d.refuse("more than one value")
	}
	return value, nil
}

// A decoder reads text, from the byte at.
type decoder struct {
	text string
	at   int
}

func (d *decoder) refuse(reason string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrRefused, reason, d.at)
}

// peek skips white space and returns the byte after it, or 0 at the end.
func (d *decoder) peek() byte {
	for ; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// value reads a value inside depth arrays and objects.
func (d *decoder) value(depth int) (any, error) {
	switch c := d.peek(); {
	case c == '"':
		return d.string()
	case c == '-' || isDigit(c):
		return d.number()
	case c == '[' || c == '{':
		if depth == maxDepth {
			return nil, d.refuse("too deep")
		}
		d.at++
		if c == '[' {
			return d.list(depth + 1)
		}
		return d.object(depth + 1)
	}
	for _, literal := range literals {
		if strings.HasPrefix(d.text[d.at:], literal.text) {
			d.at += len(literal.text)
			return literal.value, nil
		}
	}
	return nil, d.refuse("no value")
}

var literals = [...]struct {
	text  string
	value any
}{{"null", nil}, {"true", true}, {"false", false}}

// list reads a list after its bracket.
func (d *decoder) list(depth int) (any, error) {
	list := []any{}
	if d.peek() == ']' {
		d.at++
		return list, nil
	}
	for {
		value, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		more, err := d.more(']')
		if err != nil {
			return nil, err
		}
		if !more {
			return list, nil
		}
	}
}

// object reads an object after its brace.
func (d *decoder) object(depth int) (any, error) {
	object := map[string]any{}
	if d.peek() == '}' {
		d.at++
		return object, nil
	}
	for {
		if d.peek() != '"' {
			return nil, d.refuse("no key")
		}
		key, err := d.string()
		if err != nil {
			return nil, err
		}
		if d.peek() != ':' {
			return nil, d.refuse("no colon")
		}
		d.at++
		if object[key], err = d.value(depth); err != nil {
			return nil, err
		}
		more, err := d.more('}')
		if err != nil {
			return nil, err
		}
		if !more {
			return object, nil
		}
	}
}

// more reads a comma, or the byte that ends a list or an object.
func (d *decoder) more(end byte) (bool, error) {
	c := d.peek()
	if c != ',' && c != end {
		return false, d.refuse("no comma")
	}
	d.at++
	return c == ',', nil
}

// string reads a string from its first quote.
func (d *decoder) string() (string, error) {
	d.at++
	start := d.at
	var unescaped []byte
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			text := d.text[start:d.at]
			d.at++
			if unescaped != nil {
				text = string(append(unescaped, text...))
			}
			return text, nil
		case c == '\\':
			unescaped = append(unescaped, d.text[start:d.at]...)
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			unescaped = utf8.AppendRune(unescaped, r)
			start = d.at
		case c < ' ':
			return "", d.refuse("control character")
		case c < utf8.RuneSelf:
			d.at++
		default:
			r, size := utf8.DecodeRuneInString(d.text[d.at:])
			if r == utf8.RuneError && size == 1 {
				return "", d.refuse("invalid UTF-8")
			}
			d.at += size
		}
	}
	return "", d.refuse("unfinished string")
}

// escape reads an escape from its backslash.
func (d *decoder) escape() (rune, error) {
	rest := d.text[d.at+1:]
	if rest == "" {
		return 0, d.refuse("unfinished string")
	}
	if rest[0] != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, rest[0])
		if i < 0 {
			return 0, d.refuse("invalid escape")
		}
		d.at += len(`\n`)
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := escapedUnit(d.text[d.at:])
	if !ok {
		return 0, d.refuse("invalid escape")
	}
	size := len(`\u0000`)
	if utf16.IsSurrogate(r) {
		low, _ := escapedUnit(d.text[d.at+size:])
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, d.refuse("lone surrogate")
		}
		size *= 2
	}
	d.at += size
	return r, nil
}

// escapedUnit returns the UTF-16 unit of the escape at the beginning of text.
func escapedUnit(text string) (rune, bool) {
	if len(text) < len(`\u0000`) || text[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// number reads a number from its sign or first digit.
func (d *decoder) number() (any, error) {
	start := d.at
	if d.text[d.at] == '-' {
		d.at++
	}
	first := d.at
	if !d.digits() || d.text[first] == '0' && d.at > first+1 {
		return nil, d.refuse("invalid number")
	}
	integer, exponent := true, ""
	if d.at < len(d.text) && d.text[d.at] == '.' {
		integer = false
		d.at++
		if !d.digits() {
			return nil, d.refuse("invalid number")
		}
	}
	end := d.at
	if d.at < len(d.text) && d.text[d.at]|0x20 == 'e' {
		integer = false
		d.at++
		if d.at < len(d.text) && (d.text[d.at] == '+' || d.text[d.at] == '-') {
			d.at++
		}
		digits := d.at
		if !d.digits() {
			return nil, d.refuse("invalid number")
		}
		exponent = d.text[end:digits] + bounded(d.text[digits:d.at])
	}
	if integer {
		if n, err := strconv.ParseInt(d.text[start:end], 10, 64); err == nil {
			return n, nil
		}
	}
	// The only possible error is ErrRange, and the value is also PHP's.
	f, _ := strconv.ParseFloat(d.text[start:end]+exponent, 64)
	return f, nil
}

// bounded returns the digits of an exponent as PHP's zend_strtod reads them: at
// most 19999. That matters if as many zeros compensate for it.
func bounded(digits string) string {
	const most = "19999"
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > len(most) || len(digits) == len(most) && digits > most {
		return most
	}
	return "0" + digits
}

// digits skips digits, and reports whether there are any.
func (d *decoder) digits() bool {
	start := d.at
	for d.at < len(d.text) && isDigit(d.text[d.at]) {
		d.at++
	}
	return d.at > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
