package memcachedata

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// Values as PHP's extension memcached 3.2.0 writes them.
var phpValues = []struct {
	name, text string
	flags      uint32
	base64     string
}{
	{name: "short", text: `joomla|s:4:"bnVs";`, base64: "am9vbWxhfHM6NDoiYm5WcyI7"},
	{name: "FastLZ", text: session, flags: 0x50, base64: "/RYAAB9qb29tbGF8czoyMDAwOiJUem95TkRvaVNtOXZiV3hoWApGSmxaMmx6ZEhKNeADCx9Jam96T250ek9qYzZJbVJoZEdGUE9qSTBPaUpL" +
		"YjI5dA5iR0ZjVW1WbmFYTjBjbmzgAgsfa2lPak02ZTNNNk56b2laR0YwWVU4Nk1qUTZJa3B2YjIOMXNZVnhTWldkcGMzUnll4AMLClNJNk16" +
		"cDdjem8zIGcEa1lYUmjg/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/g/a/gs68D" +
		"RT0iOw=="},
	{name: "FastLZ, level 2", text: far, flags: 0x50, base64: "5BEBADphIHVzZXIgd3JvdGUgdGhpcyBvbmNlLCBhbmRgCRogbW9yZTogMDEyMzQ1Njc4OSBhYmNkZWZnaHng////////////////////////" +
		"//////////////////////9BAP8x/wNiAHrg////////////////////////////////////////////////////////////////////////" +
		"////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
		"////////////////////////////////////////////////////////////////////////////////////////////////////////////" +
		"//////////////////////////////8qAAJ6eno="},
	{name: "zlib", text: session, flags: 0x30, base64: "/RYAAHic7c5LDoIwAEXRvbiCCrEKxpmCxUAVBIGZFBIon5JgjDYuXoe4hze7s3ukUn13/0y2QQixF1et3sFeNVFvPYvbq04dr8uNTpdHbzVv" +
		"JpXmw0NzKSjrw7p0nTOXjPDGOxWG9ShcR8R9MtzTgIihm3XbcOnTyvRpoFWTuw7J4g315YWydnwWxnLKkleU38pRmOG7mnfEqK/HtdDK/H3a" +
		"LA1reOGFF1544YUXXnjhhRdeeOGFF1544YUXXnjh/fcedovtF26K/Nc="},
}

const part = "a user wrote this once, and once more: 0123456789 abcdefgh"

var (
	session = `joomla|s:2000:"` +
		base64.StdEncoding.EncodeToString([]byte(strings.Repeat(`O:24:"Joomla\Registry\Registry":3:{s:7:"data`, 100))) + `";`
	far = part + strings.Repeat("y", 9000) + part + strings.Repeat("z", 61000)
)

func TestPayloadOf(t *testing.T) {
	for _, test := range phpValues {
		value, err := base64.StdEncoding.DecodeString(test.base64)
		require.NoError(t, err)
		payload, _, err := payloadOf(&memcache.Item{Value: value, Flags: test.flags}, maxPayload)
		require.NoError(t, err, test.name)
		assert.Equal(t, capi.Payload(test.text), payload, test.name)
		if test.flags&compressed == 0 {
			continue
		}
		for cut := range value {
			_, _, err := payloadOf(&memcache.Item{Value: value[:cut], Flags: test.flags}, maxPayload)
			require.ErrorIs(t, err, errDamaged, "%s, %d bytes", test.name, cut)
		}
	}
}

func TestPayloadOfOdd(t *testing.T) {
	for name, test := range map[string]struct {
		item memcache.Item
		want error
		long int
	}{
		"a number of PHP's":           {memcache.Item{Value: []byte("5"), Flags: 1}, nil, 0},
		"an array":                    {memcache.Item{Value: []byte("\x00"), Flags: 5}, nil, 0},
		"another compression":         {memcache.Item{Value: make([]byte, 9), Flags: 0x90}, errCompressed, 0},
		"no compression named":        {memcache.Item{Value: make([]byte, 9), Flags: 0x10}, errCompressed, 0},
		"longer than a session":       {memcache.Item{Value: make([]byte, 1<<24)}, nil, 1 << 24},
		"said to be longer than that": {memcache.Item{Value: []byte("\x00\x00\x00\x01\x00x"), Flags: 0x50}, nil, 1 << 24},
		"another length than said":    {memcache.Item{Value: []byte("\x03\x00\x00\x00\x00x"), Flags: 0x50}, errDamaged, 0},
		"a repetition of nothing":     {memcache.Item{Value: []byte("\x04\x00\x00\x00\x00x\x20\x01"), Flags: 0x50}, errDamaged, 0},
		"an unknown level":            {memcache.Item{Value: []byte("\x01\x00\x00\x00\x40x"), Flags: 0x50}, errDamaged, 0},
	} {
		payload, length, err := payloadOf(&test.item, maxPayload)
		assert.ErrorIs(t, err, test.want, name)
		assert.Nil(t, payload, name)
		assert.Equal(t, test.long, length, name)
	}
}

// Whatever the block is, the text is not longer than stated, and its cost is in
// proportion to the block.
func FuzzFastLZ(f *testing.F) {
	for _, test := range phpValues {
		if value, err := base64.StdEncoding.DecodeString(test.base64); err == nil && len(value) > 4 {
			f.Add(value[4:], 1<<16)
		}
	}
	f.Fuzz(func(t *testing.T, block []byte, size int) {
		size &= maxPayload
		text, ok := fastLZ(block, size)
		if ok && len(text) > size || cap(text) > max(64, 2*264*len(block)) {
			t.Fatalf("%d bytes, %d allocated, of at most %d", len(text), cap(text), size)
		}
		// A text without repetitions consists of literal runs.
		literal := []byte{}
		for rest := block; len(rest) > 0; {
			n := min(len(rest), 32)
			literal = append(append(literal, byte(n-1)), rest[:n]...)
			rest = rest[n:]
		}
		if got, ok := fastLZ(literal, len(block)); !ok || !bytes.Equal(got, block) {
			t.Fatal("literal text is not read as it is")
		}
	})
}
