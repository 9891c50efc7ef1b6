package hec

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/hec/hectest"
)

func TestEndpointURLs(t *testing.T) {
	for _, row := range []struct{ in, name, event, health string }{
		{"https://splunk:8088", "https://splunk:8088", "https://splunk:8088/services/collector/event", "https://splunk:8088/services/collector/health"},
		{"https://splunk:8088/", "https://splunk:8088", "https://splunk:8088/services/collector/event", "https://splunk:8088/services/collector/health"},
		{" http://[::1]:8088", "http://[::1]:8088", "http://[::1]:8088/services/collector/event", "http://[::1]:8088/services/collector/health"},
		{"https://lb/hec", "https://lb/hec", "https://lb/hec/services/collector/event", "https://lb/hec/services/collector/health"},
		{"https://lb/services/collector", "https://lb/services/collector", "https://lb/services/collector", "https://lb/services/collector/health"},
		{"https://lb/services/collector/event/", "https://lb/services/collector/event", "https://lb/services/collector/event", "https://lb/services/collector/health"},
		{"https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/event/1.0", "https://lb/a/services/collector/health"},
		{"https://lb/services/collectors", "https://lb/services/collectors", "https://lb/services/collectors/services/collector/event", "https://lb/services/collectors/services/collector/health"},
		{"https://u:p@lb?x=1#f", "https://lb", "https://lb/services/collector/event?x=1", "https://lb/services/collector/health"},
	} {
		e, err := newEndpoint(row.in, time.Now())
		if err != nil {
			t.Errorf("%s: %v", row.in, err)
			continue
		}
		if e.name != row.name || e.event.String() != row.event || e.health.String() != row.health {
			t.Errorf("%s: %s, %s, %s", row.in, e.name, e.event, e.health)
		}
	}
	for _, in := range []string{"", "splunk:8088", "https://", "https://:8088", "tcp://splunk:8088", "https://splunk/services/collector/raw", "https://splunk:port"} {
		if _, err := newEndpoint(in, time.Now()); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	dead := open(t, t.TempDir(), 0, new(syncBuffer))
	for want, o := range map[string]Options{
		"no dead-letter store": {Settings: Settings{Endpoints: []string{"https://a"}, Token: "t"}},
		"no HEC endpoint":      {Settings: Settings{Token: "t"}, DeadLetter: dead},
		"no HEC token":         {Settings: Settings{Endpoints: []string{"https://a"}}, DeadLetter: dead},
		"twice":                {Settings: Settings{Endpoints: []string{"https://a", "https://x:y@a/"}, Token: "t"}, DeadLetter: dead},
		"line end":             {Settings: Settings{Endpoints: []string{"https://a"}, Token: "t\n"}, DeadLetter: dead},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// A pool with a clock that a test moves.
func poolOf(t *testing.T, n int) (*pool, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var list []*endpoint
	for i := range n {
		e, err := newEndpoint("https://splunk"+string(rune('a'+i)), now)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	p := newPool(slog.New(slog.DiscardHandler), list, testPatience)
	p.now = func() time.Time { return now }
	p.join(1000)
	return p, &now
}

// choose is take for one who does not wait.
func (p *pool) choose(last *endpoint) *endpoint {
	t, _, place := p.take(last, nil)
	p.leave(place)
	return t.endpoint
}

// testPatience is the time between health probes.
const testPatience = 5 * time.Second

var testRetry = RetryOptions{Initial: time.Second, Max: 10 * time.Second}

func (p *pool) answered(e *endpoint, c condition) {
	a := answer{condition: c, code: -1}
	if c == serving {
		a.outcome = delivered
	}
	t := attempt{endpoint: e, began: p.now(), trial: e.trial}
	for _, l := range e.links.open {
		if !l.began.IsZero() {
			t.link = l
			break
		}
	}
	p.done(t, a, time.Millisecond, testRetry)
}

// While all are out there is one trial at a time, each endpoint in its turn, and no
// sooner than its wait is over.
func TestOneTrialWhileAllAreOut(t *testing.T) {
	p, now := poolOf(t, 3)
	for range 2 * downAfter {
		for _, e := range p.list {
			e.inFlight++
			p.answered(e, failing)
		}
	}
	if e := p.choose(nil); e != nil {
		t.Fatalf("%s is tried before its time", e.name)
	}
	_, until, place := p.take(nil, nil)
	if left := until.Sub(*now); left <= 0 || left > testRetry.Max || place == nil || len(p.line) != 1 {
		t.Errorf("room in %v, %d wait", left, len(p.line))
	}
	p.leave(place)
	tried := make(map[*endpoint]int)
	var last *endpoint
	for range 30 {
		*now = now.Add(2 * testRetry.Max)
		e := p.choose(last)
		if e == nil || e == last {
			t.Fatalf("chose %v after %v", e, last)
		}
		if second := p.choose(e); second != nil {
			t.Fatalf("%s is tried while %s is", second.name, e.name)
		}
		tried[e]++
		p.answered(e, failing)
		last = e
	}
	if len(tried) != 3 {
		t.Errorf("only %d endpoints are tried", len(tried))
	}
	// One comes back: all go there.
	good := p.list[1]
	for _, e := range p.list {
		e.retryAt = now.Add(time.Second)
	}
	p.probed(good, answer{condition: serving}, testRetry)
	if e := p.choose(nil); e != good {
		t.Errorf("chose %v", e)
	}
	if p.other(p.list[0]) {
		t.Error("an endpoint whose one trial is under way is offered")
	}
	p.answered(good, serving)
	good.limit = unlimited()
	if p.other(good) || !p.other(p.list[0]) {
		t.Error("other")
	}
	for range 5 {
		if e := p.choose(nil); e != good {
			t.Errorf("chose %v", e)
		}
	}
}

// Probes that fail do not put off the next trial by a post.
func TestFailingProbesDoNotStopTrials(t *testing.T) {
	p, now := poolOf(t, 1)
	e := p.list[0]
	bad := answer{condition: failing}
	for range 10 {
		p.probed(e, bad, testRetry)
	}
	due := e.retryAt
	for due.After(*now) {
		*now = now.Add(time.Second / 2)
		p.probed(e, bad, testRetry)
	}
	if p.choose(nil) != e {
		t.Error("it is not tried")
	}
}

// An endpoint that was out is tried by one request at a time.
func TestProbation(t *testing.T) {
	p, now := poolOf(t, 2)
	sick, well := p.list[0], p.list[1]
	for range downAfter {
		sick.inFlight++
		p.answered(sick, failing)
	}
	if sick.state != stateDown || sick.failures != downAfter {
		t.Fatalf("%+v", sick)
	}
	count := func() (n int) {
		for range 10 {
			if e := p.choose(nil); e == sick {
				n++
			}
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d requests to an endpoint that is out", n)
	}
	well.inFlight = 0
	p.probed(sick, answer{condition: serving}, testRetry)
	if sick.state != stateUp {
		t.Errorf("state %s", sick.state)
	}
	if n := count(); n != 1 {
		t.Errorf("%d requests on probation", n)
	}
	p.answered(sick, failing) // one failure is enough now
	if sick.state != stateDown {
		t.Errorf("state %s", sick.state)
	}
	well.inFlight = 0
	*now = now.Add(time.Minute) // its time has come without a probe
	if n := count(); n != 1 {
		t.Errorf("%d trials", n)
	}
	p.answered(sick, serving)
	well.inFlight, sick.inFlight = 0, 0
	if n := count(); n != 2 { // its limit has not grown yet
		t.Errorf("%d of 10 requests to an endpoint that is back", n)
	}
	well.inFlight, sick.inFlight = 0, 0
	sick.limit = unlimited()
	if n := count(); n != 5 {
		t.Errorf("%d of 10 requests to an endpoint that is as good as the other", n)
	}
}

// One failed probe, or one every now and then, takes nothing out; two do.
func TestProbesTakeOut(t *testing.T) {
	p, _ := poolOf(t, 2)
	e := p.list[0]
	bad, good := answer{condition: failing}, answer{condition: serving}
	for range 5 {
		p.probed(e, bad, testRetry)
		p.probed(e, good, testRetry)
	}
	p.probed(e, answer{condition: unknown}, testRetry)
	if e.state != stateUp {
		t.Error("single failures took it out")
	}
	p.probed(e, bad, testRetry)
	p.probed(e, bad, testRetry)
	if e.state != stateDown {
		t.Error("two failures did not take it out")
	}
	p.probed(p.list[1], answer{condition: busy}, testRetry)
	if c := p.choose(nil); c != p.list[1] {
		t.Error("busy is worse than down")
	}
}

// Who waits because an endpoint was busy is woken when it takes something again, and
// when its probe says that its queues are no longer full.
func TestBusyEndpointWakesWhoWaits(t *testing.T) {
	woken := func(p *pool, change func()) bool {
		wake := p.awake()
		change()
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	p, _ := poolOf(t, 1)
	e := p.list[0]
	post := func(c condition) func() {
		return func() { p.choose(nil); p.answered(e, c) }
	}
	probe := func(c condition) func() {
		return func() { p.probed(e, answer{condition: c, code: -1}, testRetry) }
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{post(serving), false}, {post(busy), false}, {post(busy), false}, {post(serving), true}, {post(serving), false},
		{probe(serving), false}, {probe(busy), false}, {probe(busy), false}, {probe(serving), true}, {probe(serving), false},
	} {
		if woken(p, step.do) != step.want {
			t.Errorf("step %d: woken is not %v", i, step.want)
		}
	}
}

func TestHealthProbes(t *testing.T) {
	var sick = make(chan struct{})
	s := serve(t, hectest.Options{Health: func() hectest.Answer {
		select {
		case <-sick:
			return hectest.Refuse(http.StatusServiceUnavailable, 23, "Server is shutting down")
		default:
			return hectest.Refuse(http.StatusOK, 17, "HEC is healthy")
		}
	}})
	r := newRig(t, func(o *Options) { o.HealthInterval = 5 * time.Millisecond }, s)
	src := newMemory()
	src.total = 1 // never ends by itself
	wait := r.start(t.Context(), src)
	eventually(t, "probes", func() bool { return s.Probes() > 3 })
	if !r.AnyUp() || !strings.Contains(r.Endpoints()[0].Last, "17") {
		t.Errorf("%+v", r.Endpoints())
	}
	close(sick)
	eventually(t, "down", func() bool { return !r.AnyUp() })
	src.mu.Lock()
	src.total = 0
	src.changed()
	src.mu.Unlock()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

func TestCeiling(t *testing.T) {
	r := RetryOptions{Initial: 250 * time.Millisecond, Max: 30 * time.Second}
	for n, want := range map[int]time.Duration{0: 250 * time.Millisecond, 1: 500 * time.Millisecond, 6: 16 * time.Second, 7: 30 * time.Second, 1 << 40: 30 * time.Second} {
		if got := ceiling(r, n); got != want {
			t.Errorf("ceiling %d = %v, want %v", n, got, want)
		}
	}
	for range 100 {
		if d := jitter(time.Second); d < 0 || d > time.Second {
			t.Errorf("jitter %v", d)
		}
	}
}
