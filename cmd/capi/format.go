package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/capi-go/capi"
)

// A format prints sessions, one after another.
type format interface {
	session(s capi.Session) error
	end() error
}

// formats are the formats by their names.
var formats = map[string]func(io.Writer) format{
	"table": func(w io.Writer) format { return &table{w: bufio.NewWriter(w)} },
	"jsonl": func(w io.Writer) format { return &jsonLines{bufio.NewWriter(w)} },
	"csv":   func(w io.Writer) format { return &csvRows{w: csv.NewWriter(w)} },
}

// columns are what a table and CSV show of a session.
var columns = []string{"time", "userid", "username", "application", "guest", "requests", "browser", "session_id"}

// cells returns the columns of a session. Of data that cannot be decoded there
// are none.
func cells(s capi.Session) []string {
	state, err := s.Data.State()
	if err != nil {
		state = capi.State{}
	}
	written, requests := "", ""
	if !s.Time.IsZero() {
		written = s.Time.UTC().Format(time.RFC3339)
	}
	if state.Counter > 0 {
		requests = strconv.FormatInt(state.Counter, 10)
	}
	return []string{written, strconv.FormatInt(s.UserID, 10), s.Username, s.ClientID.String(), strconv.FormatBool(s.Guest),
		requests, state.Browser, s.ID}
}

// A table prints columns of a fixed width, so that it holds no more than a row.
type table struct {
	w       *bufio.Writer
	started bool
}

// widths are those of all columns but the last.
var widths = []int{20, 7, 20, 13, 5, 8, 24}

func (t *table) session(s capi.Session) error {
	if !t.started {
		t.started = true
		header := strings.ToUpper(strings.Join(columns, "\n"))
		if err := t.row(strings.Split(header, "\n")); err != nil {
			return err
		}
	}
	row := cells(s)
	row[7] = row[7][:min(len(row[7]), 16)] // Enough to tell pseudonyms apart.
	if len(s.ID) != 64 {
		row[7] = s.ID
	}
	return t.row(row)
}

func (t *table) row(cells []string) error {
	var line strings.Builder
	for i, cell := range cells {
		cell = printable(cell)
		if i == len(widths) {
			line.WriteString(cell)
			break
		}
		length := utf8.RuneCountInString(cell)
		if i == 6 && length > widths[i] { // A browser is long; all else is shown whole.
			cell, length = string([]rune(cell)[:widths[i]-1])+"…", widths[i]
		}
		line.WriteString(cell + strings.Repeat(" ", max(0, widths[i]-length)+2))
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(line.String(), " "))
	return err
}

func (t *table) end() error { return t.w.Flush() }

// printable returns text without what could steer a terminal: clients choose
// what is in it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// jsonLines prints sessions as the contract has them.
type jsonLines struct{ w *bufio.Writer }

func (j *jsonLines) session(s capi.Session) error {
	text, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = j.w.Write(append(text, '\n'))
	return err
}

func (j *jsonLines) end() error { return j.w.Flush() }

// csvRows prints columns as RFC 4180 has it.
type csvRows struct {
	w       *csv.Writer
	started bool
}

func (c *csvRows) session(s capi.Session) error {
	if err := c.header(); err != nil {
		return err
	}
	return c.w.Write(cells(s))
}

func (c *csvRows) header() error {
	if c.started {
		return nil
	}
	c.started = true
	return c.w.Write(columns)
}

func (c *csvRows) end() error {
	if err := c.header(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}
