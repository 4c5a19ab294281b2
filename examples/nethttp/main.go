// Nethttp mounts the session list on net/http alone, within the middlewares
// that services have: request ids, an access log, recovery from panics, and
// compression.
//
//	go run ./nethttp
package main

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/klauspost/compress/gzhttp"
)

func main() { demo.Main(mount) }

// mount puts the list on a mux of its own, within the middlewares. The first is
// the outermost.
func mount(sessions http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(demo.Path, sessions)
	return requestID(accessLog(recovery(gzhttp.GzipHandler(mux))))
}

// requestID names each request, so that what is logged of it can be found by
// what its client saw. The name is always the server's: what a client sends is
// not to be trusted.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", rand.Text())
		next.ServeHTTP(w, r)
	})
}

// accessLog logs each request with what it was answered. The query and the
// headers may hold credentials, so they are left out.
func accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		start, cut := time.Now(), true
		defer func() {
			slog.InfoContext(r.Context(), "request", "id", w.Header().Get("X-Request-Id"), "method", r.Method,
				"path", r.URL.Path, "status", recorder.status, "cut", cut, "duration", time.Since(start))
		}()
		next.ServeHTTP(recorder, r)
		cut = false
	})
}

// recovery answers with 500 where a handler panics. It lets
// http.ErrAbortHandler pass, by which a handler makes net/http cut the
// connection of an answer that it has sent in part.
func recovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case http.ErrAbortHandler:
				panic(reason)
			default:
				slog.ErrorContext(r.Context(), "panic", "reason", reason, "stack", string(debug.Stack()))
				http.Error(w, "Internal server error.", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// A statusRecorder remembers the status that an answer has.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what it wraps. A writer without it
// takes from the session list the means to drop clients that do not read.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
