package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// newLogger returns a logger to w in a format, text or json, from a level up.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("flag --log-level must be debug, info, warn or error: %q", level)
	}
	options.Level = from
	switch format {
	case "json":
		return slog.New(requestHandler{slog.NewJSONHandler(w, &options)}), nil
	case "text":
		return slog.New(requestHandler{slog.NewTextHandler(w, &options)}), nil
	}
	return nil, fmt.Errorf("flag --log-format must be json or text: %q", format)
}

// logEverything sets the logger of packages that are not given one: log, slog
// and go-redis.
func logEverything(logger *slog.Logger) {
	slog.SetDefault(logger)
	redis.SetLogger(redisLogger{logger})
}

// A redisLogger is the logger of go-redis.
type redisLogger struct{ *slog.Logger }

// Printf implements go-redis's logger.
func (l redisLogger) Printf(ctx context.Context, format string, values ...any) {
	l.WarnContext(ctx, "redis", "error", fmt.Sprintf(format, values...))
}

// A serverLog is what net/http writes to. Its lines may quote what a client
// sent, such as the names of protocols or the beginning of a request, so they end
// at the first quotation mark or parenthesis.
type serverLog struct{ *slog.Logger }

// Write implements [io.Writer].
func (l serverLog) Write(line []byte) (int, error) {
	text := string(line)
	if end := strings.IndexAny(text, "\"'`(\n"); end >= 0 {
		text = text[:end]
	}
	l.Warn("http", "error", strings.TrimSpace(text))
	return len(line), nil
}

// A request has the attributes of every log line about a request.
type request struct{ id, remote string }

// requestKey is the key of the request in a context.
type requestKey struct{}

// A requestHandler adds the request to each line.
type requestHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	if r, ok := ctx.Value(requestKey{}).(request); ok {
		record.AddAttrs(slog.String("remote", r.remote), slog.String("request", r.id))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

// requestIDHeader is the header by which proxies and logs recognize a request.
const requestIDHeader = "X-Request-Id"

// plainID matches ids of others that may be logged.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID returns the id that a request came with if it is short and plain,
// or else a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); plainID.MatchString(id) {
		return id
	}
	return rand.Text()
}

// methods are the methods that the log names.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

// methodOf returns the method of a request, or "other".
func methodOf(r *http.Request) string {
	if slices.Contains(methods, r.Method) {
		return r.Method
	}
	return "other"
}

// observe logs and counts each request with its answer. From the client, it
// logs only the method and a plain request id: the route stands for the path,
// and the query and the headers may hold credentials. It also logs panics,
// which break the connection.
func observe(r *router, m *metrics, trusted trustedProxies, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, incoming *http.Request) {
		about := request{requestID(incoming), trusted.remote(incoming)}
		ctx := context.WithValue(incoming.Context(), requestKey{}, about)
		incoming = incoming.WithContext(ctx)
		incoming.Host = canonicalHost(incoming.Host)
		w.Header().Set(requestIDHeader, about.id)
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		start, cut := time.Now(), true
		defer func() {
			took, route := time.Since(start), r.of(incoming)
			value := recover()
			if value != nil && value != http.ErrAbortHandler {
				logger.ErrorContext(ctx, "panic", "site", route.site, "route", route.name, "error", panicText(value), "stack", string(debug.Stack()))
			}
			logger.InfoContext(ctx, "request", "method", methodOf(incoming), "site", route.site, "route", route.name,
				"status", recorder.status, "bytes", recorder.bytes, "cut", cut, "duration", took.String())
			m.request(route, recorder.status, recorder.bytes, cut, took)
			if value != nil {
				panic(http.ErrAbortHandler) // net/http does not log it.
			}
		}()
		r.mux.ServeHTTP(recorder, incoming)
		cut = false
	})
}

// panicText returns the part of a panic's value that may be logged: only the
// type if it is not Go's own, since it may hold anything.
func panicText(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", value)
}

// canonicalHost returns a Host header in the form of site names: lower case,
// without a final dot. The mux removes the port.
func canonicalHost(host string) string {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")) + port
}

// A recorder remembers the status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the wrapped writer, on which the list
// sets deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
