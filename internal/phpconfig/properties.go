package phpconfig

import (
	"fmt"
	"slices"
	"strings"
)

// MaxSize is the size of the largest source that [Properties] reads, in bytes.
// Joomla writes about 4 KB.
const MaxSize = 1 << 20

// A Kind is the PHP type of a [Value].
type Kind int

// The kinds of values. The zero Kind is not that of a value.
const (
	String Kind = iota + 1
	Int
	Float
	Bool
)

// A Value is the default of a property.
type Value struct {
	// Kind is its type.
	Kind Kind
	// Text is the value as PHP converts it to a string, with PHP's default
	// precision of 14 digits for a Float, "1" for true and "" for false.
	Text string
	// Line is the line of the property's name, from 1.
	Line int
}

// An Error reports what is wrong with a source. It quotes nothing of the
// source, which may be a password.
type Error struct {
	// Line is the line of the fault, from 1, or 0 for a fault of the whole
	// source.
	Line int
	// Message says what is wrong.
	Message string
}

// Error returns the message, with the line in front of it.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

// Properties returns the defaults of the class's properties with the given
// names. It leaves out a property that is missing, without a default, null or
// static. An error is an [*Error]; the package comment lists the errors.
func Properties(source, class string, names []string) (map[string]Value, error) {
	if len(source) > MaxSize {
		return nil, &Error{Message: fmt.Sprintf("larger than %d bytes", MaxSize)}
	}
	return properties(source, class, names)
}

// properties is Properties without the limit.
func properties(source, class string, names []string) (map[string]Value, error) {
	p := parser{lexer: lexer{source: source, html: true}, class: class, values: map[string]Value{}, seen: map[string]bool{}}
	for _, name := range names {
		p.seen[name] = false
	}
	if err := p.file(); err != nil {
		return nil, err
	}
	return p.values, nil
}

// A parser reads one source.
type parser struct {
	lexer  lexer
	class  string
	values map[string]Value
	// seen has the requested names, and whether they were read.
	seen map[string]bool
	// hasFloat and hasInt are set if the type of the property names them.
	hasFloat, hasInt bool
	watcher
}

// next returns the next token, after showing it to the watcher.
func (p *parser) next() (token, error) {
	t, err := p.lexer.next()
	if err == nil {
		err = p.watch(t)
	}
	return t, err
}

// wanted reports whether the property is requested.
func (p *parser) wanted(name string) bool {
	_, ok := p.seen[name]
	return ok
}

func (p *parser) fail(t token, message string) error { return p.lexer.fail(t.offset, message) }

// file reads the whole source, which must declare the class once.
func (p *parser) file() error {
	found := false
	for {
		before := p.last
		t, err := p.next()
		switch {
		case err != nil:
			return err
		case t.kind == end:
			if p.lexer.braces != 0 {
				return p.fail(t, "braces do not match")
			}
			if !found {
				return p.fail(t, "no class "+p.class)
			}
			return nil
		case !t.is("class") || before.isMark("::") || before.isMark("->") || before.is("new"):
			continue
		}
		if t, err = p.next(); err != nil {
			return err
		}
		if !t.is(p.class) {
			continue
		}
		if found {
			return p.fail(t, "a second class "+p.class)
		}
		if p.lexer.braces > 0 {
			return p.fail(t, "class "+p.class+" is declared in braces, so code decides whether it exists")
		}
		found = true
		p.inClass = true
		if err := p.body(); err != nil {
			return err
		}
		p.inClass = false
	}
}

// body reads the class whose name was just read.
func (p *parser) body() error {
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		if t.isMark("{") {
			break
		}
		if t.is("extends") {
			return p.fail(t, "class "+p.class+" has a parent class, which is not read")
		}
		if t.kind != name && !t.isMark(",") && !t.isMark(`\`) {
			return p.fail(t, "expected the body of class "+p.class)
		}
	}
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		if t.isMark("}") {
			return nil
		}
		if err := p.member(t); err != nil {
			return err
		}
	}
}

// modifier returns t in lower case if it is a modifier of a property or of a
// promoted parameter, or "".
func modifier(t token) string {
	if t.kind != name || len(t.text) > len("protected(set)") {
		return ""
	}
	switch word := strings.ToLower(t.text); word {
	case "public", "protected", "private", "var", "static", "readonly", "final", "abstract",
		"public(set)", "protected(set)", "private(set)":
		return word
	}
	return ""
}

// maxModifiers is more than PHP allows before a member.
const maxModifiers = 10

// member reads the member of the class that begins with t.
func (p *parser) member(t token) error {
	var words []string
	p.hasFloat, p.hasInt = false, false
	for {
		var err error
		word := modifier(t)
		switch {
		case word != "":
			words = append(words, word)
		case t.is("const"):
			_, err = p.skip(";")
			return err
		case t.is("function"):
			return p.method()
		case t.is("use"):
			return p.fail(t, "class "+p.class+" uses a trait, which is not read")
		case t.isMark("#["):
			err = p.group(t, nil)
		case t.kind == variable && len(words) > 0:
			return p.items(t, words)
		case len(words) > 0 && (t.kind == name || t.kind == mark && strings.Contains(`?|&()\`, t.text)):
			// The type of a property. PHP refuses a default that the type would
			// have to convert, except from an integer to a float.
			p.hasFloat = p.hasFloat || t.is("float")
			p.hasInt = p.hasInt || t.is("int")
		default:
			return p.fail(t, "expected a member of class "+p.class)
		}
		if err != nil {
			return err
		}
		if len(words) > maxModifiers {
			return p.fail(t, "too many modifiers")
		}
		if t, err = p.next(); err != nil {
			return err
		}
	}
}

// method reads what follows the keyword function.
func (p *parser) method() error {
	open, err := p.skip("(")
	if err != nil {
		return err
	}
	promoted := false
	err = p.group(open, func(t token) error {
		switch {
		case t.isMark(","):
			promoted = false
		case modifier(t) != "":
			promoted = true
		case t.kind == variable && promoted && p.wanted(t.text):
			return p.fail(t, "$"+t.text+" is a promoted parameter, whose value is not in the file")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if open, err = p.skip(";{"); err != nil || open.isMark(";") {
		return err
	}
	return p.group(open, nil)
}

// items reads a list of properties, the first of which is t, up to its end.
func (p *parser) items(t token, words []string) error {
	for {
		end, err := p.item(t, words)
		switch {
		case err != nil:
			return err
		case end.isMark(";"):
			return nil
		case end.isMark("{"):
			if p.wanted(t.text) {
				return p.fail(end, "$"+t.text+" has hooks, whose value is not in the file")
			}
			return p.group(end, nil)
		}
		if t, err = p.next(); err != nil {
			return err
		}
		if t.kind != variable {
			return p.fail(t, "expected a property")
		}
	}
}

// item reads what follows the name of a property and returns the mark after it:
// a comma, a semicolon or a brace.
func (p *parser) item(property token, words []string) (token, error) {
	wanted := p.wanted(property.text) && !slices.Contains(words, "static")
	if wanted {
		if slices.Contains(words, "private") || slices.Contains(words, "protected") {
			return token{}, p.fail(property, "$"+property.text+" is not public")
		}
		if p.seen[property.text] {
			return token{}, p.fail(property, "a second $"+property.text)
		}
		p.seen[property.text] = true
	}
	t, err := p.next()
	if err != nil {
		return token{}, err
	}
	if t.isMark("=") {
		if !wanted {
			return p.skip(",;{")
		}
		value, err := p.value(property.text)
		if err != nil {
			return token{}, err
		}
		if value.Kind != 0 {
			value.Line = p.lexer.line(property.offset)
			p.values[property.text] = value
		}
		if t, err = p.next(); err != nil {
			return token{}, err
		}
	}
	if t.kind != mark || !strings.Contains(",;{", t.text) {
		return token{}, p.fail(t, "expected the end of $"+property.text)
	}
	return t, nil
}

// value reads the default of a property. The value null has no kind.
func (p *parser) value(property string) (Value, error) {
	t, err := p.next()
	if err != nil {
		return Value{}, err
	}
	negative := t.isMark("-")
	if negative || t.isMark("+") {
		if t, err = p.next(); err != nil {
			return Value{}, err
		}
		if t.kind != number {
			return Value{}, p.fail(t, "expected a number for $"+property)
		}
	}
	switch {
	case t.kind == text:
		return Value{Kind: String, Text: t.text}, nil
	case t.kind == number:
		value, ok := numberValue(t.text, negative)
		if !ok {
			return Value{}, p.fail(t, "malformed number for $"+property)
		}
		if value.Kind == Int && p.hasFloat && !p.hasInt {
			magnitude, minus := strings.CutPrefix(value.Text, "-")
			value = floatValue(decimal(magnitude), minus)
		}
		return value, nil
	case t.is("true"):
		return Value{Kind: Bool, Text: "1"}, nil
	case t.is("false"):
		return Value{Kind: Bool}, nil
	case t.is("null"):
		return Value{}, nil
	}
	return Value{}, p.fail(t, "expected a string, a number, a boolean or null for $"+property)
}

// skip reads up to one of the marks in ends, outside all brackets, and returns
// it.
func (p *parser) skip(ends string) (token, error) {
	for {
		t, err := p.next()
		if err != nil {
			return token{}, err
		}
		switch {
		case t.kind == mark && strings.Contains(ends, t.text):
			return t, nil
		case t.closer() != 0:
			if err := p.group(t, nil); err != nil {
				return token{}, err
			}
		case t.kind == end, t.kind == closeTag, t.closes() != 0:
			return token{}, p.fail(t, "expected the end of a member of class "+p.class)
		}
	}
}

// group reads up to what closes the bracket open, which was just read. It calls
// visit, unless nil, with each token that is not inside an inner bracket.
func (p *parser) group(open token, visit func(token) error) error {
	// A stack instead of recursion, so that any nesting is safe.
	closers := []byte{open.closer()}
	for len(closers) > 0 {
		t, err := p.next()
		if err != nil {
			return err
		}
		switch {
		case t.closer() != 0:
			closers = append(closers, t.closer())
		case t.closes() == closers[len(closers)-1]:
			closers = closers[:len(closers)-1]
		case t.kind == end, t.closes() != 0:
			return p.fail(t, "brackets do not match")
		case visit != nil && len(closers) == 1:
			if err := visit(t); err != nil {
				return err
			}
		}
	}
	return nil
}
