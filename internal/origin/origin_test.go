package origin_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/origin"
)

func TestValid(t *testing.T) {
	for _, text := range []string{
		"https://a.example", "http://localhost", "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:8080", "https://[::ffff:7f00:1]",
		"https://a.example:80", "http://a.example:443", "https://xn--mnchen-3ya.example", "capacitor://localhost", "chrome-extension://abcdefghijklmnop",
	} {
		assert.True(t, origin.Valid(text), text)
	}
	for _, text := range []string{
		"", "null", "a.example", "https://", "//a.example", "https:a.example", "https://a.example/", "https://a.example/path",
		"https://a.example?", "https://a.example#", "https://user@a.example", "https://A.example", "HTTPS://a.example",
		"https://a.example:", "https://a.example:443", "http://a.example:80", "https://*.a.example", "https://a.example, https://b.example",
		"https://a.example https://b.example", " https://a.example", "https://a.example\r\nX-Evil: 1", "https://a.example:port",
		"https://münchen.example", "https://a.example:0443", "https://a.example:0", "https://a.example:99999", "https://a.example:+1",
		"https://127.1", "https://127.0.0.01", "https://0x7f.0.0.1", "https://a.0x1", "https://1", "https://256.0.0.1", "https://127.0.0.1.",
		"https://[::0]", "https://[::ffff:127.0.0.1]", "https://[::1%25eth0]", "https://[127.0.0.1]", "https://[::1", "https://[::1]:443",
		"https://[::1]x", "https://a..example", "https://%61.example", "https://a|b", "javascript://a", "data://a", "file://a", "blob://a",
		"1a://a", "a_b://a",
	} {
		assert.False(t, origin.Valid(text), text)
	}
}
