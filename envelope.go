package capi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/capi-go/capi/internal/phpjson"
)

// An Envelope is what every answer of the endpoint looks like, for those who read one. The session list is an
// Envelope[[]Session], an error an Envelope[string].
type Envelope[T any] struct {
	// Msg is the answer itself: the list, or a sentence that says what is wrong.
	Msg T `json:"msg"`
	// Error is true if Status is not one of success.
	Error bool `json:"error"`
	// Status is the HTTP status code of the answer.
	Status int `json:"status"`
}

// WriteEnvelope answers a request with msg in an [Envelope], in JSON as PHP's json_encode writes it, for routes that
// stand beside this package's own and want the same shape. Error is set for a status of 400 and above. If msg cannot be
// marshalled, nothing is written; an error of w.Write is returned as it is, wrapped.
func WriteEnvelope[T any](w http.ResponseWriter, status int, msg T) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(msg); err != nil {
		return fmt.Errorf("capi: marshalling the message of an envelope: %w", err)
	}
	body := append([]byte(nil), `{"msg":`...)
	body = phpjson.AppendJSON(body, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	body = appendEnvelopeEnd(body, status)

	setEnvelopeHeader(w.Header())
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("capi: writing an envelope: %w", err)
	}
	return nil
}

// setEnvelopeHeader sets what every envelope is sent with.
func setEnvelopeHeader(header http.Header) {
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
}

// appendEnvelopeEnd appends what follows msg.
func appendEnvelopeEnd(dst []byte, status int) []byte {
	dst = append(dst, `,"error":`...)
	dst = strconv.AppendBool(dst, status >= http.StatusBadRequest)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	return append(dst, '}')
}

const (
	// flushSize is how full the buffer of a listWriter gets before it is sent.
	flushSize = 64 << 10
	// blockSize is how much of a string is escaped at a time, so that no string however long outgrows the buffer.
	blockSize = 2 << 10
	// bufferSize is the room for both, and for what stands between the strings of a session.
	bufferSize = flushSize + phpjson.MaxEscape*blockSize + 1<<10
)

// A listWriter writes sessions as an envelope of the contract, without holding more than its buffer.
type listWriter struct {
	buffer []byte
	// send takes what the buffer holds. If it is nil, the buffer grows instead.
	send func([]byte) error
	// err is the first error of send. Nothing is sent after it.
	err error
	// rows counts the sessions that were written.
	rows int
}

func (w *listWriter) begin() {
	w.buffer = append(w.buffer, `{"msg":[`...)
}

// next writes s as the next element of the list.
func (w *listWriter) next(s *Session) error {
	if w.rows > 0 {
		w.buffer = append(w.buffer, ',')
	}
	w.rows++
	w.session(s)
	return w.err
}

// end closes the envelope and sends what is left.
func (w *listWriter) end() error {
	w.buffer = appendEnvelopeEnd(append(w.buffer, ']'), http.StatusOK)
	w.flush(0)
	return w.err
}

// session writes s as a JSON object.
func (w *listWriter) session(s *Session) {
	w.buffer = append(w.buffer, `{"session_id":`...)
	w.string(s.ID)
	if s.ClientID != ClientNone {
		w.buffer = append(w.buffer, `,"client_id":"`...)
		w.buffer = strconv.AppendInt(w.buffer, int64(s.ClientID), 10)
		w.buffer = append(w.buffer, `","guest":"`...)
	} else {
		w.buffer = append(w.buffer, `,"client_id":null,"guest":"`...)
	}
	if s.Guest {
		w.buffer = append(w.buffer, `1","time":"`...)
	} else {
		w.buffer = append(w.buffer, `0","time":"`...)
	}
	w.buffer = strconv.AppendInt(w.buffer, unix(s.Time), 10)
	w.buffer = append(w.buffer, `","data":`...)
	if s.Data != nil {
		w.bytes(s.Data)
	} else {
		w.buffer = append(w.buffer, `null`...)
	}
	w.buffer = append(w.buffer, `,"userid":"`...)
	w.buffer = strconv.AppendInt(w.buffer, s.UserID, 10)
	w.buffer = append(w.buffer, `","username":`...)
	w.string(s.Username)
	w.buffer = append(w.buffer, '}')
	w.flush(flushSize)
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
	if w.send == nil || len(w.buffer) < size {
		return
	}
	if w.err == nil {
		w.err = w.send(w.buffer)
	}
	w.buffer = w.buffer[:0]
}
