package joomla_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/growth"
	"github.com/capi-go/capi/internal/joomla"
)

// hostile returns texts of about n bytes that would kill a reader that trusts
// its input.
func hostile(n int) map[string]string {
	deep := strings.Repeat("a:1:{i:0;", n/9)
	return map[string]string{
		"nested":                      "v|" + deep,
		"nested, php_serialize":       deep,
		"nested in base64":            variable("joomla", registry(deep[:len(deep)/4*3])),
		"count of 999,999,999":        "v|a:999999999:{" + strings.Repeat("i:0;N;", n/6),
		"count of an object":          `v|O:8:"stdClass":999999999:{` + strings.Repeat("i:0;N;", n/6),
		"length of 2^63":              `v|s:9223372036854775808:"` + strings.Repeat("x", n),
		"length of 2^64+1":            `v|s:18446744073709551617:"` + strings.Repeat("x", n),
		"length of a name":            `v|O:9223372036854775808:"x":0:{}` + strings.Repeat("x", n),
		"length of a body":            `v|C:1:"x":9223372036854775808:{x}` + strings.Repeat("x", n),
		"counts that each might hold": "v|" + strings.Repeat("a:9:{i:0;", n/9),
		"doubling references":         doubling(n / 30),
	}
}

// doubling returns n variables that each hold the previous one twice.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("v|a:0:{}")
	for slot := 1; slot <= n; slot++ {
		b.WriteString("v|a:2:{i:0;R:" + strconv.Itoa(slot) + ";i:1;R:" + strconv.Itoa(slot) + ";}")
	}
	return b.String()
}

func TestDecodeHostile(t *testing.T) {
	for name, data := range hostile(1_000_000) {
		t.Run(name, func(t *testing.T) {
			_, _, err := joomla.Decode([]byte(data))
			require.Error(t, err)
			_, err = joomla.AnyLogin([]byte(data))
			require.Error(t, err)
			assert.Nil(t, joomla.NewMasker().Mask([]byte(data)))
		})
	}
}

// slow returns valid texts of about n bytes in which each of many parts might
// cost as much as the whole.
func slow(n int) map[string]string {
	list := func(element string) string {
		count := n / (len(element) + 12)
		var b strings.Builder
		b.WriteString("a:" + strconv.Itoa(count) + ":{")
		for i := range count {
			b.WriteString("i:" + strconv.Itoa(i) + ";" + element)
		}
		return b.String() + "}"
	}
	// Strings in strings, between references from secrets that lead backwards.
	nested := list("N;")
	for range 3 {
		text := `a:9:{i:0;` + phpString(nested) + `i:1;O:1:"A":0:{}`
		for i := 2; i < 8; i++ {
			text += "i:" + strconv.Itoa(i) + ";a:1:{i:0;R:" + strconv.Itoa(i+1) + ";}"
		}
		nested = text + `s:5:"token";R:9;}`
	}
	quotes := `"` + strings.Repeat(`\"`, n/2) + `"`
	brackets := strings.Repeat("[", n/2) + strings.Repeat("]", n/2)
	return map[string]string{
		"strings in strings":     "a|" + nested,
		"names":                  variable(strings.Repeat("otop", n/4), "x"),
		"words in a name":        variable(strings.Repeat("pinx", n/4), "x"),
		"lists that begin":       "a|" + list(phpString("[[[[[[[[")),
		"JSON that begins":       variable("a", strings.Repeat("[", n)),
		"JSON, nested":           variable("a", brackets),
		"JSON, quotes":           variable("a", quotes),
		"JSON, spaces":           variable("a", `{"a"`+strings.Repeat(" ", n)+`:1}`),
		"JSON in lists":          "a|" + list(phpString(`{"password":"x","a":"[1,2,3]"}`)),
		"white space":            variable("a", strings.Repeat(" ", n)+"{"),
		"byte order marks":       variable("a", strings.Repeat("\ufeff", n/3)+"{"),
		"NUL * NUL":              "a|s:" + strconv.Itoa(n/6*3) + `:"` + strings.Repeat(`\0\0\0`, n/6) + `";`,
		"S: strings":             "a|" + escaped(strings.Repeat("x", n/3)),
		"doubled variable":       strings.Repeat("joomla|i:1;", n/11),
		"Registries in a row":    strings.Repeat(variable("joomla", registry("a:0:{}")), n/100),
		"references":             "a|" + `a:2:{i:0;O:1:"A":0:{}i:1;` + list("r:3;") + "}",
		"secrets by reference":   "a|" + `a:2:{i:0;O:1:"A":0:{}s:5:"token";` + list("r:3;") + "}",
		"custom bodies":          "a|" + list(`C:1:"A":8:{xxxxxxxx}`),
		"Registries of elements": variable("joomla", registry(list(`s:5:"token";`)[:])),
	}
}

// BenchmarkHostile reads hostile texts of 1, 2, 4 and 8 MB.
func BenchmarkHostile(b *testing.B) {
	masker := joomla.NewMasker()
	operations := map[string]func([]byte){
		"decode": func(data []byte) { _, _, _ = joomla.Decode(data) },
		"login":  func(data []byte) { _, _ = joomla.AnyLogin(data) },
		"mask":   func(data []byte) { masker.Mask(data) },
	}
	for _, shapes := range []func(int) map[string]string{hostile, slow} {
		for name := range shapes(1 << 10) {
			input := func(size int) []byte { return []byte(shapes(size)[name]) }
			for operation, do := range operations {
				b.Run("shape="+strings.ReplaceAll(name, " ", "_")+"/op="+operation, func(b *testing.B) { growth.Report(b, input, do) })
			}
		}
	}
}
