package phpserial

import "strconv"

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

// A Coding says how the bytes of a [Span] encode a string.
type Coding uint8

// The codings.
const (
	Plain      Coding = iota // byte for byte
	Escaped                  // S: strings: \ and two hexadecimal digits are one byte
	EscapedNUL               // every \0\0\0 is NUL * NUL
)

// Span is a part of the text, from Start up to but not including End.
type Span struct {
	Start, End int
	Coding     Coding
}

// KeyKind is the kind of an element's key.
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
	// KeyKind says which of Key and KeyInt holds the key.
	KeyKind KeyKind
	// Depth is how many arrays and objects hold the value. It is the same for a
	// container's start and its End.
	Depth int
	// Text is the content: see the kinds.
	Text Span
	Int  int64
	// Count is the number of elements an Array or Object announces; 0 for the
	// start of a session text.
	Count int
	// Slot is the number by which a back-reference can name the value, from 1.
	// A value that came from R: has none (0).
	Slot int
	// Target is the slot of the value that a Reference refers to, which is not
	// a reference. Open reports whether that value contains the reference.
	Target int
	Open   bool
}

// A SyntaxError is the place where a text stops being a serialized value.
type SyntaxError struct {
	// Offset counts the bytes before the place.
	Offset int
	// Expected says what should have been there. It is a constant text, and
	// quotes nothing of the input.
	Expected string
}

// Error says what was expected, and where.
func (e *SyntaxError) Error() string {
	return "expected " + e.Expected + " at byte " + strconv.Itoa(e.Offset)
}
