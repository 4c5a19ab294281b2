package capi

import (
	"io"
	"net/http"
	"strconv"

	"github.com/capi-go/capi/internal/phpjson"
)

const (
	// flushSize is how full the buffer of a listWriter gets before it is sent.
	flushSize = 64 << 10
	// blockSize is how much of a string is escaped at a time, so that a long
	// string does not outgrow the buffer.
	blockSize = 2 << 10
	// bufferSize has room for both, and for what is between the strings of a
	// session.
	bufferSize = flushSize + phpjson.MaxEscape*blockSize + 1<<10
)

// A listWriter writes sessions as an envelope of the contract, without holding
// more than its buffer.
type listWriter struct {
	buffer []byte
	// out takes what the buffer holds. If it is nil, the buffer grows instead.
	out io.Writer
	// err is the first error of out. Nothing is sent after it.
	err error
	// begun reports whether a session was written.
	begun bool
}

func (w *listWriter) begin() {
	w.buffer = append(w.buffer, envelopeBegin+"["...)
}

// next writes s as the next element of the list.
func (w *listWriter) next(s *Session) error {
	if w.begun {
		w.buffer = append(w.buffer, ',')
	}
	w.begun = true
	w.session(s)
	return w.err
}

// end closes the envelope. The caller flushes the buffer.
func (w *listWriter) end() {
	w.buffer = appendEnvelopeEnd(append(w.buffer, ']'), http.StatusOK)
}

// session writes s as a JSON object.
func (w *listWriter) session(s *Session) {
	odd := s.odd
	if odd == nil {
		odd = &noOddColumns
	}
	w.buffer = append(w.buffer, `{"session_id":`...)
	w.string(s.ID)
	w.buffer = append(w.buffer, `,"client_id":`...)
	switch {
	case odd.clientID.of(s.ClientID):
		w.odd(odd.clientID.null, odd.clientID.text)
	case s.ClientID == ClientNone:
		w.buffer = append(w.buffer, `null`...)
	default:
		w.integer(int64(s.ClientID))
	}
	w.buffer = append(w.buffer, `,"guest":`...)
	switch {
	case odd.guest.of(s.Guest):
		w.odd(odd.guest.null, odd.guest.text)
	case s.Guest:
		w.buffer = append(w.buffer, `"1"`...)
	default:
		w.buffer = append(w.buffer, `"0"`...)
	}
	w.buffer = append(w.buffer, `,"time":`...)
	if odd.time.of(s.Time) {
		w.odd(odd.time.null, odd.time.text)
	} else {
		w.integer(unix(s.Time))
	}
	w.buffer = append(w.buffer, `,"data":`...)
	if s.Data != nil {
		w.bytes(s.Data)
	} else {
		w.buffer = append(w.buffer, `null`...)
	}
	w.buffer = append(w.buffer, `,"userid":`...)
	if odd.userID.of(s.UserID) {
		w.odd(odd.userID.null, odd.userID.text)
	} else {
		w.integer(s.UserID)
	}
	w.buffer = append(w.buffer, `,"username":`...)
	if odd.username.of(s.Username) {
		w.odd(odd.username.null, odd.username.text)
	} else {
		w.string(s.Username)
	}
	w.buffer = append(w.buffer, '}')
	w.flush(flushSize)
}

// noOddColumns are those of most sessions. Nothing writes to them.
var noOddColumns oddColumns

// odd writes a column as it is in the table.
func (w *listWriter) odd(null bool, text string) {
	if null {
		w.buffer = append(w.buffer, `null`...)
		return
	}
	w.string(text)
}

// integer writes a number as the string that PHP gets from MySQL.
func (w *listWriter) integer(n int64) {
	w.buffer = append(strconv.AppendInt(append(w.buffer, '"'), n, 10), '"')
}

func (w *listWriter) string(s string) {
	if len(s) <= blockSize {
		w.buffer = phpjson.AppendString(w.buffer, s)
		return
	}
	w.bytes([]byte(s))
}

func (w *listWriter) bytes(s []byte) {
	w.buffer = append(w.buffer, '"')
	for len(s) > 0 {
		n := phpjson.Cut(s, blockSize)
		w.buffer = phpjson.AppendEscaped(w.buffer, s[:n])
		s = s[n:]
		w.flush(flushSize)
	}
	w.buffer = append(w.buffer, '"')
}

// flush sends the buffer if it holds at least size bytes.
func (w *listWriter) flush(size int) {
	if w.out == nil || len(w.buffer) < size {
		return
	}
	if w.err == nil {
		_, w.err = w.out.Write(w.buffer)
	}
	w.buffer = w.buffer[:0]
}
