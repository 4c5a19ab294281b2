package joomla_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/phpserial"
)

// FuzzDecode reads its input as the data column: session variables, masked or
// not, and php_serialize's array.
func FuzzDecode(f *testing.F) {
	for _, vector := range vectors(f) {
		f.Add(vector.Stored)
	}
	f.Add([]byte(readableInTwoWays))
	f.Add([]byte(`a:2:{i:0;s:3:"abc";s:5:"token";R:2;}`))
	f.Add([]byte(`a|s:21:"{"password":["a",1]}";b|s:24:"a:1:{s:5:"token";i:15;}";`))
	f.Add([]byte(`joomla|E:4:"AB:C";`))
	f.Add([]byte("\x00token\x00x|s:3:\"abc\";"))
	f.Add([]byte(`a|C:1:"A":2:{xy}b|S:1:"\61";otp|S:1:"\61";`))
	for _, data := range payloads(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { holdPayload(t, data) })
}

// FuzzDecodeRegistry reads its input as the data of the Registry that Joomla
// 3.4.7 and later stores as base64.
func FuzzDecodeRegistry(f *testing.F) {
	for _, vector := range vectors(f) {
		inner := unbase64(vector.Stored)
		if _, value, ok := bytes.Cut(inner, []byte(`data";`)); ok {
			if end := bytes.LastIndex(value, []byte(`s:14:"`)); end > 0 {
				f.Add(value[:end])
			}
		}
		if _, value, ok := bytes.Cut(vector.Stored, []byte("|")); ok {
			f.Add(value)
		}
	}
	f.Add([]byte(`a:2:{s:5:"token";a:1:{i:0;s:3:"abc";}s:1:"b";R:3;}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		serialized := `O:24:"Joomla\Registry\Registry":1:{s:7:"` + "\x00*\x00" + `data";` + string(data) + `}`
		holdPayload(t, []byte(variable("joomla", base64.StdEncoding.EncodeToString([]byte(serialized)))))
	})
}

// holdPayload checks the promises for any payload: its memory is in proportion
// to its length; if it does not decode, it is left out; if it is masked, it
// decodes to the same shape with only the secrets changed; and AnyLogin agrees
// with Decode.
func holdPayload(t *testing.T, data []byte) {
	t.Helper()
	masker := joomla.NewMasker()
	before := bytes.Clone(data)
	var decoded, own map[string]any
	var err error
	inBounds(t, data, func() { decoded, own, err = joomla.Decode(data) })
	var masked []byte
	inBounds(t, data, func() { masked = masker.Mask(data) })
	var login joomla.Login
	var loginErr error
	inBounds(t, data, func() { login, loginErr = joomla.AnyLogin(data) })
	require.Equal(t, before, data, "the input was written to")
	if err != nil {
		var syntax *phpserial.SyntaxError
		require.ErrorAs(t, err, &syntax)
		require.GreaterOrEqual(t, syntax.Offset, 0)
		require.LessOrEqual(t, syntax.Offset, len(data))
		require.Empty(t, masked)
		require.Equal(t, err, loginErr)
		return
	}
	if loginErr != nil {
		require.Contains(t, string(data), `\0\0\0`, "only that can be read in two ways")
	} else {
		require.Equal(t, joomla.LoginOf(own), login)
	}
	if masked == nil {
		return // one of the cases in which it is unknown what is secret
	}
	require.Len(t, masked, len(data))
	again, _, err := joomla.Decode(masked)
	require.NoError(t, err)
	holdMasked(t, decoded, again, false)
	require.Equal(t, masked, masker.Mask(masked), "masked again")
}

// inBounds checks the memory of do against the length of data.
func inBounds(t *testing.T, data []byte, do func()) {
	t.Helper()
	const base, ratio = 256 << 10, 128
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var used uint64
	// Other goroutines allocate, too: only what is seen three times is the
	// input's.
	for range 3 {
		metrics.Read(allocated)
		before := allocated[0].Value.Uint64()
		do()
		metrics.Read(allocated)
		used = allocated[0].Value.Uint64() - before
		if used <= base+ratio*uint64(len(data)) {
			return
		}
	}
	require.Fail(t, "too much memory", "%d bytes of input took %d bytes of memory", len(data), used)
}

// holdMasked compares a value with its masked self.
func holdMasked(t *testing.T, old, masked any, secret bool) {
	t.Helper()
	switch old := old.(type) {
	case map[string]any:
		require.IsType(t, old, masked)
		other := masked.(map[string]any)
		require.Len(t, other, len(old))
		for name := range old {
			require.Contains(t, other, name)
			lower := strings.ToLower(name)
			// References make other values secret, too, and extensions use
			// other names. These two must be secret, whatever the rest of the
			// name.
			inner := secret || strings.Contains(lower, "password") || strings.Contains(lower, "token")
			holdMasked(t, old[name], other[name], inner)
		}
	case []any:
		require.IsType(t, old, masked)
		other := masked.([]any)
		require.Len(t, other, len(old))
		for i := range old {
			holdMasked(t, old[i], other[i], secret)
		}
	case string:
		require.IsType(t, old, masked)
		other := masked.(string)
		require.Len(t, other, len(old))
		for i := range len(old) {
			if old[i] != other[i] {
				require.Contains(t, masks, other[i:i+1], "changed to something else than a mask")
			}
		}
	case int64:
		require.IsType(t, old, masked)
		require.True(t, masked == any(old) && (!secret || old == 0) || masked == any(int64(0)))
	case float64:
		other, ok := masked.(float64)
		require.True(t, ok)
		require.True(t, other == old || other == 0 || math.IsNaN(old) && math.IsNaN(other))
	default:
		require.Equal(t, old, masked)
	}
	if text, ok := masked.(string); ok && secret {
		text = strings.ReplaceAll(text, "\x00*\x00", "")
		if old, _ := old.(string); !enumLike(old) {
			require.Empty(t, strings.Trim(text, "*"), "a secret is left")
		}
	}
}

// masks has the characters that overwrite secrets: asterisks, digits, and those
// of escapes in JSON.
const masks = `*01/2a\u00b7\u2022\ud83d\udd12f`

// enumLike reports whether s may be an enum, whose text comes from the program
// and is not masked.
func enumLike(s string) bool { return strings.Contains(s, ":") }
