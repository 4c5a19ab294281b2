package capi_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// typed turns a JSON text into the value that Decode should return, with
// integers and floats as the text writes them.
func typed(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	var convert func(any) any
	convert = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			if strings.ContainsAny(v.String(), ".eE") {
				f, err := v.Float64()
				require.NoError(t, err)
				return f
			}
			n, err := v.Int64()
			require.NoError(t, err)
			return n
		case []any:
			for i := range v {
				v[i] = convert(v[i])
			}
			return v
		case map[string]any:
			for k := range v {
				v[k] = convert(v[k])
			}
			return v
		default:
			return v
		}
	}
	return convert(v)
}

func TestPayloadDecodeVectors(t *testing.T) {
	for _, vector := range payloadVectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			got, err := capi.Payload(vector.Stored).Decode()
			if vector.Error {
				require.ErrorAs(t, err, new(*capi.PayloadError))
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, typed(t, vector.Decoded), any(got))
		})
	}
}

func TestPayloadDecodeJoomlaRows(t *testing.T) {
	for name, data := range joomlaPayloads(t) {
		t.Run(name, func(t *testing.T) {
			got, err := data.Decode()
			require.NoError(t, err)
			if len(data) == 0 {
				assert.Empty(t, got)
				return
			}
			space := got
			if strings.HasPrefix(name, "j3") {
				require.Len(t, got, 1)
				space = got["__default"].(map[string]any)
			}
			assert.Contains(t, space, "session")
			assert.Contains(t, space, "user")
			assert.Equal(t, map[string]any{}, space["registry"])
		})
	}
}

func TestPayloadDecode(t *testing.T) {
	object := `O:8:"stdClass":1:{s:1:"a";i:1;}`
	tests := []struct {
		name string
		data capi.Payload
		want map[string]any
	}{
		{"null", nil, nil},
		{"empty", capi.Payload{}, map[string]any{}},
		{"registry as a session variable", capi.Payload(variable("joomla", registry(object))), map[string]any{"a": int64(1)}},
		{"registry with php_serialize", capi.Payload("a:1:{" + phpString("joomla") + phpString(registry(object)) + "}"), map[string]any{"a": int64(1)}},
		{"registry with data as an array", capi.Payload(variable("joomla", registry("a:1:{i:0;i:7;}"))), map[string]any{"0": int64(7)}},
		{"registry with another variable", capi.Payload(variable("joomla", registry(object)) + "x|i:2;"), map[string]any{"joomla": map[string]any{"a": int64(1)}, "x": int64(2)}},
		{"a variable joomla that is an enum", capi.Payload(`joomla|E:4:"AB:C";`), map[string]any{"joomla": "AB:C"}},
		{"a variable joomla that is an object's own text", capi.Payload(`joomla|C:1:"A":4:{ABCD}`), map[string]any{"joomla": "ABCD"}},
		{"registry by reference", capi.Payload("a|" + phpString(registry(object)) + "joomla|R:1;"), map[string]any{"a": registry(object), "joomla": map[string]any{"a": int64(1)}}},
		{"registry in a string with escapes", capi.Payload("joomla|S" + strings.Replace(phpString(registry(object)), `"T`, `"\54`, 1)[1:]), map[string]any{"a": int64(1)}},
		{"a variable joomla that is no string", capi.Payload("joomla|i:5;"), map[string]any{"joomla": int64(5)}},
		{"a top-level list with php_serialize", capi.Payload("a:2:{i:0;i:5;i:1;i:6;}"), map[string]any{"0": int64(5), "1": int64(6)}},
		{"the six characters as they are", capi.Payload(`a|s:6:"\0\0\0";`), map[string]any{"a": `\0\0\0`}},
		{"masked bytes", capi.Payload(`a|s:3:"\0\0\0";`), map[string]any{"a": "\x00*\x00"}},
		{"readable in two ways", capi.Payload(`a|s:6:"\0\0\0";b";token|s:3:"abc";`), map[string]any{"a": "\x00*\x00\";b", "token": "abc"}},
		{"masked bytes in a name", capi.Payload(`\0\0\0a|s:3:"\0\0\0";`), map[string]any{"\x00*\x00a": "\x00*\x00"}},
		{"references across variables", capi.Payload(`a|` + object + `b|r:1;c|R:1;`), map[string]any{
			"a": map[string]any{"a": int64(1)}, "b": map[string]any{"a": int64(1)}, "c": map[string]any{"a": int64(1)}}},
		{"a later variable of the same name", capi.Payload("a|i:1;a|i:2;"), map[string]any{"a": int64(2)}},
		{"old registry", capi.Payload(`r|O:9:"jregistry":1:{s:7:"\0\0\0data";` + object + `}`), map[string]any{"r": map[string]any{"a": int64(1)}}},
		{"floats", capi.Payload("a|d:INF;b|d:-INF;c|d:1E999;d|d:5.;"), map[string]any{"a": math.Inf(1), "b": math.Inf(-1), "c": math.Inf(1), "d": 5.0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.data.Decode()
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestPayloadDecodeErrors(t *testing.T) {
	tests := []struct {
		name     string
		data     string
		offset   int
		expected string
	}{
		{"no variable", "secret text", 0, "the name of a session variable and |"},
		{"short string", `a|s:10:"secret";`, 4, "a length for which there is text left"},
		{"after the session", "a|i:1;secret", 6, "the name of a session variable and |"},
		{"after the array", "a:0:{}secret", 6, "the end of the text"},
		{"not base64", variable("joomla", "AAAA!secret"), 17, "a character of base64"},
		{"not base64, after the same bytes", `a|s:4:"AAA!";joomla|s:4:"AAA!";`, 28, "a character of base64"},
		{"not base64, the last of two", `joomla|s:4:"AAAA";joomla|s:4:"AAA!";`, 33, "a character of base64"},
		{"not base64, by reference", `a|s:4:"AAA!";joomla|R:1;`, 10, "a character of base64"},
		{"not base64, in a string with escapes", `joomla|S:4:"AAA\21";`, 12, "a character of base64"},
		{"not base64, after NUL * NUL", `a|s:3:"\0\0\0";joomla|s:4:"AAA!";`, 30, "a character of base64"},
		{"base64 with line breaks", variable("joomla", "AA\nAA=="), 14, "a character of base64"},
		{"base64 of something else", variable("joomla", base64.StdEncoding.EncodeToString([]byte("i:5;"))), 12, "the base64 text of a serialized Registry"},
		{"registry cut short", variable("joomla", registry("x:secret")), 13 + 49/3*4, "a value"},
		{"masked, the longer of two readings", `a|s:3:"\0\0\0";b|x`, 17, "a value"},
		{"unmasked, the longer of two readings", `a|s:6:"\0\0\0";b|x`, 17, "a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := capi.Payload(tt.data).Decode()
			assert.Nil(t, got)
			var payloadErr *capi.PayloadError
			require.ErrorAs(t, err, &payloadErr)
			assert.Equal(t, tt.expected, payloadErr.Expected)
			assert.Equal(t, tt.offset, payloadErr.Offset)
			assert.NotContains(t, err.Error(), "secret")
			_, err = capi.Payload(tt.data).State()
			require.ErrorAs(t, err, new(*capi.PayloadError))
		})
	}
}

// TestPayloadDecodeContractExample decodes the contract's own example, whose
// values were blanked by hand: it is served unchanged, and decoding it fails.
func TestPayloadDecodeContractExample(t *testing.T) {
	data := capi.Payload(`__default|a:1:{s:4:"user";O:5:"JUser":1:{s:8:"password";s:60:"******************************";}}`)
	_, err := data.Decode()
	require.ErrorAs(t, err, new(*capi.PayloadError))
}

func TestPayloadState(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	firefox := "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/37.0.2062.120 Safari/537.36"
	old := capi.State{
		Counter: 6, Started: at(1445780779), Last: at(1445780780), Now: at(1445780781), Browser: firefox,
		Application: map[string]any{"application": map[string]any{"lang": "en-GB"}},
	}
	user := old
	user.UserID, user.Name, user.Username, user.Email = 43, "Zoë Müller", "zoe", "zoe@example.org"
	want := map[string]capi.State{
		"joomla 3.4 style, guest, masked NULs":   old,
		"joomla 3.4 style, guest, unmasked NULs": old,
		"joomla 3.4 style, user, masked NULs":    user,
		"joomla 3.4 style, user, unmasked NULs":  user,
		"joomla 4/5 style registry #0": {Counter: 1, Started: at(1445780779), Last: at(1445780779), Now: at(1445780779),
			UserID: 35, Application: map[string]any{}},
		"joomla 4/5 style registry #1": {Counter: 2, Started: at(1445780779), Last: at(1445780779), Now: at(1445780788),
			Browser: firefox, UserID: 840},
		"null":        {},
		"empty":       {},
		"list":        {},
		"empty array": {},
	}
	seen := 0
	for _, vector := range payloadVectors(t) {
		state, ok := want[vector.Name]
		if !ok {
			continue
		}
		seen++
		t.Run(vector.Name, func(t *testing.T) {
			got, err := capi.Payload(vector.Stored).State()
			require.NoError(t, err)
			assert.Equal(t, state, got)
		})
	}
	assert.Equal(t, len(want), seen)

	t.Run("rows", func(t *testing.T) {
		for name, data := range joomlaPayloads(t) {
			got, err := data.State()
			require.NoError(t, err, name)
			if len(data) == 0 {
				assert.Zero(t, got, name)
				continue
			}
			assert.Positive(t, got.Counter, name)
			assert.False(t, got.Started.IsZero(), name)
			assert.False(t, got.Last.Before(got.Started), name)
			assert.False(t, got.Now.Before(got.Last), name)
			assert.NotNil(t, got.Application, name)
		}
	})
	t.Run("with another variable", func(t *testing.T) {
		got, err := capi.Payload(variable("joomla", registry(`a:1:{s:4:"user";a:1:{s:2:"id";s:1:"7";}}`)) + "x|i:1;").State()
		require.NoError(t, err)
		assert.Equal(t, int64(7), got.UserID)
	})
	t.Run("nested client.browser of 4 and later", func(t *testing.T) {
		got, err := capi.Payload(variable("joomla", registry(`a:1:{s:7:"session";a:1:{s:6:"client";a:1:{s:7:"browser";s:1:"b";}}}`))).State()
		require.NoError(t, err)
		assert.Equal(t, "b", got.Browser)
	})
	t.Run("second factor", func(t *testing.T) {
		got, err := capi.Payload(variable("joomla", registry(`a:1:{s:9:"com_users";a:2:{s:11:"mfa_checked";i:1;s:19:"mandatory_mfa_setup";i:0;}}`))).State()
		require.NoError(t, err)
		assert.Equal(t, capi.State{MFAChecked: true}, got)
	})
	t.Run("a variable joomla of Joomla's own", func(t *testing.T) {
		got, err := capi.Payload(variable("joomla", registry(`a:2:{s:6:"joomla";a:0:{}s:4:"user";a:1:{s:2:"id";i:7;}}`))).State()
		require.NoError(t, err)
		assert.Equal(t, int64(7), got.UserID)
	})
	t.Run("the last moment that has a JSON", func(t *testing.T) {
		got, err := capi.Payload(`__default|a:2:{s:18:"session.timer.last";i:253402300799;s:17:"session.timer.now";i:253402300800;}`).State()
		require.NoError(t, err)
		assert.Equal(t, capi.State{Last: at(253402300799)}, got)
	})
	t.Run("null in the joined form", func(t *testing.T) {
		got, err := capi.Payload(`__default|a:2:{s:15:"session.counter";N;s:7:"session";a:1:{s:7:"counter";i:5;}}`).State()
		require.NoError(t, err)
		assert.Zero(t, got.Counter)
	})
	t.Run("unexpected types", func(t *testing.T) {
		got, err := capi.Payload(`__default|a:5:{s:15:"session.counter";s:1:"x";s:19:"session.timer.start";i:99999999999999;` +
			`s:17:"session.timer.now";a:0:{}s:4:"user";i:1;s:8:"registry";N;}`).State()
		require.NoError(t, err)
		assert.Zero(t, got)
	})
}
