package phpjson_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpjson"
	"github.com/capi-go/capi/internal/phptest"
)

type (
	list   = []any
	object = map[string]any
)

var decodable = map[string]any{
	`null`: nil, `true`: true, `false`: false, " \t\r\n1 \t\r\n": int64(1),

	`0`: int64(0), `-0`: int64(0), `-17`: int64(-17),
	`9223372036854775807`: int64(math.MaxInt64), `9223372036854775808`: float64(1 << 63),
	`-9223372036854775808`: int64(math.MinInt64), `-9223372036854775809`: float64(-1 << 63),
	`0.0`: 0.0, `1.50`: 1.5, `1e2`: 100.0, `1E+2`: 100.0, `-2.5e-1`: -0.25,
	`1e999`: math.Inf(1), `-1e999`: math.Inf(-1), `1e-999`: 0.0,
	`1` + strings.Repeat("0", 400) + `e-400`: 1.0,
	// PHP limits exponents to 19999.
	`0.` + strings.Repeat("0", 20400) + `1e20401`:   0.0,
	`0.` + strings.Repeat("0", 19000) + `1e0019001`: 1.0,

	`""`: "", `"a/\u007f` + "\x7f" + `é€😀"`: "a/\x7f\x7fé€😀", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t",
	`"\u0000\u00e9\u20AC\ud83D\uDE00x"`: "\x00é€😀x", `"\ufffd` + "\ufffd" + `"`: "\ufffd\ufffd",

	`[]`: list{}, ` [ ] `: list{}, `[1,[2],{}]`: list{int64(1), list{int64(2)}, object{}},
	`{}`: object{}, ` { } `: object{}, `{"":0,"\u0000":[ ] , "a" : null}`: object{"": int64(0), "\x00": list{},
		"a": nil},
	`{"a":1,"a":2}`: object{"a": int64(2)}, `{"a":{"b":1},"\u0061":{}}`: object{"a": object{}},
	`{"8":1,"08":2," 8":3,"+8":4,"-0":5,"8.0":6}`: object{
		"8": int64(1), "08": int64(2), " 8": int64(3), "+8": int64(4), "-0": int64(5), "8.0": int64(6)},
}

var undecodable = []string{
	``, ` `, "\x00", "1\x00", "1\v", "\v1", "\f1", "\u00a01", "\ufeff1", `x`, `1 2`, `1,`, `,`, `[]]`, `{}}`,
	`True`, `TRUE`, `nULL`, `falsE`, `nul`, `nulll`, `NaN`, `Infinity`, `undefined`,
	`-`, `+1`, `01`, `-01`, `1.`, `.5`, `1.e1`, `1e`, `1e+`, `1e1.5`, `0x1`, `1_0`, `- 1`, `--1`,
	`"`, `"a`, `'a'`, `"\"`, `"\`, `"\a"`, `"\U0041"`, `"\'"`, `"\u"`, `"\u004"`, `"\u00g0"`, `"\u+041"`, `"\u004_"`,
	"\"\x00\"", "\"\n\"", "\"\x1f\"", "\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "[\xff]",
	`"\ud83d"`, `"\ude00"`, `"\ude00\ud83d"`, `"\ud83d\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ud83d\n"`,
	`"\ud83d\`, `{"\ud800":1}`,
	`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `]`,
	`{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{a:1}`, `{1:1}`, `{"a",1}`, `{"a"}`, `{"a":}`,
	`{"a":1]`, `{"a":1 "b":2}`, `}`,
	`1//x`, `/**/1`,
}

func TestDecode(t *testing.T) {
	for text, want := range decodable {
		got, err := phpjson.Decode(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range undecodable {
		got, err := phpjson.Decode(text)
		assert.ErrorIs(t, err, phpjson.ErrRefused, text)
		assert.Nil(t, got, text)
	}
	_, err := phpjson.Decode(`["hush-hush" hush]`)
	assert.EqualError(t, err, "phpjson: text that json_decode refuses: no comma at byte 13", "nothing of the text is told")
}

// nested returns a text of arrays, or of objects with lists in them, n deep.
func nested(n int, objects bool) string {
	if objects {
		return strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`{}`, n%2) + strings.Repeat(`]}`, n/2)
	}
	return strings.Repeat("[", n) + strings.Repeat("]", n)
}

func TestDecodeDepth(t *testing.T) {
	for _, objects := range []bool{false, true} {
		_, err := phpjson.Decode(nested(511, objects))
		assert.NoError(t, err)
		for _, depth := range []int{512, 513, 1 << 20} {
			_, err = phpjson.Decode(nested(depth, objects))
			assert.ErrorIs(t, err, phpjson.ErrRefused)
		}
		_, err = phpjson.Decode("[" + strings.Repeat(nested(510, objects)+",", 9) + "1]")
		assert.NoError(t, err, "width is no depth")
	}
}

// decodeScript answers base64 of a text with the result of json_decode.
const decodeScript = `
function dump($v) {
	if (!is_array($v)) {
		return match (gettype($v)) {
			"NULL" => "n", "boolean" => $v ? "t" : "f", "integer" => "i$v",
			"double" => "d" . bin2hex(pack("E", $v)), "string" => "s" . bin2hex($v),
		};
	}
	$pairs = [];
	foreach ($v as $key => $element) {
		$pairs[] = bin2hex($key) . "=" . dump($element);
	}
	sort($pairs, SORT_STRING);
	return "(" . implode(",", $pairs) . ")";
}
while (($line = fgets(STDIN)) !== false) {
	$v = json_decode(base64_decode($line), true);
	echo json_last_error() === JSON_ERROR_NONE ? dump($v) : "refused", "\n";
}`

// dump writes v as decodeScript does.
func dump(v any) string {
	var pairs []string
	switch v := v.(type) {
	case nil:
		return "n"
	case bool:
		return strconv.FormatBool(v)[:1]
	case int64:
		return "i" + strconv.FormatInt(v, 10)
	case float64:
		return fmt.Sprintf("d%016x", math.Float64bits(v))
	case string:
		return "s" + hex.EncodeToString([]byte(v))
	case list:
		for i, element := range v {
			pairs = append(pairs, hex.EncodeToString([]byte(strconv.Itoa(i)))+"="+dump(element))
		}
	case object:
		for key, element := range v {
			pairs = append(pairs, hex.EncodeToString([]byte(key))+"="+dump(element))
		}
	default:
		panic(fmt.Sprintf("%T", v))
	}
	slices.Sort(pairs)
	return "(" + strings.Join(pairs, ",") + ")"
}

// pieces are the parts of texts, and what breaks them.
var pieces = []string{
	`null`, `true`, `false`, `True`, `0`, `-0`, `-0.0`, `8`, `-42`, `9223372036854775807`, `9223372036854775808`,
	`-9223372036854775808`,
	`-9223372036854775809`, `123456789012345678901`, `0.1`, `1e3`, `1E-7`, `1.7976931348623157e308`, `1e309`,
	`5e-324`, `2.2250738585072011e-308`,
	`0.30000000000000004`, `9007199254740993.0`, `1e00000000000000000000000000003`, `""`, `"a"`, `"8"`, `"08"`,
	`" 8"`, `"+8"`, `"-0"`, `"8.0"`,
	`"\u0000"`, `"\ud83d\ude00"`, `"\uD83D"`, `"\uDE00x"`, `"é"`, "\"\x7f\"", "\"\xff\"", `"\/\b"`, `[]`, `{}`, `,`,
	`:`, `"`, `[`, `]`, `{`, `}`,
	" ", "\n", "\t\r", "\v", "\x00", "\\", `\u`, "\ufeff",
}

// randomText returns a text that is mostly JSON.
func randomText(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return pieces[r.IntN(42)]
	}
	var elements []string
	isObject := r.IntN(2) == 0
	for range r.IntN(5) {
		element := randomText(r, depth-1)
		if isObject {
			element = pieces[24+r.IntN(13)] + ":" + element
		}
		elements = append(elements, element)
	}
	if isObject {
		return "{" + strings.Join(elements, ",") + "}"
	}
	return "[" + strings.Join(elements, ", ") + "]"
}

func TestDecodeAsPHP(t *testing.T) {
	php := phptest.Start(t, decodeScript)
	compare := func(text string) bool {
		t.Helper()
		got, err := phpjson.Decode(text)
		ours := "refused"
		if err == nil {
			ours = dump(got)
		}
		require.Equal(t, php.Ask(base64.StdEncoding.EncodeToString([]byte(text))), ours, "%q: %v", text, err)
		return err == nil
	}
	for text := range decodable {
		compare(text)
	}
	for _, text := range undecodable {
		compare(text)
	}
	r := phptest.Random(t)
	inputs, accepted := 0, 0
	for until := time.Now().Add(phptest.Duration(t)); time.Now().Before(until); inputs++ {
		text := randomText(r, 4)
		if r.IntN(50) == 0 {
			text = nested(500+r.IntN(20), r.IntN(2) == 0)
		}
		if r.IntN(2) == 0 {
			text = phptest.Mutate(r, text, pieces)
		}
		if compare(text) {
			accepted++
		}
	}
	t.Logf("%d inputs, %d accepted by both", inputs, accepted)
	assert.Positive(t, accepted)
}

// FuzzDecode compares with encoding/json, which differs from PHP in surrogates,
// invalid UTF-8 and depth.
func FuzzDecode(f *testing.F) {
	for text := range decodable {
		f.Add(text)
	}
	for _, text := range undecodable {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := phpjson.Decode(text)
		if err != nil {
			if json.Valid([]byte(text)) && utf8.ValidString(text) && !strings.Contains(strings.ToLower(text), `\ud`) &&
				strings.Count(text, "[")+strings.Count(text, "{") < 512 {
				t.Fatalf("%q is refused: %v", text, err)
			}
			return
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var want any
		require.NoError(t, decoder.Decode(&want), "%q", text)
		if len(text) < 19999 {
			require.Equal(t, dump(numbers(want)), dump(got), "%q", text)
		}
	})
}

// numbers replaces the numbers of encoding/json by PHP's.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64()
		return n
	case list:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case object:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return v
}
