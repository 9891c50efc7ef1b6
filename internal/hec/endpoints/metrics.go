package endpoints

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	upDesc = prometheus.NewDesc("gateway_hec_endpoint_up",
		"Whether the HEC endpoint is up (1) or not (0).", []string{"endpoint"}, nil)
	inFlightDesc = prometheus.NewDesc("gateway_hec_in_flight",
		"Posts that wait for the answer of the HEC endpoint.", []string{"endpoint"}, nil)
	limitDesc = prometheus.NewDesc("gateway_hec_concurrency_limit",
		"How many posts the HEC endpoint may have under way: less than hec.in_flight for all shards when it is slow, busy or out.",
		[]string{"endpoint"}, nil)
)

// metrics are the series of posts, which are counted as the answers come.
type metrics struct {
	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	badConnections *prometheus.CounterVec
	unconfirmed    *prometheus.CounterVec
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
		badConnections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_bad_connections_total",
			Help: "Connections closed for a bad answer while others to the endpoint worked: one of several servers behind its name is sick.",
		}, []string{"endpoint"}),
		unconfirmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_hec_unconfirmed_answers_total",
			Help: "Answers 2xx that confirm nothing: without an ackId though hec.ack is enabled, or in a coding that cannot be read.",
		}, []string{"endpoint"}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.badConnections, m.unconfirmed}
}

// Describe implements prometheus.Collector.
func (p *Pool) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range p.metrics.collectors() {
		c.Describe(ch)
	}
	ch <- upDesc
	ch <- inFlightDesc
	ch <- limitDesc
}

// Collect implements prometheus.Collector.
func (p *Pool) Collect(ch chan<- prometheus.Metric) {
	for _, c := range p.metrics.collectors() {
		c.Collect(ch)
	}
	for _, s := range p.Status(nil) {
		up := 0.0
		if s.Up {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up, s.URL)
		ch <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(s.InFlight), s.URL)
		ch <- prometheus.MustNewConstMetric(limitDesc, prometheus.GaugeValue, float64(s.Limit), s.URL)
	}
}

// series are the metrics of one endpoint, resolved once.
type series struct {
	endpoint       string
	of             *metrics
	duration       prometheus.Observer
	badConnections prometheus.Counter
	unconfirmed    prometheus.Counter

	mu    sync.Mutex
	codes map[string]prometheus.Counter // by label, as they come; nil: removed
}

func (m *metrics) series(endpoint string) *series {
	return &series{
		endpoint: endpoint, of: m,
		duration:       m.duration.WithLabelValues(endpoint),
		badConnections: m.badConnections.WithLabelValues(endpoint),
		unconfirmed:    m.unconfirmed.WithLabelValues(endpoint),
		codes:          make(map[string]prometheus.Counter),
	}
}

// observe counts an answer to a post.
func (s *series) observe(v Verdict, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codes == nil { // the post was under way when the endpoint was removed
		return
	}
	c, ok := s.codes[v.Label]
	if !ok {
		c = s.of.requests.WithLabelValues(s.endpoint, v.Label)
		s.codes[v.Label] = c
	}
	c.Inc()
	s.duration.Observe(took.Seconds())
	if v.Unconfirmed {
		s.unconfirmed.Inc()
	}
}

// remove deletes the series for good.
func (s *series) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = nil
	s.of.requests.DeletePartialMatch(prometheus.Labels{"endpoint": s.endpoint})
	s.of.duration.DeleteLabelValues(s.endpoint)
	s.of.badConnections.DeleteLabelValues(s.endpoint)
	s.of.unconfirmed.DeleteLabelValues(s.endpoint)
}
