package joomla

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/phpserial"
)

// A nesting puts a text into a value of another kind.
type nesting struct {
	name string
	put  func(text string) string
}

func serializedString(s string) string { return fmt.Sprintf(`s:%d:"%s";`, len(s), s) }

func escapedString(s string) string {
	return fmt.Sprintf(`S:%d:"%s";`, len(s), strings.NewReplacer(`\`, `\5c`, "\"", `\22`, "p", `\70`).Replace(s))
}

func jsonText(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// asciiJSON writes s as PHP's json_encode does.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(jsonText(s), "/", `\/`) {
		switch high, low := utf16.EncodeRune(r); {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case high == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// nestings are the ways to put one text into another.
var nestings = []nesting{
	{"array", func(s string) string { return `a:2:{i:0;` + serializedString(s) + `s:1:"z";i:1;}` }},
	{"S:", func(s string) string { return `O:1:"A":1:{s:1:"z";` + escapedString(s) + `}` }},
	{"string", serializedString},
	{"JSON", func(s string) string { return `{"z":[` + jsonText(s) + `,1]}` }},
	{"quoted", jsonText},
	{"spaced", func(s string) string { return "\ufeff \n" + `[` + jsonText(s) + "]\t" }},
	{"ASCII", func(s string) string { return `{"z":` + asciiJSON(s) + `}` }},
}

// holders are the values that hold a secret by its name.
var holders = []nesting{
	{"array", func(name string) string {
		return `a:2:{` + serializedString(name) + serializedString(secretText) + `s:4:"rest";i:12;}`
	}},
	{"S:", func(name string) string {
		return `O:1:"A":2:{` + escapedString(name) + escapedString(secretText) + `s:4:"rest";i:12;}`
	}},
	{"JSON", func(name string) string { return `{` + jsonText(name) + `:` + jsonText(secretText) + `,"rest":12}` }},
}

// secretText has what strings and JSON escape, each character with the next.
const secretText = "Qzxé\"/\\\n7€😀"

// stored are the forms in which Joomla stores a text under the name z.
var stored = []nesting{
	{"variables", func(s string) string { return `y|i:5;z|` + serializedString(s) }},
	{"registry", func(s string) string {
		data := `O:24:"Joomla\Registry\Registry":1:{s:7:"` + "\x00*\x00" + `data";a:1:{s:1:"z";` + serializedString(s) + `}}`
		return `joomla|` + serializedString(base64.StdEncoding.EncodeToString([]byte(data)))
	}},
	{"array", func(s string) string { return `a:1:{s:1:"z";` + serializedString(s) + `}` }},
}

// TestMaskerGenerated checks every name of the list, every form and every
// nesting to the stated depth: nothing of a secret is left, the rest is
// unchanged, and the result has the same length and decodes to the same shape.
// If the nesting is deeper, it checks only that nothing of the secret is left.
// It tries all nestings with one name, and all names with each kind of nesting.
func TestMaskerGenerated(t *testing.T) {
	masker := NewMasker()
	count := 0
	check := func(text, where string, searched bool) {
		for _, form := range stored {
			payload := []byte(form.put(text))
			where := form.name + where
			got := masker.Mask(payload)
			require.Len(t, got, len(payload), where)
			before, _, err := Decode(payload)
			require.NoError(t, err, where)
			after, _, err := Decode(got)
			require.NoError(t, err, where)
			if searched {
				secrets := 0
				requireMasked(t, unfold(before), unfold(after), &secrets, where)
				require.Equal(t, 1, secrets, where)
			}
			left := fmt.Sprint(unfold(after))
			require.Equal(t, searched, strings.Contains(left, "rest"), where)
			for _, part := range []string{"Qzx", "é", "€", "😀", `\u00e9`} {
				require.NotContains(t, left, part, where)
			}
			count++
		}
	}
	var nest func(text, where string, depth, deepest int)
	nest = func(text, where string, depth, deepest int) {
		check(text, where, depth <= MaxNested)
		if depth == deepest {
			return
		}
		for _, n := range nestings {
			nest(n.put(text), where+" in "+n.name, depth+1, deepest)
		}
	}
	for _, holder := range holders {
		nest(holder.put("token"), " "+holder.name, 1, MaxNested+1)
		for _, group := range secretWords {
			for _, name := range strings.Fields(group.words) {
				nest(holder.put(name), " "+holder.name+" "+name, 1, 2)
			}
		}
	}
	t.Log(count, "payloads")
}

// unfold decodes what strings hold, whatever it is.
func unfold(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = unfold(v[name])
		}
	case []any:
		for i := range v {
			v[i] = unfold(v[i])
		}
	case string:
		if inner, err := phpserial.Decode([]byte(v), phpserial.Options{}); err == nil {
			return []any{unfold(inner)}
		}
		var inner any
		if json.Unmarshal([]byte(strings.TrimPrefix(v, "\ufeff")), &inner) == nil {
			return []any{unfold(inner)}
		}
	}
	return v
}

// requireMasked compares unfolded values: only secretText may differ.
func requireMasked(t *testing.T, before, after any, secrets *int, where string) {
	t.Helper()
	switch before := before.(type) {
	case map[string]any:
		require.IsType(t, before, after, where)
		require.Len(t, after, len(before), where)
		for name := range before {
			requireMasked(t, before[name], after.(map[string]any)[name], secrets, where)
		}
	case []any:
		require.IsType(t, before, after, where)
		require.Len(t, after, len(before), where)
		for i := range before {
			requireMasked(t, before[i], after.([]any)[i], secrets, where)
		}
	default:
		if before == secretText {
			*secrets++
			require.IsType(t, "", after, where)
			require.Empty(t, strings.Trim(after.(string), "*/·•🔒"), where)
			return
		}
		require.Equal(t, before, after, where)
	}
}
