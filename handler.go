package capi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/capi-go/capi/internal/phpjson"
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
	//   - at level Warn, why a request was answered with 503;
	//   - at level Info, failures that its client caused, and for each list who
	//     read it: user, credential, sessions, bytes, and whether it was
	//     finished;
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
	// Zero is 30 seconds; less is an error.
	StallTimeout time.Duration

	_ struct{} // Options are written with names.
}

// NewHandler returns a handler that serves store's sessions to requests that
// auth accepts, as the zero [HandlerOptions] have it. It panics if one of them is nil.
// See [HandlerOptions.NewHandler].
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
// panics if store or auth is nil.
//
// The list is streamed. A failure before its first bytes are sent is answered
// with 500, or with 503 if it wraps [ErrUnavailable], and a fixed message that
// tells nothing of the cause. After that,
// the connection is cut by panicking with [http.ErrAbortHandler], so that no
// client takes a part of the list for the whole.
func (o HandlerOptions) NewHandler(store Store, auth Authorizer) (http.Handler, error) {
	if f, ok := store.(StoreFunc); store == nil || ok && f == nil {
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
	if o.StallTimeout == 0 {
		o.StallTimeout = 30 * time.Second
	}
	h := &handler{store: store, auth: auth, cors: policy, logger: o.Logger, stall: o.StallTimeout}
	h.redact = slices.DeleteFunc(slices.Clone(o.Redact), func(r Redaction) bool { return r == nil })
	h.buffers.New = func() any { return new([bufferSize]byte) }
	return h, nil
}

type handler struct {
	store   Store
	auth    Authorizer
	cors    *corsPolicy
	logger  *slog.Logger
	redact  []Redaction
	stall   time.Duration
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
		h.refuse(w, r, http.StatusMethodNotAllowed, "Method not allowed.")
		return
	}
	ctx, user := withUser(r.Context())
	switch err := h.auth.Authorize(r.WithContext(ctx)); {
	case err == nil:
	case errors.Is(err, ErrUnauthenticated):
		h.log(r, slog.LevelDebug, "refused", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		h.refuse(w, r, http.StatusUnauthorized, "Not authenticated.")
		return
	case errors.Is(err, ErrForbidden):
		h.log(r, slog.LevelDebug, "refused", err)
		h.refuse(w, r, http.StatusForbidden, "Not authorized.")
		return
	default:
		h.fail(w, r, "authorizing a request", err)
		return
	}
	if r.Method == http.MethodHead {
		setEnvelopeHeader(w.Header())
		w.WriteHeader(http.StatusOK)
		return
	}
	h.list(w, r, user)
}

// allow are the methods that the handler takes.
const allow = "GET, HEAD, OPTIONS"

// refuse answers with an error that the client is told.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	body := append(make([]byte, 0, 128), envelopeBegin...)
	if err := writeEnvelope(w, status, phpjson.AppendString(body, message)); err != nil {
		h.log(r, slog.LevelInfo, "sending an answer", err)
	}
}

// fail answers with an error whose cause only the log is told.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	level, status, message := slog.LevelError, http.StatusInternalServerError, "Internal server error."
	if errors.Is(err, ErrUnavailable) {
		level, status, message = slog.LevelWarn, http.StatusServiceUnavailable, "Service unavailable."
		w.Header().Set("Retry-After", retryAfter)
	}
	if r.Context().Err() == context.Canceled {
		level = slog.LevelInfo // The client has left, and its query was cancelled with it.
	}
	h.log(r, level, doing, err)
	h.refuse(w, r, status, message)
}

// retryAfter is when a client may try again that was answered with 503, in
// seconds.
const retryAfter = "5"

// log logs an err that holds nothing that the client sent.
func (h *handler) log(r *http.Request, level slog.Level, doing string, err error) {
	h.slog().LogAttrs(r.Context(), level, "capi: "+doing, slog.Any("error", err))
}

func (h *handler) slog() *slog.Logger {
	if h.logger == nil {
		return slog.Default()
	}
	return h.logger
}

// list answers with the list, which user reads.
func (h *handler) list(w http.ResponseWriter, r *http.Request, user *User) {
	// Whatever ends the range early ends the query, too.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := stream.New(w, r, h.stall, cancel, setEnvelopeHeader)
	defer out.Cut() // Also when a Store or a Redaction panics.
	buffer := h.buffers.Get().(*[bufferSize]byte)
	defer h.buffers.Put(buffer)
	writer := &listWriter{buffer: buffer[:0], out: out}

	sessions, err := h.write(ctx, writer, out)
	if err == nil {
		out.Finish()
	}
	if out.Started() {
		h.audit(r, user, sessions, out)
	}
	switch {
	case err == nil:
	case !out.Started():
		h.fail(w, r, "listing sessions", err)
	default:
		level := slog.LevelError
		if writer.err != nil || r.Context().Err() == context.Canceled {
			level = slog.LevelInfo
		}
		h.log(r, level, "listing sessions, cut short", err)
		panic(http.ErrAbortHandler)
	}
}

// write writes the sessions of the store to w, which writes to out, and returns
// how many.
func (h *handler) write(ctx context.Context, w *listWriter, out *stream.Response) (sessions int, err error) {
	w.begin()
	list := h.store.Sessions(ctx)
	if list == nil {
		return 0, errors.New("the Store returned a nil iterator")
	}
	for session, err := range list {
		if err != nil {
			return sessions, err
		}
		for _, redaction := range h.redact {
			session = redaction(session)
		}
		if err := w.next(&session); err != nil {
			return sessions, fmt.Errorf("sending: %w", err)
		}
		sessions++
	}
	// Guard against stores that stop silently when ctx ends.
	if err := ctx.Err(); err != nil {
		return sessions, err
	}
	w.end()
	out.SetLength(len(w.buffer))
	w.flush(0)
	return sessions, w.err
}

// audit logs who read a list. With it, a session can be taken over.
func (h *handler) audit(r *http.Request, user *User, sessions int, out *stream.Response) {
	h.slog().LogAttrs(r.Context(), slog.LevelInfo, "capi: session list read",
		slog.Int64("user", user.ID), slog.String("credential", user.Credential),
		slog.Int("sessions", sessions), slog.Int64("bytes", out.Sent()), slog.Bool("finished", out.Finished()))
}
