package stats

import (
	"errors"
	"math/rand"
	"runtime"
	"strings"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape reads /metrics as Prometheus does.
func scrape(t *testing.T, p *port) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return testkit.Try(parser.TextToMetricFamilies(strings.NewReader(p.get("/metrics"))))(t)
}

// series writes a family as label values to value.
func series(f *dto.MetricFamily) map[string]float64 {
	all := make(map[string]float64)
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		value := m.GetCounter().GetValue()
		if m.Gauge != nil {
			value = m.GetGauge().GetValue()
		}
		all[strings.Join(labels, ",")] = value
	}
	return all
}

// TestContract: these names, types and labels are used by others.
func TestContract(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	families := scrape(t, p)
	for name, want := range map[string]struct {
		kind   dto.MetricType
		labels string
	}{
		"gateway_received_events_total":     {dto.MetricType_COUNTER, "source,transport"},
		"gateway_received_bytes_total":      {dto.MetricType_COUNTER, "source,transport"},
		"gateway_unparsed_events_total":     {dto.MetricType_COUNTER, "source"},
		"gateway_truncated_events_total":    {dto.MetricType_COUNTER, "source"},
		"gateway_framing_errors_total":      {dto.MetricType_COUNTER, "source"},
		"gateway_dropped_events_total":      {dto.MetricType_COUNTER, "reason,source"},
		"gateway_delivered_events_total":    {dto.MetricType_COUNTER, "source"},
		"gateway_deadlettered_events_total": {dto.MetricType_COUNTER, "reason"},
		"gateway_recovered_events_total":    {dto.MetricType_COUNTER, "source"},
		"gateway_pending_events":            {dto.MetricType_GAUGE, "source,stage"},
		"gateway_config_reloads_total":      {dto.MetricType_COUNTER, "result"},
		"gateway_ready":                     {dto.MetricType_GAUGE, ""},
		"gateway_build_info":                {dto.MetricType_GAUGE, "commit,goversion,version"},
		"go_goroutines":                     {dto.MetricType_GAUGE, ""},
		"process_open_fds":                  {dto.MetricType_GAUGE, ""},
	} {
		f := families[name]
		if f == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if f.GetType() != want.kind || strings.Join(labels, ",") != want.labels || f.GetHelp() == "" {
			t.Errorf("%s is a %v{%v} with help %q, want %v{%s}", name, f.GetType(), labels, f.GetHelp(), want.kind, want.labels)
		}
	}
}

// TestContractOfACluster: what only a gateway of a cluster has. What the streams and the
// forwarders have is in the test of package jetstream.
func TestContractOfACluster(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	a := p.ledger.Account("linux")
	a.Secure(900)
	a.Take(700)
	a.GiveBack(20)
	names := map[string]float64{"gateway_secured_events_total": 900, "gateway_taken_events_total": 700, "gateway_given_back_events_total": 20}
	families := scrape(t, p)
	for name := range names {
		if families[name] != nil {
			t.Errorf("%s is there without a cluster", name)
		}
	}
	p.stages.set(func(s *stages) { s.snap.Streams = statustest.Streams(s.snap.Now) })
	families = scrape(t, p)
	for name, want := range names {
		f := families[name]
		if f == nil || f.GetType() != dto.MetricType_COUNTER || f.GetHelp() == "" || series(f)["source=linux"] != want {
			t.Errorf("%s is %v, want a counter with source=linux %v", name, f, want)
		}
	}
}

func TestLint(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	problems := testkit.Try(promlint.New(strings.NewReader(p.get("/metrics"))).Lint())(t)
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "gateway_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

func TestValues(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	p.ledger.Account("windows").DeadLetter("invalid_event", 3)
	p.reloads.Count(nil)
	p.reloads.Count(nil)
	p.reloads.Count(errors.New("no"))
	families := scrape(t, p)
	for name, want := range map[string]map[string]float64{
		"gateway_received_events_total":     {"source=linux,transport=udp": 5, "source=linux,transport=tcp": 1234567, "source=unifi,transport=tcp": 0},
		"gateway_received_bytes_total":      {"source=linux,transport=tcp": 3e8, "source=unifi,transport=udp": 500},
		"gateway_unparsed_events_total":     {"source=linux": 11, "source=unifi": 0},
		"gateway_truncated_events_total":    {"source=linux": 12},
		"gateway_framing_errors_total":      {"source=linux": 13},
		"gateway_dropped_events_total":      {"reason=queue_full,source=linux": 40, "reason=shutdown,source=linux": 2},
		"gateway_delivered_events_total":    {"source=linux": 1230000, "source=windows": 0},
		"gateway_deadlettered_events_total": {"reason=invalid_event": 10},
		"gateway_recovered_events_total":    {"source=linux": 1000, "source=unifi": 0},
		"gateway_pending_events":            {"source=linux,stage=memory": 570, "source=linux,stage=queue": 4953, "source=unifi,stage=memory": 5},
		"gateway_config_reloads_total":      {"result=success": 2, "result=failure": 1},
		"gateway_ready":                     {"": 0},
		"gateway_build_info":                {"commit=abc1234,goversion=" + runtime.Version() + ",version=1.2.3": 1},
	} {
		got := series(families[name])
		for labels, value := range want {
			if have, ok := got[labels]; !ok || have != value {
				t.Errorf("%s{%s} is %v (%v), want %v", name, labels, have, ok, value)
			}
		}
	}
	if n := len(series(families["gateway_received_events_total"])); n != 10 {
		t.Errorf("%d series of received events, want 5 sources with 2 transports each", n)
	}
}

// TestFromZero: every source has its series before the first message, even without a
// page in the books.
func TestFromZero(t *testing.T) {
	p := open(t)
	got := series(scrape(t, p)["gateway_received_events_total"])
	if len(got) != 10 {
		t.Fatalf("%d series, want 10: %v", len(got), got)
	}
	for labels, value := range got {
		if value != 0 {
			t.Errorf("%s starts at %v", labels, value)
		}
	}
}

// TestGone: what is left of a source or transport that is configured no more stays.
func TestGone(t *testing.T) {
	p := open(t)
	p.ledger.Account("old").Recover(4)
	p.ledger.Account("linux").Receive(ledger.TLS, 3, 30)
	families := scrape(t, p)
	testkit.Equal(t, "pending of the old source", series(families["gateway_pending_events"])["source=old,stage=queue"], 4)
	testkit.Equal(t, "received over TLS, configured no more", series(families["gateway_received_events_total"])["source=linux,transport=tls"], 3)
}

// TestConservation asserts the equation from /metrics after random bookings.
func TestConservation(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewSource(seed))
	p := open(t)
	for range 2000 {
		a := p.ledger.Account([]string{"unifi", "linux", "gone"}[r.Intn(3)])
		n := 1 + r.Intn(50)
		switch r.Intn(7) {
		case 0, 1:
			a.Receive(ledger.Transports()[r.Intn(2)], n, n*100)
		case 2:
			a.Accept(n)
		case 3:
			a.Recover(n)
		case 4:
			a.Deliver(n)
		case 5:
			a.DeadLetter([]string{"invalid_event", "too_large"}[r.Intn(2)], n)
		case 6:
			a.DropQueued([]string{"queue_full", "age"}[r.Intn(2)], n)
		}
	}
	families := scrape(t, p)
	total := func(name string) (sum float64) {
		for _, v := range series(families[name]) {
			sum += v
		}
		return sum
	}
	in := total("gateway_received_events_total") + total("gateway_recovered_events_total")
	out := total("gateway_delivered_events_total") + total("gateway_pending_events") +
		total("gateway_deadlettered_events_total") + total("gateway_dropped_events_total")
	if in == 0 || in != out {
		t.Errorf("in %v, out %v (seed %d)", in, out, seed)
	}
}

// failing is a collector of another stage that does not work.
type failing struct{ desc *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.desc }
func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(f.desc, errors.New("broken sensor"))
}

func TestRegistry(t *testing.T) {
	p := open(t)
	depth := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_queue_bytes", Help: "Bytes queued."})
	depth.Set(42)
	p.registry.MustRegister(depth, failing{prometheus.NewDesc("gateway_broken", "Broken.", nil, nil)})
	families := scrape(t, p)
	if got := series(families["gateway_queue_bytes"])[""]; got != 42 {
		t.Errorf("the metric of another stage is %v beside a broken one", got)
	}
	if families["gateway_build_info"] == nil {
		t.Error("our own metrics are missing beside a broken one")
	}
	testkit.Holds(t, "the log", p.log.String(), "broken sensor")
}

func TestHostileLabels(t *testing.T) {
	p := open(t)
	p.ledger.Account("a\"b\\c\nd\xff").Receive(ledger.UDP, 1, 10)
	if got := series(scrape(t, p)["gateway_received_events_total"])["source=a\"b\\c\nd\ufffd,transport=udp"]; got != 1 {
		t.Errorf("got %v", got)
	}
}
