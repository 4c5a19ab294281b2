// Nethttp mounts the session list with nothing but net/http, inside typical
// middlewares: request ids, an access log, recovery from panics, and
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

// mount puts the list on its own mux, inside the middlewares. The first is the
// outermost.
func mount(sessions http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(demo.Path, sessions)
	return requestID(accessLog(recovery(gzhttp.GzipHandler(mux))))
}

// requestID names each request, so that its lines in the log can be found by
// what the client saw. The server always makes the name: one that the client
// sends is not trusted.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", rand.Text())
		next.ServeHTTP(w, r)
	})
}

// accessLog logs each request with its status. It leaves out the query and the
// headers, which may hold credentials.
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

// recovery answers with 500 if a handler panics. It passes on
// http.ErrAbortHandler, with which a handler makes net/http break the
// connection of an answer that was sent in part.
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

// A statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the wrapped writer. Without it, the
// session list cannot drop clients that do not read.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
