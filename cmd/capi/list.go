package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

const listUsage = `Shows who is logged in: the sessions of an endpoint, such as https://example.org,
or of the database of a site.

` + sourceUsage + `

Guests are counted, and listed only with --guests. STATE is live, waiting (for the
second factor) or ended (but not yet removed by Joomla). Only with a database is it
known who is asked for a second factor.

Formats:
  table  for people: newest first, in columns that fit the terminal, with a total
  csv    for spreadsheets: the columns of the table, uncut
  json   for programs: an array of sessions as in the API
  jsonl  the same, a session on each line, as they come

Visitors choose the contents of sessions. A table replaces characters that could
control a terminal; csv also puts an apostrophe before text that a spreadsheet would
run as a formula. --raw leaves cells as they are, for programs. Only json and jsonl
have the data of sessions, with secrets masked unless --unmasked is set. Whoever knows
a session id can take over the session: ids are pseudonyms unless --ids is real, and
pseudonyms of an endpoint are valid for one list.

If the list breaks off or is interrupted, the sessions so far are shown.

Exit status: 0 the list is complete, 1 it is not, 2 wrong usage, 130 interrupted.
` + environmentUsage

const listExample = `  capi list https://example.org --token-file token
  capi list --config /var/www/html/configuration.php --active --application administrator
  capi list --config /var/www/html/configuration.php --guests --format csv >sessions.csv`

// exitInterrupted is the exit status of a list that was interrupted, as in
// shells.
const exitInterrupted = 130

// errInterrupted is the error of a list that was interrupted.
var errInterrupted = errors.New("interrupted")

// listOptions are the options of the command list.
type listOptions struct {
	sourceFlags
	format, ids, sort     string
	guests, unmasked, raw bool
	filter                filter
}

// newListCommand returns the command list.
func newListCommand() *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use: "list [URL]", Short: "Show who is logged in, from an endpoint or a site's database", Long: listUsage, Example: listExample,
		Args: atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.complete(c.Flags(), args); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			err := list(c.Context(), o, c)
			if err == nil {
				return nil
			}
			exit := failed(c, err)
			if errors.Is(err, errInterrupted) {
				exit = exitError(exitInterrupted)
			}
			return exit
		},
	}
	o.addFlags(c.Flags())
	return c
}

// addFlags adds the flags to c.
func (o *listOptions) addFlags(c *pflag.FlagSet) {
	c.StringVar(&o.format, "format", "table", "`format` of the list: table, csv, json or jsonl")
	c.StringVar(&o.sort, "sort", "time", "`order` of a table and of csv: time, with the newest first; user; application")
	c.BoolVar(&o.guests, "guests", false, "also list guests")
	c.StringVar(&o.filter.user, "user", "", "only sessions of this `user`: a username, or the id of a user")
	c.Func("application", "only sessions of this `application`: site, administrator, none or a number", o.filter.setApplication)
	c.BoolVar(&o.filter.active, "active", false, "leave out sessions that have ended")
	c.StringVar(&o.ids, "ids", "pseudonym", "`kind` of session ids: pseudonym, real or none")
	c.BoolVar(&o.unmasked, "unmasked", false, "show the secrets in sessions")
	c.BoolVar(&o.raw, "raw", false, "show cells as they are; a spreadsheet or a terminal may run them")
	o.add(c)
}

// validate reports what is wrong with the options.
func (o *listOptions) validate() error {
	switch {
	case !slices.Contains(choices("list", "format"), o.format):
		return fmt.Errorf("flag --format must be table, csv, json or jsonl: %q", o.format)
	case !slices.Contains(choices("list", "sort"), o.sort):
		return fmt.Errorf("flag --sort must be time, user or application: %q", o.sort)
	case !slices.Contains(choices("list", "ids"), o.ids):
		return fmt.Errorf("flag --ids must be pseudonym, real or none: %q", o.ids)
	}
	return o.sourceFlags.validate()
}

// list prints the list. On an error, it has printed what came before it.
func list(ctx context.Context, o listOptions, c *cobra.Command) (err error) {
	s, err := o.open(capi.SQLStoreOptions{ActiveOnly: o.filter.active})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ids, err := o.idRedaction(s.key)
	if err != nil {
		return err
	}
	progress := newProgress(c.ErrOrStderr())
	if o.format == "json" || o.format == "jsonl" {
		err = o.printSessions(c.OutOrStdout(), o.read(ctx, s, progress), ids)
		progress.end()
	} else {
		err = o.printRows(ctx, c.OutOrStdout(), s, ids, progress)
	}
	switch read := number(progress.count, "session", "sessions"); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w after %s: the list is incomplete", errInterrupted, read)
	case progress.count > 0:
		return fmt.Errorf("%w: the list is incomplete: it has only %s", err, read)
	}
	return err
}

// A reading is a session with its row.
type reading struct {
	session capi.Session
	row     row
}

// read returns the sessions that match the filter.
func (o *listOptions) read(ctx context.Context, s *source, progress *progress) func(yield func(reading, error) bool) {
	return func(yield func(reading, error) bool) {
		now := time.Now()
		for session, err := range s.Sessions(ctx) {
			if err != nil {
				yield(reading{}, explain(err))
				return
			}
			progress.next()
			r := s.row(session, now)
			if o.filter.matches(r) && !yield(reading{session, r}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // A Store may just stop when ctx ends.
			yield(reading{}, err)
		}
	}
}

// printSessions prints sessions as they come.
func (o *listOptions) printSessions(w io.Writer, sessions func(yield func(reading, error) bool), ids capi.Redaction) error {
	redact := []capi.Redaction{ids}
	if !o.unmasked {
		redact = append(redact, capi.MaskSecrets())
	}
	output := newJSONSessions(w, o.format == "json")
	for r, err := range sessions {
		if err != nil {
			return errors.Join(err, output.flush())
		}
		if r.row.guest && !o.guests {
			continue
		}
		for _, redaction := range redact {
			r.session = redaction(r.session)
		}
		if err := output.session(r.session); err != nil {
			return err
		}
	}
	return output.end()
}

// printRows prints the sessions of s once all of them have been read.
func (o *listOptions) printRows(ctx context.Context, w io.Writer, s *source, ids capi.Redaction, progress *progress) error {
	var rows []row
	var all totals
	var failure error
	for r, err := range o.read(ctx, s, progress) {
		if err != nil {
			failure = err
			break
		}
		if r.row.guest && !o.guests {
			if r.row.standing != ended {
				all.guests++
			}
			continue
		}
		rows = append(rows, r.row)
	}
	progress.clear()
	if failure == nil {
		failure = s.settle(ctx, rows, func(*row) bool { return false })
	}
	if failure != nil && progress.count == 0 {
		return failure
	}
	if o.filter.active { // A user may have been deleted.
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.standing == ended })
	}
	sortRows(rows, o.sort)
	var err error
	if o.format == "csv" {
		err = printCSV(w, rows, ids, o.raw)
	} else {
		for _, r := range rows {
			all.add(r)
		}
		err = table{raw: o.raw, ids: ids, wholeIDs: o.ids == "real", width: terminalWidth(w), now: time.Now()}.print(w, rows)
		if err == nil {
			_, err = fmt.Fprintln(w, all.text(o.guests))
		}
	}
	return errors.Join(failure, err)
}

// sortRows sorts rows by order, and then the newest first.
func sortRows(rows []row, order string) {
	slices.SortStableFunc(rows, func(a, b row) int {
		first := 0
		switch order {
		case "user":
			// Guests have no name, and come last.
			first = cmp.Or(compareBool(a.guest, b.guest), cmp.Compare(strings.ToLower(a.username), strings.ToLower(b.username)), cmp.Compare(a.user, b.user))
		case "application":
			first = cmp.Compare(a.application, b.application)
		}
		return cmp.Or(first, b.written.Compare(a.written), strings.Compare(a.id, b.id))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// totals count sessions.
type totals struct {
	sessions, waiting, ended, guests int
	people                           map[string]bool
}

// add counts a session.
func (t *totals) add(r row) {
	switch {
	case r.standing == ended:
		t.ended++
	case r.guest:
		t.guests++
	case r.standing == waiting:
		t.waiting++
	default:
		t.sessions++
		if t.people == nil {
			t.people = map[string]bool{}
		}
		t.people[strconv.FormatInt(r.user, 10)+" "+r.username] = true
	}
}

// text returns the totals in words.
func (t *totals) text(guestsListed bool) string {
	text := number(len(t.people), "person", "people") + " logged in"
	if t.sessions != len(t.people) {
		text += " with " + number(t.sessions, "session", "sessions")
	}
	if t.waiting > 0 {
		text += fmt.Sprintf(", %d waiting for the second factor", t.waiting)
	}
	if t.ended > 0 {
		text += fmt.Sprintf(", %d ended", t.ended)
	}
	text += ", " + number(t.guests, "guest", "guests")
	if t.guests > 0 && !guestsListed {
		text += " (--guests lists them)"
	}
	return text
}

// number returns a number of things.
func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// idRedaction returns the Redaction of session ids. The key is that of
// pseudonyms.
func (o *listOptions) idRedaction(key []byte) (capi.Redaction, error) {
	switch o.ids {
	case "none":
		return func(s capi.Session) capi.Session {
			s.ID = ""
			return s
		}, nil
	case "pseudonym":
		return capi.PseudonymizeIDs(key)
	}
	return func(s capi.Session) capi.Session { return s }, nil
}

// A filter says which sessions are shown.
type filter struct {
	user        string
	application *capi.ClientID
	active      bool
}

func (f *filter) setApplication(text string) error {
	for _, id := range []capi.ClientID{capi.ClientNone, capi.ClientSite, capi.ClientAdministrator} {
		if text == id.String() {
			f.application = &id
			return nil
		}
	}
	number, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("not site, administrator, none or a number")
	}
	id := capi.ClientID(number)
	f.application = &id
	return nil
}

// matches reports whether the filter shows a session.
func (f *filter) matches(r row) bool {
	if f.user != "" && r.username != f.user && (r.user == 0 || strconv.FormatInt(r.user, 10) != f.user) {
		return false
	}
	return (f.application == nil || r.application == *f.application) && (!f.active || r.standing != ended)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminalWidth returns the number of columns of the terminal w, or 0 if it is
// not a terminal.
func terminalWidth(w any) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
