package envelopejson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/envelopejson"
)

// all reads an envelope to its end.
func all(src io.Reader, maxRow int) (rows []string, r *envelopejson.Reader, err error) {
	r = envelopejson.NewReader(src, maxRow)
	for {
		row, err := r.Next()
		if err != nil {
			return rows, r, err
		}
		rows = append(rows, string(row))
	}
}

func TestReader(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		rows       []string
		status     int
		message    string
		err        error
	}{
		{"documented form", `{"msg":[{"a":1},{"b":[{}]}],"error":false,"status":200}`, []string{`{"a":1}`, `{"b":[{}]}`}, 200, "", io.EOF},
		{"rows by number", `{"0":{"a":1},"1":{},"error":false,"status":200}`, []string{`{"a":1}`, `{}`}, 200, "", io.EOF},
		{"numbers with a gap", `{"0":{},"7":{},"error":false,"status":200}`, []string{`{}`, `{}`}, 200, "", io.EOF},
		{"end first", `{"status":200,"error":false,"msg":[{}]}`, []string{`{}`}, 200, "", io.EOF},
		{"white space", " {\n\"msg\" : [ {\t} , {} ] , \"error\" : false\r,\"status\" :200 } \n", []string{"{\t}", `{}`}, 200, "", io.EOF},
		{"no rows", `{"msg":[],"error":false,"status":200}`, nil, 200, "", io.EOF},
		{"unknown members", `{"x":[1,-2.5e+7,{"y":null}],"00":0,"msg":[],"error":false,"status":200,"":"\u00E9\n"}`, nil, 200, "", io.EOF},
		{"names with escapes", `{"\u006dsg":[],"error":false,"status":200}`, nil, 200, "", io.EOF},
		{"doubled end, the last counts", `{"error":true,"status":500,"msg":[],"error":false,"status":200}`, nil, 200, "", io.EOF},
		{"refusal", `{"msg":"Not authorized.","error":true,"status":403}`, nil, 403, "Not authorized.", envelopejson.ErrRefused},
		{"refusal without error", `{"msg":"Not authorized.","error":false,"status":403}`, nil, 403, "Not authorized.", envelopejson.ErrRefused},
		{"error of status 200", `{"msg":"\u00e9\/","error":true,"status":200}`, nil, 200, "é/", envelopejson.ErrRefused},
		{"rows, and then an error", `{"msg":[{}],"error":true,"status":500}`, []string{`{}`}, 500, "", envelopejson.ErrRefused},

		{"no list", `{"error":false,"status":200}`, nil, 200, "", envelopejson.ErrMalformed},
		{"text in place of a list", `{"msg":"","error":false,"status":200}`, nil, 200, "", envelopejson.ErrMalformed},
		{"object in place of a list", `{"msg":{"0":{}},"error":false,"status":200}`, nil, 200, "", envelopejson.ErrMalformed},
		{"no error", `{"msg":[],"status":200}`, nil, 200, "", envelopejson.ErrMalformed},
		{"no status", `{"msg":[],"error":false}`, nil, 0, "", envelopejson.ErrMalformed},
		{"error is no boolean", `{"msg":[],"error":"false","status":200}`, nil, 0, "", envelopejson.ErrMalformed},
		{"status is no number", `{"msg":[],"error":false,"status":"200"}`, nil, 0, "", envelopejson.ErrMalformed},
		{"status is no whole number", `{"msg":[],"error":false,"status":2e2}`, nil, 0, "", envelopejson.ErrMalformed},
		{"a row is no object", `{"msg":[{},[]]}`, []string{`{}`}, 0, "", envelopejson.ErrMalformed},
		{"a row is null", `{"msg":[null]}`, nil, 0, "", envelopejson.ErrMalformed},
		{"a row by number is no object", `{"0":"x"}`, nil, 0, "", envelopejson.ErrMalformed},
		{"two lists", `{"msg":[],"msg":[{}]}`, nil, 0, "", envelopejson.ErrMalformed},
		{"rows after a list", `{"msg":[],"0":{}}`, nil, 0, "", envelopejson.ErrMalformed},
		{"a list after rows", `{"0":{},"msg":[{}]}`, []string{`{}`}, 0, "", envelopejson.ErrMalformed},
		{"doubled row", `{"1":{},"1":{}}`, []string{`{}`}, 0, "", envelopejson.ErrMalformed},
		{"row number out of range", `{"9223372036854775808":{}}`, nil, 0, "", envelopejson.ErrMalformed},
		{"two envelopes", `{"msg":[],"error":false,"status":200}{}`, nil, 200, "", envelopejson.ErrMalformed},
		{"array", `[{}]`, nil, 0, "", envelopejson.ErrMalformed},
		{"HTML", "<!DOCTYPE html>", nil, 0, "", envelopejson.ErrMalformed},
		{"comma at the end", `{"msg":[{},]`, []string{`{}`}, 0, "", envelopejson.ErrMalformed},
		{"comma at the beginning", `{"msg":[,{}]`, nil, 0, "", envelopejson.ErrMalformed},
		{"no comma", `{"msg":[{}{}]`, []string{`{}`}, 0, "", envelopejson.ErrMalformed},
		{"no colon", `{"msg" [`, nil, 0, "", envelopejson.ErrMalformed},
		{"name is no string", `{"msg":[{1:2}]`, nil, 0, "", envelopejson.ErrMalformed},
		{"control character", "{\"msg\":[{\"a\":\"\n\"}]", nil, 0, "", envelopejson.ErrMalformed},
		{"unknown escape", `{"msg":[{"a":"\x"}]`, nil, 0, "", envelopejson.ErrMalformed},
		{"bad hexadecimal", `{"msg":[{"a":"\u12g4"}]`, nil, 0, "", envelopejson.ErrMalformed},
		{"leading zero", `{"x":01}`, nil, 0, "", envelopejson.ErrMalformed},
		{"no digit", `{"x":-}`, nil, 0, "", envelopejson.ErrMalformed},
		{"no fraction", `{"x":1.}`, nil, 0, "", envelopejson.ErrMalformed},
		{"no exponent", `{"x":1e}`, nil, 0, "", envelopejson.ErrMalformed},
		{"unknown name", `{"x":nulL}`, nil, 0, "", envelopejson.ErrMalformed},
		{"brackets do not match", `{"x":[}`, nil, 0, "", envelopejson.ErrMalformed},
		{"empty", "", nil, 0, "", io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text)), iotest.DataErrReader(strings.NewReader(tt.text))} {
				rows, r, err := all(src, 1<<10)
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.rows, rows)
				assert.Equal(t, tt.status, r.Status())
				assert.Equal(t, tt.message, r.Message())
				_, again := r.Next()
				assert.Equal(t, err, again, "an end is for good")
			}
		})
	}
}

func TestReaderCutAtEveryByte(t *testing.T) {
	for _, text := range []string{
		`{"msg":[{"a":"\u00e9\\","b":-1.5e-7},{"c":[true,false,null]}],"x":{"y":[]},"error":false,"status":200}`,
		`{"0":{"a":"\""},"1":{},"error":false,"status":200}`,
	} {
		for n := range len(text) {
			_, _, err := all(strings.NewReader(text[:n]), 1<<10)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, text[:n])
		}
	}
}

func TestReaderLimits(t *testing.T) {
	const end = `],"error":false,"status":200}`
	row := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for _, tt := range []struct {
		name, text string
		maxRow     int
		err        error
	}{
		{"row as large as may be", `{"msg":[` + row(100) + end, 100, io.EOF},
		{"row too large", `{"msg":[` + row(101) + end, 100, envelopejson.ErrTooLarge},
		{"many rows", `{"msg":[` + strings.Repeat(row(50)+",", 9999) + row(50) + end, 50, io.EOF},
		{"row larger than the buffer", `{"msg":[` + row(1<<20) + end, 1 << 20, io.EOF},
		{"such a row too large", `{"msg":[` + row(1<<20+1) + end, 1 << 20, envelopejson.ErrTooLarge},
		{"long name", `{"` + strings.Repeat("x", 1<<20) + `":0}`, 1 << 20, envelopejson.ErrTooLarge},
		{"long message", `{"msg":"` + strings.Repeat("x", 1<<20) + `"}`, 1 << 20, envelopejson.ErrTooLarge},
		{"long value of no interest", `{"x":"` + strings.Repeat("x", 1<<20) + `","msg":[` + end, 100, io.EOF},
		{"deepest", `{"x":` + deep(envelopejson.MaxDepth-1) + `,"msg":[` + end, 100, io.EOF},
		{"too deep", `{"x":` + deep(envelopejson.MaxDepth) + `,"msg":[` + end, 100, envelopejson.ErrTooDeep},
		{"row too deep", `{"msg":[{"x":` + deep(1<<20), 1 << 30, envelopejson.ErrTooDeep},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := all(strings.NewReader(tt.text), tt.maxRow)
			assert.ErrorIs(t, err, tt.err)
		})
	}
}

func TestReaderReturnsErrorsOfItsSource(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{"", `{"msg":[{"a`, `{"msg":[],"error":false,"status":200}`} {
		_, _, err := all(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), 1<<10)
		assert.ErrorIs(t, err, broken, text)
	}
	_, _, err := all(readerFunc(func([]byte) (int, error) { return 0, nil }), 1<<10)
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// FuzzReader compares with encoding/json: whole envelopes with each other, and
// every string and member of their rows.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		`{"msg":[{"a":"\ud83d\ude00\ud800\"\/","b":[1,{"c":null}]},{}],"error":false,"status":200}`,
		`{"0":{"session_id":"é` + "\xff" + `"},"1":{ "x" : -1.5e7 , "x":true},"error":false,"status":200}`,
		`{"status":403,"error":true,"msg":"Not authorized."}`, `{"msg":[],"msg":[]}`, `{"msg":[{}],"0":{}}`, `{"m\u0073g":[]} `, `[]`,
	} {
		f.Add([]byte(text), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		rows, r, err := all(&pieces{text, int(size)%17 + 1}, 1<<20)
		want, status, good := oracle(text)
		if errors.Is(err, envelopejson.ErrTooDeep) {
			return
		}
		require.Equal(t, good, err == io.EOF, "%v", err)
		if !good {
			return
		}
		require.Equal(t, status, r.Status())
		require.Equal(t, len(want), len(rows))
		for i, row := range rows {
			require.Equal(t, string(want[i]), row)
			got := map[string]any{}
			for name, value := range envelopejson.Members([]byte(row)) {
				var v any
				require.NoError(t, json.Unmarshal(value, &v))
				if s, ok := v.(string); ok {
					require.Equal(t, s, string(envelopejson.Unquote(nil, value)))
				}
				got[string(name)] = v
			}
			var members map[string]any
			if err := json.Unmarshal([]byte(row), &members); err != nil || !utf8.ValidString(row) {
				return // A number is out of range, or there are names that Members does not decode.
			}
			require.Equal(t, members, got)
		}
	})
}

// pieces yields text in pieces of size bytes.
type pieces struct {
	text []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(p.size, len(b))], p.text)
	p.text = p.text[n:]
	return n, nil
}

// oracle is the Reader in terms of encoding/json, for a whole text.
func oracle(text []byte) (rows []json.RawMessage, status int, good bool) {
	if !json.Valid(text) {
		return nil, 0, false
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, 0, false
	}
	var failed, status2 any
	lists, last := 0, json.Number("")
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return nil, 0, false
		}
		index := json.Number(name)
		number, err := index.Int64()
		isIndex := strings.Trim(name, "0123456789") == "" && name != "" && (name == "0" || name[0] != '0')
		switch {
		case name == "msg" && value[0] == '[':
			if lists++; lists > 1 || last != "" || json.Unmarshal(value, &rows) != nil {
				return nil, 0, false
			}
			for _, row := range rows {
				if row[0] != '{' {
					return nil, 0, false
				}
			}
		case name == "error":
			var b *bool
			if json.Unmarshal(value, &b) != nil || b == nil {
				return nil, 0, false
			}
			failed = *b
		case name == "status":
			var n *int
			if json.Unmarshal(value, &n) != nil || n == nil {
				return nil, 0, false
			}
			status2 = *n
		case isIndex:
			before, _ := last.Int64()
			if err != nil || lists > 0 || last != "" && number <= before || value[0] != '{' {
				return nil, 0, false
			}
			rows, last = append(rows, value), index
		}
	}
	return rows, 200, failed == false && status2 == 200 && (lists > 0 || last != "")
}
