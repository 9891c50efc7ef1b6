package endpoints

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// poolOf is a pool with a clock that a test moves.
func poolOf(t testing.TB, n int) (*Pool, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := New(Options{Logger: slog.New(slog.DiscardHandler), Patience: testPatience})
	p.now = func() time.Time { return now }
	var list []Address
	for i := range n {
		a := testkit.Try(parse("https://splunk" + string(rune('a'+i))))(t)
		list = append(list, a)
	}
	p.Replace(list, "token")
	p.Join(1000)
	return p, &now
}

// choose is take for one who does not wait.
func choose(p *Pool, last *Endpoint) *Endpoint {
	t, _, ticket := p.take(last, nil)
	p.leave(ticket)
	return t.Endpoint
}

// testPatience is the time between health probes.
const testPatience = 5 * time.Second

var testRetry = Backoff{Initial: time.Second, Max: 10 * time.Second}

// answer records an answer to a post that is under way.
func answer(p *Pool, e *Endpoint, c Condition) {
	t := Attempt{Endpoint: e, Auth: e.auth, Began: p.now(), trial: e.trials.current}
	for _, l := range e.conns.open {
		if !l.began.IsZero() {
			t.Conn = l
			break
		}
	}
	p.Done(t, Verdict{Condition: c}, time.Millisecond, testRetry)
}

// other reports whether an endpoint other than e would be chosen gladly.
func other(p *Pool, e *Endpoint) bool { return p.admission.another(e, p.now()) }

// While all are out there is one trial at a time, the endpoints one after the other, and no
// sooner than its wait is over.
func TestOneTrialWhileAllAreOut(t *testing.T) {
	p, now := poolOf(t, 3)
	for range 2 * downAfter {
		for _, e := range p.admission.endpoints {
			e.traffic.underWay++
			answer(p, e, Failing)
		}
	}
	if e := choose(p, nil); e != nil {
		t.Fatalf("%s is tried before its time", e.Address.Name)
	}
	_, until, place := p.take(nil, nil)
	if wait := until.Sub(*now); wait <= 0 || wait > testRetry.Max || place == nil || p.admission.waiting.Len() != 1 {
		t.Errorf("room in %v, %d wait", wait, p.admission.waiting.Len())
	}
	p.leave(place)
	tried := make(map[*Endpoint]int)
	var last *Endpoint
	for range 30 {
		*now = now.Add(2 * testRetry.Max)
		e := choose(p, last)
		if e == nil || e == last {
			t.Fatalf("chose %v after %v", e, last)
		}
		if second := choose(p, e); second != nil {
			t.Fatalf("%s is tried while %s is", second.Address.Name, e.Address.Name)
		}
		tried[e]++
		answer(p, e, Failing)
		last = e
	}
	if len(tried) != 3 {
		t.Errorf("only %d endpoints are tried", len(tried))
	}
	// One comes back: all go there.
	good := p.admission.endpoints[1]
	for _, e := range p.admission.endpoints {
		e.health.retryAt = now.Add(time.Second)
	}
	p.Probed(good, Verdict{Condition: Serving}, testRetry)
	testkit.Equal(t, "chose", choose(p, nil), good)
	if other(p, p.admission.endpoints[0]) {
		t.Error("an endpoint whose one trial is under way is offered")
	}
	answer(p, good, Serving)
	good.limit = unlimited()
	if other(p, good) || !other(p, p.admission.endpoints[0]) {
		t.Error("other")
	}
	for range 5 {
		testkit.Equal(t, "chose", choose(p, nil), good)
	}
}

// Probes that fail do not put off the next trial by a post.
func TestFailingProbesDoNotStopTrials(t *testing.T) {
	p, now := poolOf(t, 1)
	e := p.admission.endpoints[0]
	bad := Verdict{Condition: Failing}
	for range 10 {
		p.Probed(e, bad, testRetry)
	}
	due := e.health.retryAt
	for due.After(*now) {
		*now = now.Add(time.Second / 2)
		p.Probed(e, bad, testRetry)
	}
	if choose(p, nil) != e {
		t.Error("it is not tried")
	}
}

// An endpoint that was out is tried by one request at a time.
func TestProbation(t *testing.T) {
	p, now := poolOf(t, 2)
	sick, well := p.admission.endpoints[0], p.admission.endpoints[1]
	for range downAfter {
		sick.traffic.underWay++
		answer(p, sick, Failing)
	}
	if sick.health.state != stateDown || sick.health.failures != downAfter {
		t.Fatalf("%+v", sick)
	}
	count := func() (n int) {
		for range 10 {
			if e := choose(p, nil); e == sick {
				n++
			}
		}
		return n
	}
	testkit.Equal(t, "requests to an endpoint that is out", count(), 0)
	well.traffic.underWay = 0
	p.Probed(sick, Verdict{Condition: Serving}, testRetry)
	testkit.Equal(t, "state", sick.health.state, stateUp)
	testkit.Equal(t, "requests on probation", count(), 1)
	answer(p, sick, Failing) // one failure is enough now
	testkit.Equal(t, "state", sick.health.state, stateDown)
	well.traffic.underWay = 0
	*now = now.Add(time.Minute) // its time has come without a probe
	testkit.Equal(t, "trials", count(), 1)
	answer(p, sick, Serving)
	well.traffic.underWay, sick.traffic.underWay = 0, 0
	if n := count(); n != 2 { // its limit has not grown yet
		t.Errorf("%d of 10 requests to an endpoint that is back", n)
	}
	well.traffic.underWay, sick.traffic.underWay = 0, 0
	sick.limit = unlimited()
	if n := count(); n != 5 {
		t.Errorf("%d of 10 requests to an endpoint that is as good as the other", n)
	}
}

// One failed probe, or one every now and then, takes nothing out; two do.
func TestProbesTakeOut(t *testing.T) {
	p, _ := poolOf(t, 2)
	e := p.admission.endpoints[0]
	bad, good := Verdict{Condition: Failing}, Verdict{Condition: Serving}
	for range 5 {
		p.Probed(e, bad, testRetry)
		p.Probed(e, good, testRetry)
	}
	p.Probed(e, Verdict{Condition: Unknown}, testRetry)
	if e.health.state != stateUp {
		t.Error("single failures took it out")
	}
	p.Probed(e, bad, testRetry)
	p.Probed(e, bad, testRetry)
	if e.health.state != stateDown {
		t.Error("two failures did not take it out")
	}
	p.Probed(p.admission.endpoints[1], Verdict{Condition: Busy}, testRetry)
	if c := choose(p, nil); c != p.admission.endpoints[1] {
		t.Error("busy is worse than down")
	}
}

// Who waits because an endpoint was busy is woken when it takes something again, and
// when its probe says that its queues are no longer full.
func TestBusyEndpointWakesWhoWaits(t *testing.T) {
	woken := func(p *Pool, change func()) bool {
		wake := p.Changed()
		change()
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	p, _ := poolOf(t, 1)
	e := p.admission.endpoints[0]
	post := func(c Condition) func() {
		return func() { choose(p, nil); answer(p, e, c) }
	}
	probe := func(c Condition) func() {
		return func() { p.Probed(e, Verdict{Condition: c}, testRetry) }
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{post(Serving), false}, {post(Busy), false}, {post(Busy), false}, {post(Serving), true}, {post(Serving), false},
		{probe(Serving), false}, {probe(Busy), false}, {probe(Busy), false}, {probe(Serving), true}, {probe(Serving), false},
	} {
		if woken(p, step.do) != step.want {
			t.Errorf("step %d: woken is not %v", i, step.want)
		}
	}
}

func TestCeiling(t *testing.T) {
	r := Backoff{Initial: 250 * time.Millisecond, Max: 30 * time.Second}
	for n, want := range map[int]time.Duration{0: 250 * time.Millisecond, 1: 500 * time.Millisecond, 6: 16 * time.Second, 7: 30 * time.Second, 1 << 40: 30 * time.Second} {
		if got := r.Ceiling(n); got != want {
			t.Errorf("ceiling %d = %v, want %v", n, got, want)
		}
	}
	for range 100 {
		if d := Jitter(time.Second); d < 0 || d > time.Second {
			t.Errorf("jitter %v", d)
		}
	}
}

// The answer to a post that failed stays, whatever probes say, until a post succeeds.
func TestProbesDoNotHideARefusal(t *testing.T) {
	p, now := poolOf(t, 1)
	e := p.admission.endpoints[0]
	shown := func() string { return e.status(*now, 0, 0).LastAnswer }
	p.Probed(e, Verdict{Condition: Serving, Text: "HEC is healthy", Answered: true}, testRetry)
	if got := shown(); got == "" || got[:7] != "health:" {
		t.Errorf("before a post: %q", got)
	}
	for _, c := range []Condition{Refusing, Busy, Failing} {
		p.Done(Attempt{Endpoint: e, Auth: e.auth, Began: p.now()}, Verdict{Condition: c, Text: "403 Invalid token", Answered: true}, 1, testRetry)
		refused := shown()
		p.Probed(e, Verdict{Condition: Serving, Text: "HEC is healthy", Answered: true}, testRetry)
		if got := shown(); got != refused {
			t.Errorf("a probe made %q of %q", got, refused)
		}
		answer(p, e, Serving)
		p.Probed(e, Verdict{Condition: Serving, Text: "HEC is healthy", Answered: true}, testRetry)
		if got := shown(); got == refused {
			t.Errorf("%q stays after a post has succeeded", got)
		}
	}
}

// A 403 counts against the token that was sent, whichever comes first.
func TestRefusalCountsAgainstItsToken(t *testing.T) {
	p, _ := poolOf(t, 1)
	e := p.admission.endpoints[0]
	e.auth = "Splunk old"
	refuse := func() (again bool) {
		a, _, _ := p.take(nil, nil)
		if a.Endpoint == nil {
			t.Fatal("no room")
		}
		e.auth = "Splunk new"
		return p.Done(a, Verdict{Condition: Refusing, Answered: true}, time.Millisecond, testRetry)
	}
	for range 5 {
		e.auth = "Splunk old"
		if !refuse() || e.health.state != stateUp || e.health.failures != 0 {
			t.Fatalf("state %s, %d failures", e.health.state, e.health.failures)
		}
	}
	for range downAfter {
		if refuse() {
			t.Error("a refusal of the present token is not one")
		}
	}
	testkit.Equal(t, "state", e.health.state, stateRefused)
}

// The trials of an endpoint that confirms nothing are 5 minutes apart, and one only is
// granted for what a poll says.
func TestTrialsOfWhatConfirmsNothing(t *testing.T) {
	p, now := poolOf(t, 1)
	p.shared.acks = true
	e := p.admission.endpoints[0]
	noAck := Verdict{Condition: Refusing, Retry: true, Unconfirmed: true, Answered: true}
	try := func() bool {
		a, _, place := p.take(nil, nil)
		p.leave(place)
		if a.Endpoint == nil {
			return false
		}
		p.Done(a, noAck, time.Millisecond, testRetry)
		return true
	}
	if !try() || e.health.state != stateRefused {
		t.Fatalf("state %s", e.health.state)
	}
	for range 59 {
		*now = now.Add(5 * time.Second)
		p.Probed(e, Verdict{Condition: Serving}, testRetry)
		p.AcksAsked(e, AckOn) // as it said before, so it says nothing
		if try() {
			t.Fatal("it is tried before its time")
		}
	}
	*now = now.Add(5 * time.Second)
	if !try() {
		t.Fatal("it is not tried after 5 minutes")
	}
	p.AcksAsked(e, AckOff)
	*now = now.Add(2 * time.Minute)
	p.AcksAsked(e, AckOff)
	*now = now.Add(4 * time.Minute)
	if try() {
		t.Fatal("it is tried though it says that it has no acknowledgement")
	}
	p.AcksAsked(e, AckOn)
	if !try() {
		t.Fatal("it is not tried though it has acknowledgement now")
	}
	p.AcksAsked(e, AckOff)
	p.AcksAsked(e, AckOn)
	if try() {
		t.Fatal("it is believed twice")
	}
}

// An endpoint that asks for a minute gets no post for that time, though the other has no
// room; one that is the only one is asked again after a second.
func TestBusyEndpointIsLeftAlone(t *testing.T) {
	minute := Verdict{Condition: Busy, Retry: true, Answered: true, After: time.Minute}
	for n, want := range map[int]time.Duration{1: firstPause, 2: time.Minute} {
		p, now := poolOf(t, n)
		a, _, _ := p.take(nil, nil)
		p.Done(a, minute, time.Millisecond, testRetry)
		if got := a.Endpoint.health.busyUntil.Sub(*now); got != want {
			t.Errorf("%d endpoints: it is left alone for %v, want %v", n, got, want)
		}
	}
}
