package page

import (
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/phpjson"
)

const (
	// rowsSize is roughly how long a line of rows gets.
	rowsSize = 64 << 10
	// patience is how long rows wait for more before they are sent.
	patience = 200 * time.Millisecond
	// mostAgents is how many browsers get a number, so that each is sent once.
	mostAgents = 1000
	// mostText is the length at which a text that somebody chose is cut.
	mostText = 400
)

// A feedWriter writes the lines of a feed, each a JSON object:
//
//	{"now":1795489083,"user":42}
//	{"figures":{…},"whole":false}
//	{"agents":["Mozilla/5.0 …"],"rows":[["4d1f…",0,0,42,"zoe","Zoë",8,75,12,0],…]}
//	{"groups":[[8,"Super Users"]]}
//	{"users":[[42,"zoe","Zoë",1,[8]],…]}
//	{"ended":[3]}
//	{"waiting":[0,17]}
//	{"figures":{…},"whole":true}
//
// The first figures need a summary. If counting takes long, figures of a part
// come before them, with "counting":true. A feed without the last ones is cut.
type feedWriter struct {
	out *compressor
	// err is the first error of out. After it, nothing is sent.
	err error
	// line holds what is not sent yet; rows and newAgents hold the next line.
	line, rows, newAgents []byte
	agents                map[string]int
	told                  map[int64]uint64 // hashes of names, by the user id of each row that has one
	seed                  maphash.Seed     // of them
	ordinal               int              // how many rows there were
	now                   time.Time        // what ages are counted from
	sent                  time.Time
}

func newFeedWriter(out *compressor) *feedWriter {
	return &feedWriter{out: out, agents: map[string]int{}, told: map[int64]uint64{}, seed: maphash.MakeSeed(), sent: time.Now()}
}

// head writes the first line: the time that ages are counted from, and who
// reads.
func (w *feedWriter) head(now time.Time, user int64) {
	w.now = now
	w.line = append(w.line, `{"now":`...)
	w.line = strconv.AppendInt(w.line, now.Unix(), 10)
	w.line = append(w.line, `,"user":`...)
	w.line = strconv.AppendInt(w.line, user, 10)
	w.line = append(w.line, "}\n"...)
}

// Flags of rows.
const (
	rowEnded = 1 << iota
	rowOwn   // the session of whoever reads
)

// row writes the session of a person.
func (w *feedWriter) row(pseudonym string, e *entry, flags int64) error {
	w.rows = append(w.rows, comma(w.rows)...)
	w.rows = append(w.rows, `["`...)
	w.rows = append(w.rows, pseudonym[:10]...)
	w.rows = append(w.rows, `",`...)
	agent := w.agent(e.agent)
	for _, n := range []int64{flags, int64(e.client), e.user} {
		w.rows = append(strconv.AppendInt(w.rows, n, 10), ',')
	}
	username, name := w.names(e)
	w.rows = append(appendText(w.rows, username), ',')
	w.rows = append(appendText(w.rows, name), ',')
	w.rows = append(w.appendAge(w.rows, e.last), ',')
	w.rows = append(w.appendAge(w.rows, e.started), ',')
	w.rows = append(strconv.AppendInt(w.rows, e.requests, 10), ',')
	if agent >= 0 || e.agent == "" {
		w.rows = strconv.AppendInt(w.rows, int64(agent), 10)
	} else {
		w.rows = appendText(w.rows, e.agent)
	}
	w.rows = append(w.rows, ']')
	w.ordinal++
	if len(w.rows) >= rowsSize || w.ordinal%16 == 0 && time.Since(w.sent) > patience {
		w.flush()
	}
	return w.err
}

// names returns what a row says of how its user is called: nothing, if an
// earlier row has said the same.
func (w *feedWriter) names(e *entry) (username, name string) {
	if e.user == 0 {
		return e.username, e.name
	}
	hash := maphash.String(w.seed, e.username+"\x00"+e.name)
	if told, ok := w.told[e.user]; ok && told == hash {
		return "", ""
	}
	w.told[e.user] = hash
	return e.username, e.name
}

// agent returns the number of a browser, or -1 if it has none.
func (w *feedWriter) agent(agent string) int {
	if agent == "" {
		return -1
	}
	n, ok := w.agents[agent]
	if !ok {
		if len(w.agents) >= mostAgents || len(agent) > mostText {
			return -1
		}
		n = len(w.agents)
		w.agents[agent] = n
		w.newAgents = append(w.newAgents, comma(w.newAgents)...)
		w.newAgents = appendText(w.newAgents, agent)
	}
	return n
}

// marked writes which rows have a mark, in ascending order.
func (w *feedWriter) marked(name string, list []login) {
	w.endRows()
	if len(list) == 0 {
		return
	}
	w.line = append(append(append(w.line, `{"`...), name...), `":[`...)
	for i, l := range list {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = strconv.AppendInt(w.line, int64(l.ordinal), 10)
	}
	w.line = append(w.line, "]}\n"...)
}

// groups writes the titles of groups.
func (w *feedWriter) groups(titles map[int64]string) {
	w.endRows()
	w.line = append(w.line, `{"groups":[`...)
	for i, id := range slices.Sorted(maps.Keys(titles)) {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = strconv.AppendInt(append(w.line, '['), id, 10)
		w.line = append(appendText(append(w.line, ','), titles[id]), ']')
	}
	w.line = append(w.line, "]}\n"...)
}

// Flags of users.
const (
	userSuper = 1 << iota
	userBlocked
)

// users writes what a site knows of users.
func (w *feedWriter) users(list []capi.User) error {
	if len(list) == 0 {
		return w.err
	}
	w.line = append(w.line, `{"users":[`...)
	for i, user := range list {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = strconv.AppendInt(append(w.line, '['), user.ID, 10)
		w.line = appendText(append(w.line, ','), user.Username)
		w.line = appendText(append(w.line, ','), user.Name)
		flags := int64(0)
		if user.SuperAdmin {
			flags |= userSuper
		}
		if user.Blocked {
			flags |= userBlocked
		}
		w.line = append(strconv.AppendInt(append(w.line, ','), flags, 10), ",["...)
		for i, group := range user.DirectGroups {
			if i > 0 {
				w.line = append(w.line, ',')
			}
			w.line = strconv.AppendInt(w.line, group, 10)
		}
		w.line = append(w.line, "]]"...)
	}
	w.line = append(w.line, "]}\n"...)
	w.flush()
	return w.err
}

// What figures are of.
type extent uint8

const (
	counting extent = iota // a part of the sessions
	counted                // all sessions, without what only payloads tell
	whole                  // everything; they end the feed
)

// figures writes figures. Waiting is -1 if it is not known how many wait.
func (w *feedWriter) figures(f *figures, waiting int, of extent) {
	w.endRows()
	number := func(name string, n int64) {
		w.line = append(w.line, name...)
		w.line = strconv.AppendInt(w.line, n, 10)
	}
	counts := func(c count) {
		number(`"people":`, c.people)
		number(`,"guests":`, c.guests)
		number(`,"ended":`, c.ended)
	}
	number(`{"figures":{"persons":`, int64(f.countPeople()))
	w.line = append(w.line, `,"waiting":`...)
	if waiting < 0 {
		w.line = append(w.line, `null`...)
	} else {
		w.line = strconv.AppendInt(w.line, int64(waiting), 10)
	}
	number(`,"endedGuests":`, f.endedGuests)
	w.line = append(w.line, ',')
	counts(f.total)
	w.line = append(w.line, `,"applications":[`...)
	for i, a := range f.applications {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		number(`{"client":`, int64(a.client))
		w.line = append(w.line, ',')
		counts(a.count)
		w.line = append(w.line, '}')
	}
	w.line = append(w.line, `],"activity":[`...)
	for i, c := range f.activity {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = append(w.line, '{')
		if i < len(ages) {
			number(`"within":`, int64(ages[i]/time.Second))
			w.line = append(w.line, ',')
		}
		counts(c)
		w.line = append(w.line, '}')
	}
	w.line = append(w.line, `]},"whole":`...)
	w.line = strconv.AppendBool(w.line, of == whole)
	if of == counting {
		w.line = append(w.line, `,"counting":true`...)
	}
	w.line = append(w.line, "}\n"...)
}

// endRows ends the line of rows.
func (w *feedWriter) endRows() {
	if len(w.rows) == 0 {
		return
	}
	w.line = append(w.line, '{')
	if len(w.newAgents) > 0 {
		w.line = append(w.line, `"agents":[`...)
		w.line = append(append(w.line, w.newAgents...), "],"...)
	}
	w.line = append(append(append(w.line, `"rows":[`...), w.rows...), "]}\n"...)
	w.rows, w.newAgents = w.rows[:0], w.newAgents[:0]
}

// flush sends everything that is not sent yet.
func (w *feedWriter) flush() {
	w.endRows()
	if w.err == nil && len(w.line) > 0 {
		if _, w.err = w.out.Write(w.line); w.err == nil {
			w.err = w.out.Flush()
		}
	}
	w.line, w.sent = w.line[:0], time.Now()
}

// comma returns the separator before the next element of list.
func comma(list []byte) string {
	if len(list) == 0 {
		return ""
	}
	return ","
}

// appendText appends text as JSON, cut if it is long.
func appendText(dst []byte, text string) []byte {
	if len(text) > mostText {
		return append(append(append(dst, '"'), phpjson.AppendEscaped(nil, []byte(text)[:phpjson.Cut([]byte(text), mostText)])...), "…\""...)
	}
	return phpjson.AppendString(dst, text)
}

// appendAge appends how many seconds ago t was, null if it is not known. Ages
// take fewer bytes than times.
func (w *feedWriter) appendAge(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, w.now.Unix()-t.Unix(), 10)
}
