package phpjson_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpjson"
)

type jsonVector struct {
	Input      []byte  `json:"input_base64"`
	JSON       *string `json:"json_encode"`
	Substitute string  `json:"invalid_utf8_substitute"`
}

// jsonVectors are strings and what PHP 8.2 made of them.
func jsonVectors(t testing.TB) (vectors []jsonVector) {
	t.Helper()
	text, err := os.ReadFile("testdata/json_encode.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &vectors))
	return vectors
}

func TestAppendStringWritesWhatPHPWrites(t *testing.T) {
	valid, invalid := 0, 0
	for _, v := range jsonVectors(t) {
		got := string(phpjson.AppendString([]byte("before"), string(v.Input)))
		got, ok := strings.CutPrefix(got, "before")
		require.True(t, ok)
		if v.JSON != nil {
			valid++
			assert.Equal(t, *v.JSON, got)
			continue
		}
		invalid++
		assert.False(t, utf8.Valid(v.Input))
		assert.True(t, json.Valid([]byte(got)), "%q", got)
		assert.Equal(t, v.Substitute, got)
	}
	assert.NotZero(t, valid)
	assert.NotZero(t, invalid)
}

func TestAppendStringOfLongText(t *testing.T) {
	for _, unit := range []string{"a", "é", "日", "😀", "\x00", `"`, "a/", "\x80", "日\xc3"} {
		for _, length := range []int{254, 255, 256, 257, 258, 259, 260, 5000} {
			text := strings.Repeat("x", length%7) + strings.Repeat(unit, length)
			var got string
			require.NoError(t, json.Unmarshal(phpjson.AppendString(nil, text), &got))
			assert.Equal(t, strings.ToValidUTF8(text, ""), strings.ReplaceAll(got, "\ufffd", ""), "%q × %d", unit, length)
		}
	}
}

func TestAppendEscapedUsesTheRoomItIsGiven(t *testing.T) {
	dst := make([]byte, 3, 4096)
	src := []byte(strings.Repeat("a\"é\x01", 100))
	got := phpjson.AppendEscaped(dst, src)
	assert.Same(t, &dst[0], &got[0])
	assert.Zero(t, testing.AllocsPerRun(10, func() { phpjson.AppendEscaped(dst, src) }))
}

func TestCut(t *testing.T) {
	tests := []struct {
		text        string
		limit, want int
	}{
		{"", 4, 0},
		{"abcd", 4, 4},
		{"abcde", 4, 4},
		{"abcé", 4, 3},
		{"ab日", 4, 2},
		{"a😀", 4, 1},
		{"😀😀", 4, 4},
		{"abcd\x80\x80\x80\x80", 6, 3},
		{"\x80\x80\x80\x80\x80\x80", 5, 5},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, phpjson.Cut(tt.text, tt.limit), "%q", tt.text)
		assert.Equal(t, tt.want, phpjson.Cut([]byte(tt.text), tt.limit), "%q", tt.text)
	}
}

func TestAppendJSON(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing to change", `{"a":[1,-2.5e3,true,null,"b"]}`, `{"a":[1,-2.5e3,true,null,"b"]}`},
		{"slash", `"a/b"`, `"a\/b"`},
		{"slash that is escaped", `"a\/b"`, `"a\/b"`},
		{"backslash before a slash", `"a\\/b"`, `"a\\\/b"`},
		{"escapes", `"\"\\\u00e9\n"`, `"\"\\\u00e9\n"`},
		{"above ASCII", `{"é":"日😀"}`, `{"\u00e9":"\u65e5\ud83d\ude00"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, string(phpjson.AppendJSON(nil, []byte(tt.text))))
		})
	}
}

// FuzzAppendString checks that whatever is written is valid JSON in ASCII, and reads back as it was but for what is not
// UTF-8, however it is cut.
func FuzzAppendString(f *testing.F) {
	for _, v := range jsonVectors(f) {
		f.Add(string(v.Input))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := phpjson.AppendString(nil, text)
		for _, c := range got {
			require.True(t, c >= ' ' && c < utf8.RuneSelf)
		}
		var back string
		require.NoError(t, json.Unmarshal(got, &back))
		if utf8.ValidString(text) {
			require.Equal(t, text, back)
		}
		require.LessOrEqual(t, len(got), 2+phpjson.MaxEscape*len(text))

		cut := []byte{'"'}
		for rest := []byte(text); len(rest) > 0; {
			n := phpjson.Cut(rest, 5)
			cut = phpjson.AppendEscaped(cut, rest[:n])
			rest = rest[n:]
		}
		if cut = append(cut, '"'); utf8.ValidString(text) {
			require.Equal(t, string(got), string(cut))
		}
		require.True(t, json.Valid(cut))
	})
}
