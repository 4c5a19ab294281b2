package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const watchUsage = `Prints a line for every change among those who are logged in, until it is interrupted.
It looks at the sessions of an endpoint, or of the database of a site, every few
seconds, and does not see what begins and ends in between. It leaves out guests.

  seen     a session that was there at the first look, after an outage, or by another id
  login    a user has logged in; "waiting" until the second factor is passed
  factor   the second factor was passed
  super    the user has become a Super User (in a database)
  logout   the session was ended
  expired  the session was not used for the lifetime of sessions
  deleted  the user was deleted (in a database)
  outage   the sessions cannot be read; capi keeps trying, also with a configuration or
           a credential that has changed
  back     they can be read again

` + sourceUsage + `

Sessions have pseudonyms: always the same for a database, and for an endpoint as long
as the program runs. No username can steer a terminal or forge a line.

Exit status: 0 interrupted, 1 failed at the first look, 2 wrong usage.
` + environmentUsage

const watchExample = `  capi watch https://example.org --token-file token
  capi watch --config /var/www/html/configuration.php --format json --interval 10s`

// watchOptions are the options of the command watch.
type watchOptions struct {
	sourceFlags
	format   string
	interval time.Duration
}

// newWatchCommand returns the command watch.
func newWatchCommand() *cobra.Command {
	var o watchOptions
	c := &cobra.Command{
		Use: "watch [URL]", Short: "Show who logs in and out, as it happens", Long: watchUsage, Example: watchExample,
		Args: atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.complete(c.Flags(), args); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			if err := watchSessions(c.Context(), o, c.OutOrStdout()); err != nil {
				return failed(c, err)
			}
			return nil
		},
	}
	o.addFlags(c.Flags())
	return c
}

// addFlags adds the flags to c.
func (o *watchOptions) addFlags(c *pflag.FlagSet) {
	c.StringVar(&o.format, "format", "text", "`format` of the lines: text or json")
	c.DurationVar(&o.interval, "interval", 5*time.Second, "how long to wait between two looks")
	o.add(c)
}

// validate reports what is wrong with the options.
func (o *watchOptions) validate() error {
	switch {
	case !slices.Contains(choices("watch", "format"), o.format):
		return fmt.Errorf("flag --format must be text or json: %q", o.format)
	case o.interval < time.Second:
		return errors.New("flag --interval must be at least 1s")
	}
	return o.sourceFlags.validate()
}

// watchSessions prints what changes until ctx ends. It fails if the first look
// does, or printing.
func watchSessions(ctx context.Context, o watchOptions, w io.Writer) (err error) {
	s, err := o.open(capi.SQLStoreOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	watcher := newWatcher(s.key, s.lifetime)
	out := bufio.NewWriter(w)
	printer := eventPrinter{w: out, json: o.format == "json", site: o.siteName()}
	ticker := time.NewTicker(o.interval)
	defer ticker.Stop()
	for first := true; ; first = false {
		found, err := look(ctx, s, watcher)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return explain(err)
		case err != nil:
			watcher.failed(explain(err), time.Now(), printer.print)
			s = o.reopen(s)
		default:
			watcher.compare(found.rows, time.Now(), printer.print)
		}
		if err := out.Flush(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// reopen opens the source anew after a failure: its configuration or its
// credential may have changed. It returns s if it cannot.
func (o *watchOptions) reopen(s *source) *source {
	again, err := o.open(capi.SQLStoreOptions{})
	if err != nil {
		return s
	}
	_ = s.close() // It is not used any more.
	return again
}

// lookTimeout bounds a look: a database that hangs counts as an outage.
const lookTimeout = 2 * time.Minute

// look reads who is logged in.
func look(ctx context.Context, s *source, w *watcher) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return s.snapshot(ctx, w.isNew)
}

// siteName returns the name of the site in events.
func (o *watchOptions) siteName() string {
	if o.url == "" {
		return o.sites[0].name
	}
	endpoint, err := url.Parse(o.endpoint())
	if err != nil {
		return ""
	}
	return endpoint.Host // The rest may hold a token.
}

// An event is one change.
type event struct {
	time time.Time
	kind string
	// pseudonym and row describe the session. An outage has none.
	pseudonym pseudonym
	row       row
	cause     error
	// lasted is how long an outage lasted.
	lasted time.Duration
}

// A pseudonym stands for a session id. It is the beginning of the one that
// [capi.PseudonymizeIDs] makes.
type pseudonym [16]byte

// String returns the pseudonym in hexadecimal digits.
func (p pseudonym) String() string { return hex.EncodeToString(p[:]) }

// A known is what a watcher remembers of a session.
type known struct {
	user        int64
	username    string
	application capi.ClientID
	written     int64 // in seconds since 1970
	standing    standing
	super       bool
	// round is the last look that has found it.
	round uint32
}

// A watcher finds out what has changed since its last look. It is not safe for
// concurrent use.
type watcher struct {
	key      []byte
	lifetime time.Duration
	sessions map[pseudonym]known
	round    uint32
	// blind reports whether a session that is new to the watcher may have begun
	// long ago.
	blind bool
	// outage is when the outage began, zero if there is none.
	outage time.Time
}

// newWatcher returns a watcher that has not looked yet. The key is that of
// pseudonyms.
func newWatcher(key []byte, lifetime time.Duration) *watcher {
	return &watcher{key: key, lifetime: lifetime, sessions: map[pseudonym]known{}, blind: true}
}

func (w *watcher) pseudonym(id string) (p pseudonym) {
	mac := hmac.New(sha256.New, w.key)
	mac.Write([]byte(id))
	copy(p[:], mac.Sum(nil))
	return p
}

// isNew reports whether the session of r has just begun.
func (w *watcher) isNew(r *row) bool {
	k, ok := w.sessions[w.pseudonym(r.id)]
	return !w.blind && (!ok || k.user != r.user)
}

// failed says once that there is an outage.
func (w *watcher) failed(cause error, now time.Time, say func(event)) {
	w.blind = true
	if w.outage.IsZero() {
		w.outage = now
		say(event{time: now, kind: "outage", cause: cause})
	}
}

// compare says what has changed. The rows are those of all users' sessions.
func (w *watcher) compare(rows []row, now time.Time, say func(event)) {
	add := func(kind string, p pseudonym, r row) { say(event{time: now, kind: kind, pseudonym: p, row: r}) }
	if !w.outage.IsZero() {
		say(event{time: now, kind: "back", lasted: now.Sub(w.outage)})
		w.outage = time.Time{}
	}
	w.round++
	var begun []event
	for _, r := range rows {
		p := w.pseudonym(r.id)
		k, ok := w.sessions[p]
		if ok && k.user != r.user {
			if k.standing != ended {
				add("logout", p, k.row())
			}
			ok = false
		}
		w.sessions[p] = known{r.user, strings.Clone(r.username), r.application, r.written.Unix(), r.standing, r.super, w.round}
		switch {
		case !ok && r.standing == ended: // It was over before it was seen.
		case !ok && w.blind:
			add("seen", p, r)
		case !ok:
			begun = append(begun, event{time: now, kind: "login", pseudonym: p, row: r})
		case k.standing == ended && r.standing != ended:
			// The user is back, or a clock was set.
			add("seen", p, r)
		case k.standing != ended && r.standing == ended:
			r.super = k.super // Nobody asks it of a session that has ended.
			kind := "expired"
			if r.gone {
				kind = "deleted"
			}
			add(kind, p, r)
		case k.standing == waiting && r.standing == live:
			add("factor", p, r)
		}
		if ok && r.super && !k.super && k.standing != ended && r.standing != ended {
			add("super", p, r)
		}
	}
	// An endpoint may give its sessions other ids once it is started again.
	byTrace := map[known][]int{}
	for i, e := range begun {
		trace := w.sessions[e.pseudonym].trace()
		byTrace[trace] = append(byTrace[trace], i)
	}
	for p, k := range w.sessions {
		if k.round == w.round {
			continue
		}
		delete(w.sessions, p)
		same := byTrace[k.trace()]
		switch {
		case k.standing == ended: // It has been reported.
		case len(same) > 0:
			begun[same[0]].kind = "seen"
			byTrace[k.trace()] = same[1:]
		case time.Unix(k.written, 0).Add(w.lifetime).After(now):
			add("logout", p, k.row())
		default:
			add("expired", p, k.row())
		}
	}
	for _, e := range begun {
		say(e)
	}
	w.blind = false
}

// trace returns what a session has in common with itself under another id, as
// long as it is not used.
func (k known) trace() known {
	return known{user: k.user, username: k.username, application: k.application, written: k.written}
}

// row returns what is known of a session that is gone.
func (k known) row() row {
	return row{user: k.user, username: k.username, application: k.application, written: time.Unix(k.written, 0), standing: k.standing, super: k.super}
}

// An eventPrinter prints events, one per line.
type eventPrinter struct {
	w    io.Writer
	json bool
	site string
}

// An eventLine is an event as JSON.
type eventLine struct {
	Time        string `json:"time"`
	Site        string `json:"site,omitempty"`
	Event       string `json:"event"`
	UserID      int64  `json:"user_id,omitempty"`
	Username    string `json:"username,omitempty"`
	Application string `json:"application,omitempty"`
	Waiting     bool   `json:"waiting,omitempty"`
	SuperUser   bool   `json:"super_user,omitempty"`
	LastActive  string `json:"last_active,omitempty"`
	Browser     string `json:"browser,omitempty"`
	Session     string `json:"session,omitempty"`
	Seconds     int64  `json:"seconds,omitempty"`
	Error       string `json:"error,omitempty"`
}

// print prints an event. The writer keeps its error.
func (p eventPrinter) print(e event) {
	line := eventLine{Time: e.time.UTC().Format(time.RFC3339), Site: p.site, Event: e.kind, Seconds: int64(e.lasted / time.Second)}
	switch {
	case e.cause != nil:
		line.Error = e.cause.Error()
	case e.kind != "back":
		r := e.row
		line.UserID, line.Username, line.Application = r.user, r.username, r.application.String()
		line.Waiting, line.SuperUser, line.Browser, line.Session = r.standing == waiting, r.super, r.browser, e.pseudonym.String()
		if !r.written.IsZero() {
			line.LastActive = r.written.UTC().Format(time.RFC3339)
		}
	}
	if p.json {
		text, err := json.Marshal(line)
		if err != nil {
			panic(err) // Strings, numbers and booleans always have JSON.
		}
		fmt.Fprintf(p.w, "%s\n", plainJSON(text))
		return
	}
	fields := []string{line.Time}
	if line.Site != "" {
		fields = append(fields, line.Site)
	}
	fields = append(fields, fmt.Sprintf("%-7s", line.Event))
	switch {
	case line.Error != "":
		fields = append(fields, oneLine(line.Error))
	case e.kind == "back":
		fields = append(fields, "after "+e.lasted.Round(time.Second).String())
	default:
		fields = append(fields, strconv.Quote(printable(line.Username)), "id="+strconv.FormatInt(line.UserID, 10), line.Application)
		if line.SuperUser {
			fields = append(fields, "super-user")
		}
		if line.Waiting {
			fields = append(fields, "waiting")
		}
		if line.Browser != "" {
			fields = append(fields, "browser="+strconv.Quote(printable(line.Browser)))
		}
		fields = append(fields, "session="+line.Session)
	}
	fmt.Fprintln(p.w, strings.Join(slices.DeleteFunc(fields, func(s string) bool { return s == "" }), " "))
}
