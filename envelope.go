package capi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/capi-go/capi/internal/phpjson"
)

// An Envelope is the form of every answer of the endpoint, for programs that
// read one. The session list is an Envelope[[]Session], an error an
// Envelope[string].
type Envelope[T any] struct {
	// Msg is the answer itself: the list, or a sentence that says what is
	// wrong.
	Msg T `json:"msg"`
	// Error reports whether Status is 400 or above.
	Error bool `json:"error"`
	// Status is the HTTP status code of the answer.
	Status int `json:"status"`
}

// WriteEnvelope answers a request with msg in an [Envelope], as JSON in the
// form of PHP's json_encode. It is for other routes that want the same form.
// Error is set for a status of 400 and above. If msg cannot be marshalled,
// nothing is written. An error of w.Write is wrapped. Like
// [http.ResponseWriter.WriteHeader], WriteEnvelope panics if status is not an
// HTTP status code.
func WriteEnvelope(w http.ResponseWriter, status int, msg any) error {
	body := append(make([]byte, 0, 128), envelopeBegin...)
	if message, ok := msg.(string); ok {
		body = phpjson.AppendString(body, message)
	} else {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(msg); err != nil {
			return fmt.Errorf("capi: marshalling the message of an envelope: %w", err)
		}
		body = phpjson.AppendJSON(body, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
	setEnvelopeHeader(w.Header())
	w.WriteHeader(status)
	if _, err := w.Write(appendEnvelopeEnd(body, status)); err != nil {
		return fmt.Errorf("capi: writing an envelope: %w", err)
	}
	return nil
}

// envelopeBegin is what precedes msg.
const envelopeBegin = `{"msg":`

// setEnvelopeHeader sets the header of every envelope.
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
