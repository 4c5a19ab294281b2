package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Answers sends the answers of a handler, and logs failures, refusals and
// readers. Answers never contain the cause of a failure, and the log nothing
// that a client sent. It is safe for concurrent use, and must not be copied.
type Answers struct {
	// Package begins each line of the log.
	Package string
	// Read is what the log says about a streamed answer that somebody has read,
	// and Reading about one that failed.
	Read, Reading string
	// Logger is the log. Nil is [slog.Default].
	Logger *slog.Logger
	// StallTimeout is how long one write of a streamed answer may take.
	StallTimeout time.Duration
	// Header sets the header of a streamed answer.
	Header func(http.Header)
	// Envelope sends any other answer.
	Envelope func(w http.ResponseWriter, status int, msg any) error
	// Unavailable is the error that temporary failures wrap.
	Unavailable error

	noDeadlines, noReader sync.Once
}

// Answer answers with an envelope.
func (a *Answers) Answer(w http.ResponseWriter, r *http.Request, status int, msg any) {
	if err := a.Envelope(w, status, msg); err != nil {
		a.log(r, slog.LevelInfo, "sending an answer", err)
	}
}

// Refuse answers a request that is not authorized. Only the log gets err.
func (a *Answers) Refuse(w http.ResponseWriter, r *http.Request, status int, msg any, err error) {
	a.log(r, slog.LevelDebug, "refused", err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	a.Answer(w, r, status, msg)
}

// Fail answers with 500, or with 503 if err wraps Unavailable. Only the log
// gets err, and what was being done.
func (a *Answers) Fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if errors.Is(err, a.Unavailable) {
		a.log(r, levelOf(r, slog.LevelWarn), doing, err)
		w.Header().Set("Retry-After", RetryAfter)
		a.Answer(w, r, http.StatusServiceUnavailable, "Service unavailable.")
		return
	}
	a.log(r, levelOf(r, slog.LevelError), doing, err)
	a.Answer(w, r, http.StatusInternalServerError, "Internal server error.")
}

// RetryAfter is the Retry-After of a 503, in seconds.
const RetryAfter = "5"

// A Reader is the user who reads an answer. See capi.User.
type Reader struct {
	ID                   int64
	Username, Credential string
}

// Stream answers r with what write writes. If write fails before its first
// bytes are sent, the answer is that of Fail. If it fails or panics after them,
// Stream cuts the answer and panics. Once anything was sent, Stream logs that
// reader read it, whatever happens.
func (a *Answers) Stream(w http.ResponseWriter, r *http.Request, reader Reader,
	write func(ctx context.Context, out *Response) error) {
	if r.Method == http.MethodHead {
		a.Header(w.Header())
		w.WriteHeader(http.StatusOK)
		return
	}
	// An early end of the range also ends the query.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := &Response{
		answers: a, w: w, r: r, control: http.NewResponseController(w), stall: a.StallTimeout, cancel: cancel,
	}
	defer out.cut()
	defer a.audit(out, reader)
	err := write(ctx, out)
	switch {
	case err == nil:
		out.state = finished
	case out.state == unsent:
		a.Fail(w, r, a.Reading, err)
	default:
		level := levelOf(r, slog.LevelError)
		if out.failed {
			level = slog.LevelInfo
		}
		a.log(r, level, a.Reading+", cut short", err)
		panic(http.ErrAbortHandler)
	}
}

// Each calls do with each value of list, a Store's, until list or do fails. It
// also fails if ctx has ended.
func Each[T any](ctx context.Context, list iter.Seq2[T, error], do func(T) error) error {
	if list == nil {
		return errors.New("the Store returned a nil iterator")
	}
	for value, err := range list {
		if err != nil {
			return err
		}
		if err := do(value); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
	}
	return ctx.Err() // Stores may stop silently when ctx ends.
}

// audit logs who read an answer. With a list, sessions can be taken over.
func (a *Answers) audit(out *Response, reader Reader) {
	if out.state == unsent {
		return
	}
	ctx := out.r.Context()
	a.logger().LogAttrs(ctx, slog.LevelInfo, a.Package+": "+a.Read,
		slog.Int64("user", reader.ID), slog.String("username", reader.Username), slog.String("credential", reader.Credential),
		slog.Int("sessions", out.Sessions), slog.Int64("bytes", out.sent), slog.Bool("finished", out.state == finished))
	if reader == (Reader{}) {
		a.noReader.Do(func() {
			a.logger().LogAttrs(ctx, slog.LevelWarn, a.Package+": the log cannot say who reads",
				slog.String("error", "the Authorizer did not call capi.SetUser with the context of the request that it was given"))
		})
	}
}

// ReadBy logs that reader was told about the user with that id.
func (a *Answers) ReadBy(r *http.Request, read string, id int64, reader Reader) {
	a.logger().LogAttrs(r.Context(), slog.LevelInfo, a.Package+": "+read, slog.Int64("of", id),
		slog.Int64("user", reader.ID), slog.String("username", reader.Username), slog.String("credential", reader.Credential))
}

// warnNoDeadlines logs that a client that stalls is not dropped.
func (a *Answers) warnNoDeadlines(w http.ResponseWriter, r *http.Request) {
	a.noDeadlines.Do(func() {
		a.logger().LogAttrs(r.Context(), slog.LevelWarn, a.Package+": StallTimeout has no effect",
			slog.String("error", fmt.Sprintf("a %T, or what it wraps, has neither SetWriteDeadline nor Unwrap", w)))
	})
}

// log logs err, which must not hold anything that the client sent.
func (a *Answers) log(r *http.Request, level slog.Level, doing string, err error) {
	a.logger().LogAttrs(r.Context(), level, a.Package+": "+doing, slog.Any("error", err))
}

func (a *Answers) logger() *slog.Logger {
	if a.Logger == nil {
		return slog.Default()
	}
	return a.Logger
}

// levelOf returns level, or Info if the client has left, which cancels its
// query.
func levelOf(r *http.Request, level slog.Level) slog.Level {
	if r.Context().Err() == context.Canceled {
		return slog.LevelInfo
	}
	return level
}
