package endpoints

import (
	"log/slog"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/throttle"
)

// alike is how long an answer may take for an endpoint to be as good as a faster one.
const alike = 20 * time.Millisecond

// Endpoint is one HEC and what is known of it. That is a hint for choosing, never a reason
// not to try: a proxy without a health page must not stop delivery.
type Endpoint struct {
	Address Address
	series  *series

	// The mutex of the pool guards what follows.
	health  health
	trials  trials
	traffic traffic
	limit   limit // of posts under way
	conns   connections
	last    lastAnswer
	mode    Mode
	auth    string // the Authorization of the present settings
	probing bool
	gone    bool // it is no longer configured
	alarms  alarms
}

// proven reports whether posts are known to work. Otherwise there is one at a time.
func (e *Endpoint) proven() bool { return e.health.state == stateUp && !e.health.probation }

// rank says how good a choice the endpoint is; 0 is best.
func (e *Endpoint) rank() int {
	if e.health.queuesFull {
		return 1
	}
	return 0
}

// fail records a failure of a post or probe, and reports whether that took the endpoint out.
func (e *Endpoint) fail(v Verdict, now time.Time, b Backoff) (out bool) {
	e.conns.renewChannels()
	return e.health.fail(v, now, b)
}

// startOver ends all pauses.
func (e *Endpoint) startOver() {
	e.conns.due = time.Time{}
	e.health.retryAt, e.health.busyUntil = time.Time{}, time.Time{}
}

// relevant is the part of a verdict that is about the endpoint as it is now. again says
// that the answer was about a token of the past.
func (e *Endpoint) relevant(t Attempt, v Verdict) (_ Verdict, again bool) {
	if t.trial != 0 && t.trial != e.trials.current && v.Timeout && e.proven() {
		v.Condition = Unknown // a later trial has shown more
	}
	if v.Condition == Refusing && !v.Unconfirmed && t.Auth != e.auth {
		v.Condition, again = Unknown, true
	}
	return v, again
}

// Status is the state of an endpoint at one moment. State is up, busy, down or refused.
type Status struct {
	status.Endpoint
	InARow    int       // failures since the last success
	RetryTime time.Time // of the next trial; zero while it is up
}

func (e *Endpoint) status(now time.Time, unacked, bound int) Status {
	h := &e.health
	s := Status{InARow: h.failures, Endpoint: status.Endpoint{
		URL: e.Address.Name, Up: h.state == stateUp, State: h.state, Since: h.since,
		LastAnswer: e.last.text, InFlight: e.traffic.underWay, Limit: 1,
		Requests: e.traffic.requests, Failures: e.traffic.failed,
		LatencyMillis: float64(e.traffic.latency) / float64(time.Millisecond),
		Unacked:       unacked, Mode: string(e.mode), Unconfirmed: h.acks.missing,
	}}
	if e.proven() {
		s.Limit = e.limit.now(bound)
	}
	if s.Up && (h.queuesFull || now.Before(h.busyUntil)) {
		s.State = "busy"
	}
	if !s.Up {
		s.RetryTime = h.retryAt
	}
	return s
}

// lastAnswer is the answer that people are shown.
type lastAnswer struct {
	text string
	// failed says that it is the answer to a post that failed. It is shown until one
	// succeeds.
	failed bool
}

func (l *lastAnswer) posted(v Verdict) {
	l.text, l.failed = v.Text, v.Condition != Serving
}

func (l *lastAnswer) probed(v Verdict) {
	if !l.failed { // why posts fail is worth more
		l.text = "health: " + v.Text
	}
}

// traffic counts the posts to one endpoint.
type traffic struct {
	underWay int
	changed  time.Time // the last answer, or the start of the first post without one
	requests uint64
	failed   uint64
	latency  time.Duration // moving average of answered posts
}

func (t *traffic) begin(now time.Time) {
	if t.underWay++; t.underWay == 1 {
		t.changed = now
	}
}

func (t *traffic) end(v Verdict, took time.Duration, now time.Time) {
	t.underWay--
	t.requests++
	t.changed = now
	if v.Retry && !v.Cancelled {
		t.failed++
	}
	switch {
	case !v.Answered || v.Timeout:
	case t.latency == 0:
		t.latency = took
	default:
		t.latency += (took - t.latency) / 8
	}
}

// load is the work under way, in microseconds: the number of posts times the duration of
// one. While nothing is answered, the duration is at least the time since the last answer.
func (t *traffic) load(now time.Time) int {
	each := max(t.latency, alike)
	if t.underWay > 0 {
		each = max(each, now.Sub(t.changed))
	}
	return t.underWay * int(each/time.Microsecond)
}

// alarmEvery is how often one kind of trouble of one endpoint may be logged.
const alarmEvery = 30 * time.Second

// alarms logs the troubles of one endpoint.
type alarms struct {
	log         *slog.Logger
	name        string
	out         throttle.Throttle
	connections throttle.Throttle
}

// isOut logs that the endpoint is out, at first and now and then.
func (a *alarms) isOut(v Verdict, failures int, now time.Time) {
	suppressed, ok := a.out.Ready(now, alarmEvery)
	switch {
	case !ok:
	case v.Unconfirmed:
		a.log.Error("HEC accepts events but does not confirm them. They stay in the queue. Until one is confirmed, one record is tried "+
			"every 5 minutes. Check that the token has indexer acknowledgement (useACK), as hec.ack.enabled says, and what is in between",
			"endpoint", a.name, "answer", v.Text, "not_logged", suppressed)
	case v.Condition == Refusing:
		a.log.Error("HEC endpoint refuses our configuration; nothing is lost, it is tried again slowly. "+
			"Check the token, its state in Splunk, acknowledgement and the certificate",
			"endpoint", a.name, "answer", v.Text, "not_logged", suppressed)
	default:
		a.log.Warn("HEC endpoint is down; it is tried again", "endpoint", a.name, "answer", v.Text,
			"failures", failures, "not_logged", suppressed)
	}
}

// isBack logs that the endpoint is up, if isOut has logged that it was not.
func (a *alarms) isBack() {
	if a.out.Raised() {
		a.log.Info("HEC endpoint is back", "endpoint", a.name)
	}
}

func (a *alarms) badConnection(v Verdict, now time.Time) {
	if suppressed, ok := a.connections.Ready(now, alarmEvery); ok {
		a.log.Warn("a connection to the HEC endpoint is closed for its answer, others work; "+
			"one of the servers behind this name may be sick", "endpoint", a.name, "answer", v.Text, "not_logged", suppressed)
	}
}
