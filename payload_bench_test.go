package capi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// benchmarkPayloads returns sessions of about 4 KB in Joomla's two forms, and
// in a third one of PHP's.
func benchmarkPayloads() map[string]capi.Payload {
	timer := `O:8:"stdClass":3:{s:5:"start";i:1795489083;s:4:"last";i:1795489083;s:3:"now";i:1795489083;}`
	user := `O:20:"Joomla\CMS\User\User":9:{s:2:"id";s:3:"840";s:4:"name";s:12:"Zoë Müller";s:8:"username";s:3:"zoe";` +
		`s:5:"email";s:15:"zoe@example.org";s:8:"password";s:60:"` + strings.Repeat("x", 60) + `";s:6:"otpKey";s:16:"JBSWY3DPEHPK3PXP";` +
		`s:6:"groups";a:2:{i:0;s:1:"8";i:1;s:1:"2";}s:6:"params";s:40:"{"admin_language":"en-GB","editor":"no"}";s:5:"guest";i:0;}`
	var states strings.Builder
	const components = 16
	for i := range components {
		fmt.Fprintf(&states, `s:6:"com_%02d";O:8:"stdClass":4:{s:6:"filter";s:24:"an entry with some words";s:5:"order";s:7:"title.a";`+
			`s:5:"limit";i:20;s:4:"list";a:2:{i:0;s:3:"one";i:1;b:1;}}`, i)
	}
	state := fmt.Sprintf(`O:8:"stdClass":%d:{%s}`, components, states.String())
	data := `O:8:"stdClass":3:{s:7:"session";O:8:"stdClass":3:{s:7:"counter";i:12;s:5:"token";s:32:"` + strings.Repeat("a", 32) + `";s:5:"timer";` + timer + `}` +
		`s:8:"registry";` + state + `s:4:"user";` + user + `}`
	return map[string]capi.Payload{
		"variables": capi.Payload(`__default|a:6:{s:15:"session.counter";i:12;s:19:"session.timer.start";i:1795489083;s:18:"session.timer.last";i:1795489083;` +
			`s:8:"registry";O:24:"Joomla\Registry\Registry":2:{s:7:"\0\0\0data";` + state + `s:12:"\0\0\0separator";s:1:".";}` +
			`s:4:"user";` + user + `s:13:"session.token";s:32:"` + strings.Repeat("a", 32) + `";}`),
		"registry": capi.Payload(variable("joomla", registry(data))),
		"array":    capi.Payload(`a:1:{s:9:"__default";` + data + `}`),
	}
}

func BenchmarkPayloadDecode(b *testing.B) {
	for style, data := range benchmarkPayloads() {
		b.Run("style="+style, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := data.Decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPayloadState(b *testing.B) {
	for style, data := range benchmarkPayloads() {
		b.Run("style="+style, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := data.State(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMaskSecrets(b *testing.B) {
	mask := capi.MaskSecrets()
	for style, data := range benchmarkPayloads() {
		b.Run("style="+style, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if mask(capi.Session{Data: data}).Data == nil {
					b.Fatal("left out")
				}
			}
		})
	}
}

func TestBenchmarkPayloadsDecode(t *testing.T) {
	for style, data := range benchmarkPayloads() {
		require.InDelta(t, 4096, len(data), 1024, style)
		_, err := data.Decode()
		require.NoError(t, err, style)
		require.NotNil(t, capi.MaskSecrets()(capi.Session{Data: data}).Data)
	}
}
