package phpjson_test

import (
	"bytes"
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

// jsonVectors returns strings and what PHP 8.2 made of them.
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
		if v.JSON != nil {
			valid++
			assert.Equal(t, *v.JSON, v.Substitute)
		} else {
			invalid++
			assert.False(t, utf8.Valid(v.Input))
		}
		assert.Equal(t, "before"+v.Substitute, string(phpjson.AppendString([]byte("before"), string(v.Input))))
		assert.Equal(t, v.Substitute, reference(string(v.Input)))
	}
	assert.NotZero(t, valid)
	assert.NotZero(t, invalid)
}

// boundaries are the bytes on both sides of each boundary in the rules of UTF-8
// and JSON.
const boundaries = "\x00\x07\x08\x0d\x1f !\"/0\\\x7e\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"

// TestAppendStringOfEverySequence puts sequences at every place of a vector, in
// text of one and of two bytes.
func TestAppendStringOfEverySequence(t *testing.T) {
	tests := map[string]func(add func(...byte)){
		"two bytes": func(add func(...byte)) {
			for i := range 1 << 16 {
				add(byte(i>>8), byte(i))
			}
		},
		"three bytes": func(add func(...byte)) {
			for _, a := range []byte(boundaries) {
				for _, b := range []byte(boundaries) {
					for c := range 1 << 8 {
						add(a, b, byte(c))
					}
				}
			}
		},
		"four bytes": func(add func(...byte)) {
			for a := byte(0xEF); a != 0; a++ {
				for _, b := range []byte(boundaries) {
					for _, c := range []byte("a\x7f\x80\xbf\xc0\xc2\xf4") {
						for _, d := range []byte("a\x7f\x80\xbf\xc0\xc2\xf4") {
							add(a, b, c, d)
						}
					}
				}
			}
		},
		"runes": func(add func(...byte)) {
			for r := rune(0); r <= utf8.MaxRune; r++ {
				if r > 0x10000 {
					r += 60 // A sample, by steps of a prime: 61.
				}
				add(utf8.AppendRune(nil, r)...)
			}
		},
	}
	fillers := []string{"xxxxxxxxxxxxxxxxxxxxxxx", "xЖxЖxЖxЖЖxxxxxxxx"}
	for name, sequences := range tests {
		t.Run(name, func(t *testing.T) {
			count := 0
			var text []byte
			sequences(func(sequence ...byte) {
				filler := fillers[count%2]
				text = append(text[:0], "xxxxxxxxxxxxxxxxxxx"[:count%19]...)
				text = append(text, sequence...)
				text = append(text, filler...)
				count++
				if got := phpjson.AppendString(nil, string(text)); string(got) != reference(string(text)) {
					require.Equal(t, reference(string(text)), string(got), "%q", text)
				}
			})
			require.NotZero(t, count)
		})
	}
}

func TestAppendStringOfLongText(t *testing.T) {
	for _, unit := range []string{"a", "é", "日", "😀", "\x00", `"`, "a/", "\x80", "日\xc3", "é\xf0\x9f\x98"} {
		for _, length := range []int{254, 255, 256, 257, 258, 259, 260, 5000} {
			text := strings.Repeat("x", length%7) + strings.Repeat(unit, length)
			assert.Equal(t, reference(text), string(phpjson.AppendString(nil, text)), "%q × %d", unit, length)
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

// FuzzAppendString compares with the reference, whole and cut anywhere, and
// with encoding/json.
func FuzzAppendString(f *testing.F) {
	for i, v := range jsonVectors(f) {
		f.Add(string(v.Input), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		want := reference(text)
		require.Equal(t, want, string(phpjson.AppendString(nil, text)))
		require.LessOrEqual(t, len(want), 2+phpjson.MaxEscape*len(text))

		cut := []byte{'"'}
		for rest := []byte(text); len(rest) > 0; {
			n := phpjson.Cut(rest, max(4, int(limit)))
			cut = phpjson.AppendEscaped(cut, rest[:n])
			rest = rest[n:]
		}
		require.Equal(t, want, string(cut)+`"`)

		var back string
		require.NoError(t, json.Unmarshal([]byte(want), &back))
		if utf8.ValidString(text) {
			require.Equal(t, text, back)
			var encoded bytes.Buffer
			encoder := json.NewEncoder(&encoded)
			encoder.SetEscapeHTML(false)
			require.NoError(t, encoder.Encode(text))
			require.Equal(t, want+"\n", string(phpjson.AppendJSON(nil, encoded.Bytes())))
		}
	})
}
