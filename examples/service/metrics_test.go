package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// One list is sent whole and two are cut. The instruments see only the first;
// the counters of cut answers see the others.
func TestCutListsAreCounted(t *testing.T) {
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))

	fails := false
	store := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for range 100 {
				if !yield(capi.Session{Data: make(capi.Payload, 4<<10)}, nil) {
					return
				}
			}
			if fails {
				yield(capi.Session{}, errors.New("the database went away"))
			}
		}
	})
	auth := capi.AuthorizerFunc(func(*http.Request) error { return nil })
	sessions, err := capi.HandlerOptions{Logger: slog.New(slog.DiscardHandler)}.NewHandler(store, auth)
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	server := httptest.NewUnstartedServer(measured(registry, sessions))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	for _, fails = range []bool{false, true, true} {
		response, err := server.Client().Get(server.URL + demo.Path)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		assert.Equal(t, fails, errors.Is(err, io.ErrUnexpectedEOF), "cut: %v", err)
		response.Body.Close()
	}
	server.Close() // All handlers have returned.

	counters := map[string]float64{}
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, of := range family.Metric {
			counters[family.GetName()] += of.Counter.GetValue()
		}
	}
	assert.Equal(t, map[string]float64{"http_requests_total": 1, "http_cut_answers_total": 2}, counters)

	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &collected))
	counts := map[string]int64{}
	for _, scope := range collected.ScopeMetrics {
		for _, of := range scope.Metrics {
			switch data := of.Data.(type) {
			case metricdata.Sum[int64]:
				counts[of.Name] = data.DataPoints[0].Value
			case metricdata.Histogram[float64]:
				counts[of.Name] = int64(data.DataPoints[0].Count)
			}
		}
	}
	assert.Equal(t, map[string]int64{"http.server.request.duration": 1, "http.server.cut_answers": 2}, counts)

	var statuses []codes.Code
	for _, span := range spans.Ended() {
		statuses = append(statuses, span.Status().Code)
	}
	assert.Equal(t, []codes.Code{codes.Unset, codes.Error, codes.Error}, statuses)
}
