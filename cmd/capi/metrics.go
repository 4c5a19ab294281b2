package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the figures of the program, in Prometheus' form.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	cut      *prometheus.CounterVec
}

// newMetrics returns the metrics of a program that serves sites. Their sessions
// are counted at most once per countEvery, or never if it is 0.
func newMetrics(sites []*followedSite, countEvery time.Duration) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_http_requests_total", Help: "Requests answered.",
		}, []string{"site", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "capi_http_request_duration_seconds", Help: "Duration of requests, up to the last byte of the answer.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60},
		}, []string{"site", "route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_http_response_bytes_total", Help: "Bytes sent in bodies.",
		}, []string{"site", "route"}),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_http_cut_total", Help: "Answers cut because they could not be finished.",
		}, []string{"site", "route"}),
	}
	b := thisBuild()
	m.registry.MustRegister(m.requests, m.duration, m.bytes, m.cut, readyCollector(sites),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "capi_build_info", Help: "Constant 1, labelled with the version and revision of the program.",
			ConstLabels: prometheus.Labels{"version": b.version, "revision": b.revision},
		}, func() float64 { return 1 }))
	var counters sessionCollector
	for _, s := range sites {
		m.registry.MustRegister(poolCollector{s}, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "capi_lists_running", Help: "Lists being sent.", ConstLabels: prometheus.Labels{"site": s.name},
		}, func() float64 { return float64(s.turns.running.Load()) }))
		for _, route := range []string{"list", "feed"} { // They begin at 0, so that an alert sees the first.
			m.cut.WithLabelValues(s.name, route)
		}
		counters = append(counters, &sessionCounter{site: s, every: countEvery})
	}
	if countEvery > 0 {
		m.registry.MustRegister(counters)
	}
	return m
}

// request counts a request.
func (m *metrics) request(route route, status int, bytes int64, cut bool, took time.Duration) {
	m.requests.WithLabelValues(route.site, route.name, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route.site, route.name).Observe(took.Seconds())
	m.bytes.WithLabelValues(route.site, route.name).Add(float64(bytes))
	if cut {
		m.cut.WithLabelValues(route.site, route.name).Inc()
	}
}

// handler returns the handler of /metrics.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// A readyCollector reports which sites are ready.
type readyCollector []*followedSite

var readyDesc = prometheus.NewDesc("capi_site_ready", "Whether the site can be served.", []string{"site"}, nil)

// Describe implements [prometheus.Collector].
func (readyCollector) Describe(descs chan<- *prometheus.Desc) { descs <- readyDesc }

// Collect implements [prometheus.Collector].
func (c readyCollector) Collect(values chan<- prometheus.Metric) {
	for _, s := range c {
		value := 0.0
		if s.ready.ready() {
			value = 1
		}
		values <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, s.name)
	}
}

// A poolCollector reports on the connections of a site's current configuration.
// A new configuration resets its counters, like a restart.
type poolCollector struct{ site *followedSite }

// Describe implements [prometheus.Collector].
func (c poolCollector) Describe(descs chan<- *prometheus.Desc) {
	collectors.NewDBStatsCollector(nil, c.site.name).Describe(descs)
}

// Collect implements [prometheus.Collector].
func (c poolCollector) Collect(values chan<- prometheus.Metric) {
	if pool := c.site.pool(); pool != nil {
		collectors.NewDBStatsCollector(pool, c.site.name).Collect(values)
	}
}
