// Package stream sends the answers of this module's handlers, and streams the
// long ones:
//
//   - The header goes out with the first bytes.
//   - A client that does not read is dropped.
//   - An answer that cannot be finished is cut, so that no client takes it for
//     the whole.
//   - The log says who has read it.
package stream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A Response is a streamed answer, as an [io.Writer] of its body.
// [Answers.Stream] makes it.
type Response struct {
	// Sessions counts the sessions that were written, for the log.
	Sessions int

	answers *Answers
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	// stall is how long one write may take. It is 0 if the writer has no
	// deadlines, so that only the server can notice stalls.
	stall time.Duration
	// cancel cancels the context of write in [Answers.Stream].
	cancel context.CancelFunc
	state  state
	// failed reports whether a write has failed.
	failed bool
	// sent counts the bytes of the body.
	sent int64
	// length is the length of the body, or 0 while it is unknown.
	length int
}

type state uint8

const (
	unsent   state = iota // Another status can still be sent.
	started               // The client waits for the end.
	finished              // The answer was sent whole.
)

// Write sends a part of the body.
func (r *Response) Write(p []byte) (int, error) {
	if r.state == unsent {
		// A length that is already set belongs to another answer.
		header := r.w.Header()
		header.Del("Content-Length")
		if r.length > 0 {
			header.Set("Content-Length", strconv.Itoa(r.length))
		}
		r.answers.Header(header)
		r.state = started
		r.w.WriteHeader(http.StatusOK)
	}
	if r.stall > 0 {
		if err := r.control.SetWriteDeadline(time.Now().Add(r.stall)); err != nil {
			r.stall = 0
			if errors.Is(err, http.ErrNotSupported) {
				r.answers.warnNoDeadlines(r.w, r.r)
			}
		}
	}
	n, err := r.w.Write(p)
	r.sent += int64(n)
	if err != nil {
		r.failed = true
		r.cancel() // Before the range ends, so that the query is dropped and not read to its end.
	}
	return n, err
}

// SetLength sets the length of the whole body, n bytes, if none of it was sent
// yet; otherwise it does nothing. A length spares a write and makes a cut
// visible to any client.
func (r *Response) SetLength(n int) {
	if r.state == unsent {
		r.length = n
	}
}

// Flush sends what was written so far, if the writer can.
func (r *Response) Flush() { _ = r.control.Flush() } // If the client has left, the next Write fails.

// cut makes sure that a client can tell that an unfinished answer is cut, even
// if something recovers the panic that ends the request.
func (r *Response) cut() {
	if r.state != started {
		return
	}
	// From here on, nothing is sent, not even an orderly end. Without
	// deadlines, only the truncated text shows the cut.
	_ = r.control.SetWriteDeadline(time.Unix(1, 0))
	if r.r.ProtoAtLeast(1, 1) {
		return
	}
	// In HTTP/1.0, nginx's default, closing the connection ends an answer. So
	// the connection must break.
	conn, _, err := r.control.Hijack()
	if err != nil {
		return
	}
	raw := conn
	if secure, ok := raw.(interface{ NetConn() net.Conn }); ok { // crypto/tls.Conn
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}
