package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/capi-go/capi"
)

// plainJSON replaces characters that could control a terminal by their JSON escapes.
func plainJSON(text []byte) []byte {
	var plain []byte
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf && r != '\x7f' || unicode.IsPrint(r):
			plain = append(plain, text[:n]...)
		case r > 0xFFFF:
			first, second := utf16.EncodeRune(r)
			plain = fmt.Appendf(plain, `\u%04x\u%04x`, first, second)
		default:
			plain = fmt.Appendf(plain, `\u%04x`, r)
		}
		text = text[n:]
	}
	return plain
}

// jsonSessions prints sessions in the form of the API.
type jsonSessions struct {
	w       *bufio.Writer
	array   bool
	started bool
}

// newJSONSessions returns a jsonSessions that prints each session on a line, or
// all of them as an array. A list that breaks off leaves the array open.
func newJSONSessions(w io.Writer, array bool) *jsonSessions {
	return &jsonSessions{w: bufio.NewWriter(w), array: array}
}

func (j *jsonSessions) session(s capi.Session) error {
	text, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	j.separate()
	_, err = j.w.Write(text)
	if !j.array {
		err = j.w.WriteByte('\n')
	}
	return err
}

// separate begins an element of the array.
func (j *jsonSessions) separate() {
	switch {
	case j.array && j.started:
		_, _ = j.w.WriteString(",\n") // The writer keeps its error.
	case j.array:
		_, _ = j.w.WriteString("[\n")
	}
	j.started = true
}

func (j *jsonSessions) flush() error { return j.w.Flush() }

func (j *jsonSessions) end() error {
	switch {
	case j.array && j.started:
		_, _ = j.w.WriteString("\n]\n")
	case j.array:
		_, _ = j.w.WriteString("[]\n")
	}
	return j.w.Flush()
}

// printCSV prints rows as CSV. It quotes every text, since spreadsheets may also
// split cells at semicolons and tabs.
func printCSV(w io.Writer, rows []row, ids capi.Redaction, raw bool) error {
	out := bufio.NewWriter(w)
	text := func(cell string) {
		if !raw {
			cell = notFormula(printable(cell))
		}
		_, _ = out.WriteString(`,"` + strings.ReplaceAll(cell, `"`, `""`) + `"`) // The writer keeps its error.
	}
	_, _ = out.WriteString("time,userid,username,application,state,guest,requests,browser,session_id\n")
	for _, r := range rows {
		if !r.written.IsZero() {
			_, _ = out.WriteString(r.written.UTC().Format(time.RFC3339))
		}
		_, _ = out.WriteString("," + strconv.FormatInt(r.user, 10))
		text(r.username)
		_, _ = out.WriteString("," + r.application.String() + "," + r.standing.String() + "," + strconv.FormatBool(r.guest) + "," + requests(r))
		text(r.browser)
		text(ids(capi.Session{ID: r.id}).ID)
		_, _ = out.WriteString("\n")
	}
	return out.Flush()
}

// requests returns the number of requests in a session, or "" if it is unknown.
func requests(r row) string {
	if r.requests <= 0 {
		return ""
	}
	return strconv.FormatInt(r.requests, 10)
}

// notFormula puts an apostrophe before whatever a spreadsheet could run as a
// formula, also if it splits cells at other characters than commas. See
// https://owasp.org/www-community/attacks/CSV_Injection.
func notFormula(cell string) string {
	var b strings.Builder
	atStart := true // of a cell, in some spreadsheet
	for _, r := range cell {
		if atStart && strings.ContainsRune("=+-@＝＋－＠", r) {
			b.WriteByte('\'')
		}
		b.WriteRune(r)
		atStart = strings.ContainsRune(",;|\t\"", r) || atStart && unicode.IsSpace(r)
	}
	return b.String()
}

// oneLine returns the text of an error as a line that cannot steer a terminal.
// Drivers write several lines, and quote what a configuration.php says.
func oneLine(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\t' })
	return printable(strings.Join(parts, " "))
}

// printable replaces what could steer a terminal, and letters that nobody sees,
// as clients choose the text. It keeps joiners between letters of scripts that
// need them: not Latin, Greek and Cyrillic.
func printable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r > '~' || r < ' ' }) < 0 {
		return text
	}
	runes := []rune(text)
	for i, r := range runes {
		isJoiner := r == '\u200C' || r == '\u200D'
		switch {
		case isJoiner && i > 0 && i+1 < len(runes) && joins(runes[i-1]) && joins(runes[i+1]):
		case r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(invisible, r):
			runes[i] = utf8.RuneError
		}
	}
	return string(runes)
}

// invisible are letters and signs that look like nothing or like a space: a joiner
// of graphemes, fillers of Hangul, and Braille without dots.
const invisible = "\u034F\u115F\u1160\u2800\u3164\uFFA0"

// joins reports whether a joiner next to r may change its look.
func joins(r rune) bool {
	return r > unicode.MaxLatin1 && unicode.IsPrint(r) && !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}
