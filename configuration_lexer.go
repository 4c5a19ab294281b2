package capi

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A lexeme is a word of PHP.
type lexeme struct {
	kind lexemeKind
	// text is the lexeme as written, of a variable without $, and of a string what it stands for.
	text string
	// offset is where it begins.
	offset int
}

type lexemeKind int

const (
	lexemeNone     lexemeKind = iota
	lexemeEnd                 // the end of the text
	lexemeName                // a keyword, a constant or another name
	lexemeVariable            // $name
	lexemeString              // a string without variables in it
	lexemeTemplate            // a string that may have variables in it, or one that is written as heredoc or nowdoc
	lexemeNumber              // a number without its sign
	lexemeMark                // any other character, and #[
	lexemeCloseTag            // ?>
)

// is says whether l is name, in any letter case, as keywords, classes and constants such as null are.
func (l lexeme) is(name string) bool { return l.kind == lexemeName && strings.EqualFold(l.text, name) }

func (l lexeme) isMark(mark string) bool { return l.kind == lexemeMark && l.text == mark }

// closer returns what closes the bracket l, or nothing if l opens none.
func (l lexeme) closer() string {
	if l.kind == lexemeMark {
		switch l.text {
		case "(":
			return ")"
		case "[", "#[":
			return "]"
		case "{":
			return "}"
		}
	}
	return ""
}

// A phpLexer splits a text into the words of PHP, by the rules of PHP 8.
type phpLexer struct {
	source string
	offset int
}

// newPHPLexer returns a lexer that stands after the first <?php of source.
func newPHPLexer(source string) *phpLexer {
	lexer := &phpLexer{source: source}
	lexer.skipHTML()
	return lexer
}

// fail returns an error about what stands at l.
func (p *phpLexer) fail(l lexeme, message string) error {
	before := p.source[:l.offset]
	// Lines may end as in Unix, in DOS and in old Mac OS.
	line := 1 + strings.Count(before, "\n") + strings.Count(before, "\r") - strings.Count(before, "\r\n")
	return fmt.Errorf("%w: line %d: %s", ErrConfiguration, line, message)
}

// next returns the next lexeme.
func (p *phpLexer) next() (lexeme, error) {
	if err := p.skipSpace(); err != nil {
		return lexeme{}, err
	}
	start := p.offset
	l := lexeme{offset: start}
	rest := p.source[start:]
	if rest == "" {
		l.kind = lexemeEnd
		return l, nil
	}
	switch c := rest[0]; {
	case c == '\'':
		return p.singleQuoted(l)
	case c == '"' || c == '`':
		return p.doubleQuoted(l, c)
	case strings.HasPrefix(rest, "<<<"):
		if ok, err := p.heredoc(l); ok || err != nil {
			l.kind = lexemeTemplate
			return l, err
		}
		p.offset++
		l.kind, l.text = lexemeMark, "<"
	case strings.HasPrefix(rest, "?>"):
		p.skipHTML()
		l.kind = lexemeCloseTag
	case c == '$' && len(rest) > 1 && isNameStart(rest[1]):
		p.offset += 1 + nameLength(rest[1:])
		l.kind, l.text = lexemeVariable, p.source[start+1:p.offset]
	case isNameStart(c):
		p.offset += nameLength(rest)
		l.kind, l.text = lexemeName, p.source[start:p.offset]
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		p.offset += numberLength(rest)
		l.kind, l.text = lexemeNumber, p.source[start:p.offset]
	case strings.HasPrefix(rest, "#["):
		p.offset += 2
		l.kind, l.text = lexemeMark, "#["
	default:
		p.offset++
		l.kind, l.text = lexemeMark, rest[:1]
	}
	return l, nil
}

// skipHTML goes to what follows the next <?php, or to the end.
func (p *phpLexer) skipHTML() {
	for {
		i := strings.Index(p.source[p.offset:], "<?")
		if i < 0 {
			p.offset = len(p.source)
			return
		}
		p.offset += i + 2
		rest := p.source[p.offset:]
		if len(rest) >= 3 && strings.EqualFold(rest[:3], "php") && (len(rest) == 3 || isSpace(rest[3])) {
			p.offset += 3
			return
		}
	}
}

// skipSpace goes to what follows any space and comments.
func (p *phpLexer) skipSpace() error {
	for p.offset < len(p.source) {
		rest := p.source[p.offset:]
		switch {
		case isSpace(rest[0]):
			p.offset++
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return p.fail(lexeme{offset: p.offset}, "unterminated comment")
			}
			p.offset += 2 + end + 2
		case strings.HasPrefix(rest, "//"), rest[0] == '#' && !strings.HasPrefix(rest, "#["):
			// A closing tag ends the comment too.
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			if tag := strings.Index(rest[:end], "?>"); tag >= 0 {
				end = tag
			}
			p.offset += end
		default:
			return nil
		}
	}
	return nil
}

// singleQuoted reads a string in single quotes.
func (p *phpLexer) singleQuoted(l lexeme) (lexeme, error) {
	var text strings.Builder
	for i := l.offset + 1; i < len(p.source); i++ {
		c := p.source[i]
		if c == '\'' {
			p.offset = i + 1
			l.kind, l.text = lexemeString, text.String()
			return l, nil
		}
		if c == '\\' && i+1 < len(p.source) && (p.source[i+1] == '\\' || p.source[i+1] == '\'') {
			i++
			c = p.source[i]
		}
		text.WriteByte(c)
	}
	return lexeme{}, p.fail(l, "unterminated string")
}

// doubleQuoted reads a string in which escapes and variables are replaced, in quotes of the given kind.
func (p *phpLexer) doubleQuoted(l lexeme, quote byte) (lexeme, error) {
	l.kind = lexemeString
	if quote == '`' { // What a command prints.
		l.kind = lexemeTemplate
	}
	var text []byte
	for i := l.offset + 1; i < len(p.source); {
		c, rest := p.source[i], p.source[i+1:]
		switch {
		case c == quote:
			p.offset = i + 1
			l.text = string(text)
			return l, nil
		case c == '\\':
			var length int
			text, length = appendEscape(text, rest, quote)
			if length < 0 {
				return lexeme{}, p.fail(lexeme{offset: i}, "malformed \\u escape")
			}
			i += 1 + length
			continue
		case c == '$' && rest != "" && (isNameStart(rest[0]) || rest[0] == '{'),
			c == '{' && rest != "" && rest[0] == '$':
			l.kind = lexemeTemplate
		}
		text = append(text, c)
		i++
	}
	return lexeme{}, p.fail(l, "unterminated string")
}

const hexadecimal = "0123456789abcdefABCDEF"

// appendEscape appends what the escape sequence stands for whose backslash is followed by rest, and returns how much of
// rest belongs to it: a negative number if it is malformed. A backslash that begins no sequence stands for itself, as does
// what follows it.
func appendEscape(text []byte, rest string, quote byte) ([]byte, int) {
	if rest == "" {
		return text, 0
	}
	switch c := rest[0]; c {
	case 'n':
		return append(text, '\n'), 1
	case 't':
		return append(text, '\t'), 1
	case 'r':
		return append(text, '\r'), 1
	case 'v':
		return append(text, '\v'), 1
	case 'e':
		return append(text, 0x1b), 1
	case 'f':
		return append(text, '\f'), 1
	case '\\', '$', quote:
		return append(text, c), 1
	case 'x', 'X':
		if n := digitsLength(rest[1:], hexadecimal, 2); n > 0 {
			value, _ := strconv.ParseUint(rest[1:1+n], 16, 8)
			return append(text, byte(value)), 1 + n
		}
	case 'u':
		if len(rest) > 1 && rest[1] == '{' {
			n := digitsLength(rest[2:], hexadecimal, len(rest))
			value, err := strconv.ParseUint(rest[2:2+n], 16, 32)
			if err != nil || value > utf8.MaxRune || len(rest) == 2+n || rest[2+n] != '}' {
				return text, -1
			}
			return appendRune(text, rune(value)), 2 + n + 1
		}
	default:
		if n := digitsLength(rest, "01234567", 3); n > 0 {
			value, _ := strconv.ParseUint(rest[:n], 8, 16)
			return append(text, byte(value)), n // PHP drops what is more than a byte.
		}
	}
	return append(text, '\\', rest[0]), 1
}

// appendRune appends r as UTF-8, also if it is a surrogate, as PHP does.
func appendRune(text []byte, r rune) []byte {
	if r >= 0xd800 && r <= 0xdfff {
		return append(text, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(text, r)
}

// heredoc goes to what follows a heredoc or nowdoc, if there is one at l.
func (p *phpLexer) heredoc(l lexeme) (bool, error) {
	rest := strings.TrimLeft(p.source[l.offset+3:], " \t")
	quote := ""
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		quote, rest = rest[:1], rest[1:]
	}
	label := rest[:nameLength(rest)]
	rest, closed := strings.CutPrefix(rest[len(label):], quote)
	if label == "" || !closed || rest == "" || rest[0] != '\n' && rest[0] != '\r' {
		return false, nil
	}
	for rest != "" {
		i := strings.IndexAny(rest, "\r\n")
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		line := strings.TrimLeft(rest, " \t")
		after, ok := strings.CutPrefix(line, label)
		if ok && (after == "" || !isNameStart(after[0]) && !isDigit(after[0])) {
			p.offset = len(p.source) - len(after)
			return true, nil
		}
	}
	return false, p.fail(l, "unterminated heredoc")
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// nameLength returns how much of s is a name.
func nameLength(s string) int {
	for i := 0; i < len(s); i++ {
		if !isNameStart(s[i]) && (i == 0 || !isDigit(s[i])) {
			return i
		}
	}
	return len(s)
}

// numberLength returns how much of s, which begins with a number, is part of it or would make it malformed.
func numberLength(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		exponent := (c == '+' || c == '-') && i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') &&
			!strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0X")
		if !isNameStart(c) && !isDigit(c) && c != '.' && !exponent {
			return i
		}
	}
	return len(s)
}

// digitsLength returns how much of s, at most most, is among digits.
func digitsLength(s, digits string, most int) int {
	for i := 0; i < len(s); i++ {
		if i == most || !strings.Contains(digits, s[i:i+1]) {
			return i
		}
	}
	return len(s)
}
