package integration_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/elliotchance/phpserialize"

	"github.com/capi-go/capi"
)

// storedSession is a session as Joomla stores it, and the serialized value in
// it.
type storedSession struct {
	data  capi.Payload
	value []byte
}

// storedSessions returns a session of about 4 KB in each way in which Joomla
// stores one. phpserialize knows neither the session format nor base64 nor
// masked bytes, so it gets only the value, in an array, which its generic
// reader requires.
func storedSessions() map[string]storedSession {
	timer := `O:8:"stdClass":3:{s:5:"start";i:1795489083;s:4:"last";i:1795489083;s:3:"now";i:1795489083;}`
	user := `O:20:"Joomla\CMS\User\User":6:{s:2:"id";s:3:"840";s:4:"name";s:10:"Zoe Muller";s:8:"username";s:3:"zoe";` +
		`s:8:"password";s:60:"` + strings.Repeat("x", 60) + `";s:6:"groups";a:2:{i:0;s:1:"8";i:1;s:1:"2";}s:5:"guest";i:0;}`
	const components = 22
	var states strings.Builder
	for i := range components {
		fmt.Fprintf(&states, `s:6:"com_%02d";O:8:"stdClass":4:{s:6:"filter";s:24:"an entry with some words";s:5:"order";s:7:"title.a";`+
			`s:5:"limit";i:20;s:4:"list";a:2:{i:0;s:3:"one";i:1;b:1;}}`, i)
	}
	content := fmt.Sprintf(`O:8:"stdClass":3:{s:7:"session";O:8:"stdClass":3:{s:7:"counter";i:12;s:5:"token";s:32:"%s";s:5:"timer";%s}`+
		`s:8:"registry";O:8:"stdClass":%d:{%s}s:4:"user";%s}`, strings.Repeat("a", 32), timer, components, states.String(), user)
	registry := `O:24:"Joomla\Registry\Registry":1:{s:7:"` + "\x00*\x00" + `data";` + content + `}`
	text := base64.StdEncoding.EncodeToString([]byte(registry))
	array := func(value string) []byte { return []byte(`a:1:{s:9:"__default";` + value + `}`) }
	return map[string]storedSession{
		"variables": {capi.Payload("__default|" + content), array(content)},
		"registry":  {capi.Payload(fmt.Sprintf(`joomla|s:%d:"%s";`, len(text), text)), array(registry)},
		"array":     {array(content), array(content)},
	}
}

// BenchmarkPayload compares decoding and masking with phpserialize's decoding
// of the same value. The bytes of the style "registry" are those of its base64
// text, which phpserialize does not read.
func BenchmarkPayload(b *testing.B) {
	mask := capi.MaskSecrets()
	for style, s := range storedSessions() {
		run := func(name string, bytes int, do func() error) {
			b.Run("style="+style+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(bytes))
				b.ReportAllocs()
				for b.Loop() {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("op=decode/by=capi", len(s.data), func() error {
			_, err := s.data.Decode()
			return err
		})
		run("op=mask/by=capi", len(s.data), func() error {
			if mask(capi.Session{Data: s.data}).Data == nil {
				return errors.New("left out")
			}
			return nil
		})
		run("op=decode/by=phpserialize", len(s.value), func() error {
			_, err := phpserialize.UnmarshalAssociativeArray(s.value)
			return err
		})
	}
}
