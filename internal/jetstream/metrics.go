package jetstream

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what /metrics shows of the streams. What the servers say is the same at all
// gateways: take the largest, not the sum.
type counters struct {
	cluster     *Cluster
	registerer  prometheus.Registerer
	unconfirmed *prometheus.CounterVec

	records, bytes, capacity, oldest, pending, redelivered, replicas, current, up, held *prometheus.Desc
}

func newCounters(c *Cluster, r prometheus.Registerer) (*counters, error) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("gateway_stream_"+name, help, []string{"stream"}, nil)
	}
	m := &counters{
		cluster: c, registerer: r,
		unconfirmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_stream_unconfirmed_acks_total",
			Help: "Records that were delivered and whose acknowledgement the cluster did not confirm: they may be delivered again.",
		}, []string{"stream"}),
		records:     desc("records", "Records in the stream, as the cluster says: the same at all gateways."),
		bytes:       desc("bytes", "Bytes of the stream in each replica, as the cluster says."),
		capacity:    desc("capacity_bytes", "The limit of the stream's bytes (queue.jetstream.max_size divided by streams)."),
		oldest:      desc("oldest_seconds", "Time since the oldest record of the stream was stored; 0 if there is none."),
		pending:     desc("ack_pending", "Records that gateways have taken and not acknowledged."),
		redelivered: desc("redelivered_records_total", "Records that this gateway got although they had been given out before."),
		replicas:    desc("replicas", "Replicas that the stream is to have (queue.jetstream.replicas)."),
		current:     desc("replicas_current", "Replicas that have all records."),
		up:          desc("up", "1 if the stream has a leader and is as it must be."),
		held:        desc("held_records", "Records that this gateway has taken and not finished."),
	}
	if r == nil {
		return m, nil
	}
	for _, one := range []prometheus.Collector{m, m.unconfirmed} {
		if err := r.Register(one); err != nil {
			m.unregister()
			return nil, fmt.Errorf("jetstream: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *counters) unregister() {
	if m == nil || m.registerer == nil {
		return
	}
	m.registerer.Unregister(m)
	m.registerer.Unregister(m.unconfirmed)
}

// Describe implements prometheus.Collector.
func (m *counters) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *counters) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.cluster.streams {
		st := s.Status()
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, st.Name)
		}
		gauge(m.records, float64(st.Records))
		gauge(m.bytes, float64(st.Bytes))
		gauge(m.capacity, float64(st.CapacityBytes))
		age := 0.0
		if !st.Oldest.IsZero() {
			age = time.Since(st.Oldest).Seconds()
		}
		gauge(m.oldest, age)
		gauge(m.pending, float64(st.AckPending))
		gauge(m.replicas, float64(st.Replicas))
		gauge(m.current, float64(st.Current))
		gauge(m.held, float64(st.Held))
		up := 0.0
		if st.Up {
			up = 1
		}
		gauge(m.up, up)
		ch <- prometheus.MustNewConstMetric(m.redelivered, prometheus.CounterValue, float64(st.Redelivered), st.Name)
	}
}
