package phpserial

import (
	"bytes"
	"slices"
	"strconv"
)

// MaxDepth is how many arrays and objects may be nested in each other. PHP's
// own limit is 4,096 (the ini setting unserialize_max_depth); what Joomla keeps
// in a session is a dozen levels deep.
const MaxDepth = 512

// minElement is the length of the shortest element of an array or object,
// "i:0;N;". A count is believed only if the rest of the text has room for the
// elements of all open arrays and objects.
const minElement = len("i:0;N;")

// A Reader walks over a serialized text token by token, without recursion. If
// it reaches EOF, the text is complete and well-formed. The zero Reader must be
// Reset before use. A Reader reuses its memory for the next text.
type Reader struct {
	data       []byte
	pos        int
	session    bool
	escapedNUL bool
	begun      bool
	// tracking keeps what references need to know of each value.
	tracking bool
	slots    []slot
	// skimming keeps no more than which values are objects: a bit for each.
	skimming bool
	objects  []uint64
	count    int
	stack    []frame
	// pending counts the outstanding elements of all open containers.
	pending int
	// expanded counts the bytes that references stand for so far.
	expanded int64
	token    Token
}

type frame struct {
	remaining int
	slot      int
	start     int
	// extra counts the bytes that references inside expand to.
	extra int64
	// strings is what string keys are here: StringKey or PropertyKey.
	strings KeyKind
	session bool
}

// Reset makes r read data, one serialized value. With escapedNUL, the bytes NUL
// * NUL are written as \0\0\0, as by Joomla up to 3.4.6.
func (r *Reader) Reset(data []byte, escapedNUL bool) {
	*r = Reader{data: data, escapedNUL: escapedNUL, tracking: true, slots: r.slots[:0], objects: r.objects[:0], stack: r.stack[:0]}
}

// Skim makes r, which has just been reset, check references without following
// them: Target is the slot in the text, which may be that of another reference,
// and Open is false. It takes one bit of memory per value, instead of about
// forty bytes.
func (r *Reader) Skim() {
	r.tracking, r.skimming = false, true
	if r.stack == nil {
		r.stack = make([]frame, 0, 8)
	}
}

// Serialized reports whether the text of a session is one serialized value.
// Otherwise it has the form name|value.
func (r *Reader) Serialized() bool { return !r.session }

// ResetSession makes r read data, the text of a whole session in either of
// PHP's forms. Both read as an Array with string keys; the one of the handler
// "php" has no slot.
func (r *Reader) ResetSession(data []byte, escapedNUL bool) {
	r.Reset(data, escapedNUL)
	r.session = !isArray(data)
}

// isArray reports whether data starts like a serialized array, which a session
// variable's name never does.
func isArray(data []byte) bool {
	if len(data) < len("a:0:{") || data[0] != 'a' || data[1] != ':' {
		return false
	}
	i := 2
	for i < len(data) && isDigit(data[i]) {
		i++
	}
	return i > 2 && bytes.HasPrefix(data[i:], []byte(":{"))
}

// Next returns the next token, which is valid until the next call. After an
// error or EOF, it must not be called again.
func (r *Reader) Next() (*Token, error) {
	t := &r.token
	t.KeyKind, t.Slot, t.Open = NoKey, 0, false
	if len(r.stack) == 0 {
		return r.outside()
	}
	f := &r.stack[len(r.stack)-1]
	if f.session {
		if r.pos == len(r.data) {
			return r.end(f)
		}
		if err := r.name(); err != nil {
			return nil, err
		}
	} else {
		if f.remaining == 0 {
			if r.at(r.pos) != '}' {
				return nil, r.expected(r.pos, "} after the announced number of elements")
			}
			r.pos++
			return r.end(f)
		}
		f.remaining--
		r.pending--
		if err := r.key(f.strings); err != nil {
			return nil, err
		}
	}
	return r.value()
}

func (r *Reader) outside() (*Token, error) {
	t := &r.token
	t.Depth = 0
	if r.begun {
		if r.pos != len(r.data) {
			return nil, r.expected(r.pos, "the end of the text")
		}
		t.Kind = EOF
		return t, nil
	}
	r.begun = true
	if r.session {
		t.Kind, t.Count = Array, 0
		r.stack = append(r.stack, frame{session: true})
		return t, nil
	}
	return r.value()
}

func (r *Reader) end(f *frame) (*Token, error) {
	t := &r.token
	t.Kind, t.Slot = End, f.slot
	extra := f.extra
	if r.tracking && f.slot > 0 {
		s := &r.slots[f.slot-1]
		s.weight, s.open = int64(r.pos-f.start)+extra, false
	}
	r.stack = r.stack[:len(r.stack)-1]
	t.Depth = len(r.stack)
	if t.Depth > 0 {
		r.stack[t.Depth-1].extra += extra
	}
	return t, nil
}

// name reads a session variable's name: everything up to the bar.
func (r *Reader) name() error {
	n := bytes.IndexByte(r.data[r.pos:], '|')
	if n < 0 {
		return r.expected(r.pos, "the name of a session variable and |")
	}
	r.token.KeyKind = StringKey
	r.token.Key = Span{r.pos, r.pos + n, Plain}
	if r.escapedNUL && bytes.Contains(r.data[r.pos:r.pos+n], []byte(escapedNUL)) {
		r.token.Key.Coding = EscapedNUL
	}
	r.pos += n + 1
	return nil
}

// key reads a key. If it is a string, it is one of the given kind.
func (r *Reader) key(strings KeyKind) (err error) {
	t := &r.token
	switch r.at(r.pos) {
	case 'i':
		t.KeyKind = IntKey
		t.KeyInt, _, err = r.integer()
	case 's':
		t.KeyKind = strings
		t.Key, err = r.str(Plain)
	case 'S':
		t.KeyKind = strings
		t.Key, err = r.str(Escaped)
	default:
		err = r.expected(r.pos, "a key, i: or s:")
	}
	return err
}

func (r *Reader) value() (*Token, error) {
	t := &r.token
	t.Depth = len(r.stack)
	start := r.pos
	var err error
	switch r.at(r.pos) {
	case 's':
		t.Kind = String
		t.Text, err = r.str(Plain)
	case 'i':
		t.Kind = Int
		t.Int, t.Text, err = r.integer()
	case 'N':
		t.Kind = Null
		if r.at(r.pos+1) != ';' {
			return nil, r.expected(r.pos+1, "; after N")
		}
		r.pos += 2
	case 'b':
		t.Kind = Bool
		err = r.boolean()
	case 'a':
		return r.array()
	case 'O':
		return r.object()
	case 'd':
		t.Kind = Float
		t.Text, err = r.float()
	case 'S':
		t.Kind = String
		t.Text, err = r.str(Escaped)
	case 'C':
		t.Kind = Custom
		t.Text, err = r.custom()
	case 'E':
		t.Kind = Enum
		t.Text, err = r.enum()
	case 'r', 'R':
		return r.reference()
	default:
		err = r.expected(r.pos, "a value")
	}
	if err != nil {
		return nil, err
	}
	r.count++
	t.Slot = r.count
	object := t.Kind == Custom || t.Kind == Enum
	if r.tracking {
		r.slots = append(roomy(r.slots), slot{weight: int64(r.pos - start), root: t.Slot, object: object})
	} else if r.skimming && object {
		r.keepObject(t.Slot)
	}
	return t, nil
}

func (r *Reader) array() (*Token, error) {
	start := r.pos
	if r.at(r.pos+1) != ':' {
		return nil, r.expected(r.pos+1, ": after a")
	}
	r.pos += 2
	return r.open(Array, start, false)
}

func (r *Reader) object() (*Token, error) {
	start := r.pos
	name, err := r.class()
	if err != nil {
		return nil, err
	}
	r.token.Text = name
	return r.open(Object, start, true)
}

// open reads the number of elements and the brace before them.
func (r *Reader) open(kind Kind, start int, signed bool) (*Token, error) {
	t := &r.token
	if signed && r.at(r.pos) == '+' {
		r.pos++
	}
	at := r.pos
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	if r.at(r.pos) != ':' || r.at(r.pos+1) != '{' {
		return nil, r.expected(r.pos, ":{ after a number of elements")
	}
	r.pos += 2
	if n > (len(r.data)-r.pos)/minElement-r.pending {
		return nil, r.expected(at, "a number of elements for which there is text left")
	}
	limit := MaxDepth
	if r.session {
		limit++
	}
	if len(r.stack) >= limit {
		return nil, r.expected(start, "at most "+strconv.Itoa(MaxDepth)+" levels of nesting")
	}
	r.pending += n
	r.count++
	t.Kind, t.Count, t.Slot = kind, n, r.count
	if r.tracking {
		r.slots = append(roomy(r.slots), slot{root: t.Slot, object: kind == Object, open: true})
	} else if r.skimming && kind == Object {
		r.keepObject(t.Slot)
	}
	strings := StringKey
	if kind == Object {
		strings = PropertyKey
	}
	r.stack = append(r.stack, frame{remaining: n, slot: t.Slot, start: start, strings: strings})
	return t, nil
}

// roomy returns list with room for one more. It doubles the capacity. Append
// adds only a quarter to long slices, and so allocates five times their length
// in total.
func roomy[S ~[]E, E any](list S) S {
	if len(list) < cap(list) {
		return list
	}
	return slices.Grow(list, len(list)+1)
}

// at returns the byte at i or, after the end, NUL, which matches no rule of the
// grammar.
func (r *Reader) at(i int) byte {
	if i < len(r.data) {
		return r.data[i]
	}
	return 0
}

func (r *Reader) expected(at int, what string) error {
	return &SyntaxError{Offset: min(at, len(r.data)), Expected: what}
}
