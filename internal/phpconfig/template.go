package phpconfig

import "strings"

// A template is a string with variables, or a heredoc or nowdoc.
type template struct {
	kind templateKind
	// label is the quote or label that ends it.
	label string
	// offset is where it begins.
	offset int
	// braces is the number of open braces of the code in it. Without any, its
	// text is read.
	braces int
}

type templateKind int

const (
	quoted templateKind = iota
	heredoc
	nowdoc
)

// inText reports whether the text of a template comes next, rather than code.
func (l *lexer) inText() bool {
	n := len(l.templates)
	return n > 0 && l.templates[n-1].braces == 0
}

// maxTemplates is how deeply templates may be nested.
const maxTemplates = 64

// openTemplate begins a template at t, whose opening has length bytes.
func (l *lexer) openTemplate(t token, with template, length int) (token, error) {
	if len(l.templates) == maxTemplates {
		return token{}, l.fail(t.offset, "strings nested too deeply")
	}
	with.offset = t.offset
	l.templates = append(l.templates, with)
	l.offset += length
	t.kind, t.text = mark, openTemplate
	return t, nil
}

// templateText reads the text of the innermost template, up to its end or to
// code.
func (l *lexer) templateText() (token, error) {
	top := &l.templates[len(l.templates)-1]
	for i := l.offset; i < len(l.source); i++ {
		rest := l.source[i+1:]
		switch c := l.source[i]; {
		case top.kind == quoted && c == top.label[0]:
			return l.endTemplate(i, 1), nil
		case top.kind != quoted && (c == '\n' || c == '\r'):
			line := strings.TrimLeft(rest, " \t")
			if after, ok := strings.CutPrefix(line, top.label); ok && nameEnds(after) {
				return l.endTemplate(len(l.source)-len(line), len(top.label)), nil
			}
		case top.kind == nowdoc:
		case c == '\\' && rest != "" && (top.kind == quoted || rest[0] != '\n' && rest[0] != '\r'):
			i++
		case c == '$' && strings.HasPrefix(rest, "{"), c == '{' && strings.HasPrefix(rest, "$"):
			l.offset = i + 1
			if c == '$' {
				l.offset++
			}
			top.braces++
			return token{kind: mark, text: "{", offset: i}, nil
		}
	}
	if top.kind == quoted {
		return token{}, l.fail(top.offset, "unterminated string")
	}
	return token{}, l.fail(top.offset, "unterminated heredoc")
}

// endTemplate ends the innermost template, whose end is at the offset.
func (l *lexer) endTemplate(offset, length int) token {
	l.templates = l.templates[:len(l.templates)-1]
	l.offset = offset + length
	return token{kind: mark, text: closeTemplate, offset: offset}
}

// nameEnds reports whether rest does not go on with a name.
func nameEnds(rest string) bool { return rest == "" || !isNameStart(rest[0]) && !isDigit(rest[0]) }

// heredocStart returns the heredoc or nowdoc that begins with the <<< of s, and
// the length of its opening without the line end, or 0 if it is neither.
func heredocStart(s string) (template, int) {
	rest := strings.TrimLeft(s[3:], " \t")
	with, quote := template{kind: heredoc}, ""
	if rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		quote, rest = rest[:1], rest[1:]
		if quote == "'" {
			with.kind = nowdoc
		}
	}
	with.label = rest[:nameLength(rest)]
	rest, closed := strings.CutPrefix(rest[len(with.label):], quote)
	if with.label == "" || !closed || rest == "" || rest[0] != '\n' && rest[0] != '\r' {
		return template{}, 0
	}
	return with, len(s) - len(rest)
}
