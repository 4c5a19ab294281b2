package joomla_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
)

// vector is a value of the column data that PHP itself serialized, with its
// decoded value.
type vector struct {
	Name    string          `json:"name"`
	Stored  []byte          `json:"stored_base64"`
	Error   bool            `json:"error"`
	Decoded json.RawMessage `json:"decoded"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/session_payload.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.NotEmpty(t, vectors)
	return vectors
}

// payloads returns every payload that real sites wrote, by site and session id,
// or by case and a number.
func payloads(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, site := range joomlatest.Recordings() {
		for _, row := range joomlatest.Recorded(site).Tables["session"] {
			text, _ := row["data"].(string)
			all[site+" "+row["session_id"].(string)] = []byte(text)
		}
	}
	for _, c := range append(joomlatest.SecondFactor(), joomlatest.Handlers()...) {
		for _, row := range c.Recording.Tables["session"] {
			text, _ := row["data"].(string)
			all[fmt.Sprintf("case %s %s %d", c.Site, c.Name, len(all))] = []byte(text)
		}
		for _, v := range c.Redis {
			all[fmt.Sprintf("case %s %s %d", c.Site, c.Name, len(all))] = []byte(v.Value)
		}
	}
	require.Greater(t, len(all), 100)
	return all
}

// mask masks data and checks the invariants: the input is unchanged, and the
// result has the same length, decodes, and does not change when masked again.
func mask(t testing.TB, data []byte) []byte {
	t.Helper()
	masker := joomla.NewMasker()
	before := bytes.Clone(data)
	got := masker.Mask(data)
	require.Equal(t, before, data, "the store's memory was written to")
	if got == nil {
		return nil
	}
	require.Len(t, got, len(data))
	_, _, err := joomla.Decode(got)
	require.NoError(t, err)
	require.Equal(t, string(got), string(masker.Mask(got)), "masked again")
	return got
}

// registry wraps serialized data as Joomla 3.4.7 and later does.
func registry(data string) string {
	serialized := `O:24:"Joomla\Registry\Registry":1:{s:7:"` + "\x00*\x00" + `data";` + data + `}`
	return base64.StdEncoding.EncodeToString([]byte(serialized))
}

// unbase64 returns the serialized Registry in a payload of Joomla 3.4.7 and
// later, or nil.
func unbase64(data []byte) []byte {
	_, text, _ := bytes.Cut(data, []byte(`:"`))
	inner, err := base64.StdEncoding.DecodeString(strings.TrimRight(string(text), `";}`))
	if err != nil {
		return nil
	}
	return inner
}

// variable returns a session text with a single string.
func variable(name, value string) string {
	return name + "|" + phpString(value)
}

func phpString(s string) string {
	return "s:" + strconv.Itoa(len(s)) + `:"` + s + `";`
}

// escaped is phpString, with every third byte escaped.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c == '\\' || i%3 == 0 {
			fmt.Fprintf(&b, `\%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "S:" + strconv.Itoa(len(s)) + `:"` + b.String() + `";`
}

// coreAdmin reports whether rules grant core.admin to identities.
func coreAdmin(rules string, identities []int64) bool {
	return joomla.ParseCoreAdmin(rules).Allows(identities)
}
