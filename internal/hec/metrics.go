package hec

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of delivery. Those of events come from the ledger.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	latency  prometheus.Histogram
	moved    *prometheus.CounterVec
	limping  *prometheus.CounterVec
	doubted  *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_requests_total",
			Help: "Posts to HEC by endpoint and HTTP status, or error or timeout where there was no answer.",
		}, []string{"endpoint", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gateway_hec_request_duration_seconds",
			Help:    "Time of one post to HEC, from choosing the endpoint to the end of the answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"endpoint"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gateway_delivery_latency_seconds",
			Help:    "Time from receiving the first event of a record to the confirmation of its delivery.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400},
		}),
		moved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_fallback_index_events_total",
			Help: "Events that HEC refused for their index and that were delivered to hec.fallback_index instead.",
		}, []string{"source"}),
		limping: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_bad_connections_total",
			Help: "Connections closed for a bad answer while others to the endpoint worked: one of several servers behind its name is sick.",
		}, []string{"endpoint"}),
		doubted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_unconfirmed_answers_total",
			Help: "Answers 2xx that confirm nothing: without an ackId though hec.ack is enabled, or in a coding that cannot be read.",
		}, []string{"endpoint"}),
	}
}

// all are the collectors.
func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.latency, m.moved, m.limping, m.doubted}
}

// evicted is what the dead-letter store has given up. These events are lost for good,
// and the books, where they are dead-lettered, do not say so.
func evicted(s *DeadLetters) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gateway_deadletter_evicted_events_total",
		Help: "Events that the dead-letter store has removed to make room (dead_letter.max_size): they are lost.",
	}, func() float64 { return float64(s.Evicted()) })
}

// unreadable is what the dead-letter store holds and cannot use.
func unreadable(s *DeadLetters) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_deadletter_unreadable_files",
		Help: "Files of the dead-letter store that could not be used when the gateway started.",
	}, func() float64 { return float64(s.Unreadable()) })
}

// series are the children of one endpoint, resolved once.
type series struct {
	endpoint string
	requests *prometheus.CounterVec
	duration prometheus.Observer
	limping  prometheus.Counter
	doubted  prometheus.Counter
	*counters
}

// counters are made as the answers come, until the endpoint is removed.
type counters struct {
	mu    sync.Mutex
	codes map[string]prometheus.Counter // by label; as many as there are statuses; nil: removed
}

func (m *metrics) of(endpoint string) series {
	return series{
		endpoint: endpoint,
		requests: m.requests,
		duration: m.duration.WithLabelValues(endpoint),
		limping:  m.limping.WithLabelValues(endpoint),
		doubted:  m.doubted.WithLabelValues(endpoint),
		counters: &counters{codes: make(map[string]prometheus.Counter)},
	}
}

func (s *series) limped() {
	if s.limping != nil {
		s.limping.Inc()
	}
}

func (s *series) observe(a answer, took time.Duration) {
	label := a.label()
	if a.unconfirmed {
		s.doubted.Inc()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codes == nil { // a post that was on the wire when the endpoint was removed
		return
	}
	c, ok := s.codes[label]
	if !ok {
		c = s.requests.WithLabelValues(s.endpoint, label)
		s.codes[label] = c
	}
	c.Inc()
	s.duration.Observe(took.Seconds())
}

// remove deletes the series of an endpoint for good.
func (m *metrics) remove(s series) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = nil
	m.requests.DeletePartialMatch(prometheus.Labels{"endpoint": s.endpoint})
	m.duration.DeleteLabelValues(s.endpoint)
	m.limping.DeleteLabelValues(s.endpoint)
	m.doubted.DeleteLabelValues(s.endpoint)
}

var (
	upDesc = prometheus.NewDesc("gateway_hec_endpoint_up",
		"Whether the HEC endpoint is up (1) or not (0).", []string{"endpoint"}, nil)
	inFlightDesc = prometheus.NewDesc("gateway_hec_in_flight",
		"Posts that wait for the answer of the HEC endpoint.", []string{"endpoint"}, nil)
	limitDesc = prometheus.NewDesc("gateway_hec_concurrency_limit",
		"How many posts the HEC endpoint may have under way: less than hec.in_flight for all shards when it is slow, busy or out.",
		[]string{"endpoint"}, nil)
)

// Describe implements prometheus.Collector.
func (p *pool) Describe(ch chan<- *prometheus.Desc) {
	ch <- upDesc
	ch <- inFlightDesc
	ch <- limitDesc
}

// Collect reads the endpoints as they are at the scrape.
func (p *pool) Collect(ch chan<- prometheus.Metric) {
	for _, s := range p.status(nil) {
		up := 0.0
		if s.Up {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up, s.URL)
		ch <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(s.InFlight), s.URL)
		ch <- prometheus.MustNewConstMetric(limitDesc, prometheus.GaugeValue, float64(s.Limit), s.URL)
	}
}
