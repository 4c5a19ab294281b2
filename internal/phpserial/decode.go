package phpserial

import (
	"math"
	"strconv"
)

// Options say how to decode a text. The zero value is PHP's own way.
type Options struct {
	// EscapedNUL reports whether NUL * NUL is written as the six characters
	// \0\0\0.
	EscapedNUL bool
	// Unwrap returns, for the class of an object, the property whose value
	// replaces the object if it is an array or object, or "" for objects that
	// are not replaced. Nil unwraps nothing.
	Unwrap func(class []byte) string
}

// Decode decodes one serialized value. null is nil, and bool, int64, float64
// and string are themselves; a list (keys 0, 1, 2 … in this order) is []any, as
// is an empty array; any other array, and an object, is map[string]any, with
// property names bare; an enum is "Class:Case"; a custom-serialized object is
// its body. A back-reference is the very value it refers to, shared and not
// copied, or nil if that value holds the reference.
func Decode(data []byte, o Options) (any, error) {
	return decode(data, o, false)
}

// DecodeSession decodes the text of a session in either of PHP's formats. Its
// variables are decoded as Decode does.
func DecodeSession(data []byte, o Options) (map[string]any, error) {
	v, err := decode(data, o, true)
	if err != nil {
		return nil, err
	}
	return Map(v), nil
}

func decode(data []byte, o Options, session bool) (any, error) {
	d := decoder{text: string(data), unwrap: o.Unwrap, stack: make([]container, 0, 8)}
	d.reader.stack = make([]frame, 0, 8)
	d.reset(data, o.EscapedNUL, session)
	d.reader.tracking = false
	v, err := d.decode()
	if err == errReference {
		d.reset(data, o.EscapedNUL, session)
		v, err = d.decode()
	}
	return v, err
}

// Map returns v as a map: a list with its indexes as keys, a map as it is, and
// anything else as nil.
func Map(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case []any:
		return indexed(v, len(v))
	default:
		return nil
	}
}

type decoder struct {
	reader Reader
	// text is a copy of the input. All strings are parts of it, and need no
	// memory of their own.
	text   string
	unwrap func([]byte) string
	stack  []container
	// values holds the value of each slot, but only if there are references.
	values []any
	// spare is memory for the elements of lists, most of which are too short
	// for an allocation each.
	spare []any
}

type container struct {
	list []any
	// dict is used instead of list if the keys are not those of a list.
	dict   map[string]any
	count  int
	unwrap string
	// The key of the container in its parent.
	key    Span
	keyInt int64
	kind   KeyKind
}

func (d *decoder) reset(data []byte, escapedNUL, session bool) {
	d.stack = d.stack[:0]
	if session {
		d.reader.ResetSession(data, escapedNUL)
	} else {
		d.reader.Reset(data, escapedNUL)
	}
}

func (d *decoder) decode() (any, error) {
	var top any
	for {
		t, err := d.reader.Next()
		if err != nil {
			return nil, err
		}
		var v any
		switch t.Kind {
		case EOF:
			return top, nil
		case Array:
			d.stack = append(d.stack, container{count: t.Count, key: t.Key, keyInt: t.KeyInt, kind: t.KeyKind})
			d.keep(t.Slot, nil)
			continue
		case Object:
			c := container{dict: make(map[string]any, t.Count), key: t.Key, keyInt: t.KeyInt, kind: t.KeyKind}
			if d.unwrap != nil {
				c.unwrap = d.unwrap(d.reader.data[t.Text.Start:t.Text.End])
			}
			d.stack = append(d.stack, c)
			d.keep(t.Slot, nil)
			continue
		case End:
			c := &d.stack[len(d.stack)-1] // stays intact until the next one is pushed
			d.stack = d.stack[:len(d.stack)-1]
			v = c.value()
			if d.reader.tracking && t.Slot > 0 {
				d.values[t.Slot-1] = v
			}
			if c.kind == NoKey {
				top = v
			} else {
				d.put(c.key, c.keyInt, c.kind, v)
			}
			continue
		case Bool:
			v = t.Int == 1
		case Int:
			v = t.Int
		case Float:
			v = ParseFloat(d.text[t.Text.Start:t.Text.End])
		case String, Enum, Custom:
			v = d.string(t.Text)
		case Reference:
			if !t.Open {
				v = d.values[t.Target-1]
			}
		}
		d.keep(t.Slot, v)
		if t.KeyKind == NoKey {
			top = v
		} else {
			d.put(t.Key, t.KeyInt, t.KeyKind, v)
		}
	}
}

// list returns an empty list with room for n elements, and for no more.
func (d *decoder) list(n int) []any {
	const chunk = 32
	if n > chunk/2 {
		return make([]any, 0, n)
	}
	if n > len(d.spare) {
		d.spare = make([]any, chunk)
	}
	list := d.spare[:0:n]
	d.spare = d.spare[n:]
	return list
}

// keep remembers the value of the next slot for later references.
func (d *decoder) keep(slot int, v any) {
	if d.reader.tracking && slot > 0 {
		d.values = append(roomy(d.values), v)
	}
}

func (d *decoder) string(s Span) string {
	if s.Coding == Plain {
		return d.text[s.Start:s.End]
	}
	return string(d.reader.Append(nil, s))
}

// put stores v in the innermost container as PHP does: a later value of the
// same key replaces the earlier one.
func (d *decoder) put(span Span, n int64, kind KeyKind, v any) {
	c := &d.stack[len(d.stack)-1]
	var name string
	switch kind {
	case StringKey:
		name = d.string(span)
	case PropertyKey:
		name = PropertyName(d.string(span))
	}
	if c.dict == nil {
		if kind == StringKey {
			// PHP treats a string that looks like an integer as one.
			if i, ok := integerKey(name); ok {
				n, kind = i, IntKey
			}
		}
		if kind == IntKey && n >= 0 && n <= int64(len(c.list)) {
			if n < int64(len(c.list)) {
				c.list[n] = v
				return
			}
			if c.list == nil {
				c.list = d.list(c.count)
			}
			c.list = append(c.list, v)
			return
		}
		c.dict = indexed(c.list, max(c.count, len(c.list)))
		c.list = nil
	}
	if kind == IntKey {
		name = strconv.FormatInt(n, 10)
	}
	c.dict[name] = v
}

// value returns the value of the complete container.
func (c *container) value() any {
	switch {
	case c.dict == nil && c.list == nil:
		return []any{}
	case c.dict == nil:
		return c.list
	case c.unwrap != "":
		switch inner := c.dict[c.unwrap].(type) {
		case map[string]any, []any:
			return inner
		}
	}
	return c.dict
}

// indexed returns a list as a map with room for n entries.
func indexed(list []any, n int) map[string]any {
	m := make(map[string]any, n)
	for i, v := range list {
		m[strconv.Itoa(i)] = v
	}
	return m
}

// integerKey reports whether PHP's arrays treat the key s as an integer,
// because it has the form in which PHP writes integers.
func integerKey(s string) (int64, bool) {
	digits := s
	if len(s) > 1 && s[0] == '-' {
		digits = s[1:]
	}
	if digits == "" || len(digits) > 19 || !isDigit(digits[0]) || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// ParseFloat returns the value of a float that the reader has accepted. One too
// large for 64 bits is infinite, as in PHP.
func ParseFloat(s string) float64 {
	switch s {
	case "INF":
		return math.Inf(1)
	case "-INF":
		return math.Inf(-1)
	case "NAN":
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s, 64)
	return f
}
