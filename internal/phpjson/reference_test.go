package phpjson_test

import (
	"encoding/hex"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// reference is AppendString, a character at a time.
func reference(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			size = replaced(text)
		}
		text = text[size:]
		if i := strings.IndexRune("\b\t\n\f\r\"/\\", r); i >= 0 {
			b.WriteString(`\b\t\n\f\r\"\/\\`[2*i : 2*i+2])
		} else if r >= ' ' && r <= '\x7f' {
			b.WriteRune(r)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				b.WriteString(`\u`)
				b.WriteString(hex.EncodeToString([]byte{byte(unit >> 8), byte(unit)}))
			}
		}
	}
	return b.String() + `"`
}

// replaced returns how many of the invalid bytes at the beginning of text are
// replaced together.
func replaced(text string) int {
	calledFor := 0
	switch c := text[0]; {
	case c >= 0xF0 && c <= 0xF4:
		calledFor = 3
	case c >= 0xE0 && c <= 0xEF:
		calledFor = 2
	case c >= 0xC2 && c <= 0xDF:
		calledFor = 1
	}
	for i, c := range []byte(text[1:]) {
		if i == calledFor || c <= 0x7F || c >= 0xC2 && c <= 0xF4 {
			return 1 + i
		}
	}
	return len(text)
}
