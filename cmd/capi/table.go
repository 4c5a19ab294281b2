package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/capi-go/capi"
	"github.com/mattn/go-runewidth"
)

// A table prints rows in columns that stand straight.
type table struct {
	raw bool
	// ids is the Redaction of session ids.
	ids capi.Redaction
	// wholeIDs reports whether to print ids as a whole. The beginning of a
	// pseudonym suffices.
	wholeIDs bool
	// width is the width of the terminal. If it is 0, the output is not a terminal:
	// nothing is cut, and times are for programs.
	width int
	now   time.Time
}

// The columns of a table.
const (
	columnTime = iota
	columnUserID
	columnUsername
	columnApplication
	columnState
	columnRequests
	columnBrowser
	columnID
	columnCount
)

// headings are the names of the columns.
var headings = [columnCount]string{"TIME", "USERID", "USERNAME", "APPLICATION", "STATE", "REQUESTS", "BROWSER", "SESSION_ID"}

// gap is what is between two columns.
const gap = 2

// print prints the headings and the rows.
func (t table) print(w io.Writer, rows []row) error {
	var widths [columnCount]int
	for i, heading := range headings {
		if i != columnRequests && i != columnBrowser { // Joomla 4 and later keep neither.
			widths[i] = len(heading)
		}
	}
	for _, r := range rows {
		for i, cell := range t.cells(r) {
			if width := runewidth.StringWidth(cell); width > widths[i] {
				widths[i] = max(width, len(headings[i]))
			}
		}
	}
	if t.width > 0 {
		t.fit(&widths)
	}
	out := bufio.NewWriter(w)
	t.line(out, headings, widths)
	for _, r := range rows {
		t.line(out, t.cells(r), widths)
	}
	return out.Flush()
}

// fit makes columns narrower until they fit the terminal: browsers first, then
// usernames. Then it drops browsers and requests.
func (t table) fit(widths *[columnCount]int) {
	over := func() int {
		total := -gap
		for i, width := range widths {
			if i == columnID && t.wholeIDs {
				continue // It may go on in the next line.
			}
			if width > 0 {
				total += width + gap
			}
		}
		return total - t.width
	}
	narrow := func(column, least int) {
		if n := over(); n > 0 && widths[column] > least {
			widths[column] = max(least, widths[column]-n)
		}
	}
	narrow(columnBrowser, 12)
	narrow(columnUsername, 16)
	if over() > 0 {
		widths[columnBrowser] = 0
	}
	if over() > 0 {
		widths[columnRequests] = 0
	}
	narrow(columnUsername, len(headings[columnUsername]))
}

// line prints cells. It leaves out those of columns without a width.
func (t table) line(w io.Writer, cells [columnCount]string, widths [columnCount]int) {
	last := columnCount - 1
	for last > 0 && (widths[last] == 0 || cells[last] == "") {
		last--
	}
	var line strings.Builder
	column := 0
	for i, cell := range cells[:last+1] {
		if widths[i] == 0 {
			continue
		}
		if column > 0 && column < t.width {
			// Terminals disagree about the width of some letters, but not about
			// columns.
			fmt.Fprintf(&line, "\x1b[%dG", column+1)
		}
		if cell = runewidth.Truncate(cell, widths[i], "…"); strings.ContainsFunc(cell, isRightToLeft) {
			cell = "\u2068" + cell + "\u2069" // Or it would reorder the cells beside it.
		}
		line.WriteString(cell)
		if i < last {
			line.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)+gap))
		}
		column += widths[i] + gap
	}
	fmt.Fprintln(w, line.String())
}

// cells returns what a row shows.
func (t table) cells(r row) [columnCount]string {
	cells := [columnCount]string{columnUserID: strconv.FormatInt(r.user, 10), columnUsername: r.username, columnApplication: r.application.String(),
		columnState: r.standing.String(), columnRequests: requests(r), columnBrowser: r.browser, columnID: t.ids(capi.Session{ID: r.id}).ID}
	switch {
	case r.written.IsZero():
	case t.width > 0:
		cells[columnTime] = ago(t.now.Sub(r.written))
	default:
		cells[columnTime] = r.written.UTC().Format(time.RFC3339)
	}
	if r.guest {
		cells[columnUserID], cells[columnUsername] = "", "(guest)"
	}
	if !t.wholeIDs {
		cells[columnID] = cells[columnID][:min(len(cells[columnID]), 16)]
	}
	if !t.raw {
		for _, i := range []int{columnUsername, columnBrowser, columnID} {
			cells[i] = printable(cells[i])
		}
	}
	return cells
}

// ago returns in words how long ago something was.
func ago(d time.Duration) string {
	switch {
	case d < 0: // The server's clock may be ahead.
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

// rightToLeft are the scripts that are written from right to left.
var rightToLeft = []*unicode.RangeTable{unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Samaritan,
	unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya}

func isRightToLeft(r rune) bool { return r > unicode.MaxLatin1 && unicode.In(r, rightToLeft...) }
