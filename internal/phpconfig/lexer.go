package phpconfig

import "strings"

// A token is a word of PHP.
type token struct {
	kind kind
	// text is the word as written, for a variable without $, or the content of
	// a string.
	text string
	// offset is where the token begins.
	offset int
}

type kind int

const (
	none     kind = iota
	end           // the end of the source
	name          // a keyword, a constant or another name
	variable      // $name
	text          // a string without variables in it
	number        // a number without its sign
	mark          // one of the marks below, or any other character
	closeTag      // ?>
)

// The marks of more than one character. A template is a string that may contain
// variables, or a heredoc or nowdoc. The code in its braces becomes tokens
// between its marks.
const (
	openTemplate  = `"{`
	closeTemplate = `}"`
	arrow         = "->" // also ?->
	scope         = "::"
	attribute     = "#["
)

// is reports whether t is the word in any case, like keywords, classes and
// constants such as null.
func (t token) is(word string) bool {
	return t.kind == name && len(t.text) == len(word) && strings.EqualFold(t.text, word)
}

func (t token) isMark(m string) bool { return t.kind == mark && t.text == m }

// closer returns what closes the bracket t, or 0 if t opens none.
func (t token) closer() byte {
	if t.kind == mark {
		switch t.text {
		case "(":
			return ')'
		case "[", attribute:
			return ']'
		case "{":
			return '}'
		case openTemplate:
			return '"'
		}
	}
	return 0
}

// closes returns the bracket that t is, as closer does, or 0 if it closes none.
func (t token) closes() byte {
	if t.kind == mark {
		switch t.text {
		case ")", "]", "}":
			return t.text[0]
		case closeTemplate:
			return '"'
		}
	}
	return 0
}

// A lexer splits a source into the words of PHP.
type lexer struct {
	source string
	offset int
	// html is set outside PHP's tags.
	html bool
	// braces is the number of open braces outside templates.
	braces int
	// templates are the open templates, each in the braces of the one before.
	templates []template
	// lineNumber is the line of lineOffset, as counted so far.
	lineNumber, lineOffset int
}

// line returns the line of the offset, from 1. Calls with growing offsets take
// linear time in total.
func (l *lexer) line(offset int) int {
	if offset < l.lineOffset {
		l.lineNumber, l.lineOffset = 0, 0
	}
	// Lines may end as in Unix, in DOS and in old Mac OS.
	for i := l.lineOffset; i < offset; i++ {
		c := l.source[i]
		if c == '\n' || c == '\r' && (i+1 == len(l.source) || l.source[i+1] != '\n') {
			l.lineNumber++
		}
	}
	l.lineOffset = offset
	return 1 + l.lineNumber
}

func (l *lexer) fail(offset int, message string) error {
	return &Error{Line: l.line(offset), Message: message}
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	if l.inText() {
		return l.templateText()
	}
	if l.html {
		if err := l.skipHTML(); err != nil {
			return token{}, err
		}
		l.html = false
	}
	if err := l.skipSpace(); err != nil {
		return token{}, err
	}
	t := token{offset: l.offset}
	rest := l.source[l.offset:]
	if rest == "" {
		if n := len(l.templates); n > 0 {
			return token{}, l.fail(l.templates[n-1].offset, "unterminated string")
		}
		t.kind = end
		return t, nil
	}
	length := 1
	switch c := rest[0]; {
	case c == '\'':
		return l.singleQuoted(t)
	case c == '"':
		return l.doubleQuoted(t)
	case c == '`':
		return l.openTemplate(t, template{kind: quoted, label: "`"}, 1)
	case strings.HasPrefix(rest, "<<<"):
		if heredoc, length := heredocStart(rest); length > 0 {
			return l.openTemplate(t, heredoc, length)
		}
		t.kind = mark
	case strings.HasPrefix(rest, "?>"):
		t.kind, length = closeTag, 2
		l.html = true
	case c == '$' && len(rest) > 1 && isNameStart(rest[1]):
		t.kind, length = variable, 1+nameLength(rest[1:])
		t.text = rest[1:length]
	case isNameStart(c):
		t.kind, length = name, nameLength(rest)
		if len(rest) >= length+len("(set)") && strings.EqualFold(rest[length:length+len("(set)")], "(set)") {
			// To PHP this is a single word, if the name is a visibility.
			if with := (token{kind: name, text: rest[:length+len("(set)")]}); modifier(with) != "" {
				length += len("(set)")
			}
		}
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		t.kind, length = number, numberLength(rest)
	case strings.HasPrefix(rest, attribute), strings.HasPrefix(rest, arrow), strings.HasPrefix(rest, scope):
		t.kind, length = mark, 2
	case strings.HasPrefix(rest, "?->"):
		t.kind, t.text, length = mark, arrow, 3
	default:
		t.kind = mark
		l.brace(c)
	}
	if t.text == "" {
		t.text = rest[:length]
	}
	l.offset += length
	return t, nil
}

// brace counts a brace of code.
func (l *lexer) brace(c byte) {
	count := &l.braces
	if n := len(l.templates); n > 0 {
		count = &l.templates[n-1].braces
	}
	switch c {
	case '{':
		*count++
	case '}':
		*count--
	}
}

// skipHTML skips past the next opening tag, or to the end.
func (l *lexer) skipHTML() error {
	for {
		i := strings.Index(l.source[l.offset:], "<?")
		if i < 0 {
			l.offset = len(l.source)
			return nil
		}
		tag := l.offset + i
		l.offset = tag + 2
		rest := l.source[l.offset:]
		switch {
		case len(rest) >= 3 && strings.EqualFold(rest[:3], "php") && (len(rest) == 3 || isSpace(rest[3])):
			l.offset += 3
			return nil
		case strings.HasPrefix(rest, "="):
			l.offset++
			return nil
		case !strings.HasPrefix(rest, "xml version"): // PHP code cannot continue like that.
			return l.fail(tag, "short open tag, which depends on PHP's settings: write <?php")
		}
	}
}

// skipSpace skips white space and comments.
func (l *lexer) skipSpace() error {
	for l.offset < len(l.source) {
		rest := l.source[l.offset:]
		switch {
		case isSpace(rest[0]):
			l.offset++
		case strings.HasPrefix(rest, "/*"):
			length := strings.Index(rest[2:], "*/")
			if length < 0 {
				return l.fail(l.offset, "unterminated comment")
			}
			l.offset += 2 + length + 2
		case strings.HasPrefix(rest, "//"), rest[0] == '#' && !strings.HasPrefix(rest, attribute):
			l.offset += lineCommentLength(rest)
		default:
			return nil
		}
	}
	return nil
}

// lineCommentLength returns the length of the comment at the beginning of s. A
// closing tag ends it, like the end of the line.
func lineCommentLength(s string) int {
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' || s[i] == '?' && strings.HasPrefix(s[i:], "?>") {
			return i
		}
	}
	return len(s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// nameLength returns the length of the name at the beginning of s.
func nameLength(s string) int {
	for i := range len(s) {
		if !isNameStart(s[i]) && (i == 0 || !isDigit(s[i])) {
			return i
		}
	}
	return len(s)
}
