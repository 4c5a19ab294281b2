package php

import (
	"bytes"
	"errors"
	"strconv"
)

// MaxDepth is how many arrays and objects may be nested in each other. PHP's own limit is 4,096 (the ini setting
// unserialize_max_depth); what Joomla keeps in a session is a dozen levels deep.
const MaxDepth = 512

// MaxReferenced bounds what back-references may stand for: a text with every reference written out may be this many
// times as long as the text itself, not counting the text. Without a bound, a few hundred bytes of arrays that each
// hold the one before twice stand for more values than any memory holds.
const MaxReferenced = 16

// minElement is the length of the shortest element of an array or object, "i:0;N;". A count is believed only while the
// rest of the text has room for so many elements in every open array and object together.
const minElement = len("i:0;N;")

// mask is how Joomla up to 3.4.6 stores the three bytes NUL * NUL: these six characters, after PHP counted the three.
const mask = `\0\0\0`

// Kind is the kind of a [Token].
type Kind uint8

// The kinds of tokens.
const (
	Null      Kind = iota // N;
	Bool                  // b:1; with Int 0 or 1
	Int                   // i:5; with Int
	Float                 // d:0.5; Text spans the digits, INF, -INF or NAN
	String                // s:3:"abc"; or S:3:"\61bc";
	Enum                  // E:11:"Suit:Hearts"; Text spans Suit:Hearts
	Custom                // C:3:"Foo":2:{xy} Text spans xy
	Reference             // r:2; or R:2; with Target and Open
	Array                 // a:1:{ and, for a session text, its start; with Count
	Object                // O:3:"Foo":1:{ Text spans Foo; with Count
	End                   // } and, for a session text, its end
	EOF                   // the end of the text
)

// Coding says how the bytes of a [Span] stand for the bytes that PHP had.
type Coding uint8

// The codings.
const (
	Plain   Coding = iota // byte for byte
	Escaped               // S: strings: \ and two hexadecimal digits stand for one byte
	Masked                // every \0\0\0 stands for NUL * NUL
)

// Span is a part of the text, from Start up to but not including End.
type Span struct {
	Start, End int
	Coding     Coding
}

// KeyKind says what an element's key is.
type KeyKind uint8

// The kinds of keys.
const (
	NoKey       KeyKind = iota // a value that is not in an array or object
	IntKey                     // an integer, in Token.KeyInt
	StringKey                  // a string, in Token.Key; also the name of a session variable
	PropertyKey                // the name of a property, in Token.Key, with the marks that PropertyName cuts off
)

// Token is one step through a serialized text.
type Token struct {
	Kind   Kind
	Key    Span
	KeyInt int64
	// KeyKind says whether Key or KeyInt holds the key.
	KeyKind KeyKind
	// Depth is how many arrays and objects hold the value. It is the same for a container's start and its End.
	Depth int
	// Text is the content: see the kinds.
	Text Span
	Int  int64
	// Count is the number of elements an Array or Object announces; 0 for the start of a session text.
	Count int
	// Slot is the number by which a back-reference can name the value, from 1. A value that came from R: has none (0).
	Slot int
	// Target is the slot of the value that a Reference stands for, never itself a reference. Open says that it is one
	// of those that hold the reference.
	Target int
	Open   bool
}

// SyntaxError says where a text stops being what PHP's serializer writes.
type SyntaxError struct {
	// Offset counts the bytes before the place.
	Offset int
	// Expected says what should have been there. It is a constant text, never part of what was read.
	Expected string
}

// Error says what was expected, and where.
func (e *SyntaxError) Error() string {
	return "expected " + e.Expected + " at byte " + strconv.Itoa(e.Offset)
}

// Reader walks over a serialized text token by token, without recursion, and vouches for its grammar: whoever gets to
// EOF has seen a whole, well-formed text. It reads what PHP 8 reads, but refuses integers that do not fit 64 bits (PHP
// takes the nearest that does, with a warning) and anything after the value. The zero Reader must be Reset before use.
type Reader struct {
	data     []byte
	pos      int
	session  bool
	masked   bool
	begun    bool
	tracking bool
	slots    []slot
	count    int
	stack    []frame
	// pending counts the elements that all open containers still announce.
	pending int
	// expanded counts the bytes that references stood for so far.
	expanded int64
	token    Token
}

type frame struct {
	remaining int
	slot      int
	start     int
	// extra counts the bytes that references inside stand for.
	extra int64
	// strings is what string keys are here: StringKey or PropertyKey.
	strings KeyKind
	session bool
}

type slot struct {
	// weight is the length of the value with all references written out.
	weight int64
	// root is the slot itself, or for an r: the slot it stands for.
	root   int
	object bool
	open   bool
}

// Reset makes r read data, one serialized value. With masked, NUL * NUL is written as Joomla up to 3.4.6 does.
func (r *Reader) Reset(data []byte, masked bool) {
	*r = Reader{data: data, masked: masked, slots: r.slots[:0], stack: r.stack[:0]}
}

// Track makes r, which has just been Reset, keep what it needs to know of each value to follow references to it. Hardly
// any text has references, so that it pays to do without until Next says ErrReference, and then to begin anew.
func (r *Reader) Track() {
	r.tracking = true
}

// ErrReference is returned by Next at the first reference of a text, unless Track was called.
var ErrReference = errors.New("php: reference in a text read without tracking")

// ResetSession makes r read data, the text of a whole session in either of PHP's formats: that of the handler "php",
// name|value name|value with nothing between, or that of "php_serialize", one serialized array. Both read as an Array
// with string keys; the one of the former has no slot.
func (r *Reader) ResetSession(data []byte, masked bool) {
	r.Reset(data, masked)
	r.session = !isArray(data)
}

// isArray reports whether data starts like a serialized array, which a session variable's name never does.
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

// Next returns the next token, which is valid until the next call. After an error or EOF, it must not be called again.
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
	if r.masked && bytes.Contains(r.data[r.pos:r.pos+n], []byte(mask)) {
		r.token.Key.Coding = Masked
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
	if r.tracking {
		r.slots = append(r.slots, slot{
			weight: int64(r.pos - start),
			root:   t.Slot,
			object: t.Kind == Custom || t.Kind == Enum,
		})
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
		r.slots = append(r.slots, slot{root: t.Slot, object: kind == Object, open: true})
	}
	strings := StringKey
	if kind == Object {
		strings = PropertyKey
	}
	r.stack = append(r.stack, frame{remaining: n, slot: t.Slot, start: start, strings: strings})
	return t, nil
}

// reference reads r:2; (the same object once more, which takes a slot of its own) or R:2; (the same variable, which
// does not).
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
	if !r.tracking {
		return nil, ErrReference
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
		return nil, r.expected(start, "references that stand for at most "+strconv.Itoa(MaxReferenced)+" times the text")
	}
	if len(r.stack) > 0 {
		r.stack[len(r.stack)-1].extra += weight
	}
	if again {
		r.count++
		t.Slot = r.count
		r.slots = append(r.slots, slot{weight: weight, root: target.root, object: true})
	}
	return t, nil
}

func (r *Reader) boolean() error {
	if r.at(r.pos+1) != ':' || r.at(r.pos+2)|1 != '1' || r.at(r.pos+3) != ';' {
		return r.expected(r.pos, "b:0; or b:1;")
	}
	r.token.Int = int64(r.data[r.pos+2] - '0')
	r.pos += 4
	return nil
}

func (r *Reader) integer() (int64, Span, error) {
	start := r.pos
	if r.at(start+1) != ':' {
		return 0, Span{}, r.expected(start+1, ": after i")
	}
	p := start + 2
	negative := r.at(p) == '-'
	if negative || r.at(p) == '+' {
		p++
	}
	first := p
	var n uint64
	for p < len(r.data) && isDigit(r.data[p]) {
		if n > (1<<63)/10 {
			return 0, Span{}, r.expected(start, "an integer of 64 bits")
		}
		n = n*10 + uint64(r.data[p]-'0')
		p++
	}
	if p == first {
		return 0, Span{}, r.expected(p, "a digit")
	}
	if n > 1<<63 || n == 1<<63 && !negative {
		return 0, Span{}, r.expected(start, "an integer of 64 bits")
	}
	if r.at(p) != ';' {
		return 0, Span{}, r.expected(p, "; after an integer")
	}
	r.pos = p + 1
	if negative {
		n = -n
	}
	return int64(n), Span{start + 2, p, Plain}, nil
}

func (r *Reader) float() (Span, error) {
	start := r.pos
	if r.at(start+1) != ':' {
		return Span{}, r.expected(start+1, ": after d")
	}
	p := start + 2
	for _, word := range []string{"INF;", "-INF;", "NAN;"} {
		if len(r.data)-p >= len(word) && string(r.data[p:p+len(word)]) == word {
			r.pos = p + len(word)
			return Span{p, r.pos - 1, Plain}, nil
		}
	}
	if c := r.at(p); c == '-' || c == '+' {
		p++
	}
	whole := r.digits(p)
	end := p + whole
	fraction := 0
	if r.at(end) == '.' {
		fraction = r.digits(end + 1)
		end += 1 + fraction
	}
	if whole+fraction == 0 {
		return Span{}, r.expected(p, "a digit")
	}
	if c := r.at(end); c == 'e' || c == 'E' {
		end++
		if c := r.at(end); c == '-' || c == '+' {
			end++
		}
		n := r.digits(end)
		if n == 0 {
			return Span{}, r.expected(end, "a digit")
		}
		end += n
	}
	if r.at(end) != ';' {
		return Span{}, r.expected(end, "; after a float")
	}
	r.pos = end + 1
	return Span{start + 2, end, Plain}, nil
}

// str reads a string, with its type's letter and the semicolon after it.
func (r *Reader) str(coding Coding) (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after s")
	}
	r.pos += 2
	// The way of nearly every string. Whatever is not as it should be is left to the code below, which says what.
	if coding == Plain && !r.masked {
		p, n := r.pos, 0
		for p < len(r.data) && isDigit(r.data[p]) && n < 1<<24 {
			n = n*10 + int(r.data[p]-'0')
			p++
		}
		if end := p + 2 + n; p > r.pos && end+1 < len(r.data) &&
			r.data[p] == ':' && r.data[p+1] == '"' && r.data[end] == '"' && r.data[end+1] == ';' {
			r.pos = end + 2
			return Span{p + 2, end, Plain}, nil
		}
	}
	text, err := r.quoted(coding)
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ';' {
		return Span{}, r.expected(r.pos, "; after a string")
	}
	r.pos++
	return text, nil
}

// class reads the letter of a type, the name of a class and the colon after it.
func (r *Reader) class() (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after the letter of a type")
	}
	r.pos += 2
	name, err := r.quoted(Plain)
	if err != nil {
		return Span{}, err
	}
	if name.Start == name.End || name.Coding != Plain {
		return Span{}, r.expected(name.Start, "the name of a class")
	}
	for i := name.Start; i < name.End; i++ {
		if c := r.data[i]; c < 0x7f && c != '\\' && c != '_' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return Span{}, r.expected(i, "a character of a class's name")
		}
	}
	// The name must not begin with a backslash; PHP looks such a class up and then refuses it.
	if r.data[name.Start] == '\\' {
		return Span{}, r.expected(name.Start, "the name of a class")
	}
	if r.at(r.pos) != ':' {
		return Span{}, r.expected(r.pos, ": after the name of a class")
	}
	r.pos++
	return name, nil
}

func (r *Reader) enum() (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after E")
	}
	r.pos += 2
	name, err := r.quoted(Plain)
	if err != nil {
		return Span{}, err
	}
	colon := bytes.IndexByte(r.data[name.Start:name.End], ':')
	if colon < 1 || colon == name.End-name.Start-1 || name.Coding != Plain {
		return Span{}, r.expected(name.Start, "an enum's class and case with : between")
	}
	if r.at(r.pos) != ';' {
		return Span{}, r.expected(r.pos, "; after an enum")
	}
	r.pos++
	return name, nil
}

func (r *Reader) custom() (Span, error) {
	if _, err := r.class(); err != nil {
		return Span{}, err
	}
	at := r.pos
	n, err := r.length()
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ':' || r.at(r.pos+1) != '{' {
		return Span{}, r.expected(r.pos, ":{ after a length")
	}
	r.pos += 2
	body, ok := r.take(n)
	if !ok {
		return Span{}, r.expected(at, "a length for which there is text left")
	}
	switch {
	case r.at(r.pos) == '}':
		r.pos++
	case n > 0 && r.data[r.pos-1] == '}':
		// The length counts the closing brace too. PHP writes no such text, and 8.2 refuses it, but the vectors that
		// this package is held to have it decode. The body is opaque, so that nothing else hangs on where it ends.
		body.End--
	default:
		return Span{}, r.expected(r.pos, "} after the announced number of bytes")
	}
	return body, nil
}

// quoted reads a length, a colon, and so many bytes between double quotes.
func (r *Reader) quoted(coding Coding) (Span, error) {
	at := r.pos
	n, err := r.length()
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ':' || r.at(r.pos+1) != '"' {
		return Span{}, r.expected(r.pos, `:" after a length`)
	}
	r.pos += 2
	var text Span
	var ok bool
	if coding == Escaped {
		text, ok = r.takeEscaped(n)
	} else {
		text, ok = r.take(n)
	}
	if !ok {
		return Span{}, r.expected(at, "a length for which there is text left")
	}
	if r.at(r.pos) != '"' {
		return Span{}, r.expected(r.pos, `" after the announced number of bytes`)
	}
	r.pos++
	return text, nil
}

// take moves past the n bytes that PHP counted.
func (r *Reader) take(n int) (Span, bool) {
	text := Span{r.pos, r.pos, Plain}
	if n > len(r.data)-r.pos {
		return text, false
	}
	if r.masked {
		for from := r.pos; ; {
			window := r.data[from:min(len(r.data), from+n+len(mask)-1)]
			i := bytes.Index(window, []byte(mask))
			if i < 0 {
				break
			}
			if n-i < 3 {
				return text, false // the string would end inside NUL * NUL
			}
			text.Coding = Masked
			from += i + len(mask)
			n -= i + 3
			r.pos = from
		}
		if n > len(r.data)-r.pos {
			return text, false
		}
	}
	r.pos += n
	text.End = r.pos
	return text, true
}

// takeEscaped moves past n bytes, some of which may be written as \ and two hexadecimal digits. Joomla's masking is
// older than any use of such strings: in a masked text they are refused, rather than read in one of two ways.
func (r *Reader) takeEscaped(n int) (Span, bool) {
	text := Span{r.pos, r.pos, Escaped}
	if r.masked || n > len(r.data)-r.pos {
		return text, false
	}
	for range n {
		switch {
		case r.pos >= len(r.data):
			return text, false
		case r.data[r.pos] != '\\':
			r.pos++
		case isHex(r.at(r.pos+1)) && isHex(r.at(r.pos+2)):
			r.pos += 3
		default:
			return text, false
		}
	}
	text.End = r.pos
	return text, true
}

// length reads a number without a sign. One that exceeds the text's length comes back as one that does.
func (r *Reader) length() (int, error) {
	start := r.pos
	limit := int64(len(r.data)) + 1
	n := int64(0)
	for r.pos < len(r.data) && isDigit(r.data[r.pos]) {
		n = min(n*10+int64(r.data[r.pos]-'0'), limit)
		r.pos++
	}
	if r.pos == start {
		return 0, r.expected(start, "a number")
	}
	return int(n), nil
}

func (r *Reader) digits(from int) int {
	n := 0
	for from+n < len(r.data) && isDigit(r.data[from+n]) {
		n++
	}
	return n
}

// at returns the byte at i, or NUL, which no grammar rule asks for, after the end.
func (r *Reader) at(i int) byte {
	if i < len(r.data) {
		return r.data[i]
	}
	return 0
}

func (r *Reader) expected(at int, what string) error {
	return &SyntaxError{Offset: min(at, len(r.data)), Expected: what}
}

// Append appends to dst the bytes that PHP had for s.
func (r *Reader) Append(dst []byte, s Span) []byte {
	raw := r.data[s.Start:s.End]
	switch s.Coding {
	case Escaped:
		for i := 0; i < len(raw); i++ {
			if raw[i] == '\\' {
				dst = append(dst, unhex(raw[i+1])<<4|unhex(raw[i+2]))
				i += 2
			} else {
				dst = append(dst, raw[i])
			}
		}
		return dst
	case Masked:
		for {
			i := bytes.Index(raw, []byte(mask))
			if i < 0 {
				return append(dst, raw...)
			}
			dst = append(append(dst, raw[:i]...), 0, '*', 0)
			raw = raw[i+len(mask):]
		}
	default:
		return append(dst, raw...)
	}
}

// PropertyName cuts off the prefix by which PHP marks protected (NUL * NUL) and private (NUL class NUL) properties.
func PropertyName[T ~string | ~[]byte](name T) T {
	if len(name) > 0 && name[0] == 0 {
		for i := 1; i < len(name); i++ {
			if name[i] == 0 {
				return name[i+1:]
			}
		}
	}
	return name
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
