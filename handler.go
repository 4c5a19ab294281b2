package capi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/capi-go/capi/internal/stream"
)

// HandlerOptions are the optional settings of a handler. The zero value is the
// contract: its CORS policy, and every session as it is in the table.
type HandlerOptions struct {
	// CORS is the policy that browsers are told. The zero value is the
	// contract's.
	CORS CORS
	// Logger gets, with the context of the request,
	//
	//   - at level Error, failures of the service;
	//   - at level Warn, why a request was answered with 503, and once each,
	//     that the handler cannot drop clients that stall, or does not know who
	//     reads;
	//   - at level Info, failures that its client caused, and who read a list:
	//     user, username, credential, sessions, bytes, and whether it was
	//     finished. That is logged once anything of the list was sent, even if
	//     a Store or a Redaction panics;
	//   - at level Debug, why a request was refused.
	//
	// It gets no credential, and nothing else that the client sent. Nil is
	// [slog.Default].
	Logger *slog.Logger
	// Redact changes each session before it is sent, one Redaction after the
	// other. Nil ones are skipped. Without any, sessions are sent as they are,
	// with the secrets that they hold.
	Redact []Redaction
	// StallTimeout is how long one write of some tens of KB to the client may
	// take. A client that takes longer is dropped, so that it cannot hold a
	// database connection for good. It replaces the WriteTimeout of the server.
	// It needs an [http.ResponseWriter] with the method SetWriteDeadline, or
	// one whose method Unwrap leads there: see [http.ResponseController]. Zero
	// is 30 seconds; less is an error.
	StallTimeout time.Duration

	_ struct{} // Options are written with names.
}

// NewHandler returns a handler that serves store's sessions to requests that
// auth accepts, as the zero [HandlerOptions] have it. It panics if one of them
// is nil or a nil pointer. See [HandlerOptions.NewHandler].
func NewHandler(store Store, auth Authorizer) http.Handler {
	handler, err := HandlerOptions{}.NewHandler(store, auth)
	if err != nil {
		panic(err) // The zero HandlerOptions is valid.
	}
	return handler
}

// NewHandler returns a handler that serves store's sessions to requests that
// auth accepts, for the methods GET and HEAD. It takes any path: mounting it is
// the caller's. The handler is safe for concurrent use; changing o later does
// not change it. The error names everything that is wrong with o. NewHandler
// panics if store or auth is nil or a nil pointer.
//
// The list is streamed. A failure before its first bytes are sent is answered
// with 500, or with 503 if it wraps [ErrUnavailable], and a fixed message that
// tells nothing of the cause. After that, the connection is cut by panicking
// with [http.ErrAbortHandler], so that no client takes a part of the list for
// the whole. Middleware must let that panic pass. Instruments that count when
// the handler returns, such as those of promhttp and otelhttp, do not count a
// list that was cut: examples/service shows a middleware that does.
func (o HandlerOptions) NewHandler(store Store, auth Authorizer) (http.Handler, error) {
	if isNil(store) {
		panic("capi: nil Store")
	}
	mustAuthorizer(auth)
	policy, err := o.CORS.compile()
	if o.StallTimeout < 0 {
		err = errors.Join(err, fmt.Errorf("capi: negative StallTimeout %v", o.StallTimeout))
	}
	if err != nil {
		return nil, err
	}
	h := &handler{store: store, auth: auth, cors: policy, Answers: stream.Answers{
		Package: "capi", Read: "session list read", Reading: "listing sessions", Logger: o.Logger,
		StallTimeout: cmp.Or(o.StallTimeout, 30*time.Second), Header: setEnvelopeHeader, Envelope: WriteEnvelope,
		Unavailable: ErrUnavailable,
	}}
	h.redact = slices.DeleteFunc(slices.Clone(o.Redact), func(r Redaction) bool { return r == nil })
	h.buffers.New = func() any { return new([bufferSize]byte) }
	return h, nil
}

type handler struct {
	stream.Answers
	store   Store
	auth    Authorizer
	cors    *corsPolicy
	redact  []Redaction
	buffers sync.Pool // of *[bufferSize]byte
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cors.apply(w, r) {
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", allow)
		h.Answer(w, r, http.StatusMethodNotAllowed, "Method not allowed.")
		return
	}
	user, err := Authorize(h.auth, r)
	if err != nil {
		deny(&h.Answers, w, r, err)
		return
	}
	h.Stream(w, r, stream.Reader{ID: user.ID, Username: user.Username, Credential: user.Credential}, h.list)
}

// deny answers a request whose Authorizer or Authenticator returned err.
func deny(answers *stream.Answers, w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrUnauthenticated):
		answers.Refuse(w, r, http.StatusUnauthorized, "Not authenticated.", err)
	case errors.Is(err, ErrForbidden):
		answers.Refuse(w, r, http.StatusForbidden, "Not authorized.", err)
	default:
		answers.Fail(w, r, "authorizing a request", err)
	}
}

// allow are the methods that the handler takes.
const allow = "GET, HEAD, OPTIONS"

// list writes the list.
func (h *handler) list(ctx context.Context, out *stream.Response) error {
	buffer := h.buffers.Get().(*[bufferSize]byte)
	defer h.buffers.Put(buffer)
	w := &listWriter{buffer: buffer[:0], out: out}
	w.begin()
	err := stream.Each(ctx, h.store.Sessions(ctx), func(session Session) error {
		for _, redaction := range h.redact {
			session = redaction(session)
		}
		out.Sessions++
		return w.next(&session)
	})
	if err != nil {
		return err
	}
	w.end()
	out.SetLength(len(w.buffer))
	w.flush(0)
	return w.err
}
