package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// measured returns next inside the instruments of Prometheus and OpenTelemetry,
// and serves the metrics of Prometheus at /metrics. Traces and metrics of
// OpenTelemetry go wherever its global providers send them.
func measured(registry *prometheus.Registry, next http.Handler) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests, by status."}, []string{"code"})
	cuts := prometheus.NewCounter(prometheus.CounterOpts{Name: "http_cut_answers_total", Help: "Answers that were cut."})
	registry.MustRegister(requests, cuts)
	cutAnswers, err := otel.Meter("example").Int64Counter("http.server.cut_answers")
	if err != nil {
		otel.Handle(err)
	}

	counted := whenCut(next, func(r *http.Request) {
		cuts.Inc()
		cutAnswers.Add(r.Context(), 1)
		trace.SpanFromContext(r.Context()).SetStatus(codes.Error, "cut")
	})
	mux := http.NewServeMux()
	mux.Handle("/", otelhttp.NewHandler(promhttp.InstrumentHandlerCounter(requests, counted), "service"))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// whenCut calls count if next panics, as the handler of the session list does
// with http.ErrAbortHandler to cut a list that it cannot finish. Instruments
// that count after next has returned, such as those of promhttp and otelhttp,
// miss such an answer. The panic goes on, so that net/http breaks the
// connection.
func whenCut(next http.Handler, count func(r *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cut := true
		defer func() {
			if cut {
				count(r)
			}
		}()
		next.ServeHTTP(w, r)
		cut = false
	})
}
