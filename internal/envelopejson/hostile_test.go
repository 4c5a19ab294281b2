package envelopejson_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/capi-go/capi/internal/envelopejson"
	"github.com/capi-go/capi/internal/growth"
)

// BenchmarkReader reads hostile answers of 1, 2, 4 and 8 MB, with room for a
// row of that size, and takes the members of each row.
func BenchmarkReader(b *testing.B) {
	for name, shape := range map[string]struct{ before, repeated, after string }{
		"rows":              {`{"msg":[{}`, `,{"a":1}`, `],"error":false,"status":200}`},
		"rows by number":    {`{`, `"9":{},`, ``},
		"white space":       {`{"msg":[`, " \n", `{}],"error":false,"status":200}`},
		"cut":               {`{"msg":[{"data":"`, `x`, ``},
		"string":            {`{"msg":[{"data":"`, `x`, `"}],"error":false,"status":200}`},
		"escapes":           {`{"msg":[{"data":"`, `\u00e9`, `"}],"error":false,"status":200}`},
		"surrogates":        {`{"msg":[{"data":"`, `\ud83d`, `"}],"error":false,"status":200}`},
		"backslashes":       {`{"msg":[{"data":"`, `\\`, `"}],"error":false,"status":200}`},
		"invalid bytes":     {`{"msg":[{"data":"`, "\xe2\x82", `"}],"error":false,"status":200}`},
		"digits":            {`{"msg":[{"data":1`, `7`, `}],"error":false,"status":200}`},
		"members":           {`{"msg":[{"a":1`, `,"data":"x"`, `}],"error":false,"status":200}`},
		"name":              {`{"msg":[{"`, `a`, `":1}],"error":false,"status":200}`},
		"unknown members":   {`{"a":1`, `,"b":[{}]`, `,"msg":[],"error":false,"status":200}`},
		"unknown text":      {`{"a":"`, `\n`, `","msg":[],"error":false,"status":200}`},
		"doubled ends":      {`{"msg":[]`, `,"error":false,"status":200`, `}`},
		"message":           {`{"error":true,"status":500,"msg":"`, `\u00e9`, `"}`},
		"brackets":          {`{"a":`, `[`, ``},
		"brackets in a row": {`{"msg":[{"a":`, `[`, ``},
		"lists":             {`{"msg":[{"a":[[]`, `,[]`, `]}],"error":false,"status":200}`},
	} {
		b.Run("shape="+strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			input := func(size int) []byte {
				return []byte(shape.before + strings.Repeat(shape.repeated, size/len(shape.repeated)) + shape.after)
			}
			growth.Report(b, input, func(text []byte) {
				reader := envelopejson.NewReader(bytes.NewReader(text), len(text))
				for {
					row, err := reader.Next()
					if err != nil {
						return
					}
					for _, value := range envelopejson.Members(row) {
						if value[0] == '"' {
							_ = envelopejson.Unquote(nil, value)
						}
					}
				}
			})
		})
	}
}
