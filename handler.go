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
)

// A Config holds what a handler may be told beside its [Store] and its [Authorizer]. The zero value is the contract:
// its CORS policy, and every session as it stands in the table.
type Config struct {
	// CORS is the policy that browsers are told. The zero value is the contract's.
	CORS CORS
	// Logger gets the causes of failures, with the context of the request: at level Error those of the service, at level
	// Info those of its client. Nil is [slog.Default].
	Logger *slog.Logger
	// Redact changes each session before it is sent, one after the other; nil ones are skipped. None sends them as they
	// are, with the secrets that they hold.
	Redact []Redaction
	// StallTimeout is how long one write of some tens of KB to the client may take. A client that takes longer is
	// dropped, so that it cannot hold a database connection for good. It replaces the WriteTimeout of the server. Zero
	// is 30 seconds.
	StallTimeout time.Duration
}

// NewHandler returns a handler for GET and HEAD that answers with the sessions of store to whom auth accepts, as the
// zero [Config] has it. It panics if one of them is nil.
func NewHandler(store Store, auth Authorizer) http.Handler {
	handler, err := Config{}.NewHandler(store, auth)
	if err != nil {
		panic(err) // The zero Config is valid.
	}
	return handler
}

// NewHandler returns a handler for GET and HEAD that answers with the sessions of store to whom auth accepts. It takes
// any path: mounting it is the caller's. Changing c later does not change the handler. The error names everything that
// is wrong with c. It panics if store or auth is nil.
//
// The list is streamed. A failure before its first bytes are sent is answered with 500, and a fixed message that tells
// nothing of the cause; after that, the connection is cut by panicking with [http.ErrAbortHandler], so that no client
// takes a part of the list for the whole.
func (c Config) NewHandler(store Store, auth Authorizer) (http.Handler, error) {
	if f, ok := store.(StoreFunc); store == nil || ok && f == nil {
		panic("capi: nil Store")
	}
	mustAuthorizer(auth)
	policy, err := c.CORS.compile()
	if c.StallTimeout < 0 {
		err = errors.Join(err, fmt.Errorf("capi: negative StallTimeout %v", c.StallTimeout))
	}
	if err != nil {
		return nil, err
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = 30 * time.Second
	}
	h := &handler{store: store, auth: auth, cors: policy, logger: c.Logger, stall: c.StallTimeout}
	h.redact = slices.DeleteFunc(slices.Clone(c.Redact), func(r Redaction) bool { return r == nil })
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
	switch err := h.auth.Authorize(r); {
	case err == nil:
	case errors.Is(err, ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", "Bearer")
		h.refuse(w, r, http.StatusUnauthorized, "Not authenticated.")
		return
	case errors.Is(err, ErrForbidden):
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
	h.list(w, r)
}

// allow are the methods that the handler takes.
const allow = "GET, HEAD, OPTIONS"

// refuse answers with an error that the client is told.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if err := WriteEnvelope(w, status, message); err != nil {
		h.log(r, slog.LevelInfo, "sending an answer", err)
	}
}

// fail answers with an error whose cause only the log is told.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	level := slog.LevelError
	if r.Context().Err() == context.Canceled {
		level = slog.LevelInfo // The client has left, and its query was cancelled with it.
	}
	h.log(r, level, doing, err)
	h.refuse(w, r, http.StatusInternalServerError, "Internal server error.")
}

// log never gives the logger anything that the client sent.
func (h *handler) log(r *http.Request, level slog.Level, doing string, err error) {
	logger := h.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.Log(r.Context(), level, "capi: "+doing, slog.Any("error", err))
}

// list answers with the sessions of the store.
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()

	control := http.NewResponseController(w)
	started, finished, deadlines := false, false, true
	defer func() {
		if started && !finished {
			// Whatever recovers the panic that follows, the answer must not be given an orderly end. Where deadlines are
			// not supported, that there is no end to the JSON has to do.
			_ = control.SetWriteDeadline(time.Unix(1, 0))
		}
	}()
	buffer := h.buffers.Get().(*[bufferSize]byte)
	defer h.buffers.Put(buffer)
	out := listWriter{buffer: buffer[:0], send: func(chunk []byte) error {
		if !started {
			setEnvelopeHeader(w.Header())
			w.WriteHeader(http.StatusOK)
			started = true
		}
		if deadlines { // Where they are not supported, stalls are the server's to notice.
			deadlines = control.SetWriteDeadline(time.Now().Add(h.stall)) == nil
		}
		_, err := w.Write(chunk)
		if err != nil {
			cancel() // Before the range ends: the query is then dropped rather than read to its end.
		}
		return err
	}}

	err := h.copy(ctx, &out)
	switch {
	case err == nil:
		finished = true
	case !started:
		h.fail(w, r, "listing sessions", err)
	default:
		level := slog.LevelError
		if out.err != nil || r.Context().Err() == context.Canceled {
			level = slog.LevelInfo
		}
		h.log(r, level, "listing sessions, cut short", err)
		panic(http.ErrAbortHandler)
	}
}

// copy writes the sessions of the store to out.
func (h *handler) copy(ctx context.Context, out *listWriter) error {
	out.begin()
	for session, err := range h.store.Sessions(ctx) {
		if err != nil {
			return err
		}
		for _, redact := range h.redact {
			session = redact(session)
		}
		if err := out.next(&session); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
	}
	// A store that takes the end of its context for the end of the list must not make others do so.
	if err := ctx.Err(); err != nil {
		return err
	}
	return out.end()
}
