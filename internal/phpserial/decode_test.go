package phpserial_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpserial"
)

type (
	list = []any
	dict = map[string]any
)

// The values are those of PHP 8.2.
func TestDecode(t *testing.T) {
	empty := dict{}
	tests := []struct {
		text string
		want any
	}{
		{`N;`, nil},
		{`b:0;`, false},
		{`b:1;`, true},
		{`i:5;`, int64(5)},
		{`i:+5;`, int64(5)},
		{`i:-007;`, int64(-7)},
		{`i:9223372036854775807;`, int64(math.MaxInt64)},
		{`i:-9223372036854775808;`, int64(math.MinInt64)},
		{`i:00000000000000000000000000000000001;`, int64(1)},
		{`d:0.5;`, 0.5},
		{`d:.5;`, 0.5},
		{`d:5.;`, 5.0},
		{`d:1e5;`, 1e5},
		{`d:1.e-5;`, 1e-5},
		{`d:+1.5E+3;`, 1500.0},
		{`d:-0;`, math.Copysign(0, -1)},
		{`d:INF;`, math.Inf(1)},
		{`d:-INF;`, math.Inf(-1)},
		{`d:1E999;`, math.Inf(1)},
		{`d:-1E999;`, math.Inf(-1)},
		{`d:1E-999;`, 0.0},
		{`s:0:"";`, ""},
		{`s:03:"a";";`, `a";`},
		{`s:2:"` + "\xff\x00" + `";`, "\xff\x00"},
		{`S:3:"\61bc";`, "abc"},
		{`S:2:"a\5C";`, `a\`},
		{`s:4:"a\nb";`, `a\nb`},
		{`E:11:"Suit:Hearts";`, "Suit:Hearts"},
		{`C:3:"Foo":0:{}`, ""},
		{`C:3:"Foo":3:{};}}`, "};}"},
		{`C:3:"Foo":4:{raw}`, "raw"}, // the length counts the brace
		{`a:0:{}`, list{}},
		{`a:1:{i:0;N;}`, list{nil}},
		{`a:2:{i:1;b:0;i:0;b:1;}`, dict{"1": false, "0": true}},
		{`a:2:{i:0;i:1;i:0;i:2;}`, list{int64(2)}},
		{`a:3:{i:0;i:1;i:0;i:2;i:2;i:3;}`, dict{"0": int64(2), "2": int64(3)}},
		{`a:2:{s:1:"0";i:1;s:1:"1";i:2;}`, list{int64(1), int64(2)}},
		{`a:1:{s:2:"-0";i:1;}`, dict{"-0": int64(1)}},
		{`a:1:{s:2:"00";i:1;}`, dict{"00": int64(1)}},
		{`a:2:{i:-1;i:1;s:2:"-1";i:2;}`, dict{"-1": int64(2)}},
		{`a:2:{i:0;i:1;s:1:"a";i:2;}`, dict{"0": int64(1), "a": int64(2)}},
		{`a:1:{s:19:"9223372036854775807";i:1;}`, dict{"9223372036854775807": int64(1)}},
		{`a:1:{s:20:"99999999999999999999";i:1;}`, dict{"99999999999999999999": int64(1)}},
		{`a:1:{S:1:"\61";N;}`, dict{"a": nil}},
		{`a:1:{s:0:"";N;}`, dict{"": nil}},
		{`a:1:{s:4:"` + "\x00*\x00a" + `";N;}`, dict{"\x00*\x00a": nil}},
		{`O:8:"stdClass":0:{}`, empty},
		{`O:8:"stdClass":+00:{}`, empty},
		{`O:3:"1aa":0:{}`, empty},
		{`O:3:"a` + "\xc3\xa9" + `":0:{}`, empty},
		{`O:8:"stdClass":1:{i:5;N;}`, dict{"5": nil}},
		{`O:8:"stdClass":3:{s:4:"` + "\x00*\x00a" + `";i:1;s:4:"` + "\x00A\x00b" + `";i:2;s:1:"c";i:3;}`, dict{"a": int64(1), "b": int64(2), "c": int64(3)}},
		{`O:8:"stdClass":2:{s:1:"` + "\x00" + `";N;s:3:"` + "\x00a\x00" + `";N;}`, dict{"\x00": nil, "": nil}},
		{`a:1:{i:0;R:1;}`, list{nil}},
		{`a:2:{i:0;a:0:{}i:1;R:2;}`, list{list{}, list{}}},
		{`a:3:{i:0;O:8:"stdClass":0:{}i:1;r:2;i:2;r:3;}`, list{empty, empty, empty}},
		{`a:3:{i:0;O:8:"stdClass":0:{}i:1;R:2;i:2;r:02;}`, list{empty, empty, empty}},
		{`O:8:"stdClass":1:{s:1:"a";R:1;}`, dict{"a": nil}},
		{`O:8:"stdClass":1:{s:1:"a";r:1;}`, dict{"a": nil}},
		{`a:2:{i:0;E:3:"A:b";i:1;r:2;}`, list{"A:b", "A:b"}},
		{`a:2:{i:0;C:1:"A":1:{b}i:1;r:2;}`, list{"b", "b"}},
		// A reference to a reference into an enclosing object is, from outside
		// of it, that object.
		{`a:2:{i:0;O:1:"A":1:{s:1:"x";r:2;}i:1;r:3;}`, list{dict{"x": nil}, dict{"x": nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := phpserial.Decode([]byte(tt.text), phpserial.Options{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	t.Run("d:NAN;", func(t *testing.T) {
		got, err := phpserial.Decode([]byte("d:NAN;"), phpserial.Options{})
		require.NoError(t, err)
		assert.True(t, math.IsNaN(got.(float64)))
	})
}

func TestDecodeErrors(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("a:1:{i:0;", n) + "N;" + strings.Repeat("}", n) }
	const elements = "a number of elements for which there is text left"
	const length = "a length for which there is text left"
	tests := []struct {
		text     string
		offset   int
		expected string
	}{
		{``, 0, "a value"},
		{`b`, 0, "b:0; or b:1;"},
		{`b:2;`, 0, "b:0; or b:1;"},
		{`b:1`, 0, "b:0; or b:1;"},
		{`b:01;`, 0, "b:0; or b:1;"},
		{`N`, 1, "; after N"},
		{` N;`, 0, "a value"},
		{`o:1:{s:1:"a";i:1;}`, 0, "a value"},
		{`i`, 1, ": after i"},
		{`i:;`, 2, "a digit"},
		{`i:-;`, 3, "a digit"},
		{`i:5`, 3, "; after an integer"},
		{`i:5x;`, 3, "; after an integer"},
		{`i:9223372036854775808;`, 0, "an integer of 64 bits"},
		{`i:-9223372036854775809;`, 0, "an integer of 64 bits"},
		{`i:99999999999999999999;`, 0, "an integer of 64 bits"},
		{`d`, 1, ": after d"},
		{`d:.;`, 2, "a digit"},
		{`d:1`, 3, "; after a float"},
		{`d:1e;`, 4, "a digit"},
		{`d:1e+;`, 5, "a digit"},
		{`d:e5;`, 2, "a digit"},
		{`d:+INF;`, 3, "a digit"},
		{`d:-NAN;`, 3, "a digit"},
		{`d:inf;`, 2, "a digit"},
		{`d:1.2.3;`, 5, "; after a float"},
		{`d:0x1p3;`, 3, "; after a float"},
		{`d:1_0;`, 3, "; after a float"},
		{`s`, 1, ": after s"},
		{`s:`, 2, "a number"},
		{`s:+1:"a";`, 2, "a number"},
		{`s:-1:"a";`, 2, "a number"},
		{`s:1"a";`, 3, `:" after a length`},
		{`s:1:'a';`, 3, `:" after a length`},
		{`s:9:"a";`, 2, length},
		{`s:3:"abcd";`, 8, `" after the announced number of bytes`},
		{`s:1:"a"`, 7, "; after a string"},
		{`s:9223372036854775808:"a";`, 2, length},
		{`s:18446744073709551617:"a";`, 2, length},
		{`S:3:"\6gc";`, 2, length},
		{`S:1:"\\";`, 2, length},
		{`S:1:"\6`, 2, length},
		{`E`, 1, ": after E"},
		{`E:1:"a";`, 5, "an enum's class and case with : between"},
		{`E:2:":a";`, 5, "an enum's class and case with : between"},
		{`E:2:"a:";`, 5, "an enum's class and case with : between"},
		{`E:3:"a:b"`, 9, "; after an enum"},
		{`C`, 1, ": after the letter of a type"},
		{`C:1:"A":5:{b}`, 8, length},
		{`C:1:"A":0:{b}`, 11, "} after the announced number of bytes"},
		{`C:1:"A":1{b}`, 9, ":{ after a length"},
		{`a`, 1, ": after a"},
		{`a:+1:{i:0;N;}`, 2, "a number"},
		{`a:-1:{}`, 2, "a number"},
		{`a:1{i:0;N;}`, 3, ":{ after a number of elements"},
		{`a:1:{i:0;N;`, 11, "} after the announced number of elements"},
		{`a:0:{i:0;N;}`, 5, "} after the announced number of elements"},
		{`a:1:{}`, 2, elements},
		{`a:2:{i:0;N;}`, 2, elements},
		{`a:2:{i:0;i:100000;}`, 18, "a key, i: or s:"},
		{`a:999999999:{}`, 2, elements},
		{`a:18446744073709551617:{i:0;N;}`, 2, elements},
		{`a:2:{i:0;a:2:{i:0;N;i:1;N;}}`, 11, elements},
		{`a:1:{b:1;N;}`, 5, "a key, i: or s:"},
		{`a:1:{N;N;x}`, 5, "a key, i: or s:"},
		{`a:1:{a:0:{}i:1;}`, 5, "a key, i: or s:"},
		{`O:0:"":0:{}`, 5, "the name of a class"},
		{`O:3:"a-b":0:{}`, 6, "a character of a class's name"},
		{`O:3:"\aa":0:{}`, 5, "the name of a class"},
		{`O:+8:"stdClass":0:{}`, 2, "a number"},
		{`O:3:"stdClass":0:{}`, 8, `" after the announced number of bytes`},
		{`O:8:"stdClass"0:{}`, 14, ": after the name of a class"},
		{`O:8:"stdClass":-1:{}`, 15, "a number"},
		{`O:8:"stdClass":9:{}`, 15, elements},
		{`r`, 1, ": after r or R"},
		{`r:;`, 2, "a number"},
		{`R:1`, 3, "; after a reference"},
		{`R:1;`, 0, "a reference to a value before it"},
		{`R:0;`, 0, "a reference to a value before it"},
		{`a:1:{i:0;r:1;}`, 9, "a reference to an object"},
		{`a:1:{i:0;r:2;}`, 9, "a reference to a value before it"},
		{`a:1:{i:0;R:2;}`, 9, "a reference to a value before it"},
		{`a:2:{i:0;i:5;i:1;r:2;}`, 17, "a reference to an object"},
		{`a:2:{i:0;a:0:{}i:1;r:2;}`, 19, "a reference to an object"},
		{`a:3:{i:0;O:8:"stdClass":0:{}i:1;R:2;i:2;r:3;}`, 40, "a reference to a value before it"},
		{`a:2:{i:0;O:1:"A":0:{}i:1;r:+2;}`, 27, "a number"},
		{`a:2:{i:0;O:1:"A":0:{}i:1;r:18446744073709551618;}`, 25, "a reference to a value before it"},
		{`i:5;x`, 4, "the end of the text"},
		{nested(513), 512 * 9, "at most 512 levels of nesting"},
	}
	for _, tt := range tests {
		name := tt.text
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			_, err := phpserial.Decode([]byte(tt.text), phpserial.Options{})
			var syntax *phpserial.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, tt.expected, syntax.Expected)
			assert.Equal(t, tt.offset, syntax.Offset)
			assert.Equal(t, "expected "+tt.expected+" at byte "+strconv.Itoa(tt.offset), err.Error())
		})
	}
	for n := range 2 {
		_, err := phpserial.Decode([]byte(nested(phpserial.MaxDepth-n)), phpserial.Options{})
		require.NoError(t, err)
		_, err = phpserial.DecodeSession([]byte("v|"+nested(phpserial.MaxDepth-n)), phpserial.Options{})
		require.NoError(t, err)
	}
	_, err := phpserial.DecodeSession([]byte("v|"+nested(phpserial.MaxDepth+1)), phpserial.Options{})
	require.Error(t, err)
}

// TestDecodeCutShort checks that no prefix of a text decodes.
func TestDecodeCutShort(t *testing.T) {
	text := `a:7:{i:0;O:3:"Foo":1:{s:1:"a";d:-1.5e3;}i:1;r:2;i:2;R:2;s:1:"k";b:1;i:4;C:3:"Foo":2:{xy}i:5;E:3:"A:b";i:6;S:1:"\61";}`
	_, err := phpserial.Decode([]byte(text), phpserial.Options{})
	require.NoError(t, err)
	for n := range len(text) {
		_, err := phpserial.Decode([]byte(text[:n]), phpserial.Options{})
		require.Error(t, err, text[:n])
	}
}

func TestDecodeSession(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		escaped bool
		want    dict
	}{
		{"empty", ``, false, dict{}},
		{"variables", `a|i:1;b.c|s:1:"|";`, false, dict{"a": int64(1), "b.c": "|"}},
		{"empty name", `|i:1;`, false, dict{"": int64(1)}},
		{"names that are numbers", `0|i:1;1|i:2;`, false, dict{"0": int64(1), "1": int64(2)}},
		{"name like a type", `a:|i:1;`, false, dict{"a:": int64(1)}},
		{"array", `a:1:{s:1:"a";i:1;}`, false, dict{"a": int64(1)}},
		{"array that is a list", `a:1:{i:0;i:1;}`, false, dict{"0": int64(1)}},
		{"empty array", `a:0:{}`, false, dict{}},
		{"references across variables", `a|O:1:"A":0:{}b|r:1;c|R:2;`, false, dict{"a": dict{}, "b": dict{}, "c": dict{}}},
		{"reference to a variable before", `a|i:1;b|R:1;`, false, dict{"a": int64(1), "b": int64(1)}},
		{"slots across variables", `a|i:1;b|O:8:"stdClass":1:{s:1:"x";r:2;}c|a:2:{i:0;r:2;i:1;R:4;}`, false,
			dict{"a": int64(1), "b": dict{"x": nil}, "c": list{dict{"x": nil}, nil}}},
		{"masked", `a|O:1:"A":1:{s:4:"\0\0\0b";s:7:"x\0\0\0y\0";}`, true, dict{"a": dict{"b": "x\x00*\x00y\\0"}}},
		{"masked twice in a row", `a|s:6:"\0\0\0\0\0\0";`, true, dict{"a": "\x00*\x00\x00*\x00"}},
		{"masked body", `a|C:1:"A":4:{\0\0\0b}`, true, dict{"a": "\x00*\x00b"}},
		{"masked, with nothing masked", `a|s:1:"b";`, true, dict{"a": "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := phpserial.DecodeSession([]byte(tt.text), phpserial.Options{EscapedNUL: tt.escaped})
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestDecodeSessionErrors(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		escaped bool
		offset  int
	}{
		{"no bar", `a`, false, 0},
		{"no value", `a|`, false, 2},
		{"after the last variable", `a|i:1;x`, false, 6},
		{"unset variable of PHP 5", `!x|`, false, 3},
		{"after the array", `a:0:{}x`, false, 6},
		{"R: takes no slot", `a|O:8:"stdClass":0:{}b|R:1;c|r:2;`, false, 29},
		{"masked read as it is", `a|s:3:"\0\0\0";`, false, 10},
		{"unmasked read as masked", `a|s:6:"\0\0\0";`, true, 4},
		{"string that ends within a mask", `a|s:2:"\0\0\0";`, true, 4},
		{"masked class", `a|O:4:"A\0\0\0":0:{}`, true, 7},
		{"masked enum", `a|E:6:"A:\0\0\0b";`, true, 7},
		{"escaped string in a masked text", `a|S:1:"\61";`, true, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := phpserial.DecodeSession([]byte(tt.text), phpserial.Options{EscapedNUL: tt.escaped})
			var syntax *phpserial.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, tt.offset, syntax.Offset, syntax.Expected)
		})
	}
}

func TestDecodeUnwrap(t *testing.T) {
	unwrap := func(class []byte) string {
		if string(class) == "Box" {
			return "in"
		}
		return ""
	}
	tests := []struct{ name, text, want string }{
		{"object", `O:3:"Box":2:{s:5:"` + "\x00*\x00in" + `";O:1:"A":0:{}s:1:"x";i:1;}`, `map[]`},
		{"array", `O:3:"Box":1:{s:2:"in";a:0:{}}`, `[]`},
		{"box in box", `O:3:"Box":1:{s:2:"in";O:3:"Box":1:{s:2:"in";a:1:{i:0;i:5;}}}`, `[5]`},
		{"scalar stays", `O:3:"Box":1:{s:2:"in";i:1;}`, `map[in:1]`},
		{"nothing inside", `O:3:"Box":0:{}`, `map[]`},
		{"inside itself", `O:3:"Box":1:{s:2:"in";r:1;}`, `map[in:<nil>]`},
		{"reference to the box", `a:2:{i:0;O:3:"Box":1:{s:2:"in";a:1:{i:0;i:5;}}i:1;r:2;}`, `[[5] [5]]`},
		{"other class", `O:3:"Bag":1:{s:2:"in";a:0:{}}`, `map[in:[]]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := phpserial.Decode([]byte(tt.text), phpserial.Options{Unwrap: unwrap})
			require.NoError(t, err)
			assert.Equal(t, tt.want, fmt.Sprint(got))
		})
	}
}

// TestReferencesAreShared checks that references do not copy, and that the size
// of a value with references is bounded nevertheless: whoever walks over it
// walks over each one as over a copy.
func TestReferencesAreShared(t *testing.T) {
	got, err := phpserial.Decode([]byte(`a:2:{i:0;O:1:"A":1:{s:1:"x";i:1;}i:1;r:2;}`), phpserial.Options{})
	require.NoError(t, err)
	got.(list)[0].(dict)["x"] = "changed"
	assert.Equal(t, "changed", got.(list)[1].(dict)["x"])

	refer := func(n int) string {
		return "a:" + strconv.Itoa(n+1) + `:{i:0;s:1000:"` + strings.Repeat("x", 1000) + `";` + strings.Repeat("i:1;R:2;", n) + "}"
	}
	_, err = phpserial.Decode([]byte(refer(15)), phpserial.Options{})
	require.NoError(t, err)
	_, err = phpserial.Decode([]byte(refer(40)), phpserial.Options{})
	require.ErrorContains(t, err, "references that expand to at most 16 times the text")

	var nested strings.Builder
	const depth = 40
	for range depth {
		nested.WriteString("a:2:{i:0;")
	}
	nested.WriteString("a:0:{}")
	for i := depth; i > 0; i-- {
		nested.WriteString("i:1;R:" + strconv.Itoa(i+1) + ";}")
	}
	_, err = phpserial.Decode([]byte(nested.String()), phpserial.Options{})
	require.ErrorContains(t, err, "references that expand to at most 16 times the text")
}
