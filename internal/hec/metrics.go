package hec

import "github.com/prometheus/client_golang/prometheus"

// metrics are the series of delivery. Those of posts are the pool's, those of events the
// ledger's.
type metrics struct {
	latency  prometheus.Histogram
	rerouted *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gateway_delivery_latency_seconds",
			Help:    "Time from receiving the first event of a record to the confirmation of its delivery.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400},
		}),
		rerouted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_fallback_index_events_total",
			Help: "Events that HEC refused for their index and that were delivered to hec.fallback_index instead.",
		}, []string{"source"}),
	}
}

// collectors are all of them.
func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.latency, m.rerouted}
}
