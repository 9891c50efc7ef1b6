package hec

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// metric sums the samples of a family whose labels hold value.
func metric(t *testing.T, reg *prometheus.Registry, name, value string) (sum float64) {
	t.Helper()
	families := testkit.Try(reg.Gather())(t)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := value == ""
			for _, l := range m.GetLabel() {
				match = match || l.GetValue() == value
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func dump(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families := testkit.Try(reg.Gather())(t)
	var b strings.Builder
	for _, f := range families {
		b.WriteString(f.String())
	}
	return b.String()
}

func TestMetrics(t *testing.T) {
	s := serve(t, hectest.Options{Script: hectest.Sequence(hectest.Busy(), hectest.Answer{Fault: hectest.Reset})})
	reg := prometheus.NewPedanticRegistry()
	r := newRig(t, func(o *Options) { o.Registerer, o.InFlight = reg, 1 }, s)
	r.all(newMemory(records(5, 3)...))
	for _, row := range []struct {
		name, label string
		want        float64
	}{
		{"gateway_hec_requests_total", "200", 5},
		{"gateway_hec_requests_total", "503", 1},
		{"gateway_hec_requests_total", "error", 1},
		{"gateway_hec_requests_total", s.URL(), 7},
		{"gateway_hec_request_duration_seconds", s.URL(), 7},
		{"gateway_hec_endpoint_up", s.URL(), 1},
		{"gateway_hec_in_flight", s.URL(), 0},
		{"gateway_delivery_latency_seconds", "", 5},
	} {
		if got := metric(t, reg, row.name, row.label); got != row.want {
			t.Errorf("%s{%s} = %v, want %v", row.name, row.label, got, row.want)
		}
	}
	if _, err := New(Options{Settings: Settings{Endpoints: []string{s.URL()}, Token: "t"}, DeadLetter: r.dead, Registerer: reg}); err == nil {
		t.Error("two clients register the same metrics")
	}
}

// What a reload removes has no series any more, though one of its posts ends later.
func TestMetricsOfRemovedEndpoints(t *testing.T) {
	release := make(chan struct{})
	gone := serve(t, hectest.Options{Script: func(*hectest.Request) hectest.Answer {
		<-release
		return hectest.OK()
	}})
	stays := serve(t, hectest.Options{})
	reg := prometheus.NewPedanticRegistry()
	r := newRig(t, func(o *Options) { o.Registerer = reg }, gone)
	src := newMemory(records(3, 1)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "a post is on the wire", func() bool { return gone.Requests() > 0 })
	set := *r.settings.Load()
	set.Endpoints = []string{stays.URL(), "no URL"}
	if err := r.Reconfigure(set); err == nil {
		t.Fatal("no error")
	}
	testkit.Lacks(t, "a refused reload makes series", dump(t, reg), stays.URL())
	set.Endpoints = set.Endpoints[:1]
	testkit.Must(t, r.Reconfigure(set))
	close(release)
	testkit.Must(t, wait())
	if all := dump(t, reg); strings.Contains(all, gone.URL()) || !strings.Contains(all, stays.URL()) {
		t.Errorf("series:\n%s", all)
	}
}
