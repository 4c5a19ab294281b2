package phpserial_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpserial"
)

func FuzzDecode(f *testing.F) {
	for _, stored := range stored(f) {
		if _, value, ok := strings.Cut(stored, "|"); ok {
			f.Add([]byte(value), false)
			f.Add([]byte(value), true)
		}
	}
	f.Add([]byte(`a:3:{i:0;O:8:"stdClass":1:{s:1:"a";r:2;}i:1;R:2;i:2;r:2;}`), false)
	f.Add([]byte(`a:2:{S:1:"\61";C:1:"A":1:{b}s:1:"0";E:3:"A:b";}`), false)
	f.Fuzz(func(t *testing.T, data []byte, escaped bool) {
		walk(t, data, escaped, false)
		value, err := bounded(t, data, func() (any, error) { return phpserial.Decode(data, phpserial.Options{EscapedNUL: escaped}) })
		check(t, data, value, err)
	})
}

func FuzzDecodeSession(f *testing.F) {
	for _, stored := range stored(f) {
		f.Add([]byte(stored), false)
		f.Add([]byte(stored), true)
	}
	f.Add([]byte(`a|O:8:"stdClass":1:{s:1:"a";r:2;}b|R:1;c|r:1;`), false)
	f.Fuzz(func(t *testing.T, data []byte, escaped bool) {
		walk(t, data, escaped, true)
		value, err := bounded(t, data, func() (any, error) {
			m, err := phpserial.DecodeSession(data, phpserial.Options{EscapedNUL: escaped})
			return m, err
		})
		check(t, data, value, err)
	})
}

// stored returns values of the column data that PHP itself serialized.
func stored(f testing.TB) []string {
	f.Helper()
	text, err := os.ReadFile("../../testdata/session_payload.json")
	require.NoError(f, err)
	var vectors []struct {
		Stored string `json:"stored_base64"`
	}
	require.NoError(f, json.Unmarshal(text, &vectors))
	var all []string
	for _, v := range vectors {
		b, err := base64.StdEncoding.DecodeString(v.Stored)
		require.NoError(f, err)
		all = append(all, string(b))
	}
	return all
}

// bounded runs decode and checks its memory against the length of its input.
func bounded(t *testing.T, data []byte, decode func() (any, error)) (value any, err error) {
	t.Helper()
	const base, ratio = 256 << 10, 64
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var used uint64
	// Other goroutines allocate, too: only what is seen three times is the
	// input's.
	for range 3 {
		metrics.Read(allocated)
		before := allocated[0].Value.Uint64()
		value, err = decode()
		metrics.Read(allocated)
		used = allocated[0].Value.Uint64() - before
		if used <= base+ratio*uint64(len(data)) {
			return value, err
		}
	}
	t.Fatalf("%d bytes of input took %d bytes of memory", len(data), used)
	return nil, nil
}

// check checks that an error has a position in the input and nothing of the
// input itself, and that a value written by the simplest serializer decodes to
// itself.
func check(t *testing.T, data []byte, value any, err error) {
	t.Helper()
	if err != nil {
		var syntax *phpserial.SyntaxError
		require.ErrorAs(t, err, &syntax)
		require.GreaterOrEqual(t, syntax.Offset, 0)
		require.LessOrEqual(t, syntax.Offset, len(data))
		return
	}
	var b strings.Builder
	depth := 0
	serialize(&b, value, 0, &depth)
	// Class names and key prefixes make containers longer, as do integer keys
	// that become strings.
	if limit := 64 + 16*(1+phpserial.MaxReferenced)*len(data); b.Len() > limit {
		t.Fatalf("%d bytes of input expand to %d", len(data), b.Len())
	}
	if depth > phpserial.MaxDepth {
		return // references put deep values deeper
	}
	again, err := phpserial.Decode([]byte(b.String()), phpserial.Options{})
	require.NoError(t, err)
	require.True(t, same(value, again), "%#v\n%#v", value, again)
}

// same is reflect.DeepEqual, except that NaN equals itself.
func same(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if v, ok := b[k]; !ok || !same(a[k], v) {
				return false
			}
		}
		return true
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	default:
		return a == b
	}
}

func serialize(b *strings.Builder, v any, depth int, deepest *int) {
	switch v := v.(type) {
	case nil:
		b.WriteString("N;")
	case bool:
		if v {
			b.WriteString("b:1;")
		} else {
			b.WriteString("b:0;")
		}
	case int64:
		fmt.Fprintf(b, "i:%d;", v)
	case float64:
		switch {
		case math.IsInf(v, 1):
			b.WriteString("d:INF;")
		case math.IsInf(v, -1):
			b.WriteString("d:-INF;")
		case math.IsNaN(v):
			b.WriteString("d:NAN;")
		default:
			fmt.Fprintf(b, "d:%v;", v)
		}
	case string:
		fmt.Fprintf(b, `s:%d:"%s";`, len(v), v)
	case []any:
		*deepest = max(*deepest, depth+1)
		fmt.Fprintf(b, "a:%d:{", len(v))
		for i, e := range v {
			fmt.Fprintf(b, "i:%d;", i)
			serialize(b, e, depth+1, deepest)
		}
		b.WriteString("}")
	case map[string]any:
		*deepest = max(*deepest, depth+1)
		fmt.Fprintf(b, `O:8:"stdClass":%d:{`, len(v))
		for k, e := range v {
			fmt.Fprintf(b, "s:%d:\"\x00*\x00%s\";", len(k)+3, k)
			serialize(b, e, depth+1, deepest)
		}
		b.WriteString("}")
	default:
		panic(fmt.Sprintf("not a decoded value: %T", v))
	}
}

// walk checks what every user of Reader relies on: spans lie in the text,
// depths fit, and every container ends.
func walk(t *testing.T, data []byte, escaped, session bool) {
	t.Helper()
	var r phpserial.Reader
	reset := r.Reset
	if session {
		reset = r.ResetSession
	}
	reset(data, escaped)
	var open []int
	for {
		token, err := r.Next()
		if err != nil {
			return
		}
		if token.Kind == phpserial.EOF {
			require.Empty(t, open)
			return
		}
		if token.Kind == phpserial.End {
			require.Equal(t, open[len(open)-1], token.Depth)
			open = open[:len(open)-1]
			continue
		}
		require.Equal(t, len(open), token.Depth)
		require.Equal(t, len(open) > 0, token.KeyKind != phpserial.NoKey)
		spans := []phpserial.Span{}
		if token.KeyKind == phpserial.StringKey || token.KeyKind == phpserial.PropertyKey {
			spans = append(spans, token.Key)
		}
		switch token.Kind {
		case phpserial.Array, phpserial.Object:
			open = append(open, token.Depth)
			require.LessOrEqual(t, len(open), phpserial.MaxDepth+1)
		case phpserial.String, phpserial.Enum, phpserial.Custom, phpserial.Float, phpserial.Int:
			spans = append(spans, token.Text)
		}
		for _, s := range spans {
			require.True(t, 0 <= s.Start && s.Start <= s.End && s.End <= len(data))
			require.LessOrEqual(t, len(r.Append(nil, s)), s.End-s.Start)
		}
	}
}
