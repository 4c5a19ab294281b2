package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// newLogger returns what logs to w in a format, text or json, from a level on.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("flag --log-level must be debug, info, warn or error: %q", level)
	}
	options.Level = from
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	}
	return nil, fmt.Errorf("flag --log-format must be json or text: %q", format)
}

// observe logs and counts each request with what it was answered. Of what the
// client sent it shows the method and nothing else: instead of the path it has
// the route, and the query and the headers may hold credentials.
func observe(r *router, m *metrics, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		start, cut := time.Now(), true
		defer func() {
			took, route := time.Since(start), r.of(request)
			logger.InfoContext(request.Context(), "request", "remote", request.RemoteAddr, "method", request.Method,
				"site", route.site, "route", route.name, "status", recorder.status, "bytes", recorder.bytes,
				"cut", cut, "duration", took.String())
			m.request(route, recorder.status, recorder.bytes, cut, took)
		}()
		r.mux.ServeHTTP(recorder, request)
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

// Unwrap lets http.ResponseController find what it wraps, with which the list
// sets deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
