package phpserial

import (
	"errors"
	"strconv"
)

// errReference ends the reading of a text without tracking at its first
// reference. Few texts have one, and tracking costs a third of the time: it
// pays to begin without it, and to start again if necessary.
var errReference = errors.New("phpserial: reference in a text read without tracking")

// MaxReferenced bounds what back-references may expand to: with every reference
// written out, they may add this many times the length of the text. Without a
// bound, a few hundred bytes of arrays that each hold the previous one twice
// would exceed any memory.
const MaxReferenced = 16

type slot struct {
	// weight is the length of the value with all references written out.
	weight int64
	// root is the slot itself or, for r:, the slot that it refers to.
	root   int
	object bool
	open   bool
}

// reference reads r:2; (the same object once more, which takes a slot of its
// own) or R:2; (the same variable, which does not).
func (r *Reader) reference() (*Token, error) {
	t := &r.token
	start := r.pos
	again := r.data[r.pos] == 'r'
	if r.at(r.pos+1) != ':' {
		return nil, r.expected(r.pos+1, ": after r or R")
	}
	r.pos += 2
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	if r.at(r.pos) != ';' {
		return nil, r.expected(r.pos, "; after a reference")
	}
	r.pos++
	if r.skimming {
		return r.skim(n, start, again)
	}
	if !r.tracking {
		return nil, errReference
	}
	if n < 1 || n > len(r.slots) {
		return nil, r.expected(start, "a reference to a value before it")
	}
	target := r.slots[n-1]
	if again && !target.object {
		return nil, r.expected(start, "a reference to an object")
	}
	root := r.slots[target.root-1]
	t.Kind, t.Target, t.Open = Reference, target.root, root.open
	var weight int64
	if !root.open {
		weight = root.weight
	}
	r.expanded += weight
	if r.expanded > MaxReferenced*int64(len(r.data)) {
		return nil, r.expected(start, "references that expand to at most "+strconv.Itoa(MaxReferenced)+" times the text")
	}
	if len(r.stack) > 0 {
		r.stack[len(r.stack)-1].extra += weight
	}
	if again {
		r.count++
		t.Slot = r.count
		r.slots = append(roomy(r.slots), slot{weight: weight, root: target.root, object: true})
	}
	return t, nil
}

// skim reads a reference to slot n as [Reader.Skim] says.
func (r *Reader) skim(n, start int, again bool) (*Token, error) {
	t := &r.token
	if n < 1 || n > r.count {
		return nil, r.expected(start, "a reference to a value before it")
	}
	if again {
		if i := n - 1; i/64 >= len(r.objects) || r.objects[i/64]>>(i%64)&1 == 0 {
			return nil, r.expected(start, "a reference to an object")
		}
		r.count++
		t.Slot = r.count
		r.keepObject(t.Slot)
	}
	t.Kind, t.Target = Reference, n
	return t, nil
}

// keepObject remembers that the value of a slot is an object.
func (r *Reader) keepObject(slot int) {
	i := slot - 1
	for i/64 >= len(r.objects) {
		r.objects = append(r.objects, 0)
	}
	r.objects[i/64] |= 1 << (i % 64)
}
