package queue

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what /metrics shows of the queue, read when it is asked for.
type metrics struct {
	store      *Store
	registerer prometheus.Registerer
	sync       prometheus.Histogram

	events, bytes, capacity, oldest, corrupt, faults *prometheus.Desc
}

// newMetrics registers the metrics of the store; a nil registerer
// registers none.
func newMetrics(s *Store, r prometheus.Registerer) (*metrics, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gateway_queue_"+name, help, labels, nil)
	}
	m := &metrics{
		store:      s,
		registerer: r,
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gateway_queue_sync_duration_seconds",
			Help:    "How long bringing appended records of a shard to stable storage takes.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		events:   desc("events", "Events that are queued or in flight.", "shard"),
		bytes:    desc("bytes", "Bytes on disk of the records that are queued or in flight.", "shard"),
		capacity: desc("capacity_bytes", "The cap on the segments of all shards (queue.max_size)."),
		oldest:   desc("oldest_seconds", "Age of the oldest event that is queued or in flight; 0 when there is none."),
		corrupt:  desc("corrupt_records_total", "Damaged records or ranges that were quarantined.", "shard"),
		faults:   desc("faults_total", "Failures of the disk: to write a shard's segment (write), to bring it to stable storage (sync), or to read it (read). Each is tried again.", "shard", "kind"),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m, m.sync} {
		if err := r.Register(c); err != nil {
			m.unregister()
			return nil, fmt.Errorf("queue: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	if m == nil || m.registerer == nil {
		return
	}
	m.registerer.Unregister(m)
	m.registerer.Unregister(m.sync)
}

func (m *metrics) observeSync(d time.Duration) {
	if m != nil {
		m.sync.Observe(d.Seconds())
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.events, m.bytes, m.capacity, m.oldest, m.corrupt, m.faults} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	st := m.store.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, q := range st.Shards {
		label := strconv.Itoa(q.Index)
		gauge(m.events, float64(q.Events), label)
		gauge(m.bytes, float64(q.Bytes), label)
		for _, c := range []struct {
			desc   *prometheus.Desc
			n      uint64
			labels []string
		}{
			{m.corrupt, q.Corrupt, []string{label}},
			{m.faults, q.Faults.Write, []string{label, "write"}},
			{m.faults, q.Faults.Sync, []string{label, "sync"}},
			{m.faults, q.Faults.Read, []string{label, "read"}},
		} {
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.n), c.labels...)
		}
	}
	gauge(m.capacity, float64(st.Capacity))
	gauge(m.oldest, st.Age.Seconds())
}
