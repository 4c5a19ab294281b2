package phpjson_test

import (
	"strings"
	"testing"

	"github.com/capi-go/capi/internal/growth"
	"github.com/capi-go/capi/internal/phpjson"
)

// BenchmarkDecode reads hostile texts of 1, 2, 4 and 8 MB.
func BenchmarkDecode(b *testing.B) {
	for name, shape := range map[string]struct{ before, repeated, after string }{
		"list":           {"[0", ",0", "]"},
		"lists":          {"[[]", ",[]", "]"},
		"objects":        {"[0", `,{"a":1}`, "]"},
		"doubled key":    {`{"a":1`, `,"a":1`, "}"},
		"object in list": {"[0", ",[{}]", "]"},
		"white space":    {"[", " \n", "]"},
		"digits":         {"", "7", ""},
		"zeros":          {"0.", "0", "1"},
		"exponent":       {"1e", "9", ""},
		"exponent of 0":  {"1e", "0", "1"},
		"exponents":      {"[1e2", ",1e99999", "]"},
		"string":         {`"`, "x", `"`},
		"cut string":     {`"`, "x", ""},
		"strings":        {`[""`, `,"x"`, "]"},
		"escapes":        {`"`, `\n`, `"`},
		"code points":    {`"`, `\u00e9`, `"`},
		"surrogates":     {`"`, `\ud83d\ude00`, `"`},
		"runes":          {`"`, "é€", `"`},
		"key":            {`{"`, "a", `":1}`},
		"escaped key":    {`{"`, `\n`, `":1}`},
		"literals":       {"[null", ",true,false", "]"},
	} {
		b.Run("shape="+strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			input := func(size int) []byte {
				return []byte(shape.before + strings.Repeat(shape.repeated, size/len(shape.repeated)) + shape.after)
			}
			growth.Report(b, input, func(text []byte) { _, _ = phpjson.Decode(string(text)) })
		})
	}
}
