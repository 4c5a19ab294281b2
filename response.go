package capi

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A response is the answer to a request for the list, as an [io.Writer] of its
// body. Its header goes out with the first bytes.
type response struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	// stall is how long one write may take. Where the writer has no deadlines
	// it is 0: stalls are the server's to notice.
	stall time.Duration
	// cancel ends the listing.
	cancel context.CancelFunc
	state  responseState
	// sent counts the bytes of the body.
	sent int64
}

type responseState uint8

const (
	unsent   responseState = iota // Another status can still be sent.
	started                       // The client waits for the end of the list.
	finished                      // The list was sent whole.
)

// Write sends a part of the body.
func (r *response) Write(p []byte) (int, error) {
	if r.state == unsent {
		setEnvelopeHeader(r.w.Header())
		r.w.WriteHeader(http.StatusOK)
		r.state = started
	}
	if r.stall > 0 && r.control.SetWriteDeadline(time.Now().Add(r.stall)) != nil {
		r.stall = 0
	}
	n, err := r.w.Write(p)
	r.sent += int64(n)
	if err != nil {
		r.cancel() // Before the range ends: the query is then dropped rather than read to its end.
	}
	return n, err
}

// isLast tells that n bytes are all that is left to write. Of a list that begins
// with them, the header has the length, which spares a write and makes a cut
// visible to any client.
func (r *response) isLast(n int) {
	if r.state == unsent {
		r.w.Header().Set("Content-Length", strconv.Itoa(n))
	}
}

// cut makes sure that the client of a list that was started and not finished
// sees that it is cut, whatever becomes of the panic that ends the request.
func (r *response) cut() {
	if r.state != started {
		return
	}
	// Nothing more is sent, not even an orderly end. Where deadlines are not
	// supported, the truncated JSON must suffice.
	_ = r.control.SetWriteDeadline(time.Unix(1, 0))
	if r.r.ProtoAtLeast(1, 1) {
		return
	}
	// The end of an answer to HTTP/1.0 is the end of the connection, and that
	// alone. So it must break: nginx asks like that by default.
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
