package hec

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

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

// Latency returns how many records were delivered by how long that took: the upper bounds in
// seconds, and the counts, of which the last one has no bound.
func (c *Client) Latency() (bounds []float64, counts []uint64) {
	var m dto.Metric
	if c.metrics.latency.Write(&m) != nil {
		return nil, nil
	}
	var below uint64
	for _, b := range m.GetHistogram().GetBucket() {
		bounds = append(bounds, b.GetUpperBound())
		counts = append(counts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
	}
	return bounds, append(counts, m.GetHistogram().GetSampleCount()-below)
}
