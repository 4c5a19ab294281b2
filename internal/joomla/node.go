package joomla

import (
	"bytes"
	"slices"

	"github.com/capi-go/capi/internal/phpserial"
)

// A wanted names the elements of a value to read, each with the elements to
// read in it. All others are skipped, so that a visitor cannot make a text take
// more memory.
type wanted struct {
	name string
	in   []wanted
}

// A node is a value of a serialized text with its wanted elements.
type node struct {
	kind phpserial.Kind
	// text is the text of a string or a float, or the class of an object.
	text []byte
	// integer is the value of an integer or a bool, the number of elements of
	// an array, or the slot of a reference.
	integer int64
	// name is the node's name as an element of another node, next is the next
	// element there, and first is the node's own first element.
	name        string
	first, next *node
}

// get returns the element of n called name, or nil.
func (n *node) get(name string) *node {
	for e := n.first; e != nil; e = e.next {
		if e.name == name {
			return e
		}
	}
	return nil
}

// put adds an element, and replaces one of the same name: the last counts.
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

// isStandard reports whether n is a container whose elements are all public: an
// array or a stdClass.
func (n *node) isStandard() bool {
	return n.kind == phpserial.Array || n.kind == phpserial.Object && bytes.EqualFold(n.text, []byte("stdClass"))
}

// isEmpty reports whether n is nil or empty to PHP's empty().
func (n *node) isEmpty() bool {
	if n == nil {
		return true
	}
	switch n.kind {
	case phpserial.Null:
		return true
	case phpserial.Bool, phpserial.Int, phpserial.Array:
		return n.integer == 0
	case phpserial.Float:
		return phpserial.ParseFloat(string(n.text)) == 0
	case phpserial.String:
		return len(n.text) == 0 || string(n.text) == "0"
	}
	return false
}

// named returns the wanted element for a token in n, or nil. PHP sets a
// declared property from the text, whatever visibility the text has for it
// (ext/standard/var_unserializer.re). An array or a stdClass declares nothing,
// so there a name with a visibility mark is a different name.
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

// maxEscapedName is longer than any wanted name with every byte escaped.
const maxEscapedName = 256

// A nodeReader reads nodes of one text after another.
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

// read reads the wanted elements of the value in slot of data, which r was
// reset to, or of the whole value if slot is 0. It always reads the whole
// value, and ignores what follows, as unserialize does.
//
// An enum or an object with custom serialization (C:) is an error: PHP rejects
// the whole text if it does not know the class, or if the class rejects it.
func (r *nodeReader) read(data []byte, slot int, want *wanted) (*node, error) {
	type open struct {
		*node
		want  *wanted
		depth int
	}
	var found *node
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
		if t.Kind == phpserial.Enum || t.Kind == phpserial.Custom {
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

// maxReferences bounds how many references of a text are followed. Each takes
// another walk over the text.
const maxReferences = 8

// follow replaces each reference in n with what it refers to. It returns an
// error for more than the given number of references.
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

// find follows path as Joomla\Registry\Registry does, through arrays and public
// properties of objects. It returns nil for null.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		if n == nil || !n.isStandard() {
			return nil
		}
		n = n.get(name)
	}
	if n == nil || n.kind == phpserial.Null {
		return nil
	}
	return n
}

// orNothing returns n, or nil for an empty string, for which a Registry returns
// its default.
func (n *node) orNothing() *node {
	if n != nil && n.kind == phpserial.String && len(n.text) == 0 {
		return nil
	}
	return n
}

// cast returns what PHP's (int) makes of a number or a string, and 0 for
// anything else.
func (n *node) cast() int64 {
	if n == nil {
		return 0
	}
	switch n.kind {
	case phpserial.Int:
		return n.integer
	case phpserial.Float, phpserial.String:
		return CastInteger(string(n.text))
	}
	return 0
}

// flag returns how PHP compares n with 0 and 1.
func (n *node) flag() Flag {
	if n == nil {
		return Absent
	}
	switch n.kind {
	case phpserial.Null:
		return Absent
	case phpserial.Bool:
		return flag(n.integer == 1)
	case phpserial.Int:
		return flag(n.integer)
	case phpserial.Float:
		return flag(phpserial.ParseFloat(string(n.text)))
	case phpserial.String:
		return flag(string(n.text))
	}
	return Other
}
