package capi_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// FuzzPayload reads its input as the data column: session variables, masked or not, and php_serialize's array.
func FuzzPayload(f *testing.F) {
	for _, vector := range payloadVectors(f) {
		f.Add(vector.Stored)
	}
	f.Add([]byte(readableInTwoWays))
	f.Add([]byte(`a:2:{i:0;s:3:"abc";s:5:"token";R:2;}`))
	f.Add([]byte(`a|s:21:"{"password":["a",1]}";b|s:24:"a:1:{s:5:"token";i:15;}";`))
	f.Add([]byte(`joomla|E:4:"AB:C";`))
	f.Add([]byte("\x00token\x00x|s:3:\"abc\";"))
	f.Add([]byte(`a|C:1:"A":2:{xy}b|S:1:"\61";otp|S:1:"\61";`))
	for _, data := range joomlaPayloads(f) {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { holdPayload(t, data) })
}

// FuzzPayloadRegistry reads its input as the data of the Registry that Joomla 3.4.7 and later stores as base64.
func FuzzPayloadRegistry(f *testing.F) {
	for _, vector := range payloadVectors(f) {
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

// holdPayload holds what is promised for any payload: bounded time and memory; that one which does not decode is left
// out; and that one which is masked decodes to the same shape with only the secrets changed.
func holdPayload(t *testing.T, data []byte) {
	t.Helper()
	var decoded map[string]any
	var err error
	var masked capi.Payload
	mask := capi.MaskSecrets()
	before := bytes.Clone(data)
	inBounds(t, len(data), func() { decoded, err = capi.Payload(data).Decode() })
	inBounds(t, len(data), func() { masked = mask(capi.Session{Data: data}).Data })
	require.Equal(t, before, data, "the input was written to")
	if err != nil {
		var payloadErr *capi.PayloadError
		require.ErrorAs(t, err, &payloadErr)
		require.GreaterOrEqual(t, payloadErr.Offset, 0)
		require.LessOrEqual(t, payloadErr.Offset, len(data))
		require.Empty(t, masked)
		return
	}
	_, err = capi.Payload(data).State()
	require.NoError(t, err)
	if masked == nil {
		return // one of the cases in which it cannot be told what is secret
	}
	require.Len(t, masked, len(data))
	again, err := masked.Decode()
	require.NoError(t, err)
	holdMasked(t, decoded, again, false)
	require.Equal(t, masked, mask(capi.Session{Data: masked}).Data, "masked again")
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
			// References make other values secret too, and extensions have other names for theirs: these two must
			// be, whatever the rest of the name.
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
				require.Contains(t, "*01", other[i:i+1], "changed to something else than a mask")
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

// enumLike reports whether s may be an enum, whose text is that of the program and stays.
func enumLike(s string) bool { return strings.Contains(s, ":") }

// inBounds holds the time and memory of do against the length of its input.
func inBounds(t *testing.T, n int, do func()) {
	t.Helper()
	const base, ratio = 256 << 10, 128
	// A microsecond a byte is a hundred times what it takes, and the second is for a busy machine.
	limit := time.Second + time.Duration(n)*time.Microsecond
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var used uint64
	var took time.Duration
	// What other goroutines allocate counts too: only what is seen three times is the input's.
	for range 3 {
		metrics.Read(allocated)
		before, start := allocated[0].Value.Uint64(), time.Now()
		do()
		took = time.Since(start)
		metrics.Read(allocated)
		used = allocated[0].Value.Uint64() - before
		if used <= base+ratio*uint64(n) && took <= limit {
			return
		}
	}
	t.Fatalf("%d bytes of input took %v and %d bytes of memory", n, took, used)
}
