package capi

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/php"
)

// ErrPayload is what errors.Is finds in every error of [Payload.Decode] and [Payload.State].
var ErrPayload = errors.New("capi: malformed session payload")

// A PayloadError says where a [Payload] stops being what Joomla writes. It never holds any of the payload's content.
type PayloadError struct {
	// Offset counts the bytes of the Payload before the place. Where the place is inside base64 text, it is that of
	// the group of four characters that stands for it.
	Offset int
	// Expected says what should have been there.
	Expected string
}

// Error says what was expected, and where.
func (e *PayloadError) Error() string {
	return ErrPayload.Error() + ": expected " + e.Expected + " at byte " + strconv.Itoa(e.Offset)
}

// Is reports whether target is [ErrPayload].
func (e *PayloadError) Is(target error) bool { return target == ErrPayload }

// Payload is the data column of Joomla's session table: what PHP's session handler wrote, byte for byte. A nil Payload
// is NULL: the site keeps its session data elsewhere. An empty one is a session that holds nothing yet.
//
// Joomla has stored it in three ways, which Decode and State tell apart by themselves:
//
//   - up to 3.4.6 in PHP's own session format, name|value name|value, with the bytes NUL * NUL, by which PHP marks
//     protected properties, written as the six characters \0\0\0 (JSessionStorageDatabase);
//   - since then, 3.x, 4 and 5 alike, with a single variable "joomla": the base64 text of a serialized Registry;
//   - either of them as one serialized array, on sites where session.serialize_handler is php_serialize.
type Payload []byte

// Decode returns the session's variables, or for Joomla 3.4.7 and later, which has but one, the data of the Registry
// in it. A nil Payload gives a nil map, an empty one an empty map. Errors are of type *[PayloadError].
//
// PHP's null, bool, int, float and string become nil, bool, int64, float64 and string; a string is whatever bytes PHP
// had, which need not be UTF-8, and a float may be infinite or not a number, which encoding/json refuses. A list, which
// has the keys 0, 1, 2 … in this order, becomes []any, as does an empty array. Any other array, and every object,
// becomes map[string]any: integer keys as decimal strings, property names without the marks of their visibility, class
// names dropped. A Joomla Registry is replaced by the data that it holds, an enum becomes "Class:Case", and an object
// with a serialization of its own becomes the string that it made.
//
// What PHP stored as a reference to an earlier value is that same map or slice again, not a copy: change neither, or
// copy first. A reference from inside a value to that value is nil, so that there are no cycles.
//
// The text may come from anywhere: no input panics, takes more than time and memory in proportion to its length,
// nests deeper than 512 levels, or grows to more than 17 times its length when all references are written out.
func (p Payload) Decode() (map[string]any, error) {
	if p == nil {
		return nil, nil
	}
	if text, start, ok := p.registry(); ok { // The usual form: no need to copy the whole to find it.
		data, err := decodeRegistry(text, start)
		if err != nil {
			return nil, err
		}
		return data, nil
	}
	variables, err := p.variables()
	if err != nil {
		return nil, err
	}
	text, ok := variables[registryVariable].(string)
	if !ok {
		return variables, nil
	}
	data, err := decodeRegistry(p.find(text))
	if err != nil {
		return nil, err
	}
	if len(variables) == 1 {
		return data, nil
	}
	variables[registryVariable] = data
	return variables, nil
}

// registry returns the content of the variable joomla and its offset, if p is that alone, in PHP's session format:
// joomla|s:4:"YQ==";
func (p Payload) registry() (text []byte, start int, ok bool) {
	rest, found := bytes.CutPrefix(p, []byte(registryVariable+"|s:"))
	length, rest, opened := bytes.Cut(rest, []byte(`:"`))
	text, closed := bytes.CutSuffix(rest, []byte(`";`))
	return text, len(p) - len(rest), found && opened && closed && string(length) == strconv.Itoa(len(text))
}

// find returns where in p the content of a string stands, and its offset, or a copy and 0 if it is written with escapes.
func (p Payload) find(text string) ([]byte, int) {
	// Where it is the first string, what comes before it may hold the same bytes.
	start := bytes.IndexByte(p, '"') + 1
	if end := start + len(text); end > len(p) || string(p[start:end]) != text {
		if start = bytes.Index(p, []byte(text)); start < 0 {
			return []byte(text), 0
		}
	}
	return p[start : start+len(text)], start
}

// registryVariable is the name of the session variable in which Joomla 3.4.7 and later keeps everything.
const registryVariable = "joomla"

// masked is how Joomla up to 3.4.6 stores NUL * NUL.
const masked = `\0\0\0`

// variables decodes the session's variables. A text with masked bytes is first read as Joomla 3.4.6 did, then as it is:
// a string may well hold these six characters.
func (p Payload) variables() (map[string]any, *PayloadError) {
	unmasked := bytes.Contains(p, []byte(masked))
	variables, err := php.DecodeSession(p, php.Options{Masked: unmasked, Unwrap: registryData})
	if err == nil {
		return variables, nil
	}
	first := payloadError(err)
	if !unmasked {
		return nil, first
	}
	variables, err = php.DecodeSession(p, php.Options{Unwrap: registryData})
	if err == nil {
		return variables, nil
	}
	// The reading that got further is the one that the text was meant for.
	if second := payloadError(err); second.Offset > first.Offset {
		return nil, second
	}
	return nil, first
}

// decodeRegistry returns the data of the Registry in Joomla's base64 text, which begins at offset start of the payload.
func decodeRegistry(encoded []byte, start int) (map[string]any, *PayloadError) {
	serialized, err := appendBase64(nil, encoded)
	if err != nil {
		err.Offset += start
		return nil, err
	}
	v, syntax := php.Decode(serialized, php.Options{Unwrap: registryData})
	if syntax != nil {
		err := payloadError(syntax)
		err.Offset = start + err.Offset/3*4
		return nil, err
	}
	return php.Map(v), nil
}

// appendBase64 appends to dst the serialized Registry whose base64 text is src. It takes only what PHP's base64_encode
// writes, so that encoding the result again gives src.
func appendBase64(dst, src []byte) ([]byte, *PayloadError) {
	// Go's decoder skips line breaks. Two searches for one byte each are many times as fast as one for either.
	for _, c := range []byte("\r\n") {
		if i := bytes.IndexByte(src, c); i >= 0 {
			return nil, &PayloadError{Offset: i, Expected: "a character of base64"}
		}
	}
	dst, err := base64.StdEncoding.Strict().AppendDecode(dst, src)
	if err != nil {
		offset := 0
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) {
			offset = int(corrupt)
		}
		return nil, &PayloadError{Offset: offset, Expected: "a character of base64"}
	}
	if !startsRegistry(dst) {
		return nil, &PayloadError{Expected: "the base64 text of a serialized Registry"}
	}
	return dst, nil
}

// registryClasses are the names of Joomla's Registry: since 3.3, and before.
var registryClasses = [...]string{`Joomla\Registry\Registry`, "JRegistry"}

// registryData names the property that stands for the whole object, if class is that of a Registry.
func registryData(class []byte) string {
	for _, name := range registryClasses {
		if len(class) == len(name) && strings.EqualFold(string(class), name) {
			return "data"
		}
	}
	return ""
}

// startsRegistry reports whether a serialized value is a Registry.
func startsRegistry(serialized []byte) bool {
	for _, start := range [...]string{`O:24:"Joomla\Registry\Registry":`, `O:9:"JRegistry":`} {
		if len(serialized) >= len(start) && strings.EqualFold(string(serialized[:len(start)]), start) {
			return true
		}
	}
	return false
}

func payloadError(err error) *PayloadError {
	var syntax *php.SyntaxError
	if !errors.As(err, &syntax) {
		return &PayloadError{Expected: "a session"}
	}
	return &PayloadError{Offset: syntax.Offset, Expected: syntax.Expected}
}
