package main

import (
	"log/slog"
	"net/http"
	"time"
)

// accessLog logs each request with what it was answered. Of what the client sent it logs the method and nothing else:
// instead of the path it has the route, and the query and the headers may hold credentials.
func accessLog(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		start, cut := time.Now(), true
		defer func() {
			logger.InfoContext(r.Context(), "request", "remote", r.RemoteAddr, "method", r.Method, "route", r.Pattern,
				"status", recorder.status, "bytes", recorder.bytes, "cut", cut, "duration", time.Since(start).String())
		}()
		next.ServeHTTP(recorder, r)
		cut = false
	})
}

// A recorder remembers what an answer was.
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

// Unwrap lets http.ResponseController find what it wraps, with which the list sets deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
