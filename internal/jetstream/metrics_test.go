package jetstream_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/testkit"
)

// TestContract: these names, types and labels are used by others.
func TestContract(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	r := prometheus.NewRegistry()
	g := join(t, servers, "gw1", func(o *jetstream.Options) { o.Registerer, o.Streams, o.MaxSize = r, 1, 1<<20 }).up(t)
	publish(t, g.Streams()[0], record(1))
	held := next(t, g.Streams()[0].Source())
	families := testkit.Try(r.Gather())(t)
	types, gauges := map[string]string{}, map[string]float64{}
	for _, f := range families {
		types[f.GetName()] = f.GetType().String()
		for _, m := range f.GetMetric() {
			gauges[f.GetName()] = m.GetGauge().GetValue()
			if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetName() != "stream" || m.GetLabel()[0].GetValue() != "SYSLOG-00" || f.GetHelp() == "" {
				t.Errorf("%s has the labels %v and the help %q", f.GetName(), m.GetLabel(), f.GetHelp())
			}
		}
	}
	for name, kind := range map[string]string{
		"gateway_stream_records": "GAUGE", "gateway_stream_bytes": "GAUGE", "gateway_stream_capacity_bytes": "GAUGE", "gateway_stream_ack_pending": "GAUGE", "gateway_stream_oldest_seconds": "GAUGE",
		"gateway_stream_replicas": "GAUGE", "gateway_stream_replicas_current": "GAUGE", "gateway_stream_up": "GAUGE", "gateway_stream_held_records": "GAUGE",
		"gateway_stream_redelivered_records_total": "COUNTER",
	} {
		testkit.Equal(t, name, types[name], kind)
	}
	for _, name := range []string{"held_records", "replicas", "replicas_current", "up"} {
		testkit.Equal(t, name, gauges["gateway_stream_"+name], 1)
	}
	for _, p := range testkit.Try(promlint.NewWithMetricFamilies(families).Lint())(t) {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	g.Streams()[0].Source().Ack(held.Seq)
}
