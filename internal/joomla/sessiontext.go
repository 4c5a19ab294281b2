package joomla

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/capi-go/capi/internal/phpserial"
)

// A Version is the generation of Joomla that a site runs, as far as reading
// sessions goes.
type Version int8

const (
	// UnknownVersion is that of a site that cannot be told: what counts is what
	// every Joomla reads.
	UnknownVersion Version = iota
	// Joomla3 is 3.x. All of it is taken for 3.15, which also reads the form of
	// before 3.4.7.
	Joomla3
	// Joomla4 is 4 and later.
	Joomla4
)

// Major returns the major version, or 0 for UnknownVersion.
func (v Version) Major() int {
	switch v {
	case Joomla3:
		return 3
	case Joomla4:
		return 4
	}
	return 0
}

// A SessionFormat says how a site's own Joomla reads the text of a session.
type SessionFormat struct {
	Version Version
	// PHPSerialize reports whether PHP's session.serialize_handler is
	// php_serialize, rather than php.
	PHPSerialize bool
	// Table reports whether the text comes from the column data of the table,
	// in which Joomla 3 writes NUL * NUL as \0\0\0.
	Table bool
}

// errNotJoomlas is the error of a text that PHP or Joomla fails to read. It
// holds nothing of the text.
var errNotJoomlas = errors.New("not a session that the site's Joomla reads")

// A wanted names the elements of a value that are read, each with those that
// are read in it. All others are skipped, so that the memory that a text takes
// does not depend on what a visitor put into it.
type wanted struct {
	name string
	in   []wanted
}

// What is read of a Registry: Joomla 4 and later has the names by themselves or
// with __ in front, which Joomla 3 put before the names of namespaces, and both
// have them in the namespace __default.
var (
	wantedSession = []wanted{{"counter", nil}, {"timer", []wanted{{"now", nil}}}}
	wantedFactor  = []wanted{{"mfa_checked", nil}, {"mandatory_mfa_setup", nil}}
	wantedUser    = []wanted{{"id", nil}}
	wantedValues  = []wanted{
		{"user", wantedUser}, {"session", wantedSession}, {"com_users", wantedFactor},
		{"__session", wantedSession}, {"__com_users", wantedFactor},
		{"__default", []wanted{{"user", wantedUser}, {"session", wantedSession}, {"com_users", wantedFactor}}},
	}
	wantedRegistry = wanted{"", []wanted{{"data", wantedValues}, {"separator", nil}}}
	// Before 3.4.7, the names were joined by dots.
	wantedVariables = wanted{"", []wanted{
		{"joomla", nil},
		{"__default", []wanted{{"user", wantedUser}, {"session.counter", nil}, {"session.timer.now", nil}}},
	}}
)

// A node is a value of a serialized text with the elements that were wanted.
type node struct {
	kind phpserial.Kind
	// text is that of a string or a float, or the class of an object.
	text []byte
	// integer is that of an integer or a bool, the number of elements of an
	// array, or the slot of a reference.
	integer int64
	// name is that of the element that it is of another node, whose next element
	// is next. first is its own first element.
	name        string
	first, next *node
}

// get returns the element of n that is called name, or nil.
func (n *node) get(name string) *node {
	for e := n.first; e != nil; e = e.next {
		if e.name == name {
			return e
		}
	}
	return nil
}

// put adds an element, in the place of one of its name: of several, the last
// counts.
func (n *node) put(e *node) {
	for at := &n.first; ; at = &(*at).next {
		if *at == nil {
			*at = e
			return
		}
		if (*at).name == e.name {
			e.next, *at = (*at).next, e
			return
		}
	}
}

// isStandard reports whether n is a container whose elements are all in reach:
// an array or a stdClass.
func (n *node) isStandard() bool {
	return n.kind == phpserial.Array || n.kind == phpserial.Object && bytes.EqualFold(n.text, []byte("stdClass"))
}

// named returns the wanted element that a token in n is, or nil. PHP gives a
// declared property what the text has for it, whatever its visibility there
// (ext/standard/var_unserializer.re). In an array or a stdClass, which declare
// nothing, a name that is marked as that of a property is another name.
func (n *node) named(r *phpserial.Reader, data []byte, t *phpserial.Token, want *wanted) *wanted {
	if t.KeyKind != phpserial.StringKey && t.KeyKind != phpserial.PropertyKey {
		return nil
	}
	name := data[t.Key.Start:t.Key.End]
	if t.Key.Coding != phpserial.Plain {
		if len(name) > maxEscapedName {
			return nil
		}
		name = r.Append(nil, t.Key)
	}
	if len(name) > 0 && name[0] == 0 && !n.isStandard() {
		class, bare, ok := bytes.Cut(name[1:], []byte{0})
		if ok && (string(class) == "*" || bytes.EqualFold(class, n.text)) {
			name = bare
		}
	}
	for i := range want.in {
		if string(name) == want.in[i].name {
			return &want.in[i]
		}
	}
	return nil
}

// maxEscapedName is longer than any name that is wanted, with each byte escaped.
const maxEscapedName = 256

// A nodeReader reads nodes of texts, one after another.
type nodeReader struct {
	phpserial.Reader
	spare []node
}

// node returns a new node.
func (r *nodeReader) node() *node {
	if len(r.spare) == 0 {
		r.spare = make([]node, 16)
	}
	n := &r.spare[0]
	r.spare = r.spare[1:]
	return n
}

// read reads the value in slot of data, which r was reset to, or the whole if
// slot is 0, with what is wanted of it. It reads to the end of the whole in any
// case, and ignores what stands behind that, as unserialize does.
//
// An enumeration fails: PHP refuses all of a text with one that it does not
// know. So does a reference behind an object that has a format of its own (C:),
// in which its class may have counted values that the reference counts, too.
func (r *nodeReader) read(data []byte, slot int, want *wanted) (*node, error) {
	type open struct {
		*node
		want  *wanted
		depth int
	}
	var found *node
	custom := false
	kept := make([]open, 0, 8)
	for {
		t, err := r.Next()
		if err != nil {
			return nil, err
		}
		if t.Kind == phpserial.End || t.Kind == phpserial.EOF {
			if t.Depth == 0 {
				return found, nil
			}
			if len(kept) > 0 && kept[len(kept)-1].depth == t.Depth {
				kept = kept[:len(kept)-1]
			}
			continue
		}
		custom = custom || t.Kind == phpserial.Custom
		if t.Kind == phpserial.Enum || custom && t.Kind == phpserial.Reference {
			return nil, errNotJoomlas
		}
		var as *wanted
		whole := slot == 0 && t.Depth == 0 || slot > 0 && t.Slot == slot
		if whole {
			as = want
		} else if len(kept) > 0 && kept[len(kept)-1].depth == t.Depth-1 {
			as = kept[len(kept)-1].named(&r.Reader, data, t, kept[len(kept)-1].want)
		}
		container := t.Kind == phpserial.Array || t.Kind == phpserial.Object
		if as != nil {
			n := r.node()
			n.name, n.kind, n.integer = as.name, t.Kind, t.Int
			switch t.Kind {
			case phpserial.Float, phpserial.Object:
				n.text = data[t.Text.Start:t.Text.End]
			case phpserial.String:
				n.text = data[t.Text.Start:t.Text.End]
				if t.Text.Coding != phpserial.Plain {
					n.text = r.Append(nil, t.Text)
				}
			case phpserial.Array:
				n.integer = int64(t.Count)
			case phpserial.Reference:
				n.integer = int64(t.Target)
			}
			if whole {
				found = n
			} else {
				kept[len(kept)-1].put(n)
			}
			if container {
				kept = append(kept, open{n, as, t.Depth})
			}
		}
		if t.Depth == 0 && !container {
			return found, nil
		}
	}
}

// readVariables returns the variables of a session that are wanted.
func (f SessionFormat) readVariables(r *nodeReader, text []byte) (*node, error) {
	r.ResetSession(text, false)
	r.Skim()
	variables, err := r.read(text, 0, &wantedVariables)
	if err != nil {
		return nil, err
	}
	// A text begins like an array in the one form, and never in the other.
	if f.PHPSerialize != r.Serialized() {
		return nil, errNotJoomlas
	}
	return variables, nil
}

// readRegistry returns the data of the Registry whose base64 text is given.
func (f SessionFormat) readRegistry(r *nodeReader, encoded []byte) (*node, error) {
	serialized := decodeBase64(encoded)
	r.Reset(serialized, false)
	r.Skim()
	registry, err := r.read(serialized, 0, &wantedRegistry)
	if err != nil {
		return nil, err
	}
	if registry == nil || registry.kind != phpserial.Object || !f.isRegistry(registry.text) {
		return nil, errNotJoomlas
	}
	references := maxReferences
	if err := r.follow(serialized, registry, &wantedRegistry, &references); err != nil {
		return nil, err
	}
	// Paths are split at it.
	if separator := registry.get("separator"); separator != nil &&
		(separator.kind != phpserial.String || string(separator.text) != ".") {
		return nil, errNotJoomlas
	}
	data := registry.get("data")
	if data == nil {
		return nil, errNotJoomlas
	}
	return data, nil
}

// maxReferences bounds how many values of a text are looked for that references
// stand for. Each takes another walk over it.
const maxReferences = 8

// follow puts in the place of each reference in n what it refers to. It returns
// an error for more than so many references.
func (r *nodeReader) follow(data []byte, n *node, want *wanted, references *int) error {
	for e := n.first; e != nil; e = e.next {
		as := &want.in[slices.IndexFunc(want.in, func(w wanted) bool { return w.name == e.name })]
		for e.kind == phpserial.Reference {
			if *references--; *references < 0 {
				return errNotJoomlas
			}
			r.Reset(data, false)
			r.Skim()
			value, err := r.read(data, int(e.integer), as)
			if err != nil {
				return err
			}
			if value == nil {
				return errNotJoomlas
			}
			e.kind, e.text, e.integer, e.first = value.kind, value.text, value.integer, value.first
		}
		if err := r.follow(data, e, as, references); err != nil {
			return err
		}
	}
	return nil
}

// isRegistry reports whether class is one whose objects are a Registry. PHP
// compares names of classes in any case; JRegistry is an alias that Joomla 3
// has loaded.
func (f SessionFormat) isRegistry(class []byte) bool {
	return bytes.EqualFold(class, registryClasses[0].name) || f.Version == Joomla3 && bytes.Equal(class, registryClasses[1].name)
}

// isUser reports whether class is one whose objects are a user. The names of
// classes that PHP has yet to load are those of files, in exact case.
func (f SessionFormat) isUser(class []byte) bool {
	return string(class) == `Joomla\CMS\User\User` || f.Version == Joomla3 && string(class) == "JUser"
}

// decodeBase64 decodes as PHP's base64_decode does, which skips whatever is not
// of the alphabet, padding included, and drops the bits that are left over.
func decodeBase64(text []byte) []byte {
	decoded := make([]byte, len(text)/4*3+3)
	if n, err := base64.StdEncoding.Decode(decoded, text); err == nil {
		return decoded[:n]
	}
	digits := bytes.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			return c
		}
		return -1
	}, text)
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1]
	}
	n, _ := base64.RawStdEncoding.Decode(decoded, digits) // It cannot fail.
	return decoded[:n]
}
