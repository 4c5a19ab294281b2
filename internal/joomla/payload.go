package joomla

import (
	"bytes"
	"encoding/base64"
	"errors"
	"maps"
	"strings"

	"github.com/capi-go/capi/internal/phpserial"
)

// registryVariable is the name of the session variable in which Joomla 3.4.7
// and later keeps everything.
const registryVariable = "joomla"

// escapedNUL is how Joomla up to 3.4.6 stores NUL * NUL.
var escapedNUL = []byte(`\0\0\0`)

// Decode returns the session's variables or, for Joomla 3.4.7 and later, which
// has only one, the data of the Registry in it. Values are those of
// phpserial.Decode, with each Registry replaced by its data. A nil payload
// gives a nil map, an empty one an empty map.
//
// It also returns Joomla's own values. They are in the Registry: at the top
// since Joomla 4, in the namespace __default in 3.x. Without a Registry, they
// are in the variable __default, or nil without that: other variables belong to
// other PHP programs, which often share a store with the site.
func Decode(payload []byte) (variables, own map[string]any, err error) {
	if payload == nil {
		return nil, nil, nil
	}
	var r phpserial.Reader
	if text, ok := soleRegistry(&r, payload); ok {
		data, err := decodeRegistry(&r, payload, text)
		return data, registryValues(data), err
	}
	variables, escaped, err := decodeVariables(payload)
	if err != nil {
		return nil, nil, err
	}
	return unwrapRegistry(&r, payload, variables, escaped)
}

// unwrapRegistry returns the results of Decode for a payload with the given
// variables.
func unwrapRegistry(r *phpserial.Reader, payload []byte, variables map[string]any, escaped bool) (
	unwrapped, own map[string]any, err error) {
	if _, ok := variables[registryVariable].(string); !ok {
		return variables, phpserial.Map(variables["__default"]), nil
	}
	text, ok := findRegistry(r, payload, escaped)
	if !ok { // An enum or an object decodes to a string, too.
		return variables, phpserial.Map(variables["__default"]), nil
	}
	data, err := decodeRegistry(r, payload, text)
	if err != nil {
		return nil, nil, err
	}
	if len(variables) == 1 {
		return data, registryValues(data), nil
	}
	variables[registryVariable] = data
	return variables, registryValues(data), nil
}

// registryValues returns Joomla's own values in the data of a Registry. A
// session that survives an upgrade from 3.x has both kinds. Then values outside
// __default win, as in Joomla\CMS\Session\Session::get; in 3.x, all names there
// begin with __.
func registryValues(data map[string]any) map[string]any {
	space := phpserial.Map(data["__default"])
	if space == nil {
		return data
	}
	own := maps.Clone(space)
	for name, value := range data {
		if value != nil && !strings.HasPrefix(name, "__") {
			own[name] = value
		}
	}
	return own
}

// soleRegistry returns where the text of the variable joomla is, if payload
// holds nothing else. That is the usual form, and the outer text need not be
// decoded.
func soleRegistry(r *phpserial.Reader, payload []byte) (text phpserial.Span, ok bool) {
	if !bytes.Contains(payload[:min(len(payload), len(`a:1:{s:6:"joomla"`))], []byte(registryVariable)) {
		return text, false
	}
	r.ResetSession(payload, false)
	for i := 0; ; i++ {
		t, err := r.Next()
		if err != nil {
			return text, false
		}
		switch {
		case i == 0: // The session itself.
		case i == 1 && t.Kind == phpserial.String && isRegistryVariable(r, t):
			text = t.Text
		case i == 2 && t.Kind == phpserial.End:
		default:
			return text, i == 3 && t.Kind == phpserial.EOF
		}
	}
}

// findRegistry returns where the text of the last variable joomla is, in a
// payload that decodes. It reports whether there is one.
func findRegistry(r *phpserial.Reader, payload []byte, escaped bool) (text phpserial.Span, ok bool) {
	var last phpserial.Token
	walk := func(visit func(*phpserial.Token)) {
		r.ResetSession(payload, escaped)
		for {
			t, err := r.Next()
			if err != nil || t.Kind == phpserial.EOF {
				return
			}
			visit(t)
		}
	}
	walk(func(t *phpserial.Token) {
		if t.Depth == 1 && t.Kind != phpserial.End && isRegistryVariable(r, t) {
			last = *t
		}
	})
	if last.Kind == phpserial.Reference {
		target := last.Target
		walk(func(t *phpserial.Token) {
			if t.Slot == target && t.Kind != phpserial.End && t.Kind != phpserial.Reference {
				last = *t
			}
		})
	}
	return last.Text, last.Kind == phpserial.String
}

// isRegistryVariable reports whether the variable t of a session is called
// joomla.
func isRegistryVariable(r *phpserial.Reader, t *phpserial.Token) bool {
	var buffer [3 * len(registryVariable)]byte
	return t.KeyKind == phpserial.StringKey && t.Key.End-t.Key.Start <= len(buffer) &&
		string(r.Append(buffer[:0], t.Key)) == registryVariable
}

// decodeVariables decodes the session's variables. It reads a text with the six
// characters \0\0\0 first as Joomla 3.4.6 did, then as it is, because a string
// may hold them. It reports in escaped which reading succeeded.
func decodeVariables(payload []byte) (variables map[string]any, escaped bool, err error) {
	escaped = bytes.Contains(payload, escapedNUL)
	variables, err = phpserial.DecodeSession(payload, phpserial.Options{EscapedNUL: escaped, Unwrap: registryData})
	if err == nil || !escaped {
		return variables, escaped, err
	}
	variables, plain := phpserial.DecodeSession(payload, phpserial.Options{Unwrap: registryData})
	// Of two failed readings, the one that got further is the intended one.
	if plain == nil || offset(plain) > offset(err) {
		return variables, false, plain
	}
	return nil, true, err
}

// decodeRegistry returns the data of the Registry whose base64 text is at text,
// a string that r has read in payload.
func decodeRegistry(r *phpserial.Reader, payload []byte, text phpserial.Span) (map[string]any, error) {
	encoded := payload[text.Start:text.End]
	if text.Coding != phpserial.Plain {
		encoded = r.Append(nil, text)
	}
	serialized, err := appendBase64(nil, encoded)
	if err != nil {
		return nil, moved(err, text, 1, 1)
	}
	v, err := phpserial.Decode(serialized, phpserial.Options{Unwrap: registryData})
	if err != nil {
		return nil, moved(err, text, 4, 3)
	}
	return phpserial.Map(v), nil
}

// moved returns err with its offset in text converted to one in the payload.
// Every by bytes of what was read are to bytes of text. If text has escapes,
// the offset becomes that of its start.
func moved(err error, text phpserial.Span, to, by int) error {
	var syntax *phpserial.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	at := text.Start
	if text.Coding == phpserial.Plain {
		at += syntax.Offset / by * to
	}
	return &phpserial.SyntaxError{Offset: at, Expected: syntax.Expected}
}

// offset returns the offset of a syntax error.
func offset(err error) int {
	var syntax *phpserial.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset
	}
	return 0
}

// appendBase64 appends to dst the serialized Registry whose base64 text is src.
// It accepts only what PHP's base64_encode writes, so that encoding the result
// gives src.
func appendBase64(dst, src []byte) ([]byte, error) {
	// Go's decoder skips line breaks. Two searches for one byte each are many
	// times as fast as one search for both.
	for _, c := range []byte("\r\n") {
		if i := bytes.IndexByte(src, c); i >= 0 {
			return nil, &phpserial.SyntaxError{Offset: i, Expected: "a character of base64"}
		}
	}
	dst, err := base64.StdEncoding.Strict().AppendDecode(dst, src)
	if err != nil {
		offset := 0
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) {
			offset = int(corrupt)
		}
		return nil, &phpserial.SyntaxError{Offset: offset, Expected: "a character of base64"}
	}
	if !startsRegistry(dst) {
		return nil, &phpserial.SyntaxError{Expected: "the base64 text of a serialized Registry"}
	}
	return dst, nil
}

// registryClasses are the names of Joomla's Registry: since 3.3, and before. A
// serialized one starts with its prefix.
var registryClasses = [...]struct{ name, prefix []byte }{
	{[]byte(`Joomla\Registry\Registry`), []byte(`O:24:"Joomla\Registry\Registry":`)},
	{[]byte("JRegistry"), []byte(`O:9:"JRegistry":`)},
}

// registryData returns the property whose value replaces the object, if class
// is a Registry.
func registryData(class []byte) string {
	for _, c := range registryClasses {
		if bytes.EqualFold(class, c.name) {
			return "data"
		}
	}
	return ""
}

// startsRegistry reports whether a serialized value is a Registry.
func startsRegistry(serialized []byte) bool {
	for _, c := range registryClasses {
		if len(serialized) >= len(c.prefix) && bytes.EqualFold(serialized[:len(c.prefix)], c.prefix) {
			return true
		}
	}
	return false
}
