package endpoints

import "time"

// The states of an endpoint, as /stats shows them.
const (
	stateUp      = "up"
	stateDown    = "down"    // does not answer, or not as HEC
	stateRefused = "refused" // answers that token, channel or certificate are wrong
)

const (
	// downAfter is how many failures in a row take an endpoint out, each on a connection
	// of its own. One failure may be a keep-alive connection that the peer had closed, or
	// the one sick server behind a balancer.
	downAfter = 2
	// busyMax bounds the pause of an endpoint that asked for less and named no time.
	busyMax = time.Second
	// unconfirmedPause is the time between posts to an endpoint whose 200 confirms
	// nothing: each may put events into the index that are sent again later.
	unconfirmedPause = 5 * time.Minute
)

// health is what posts and probes have shown of one endpoint.
type health struct {
	state        string
	since        time.Time
	failures     int // of posts in a row
	failedProbes int // in a row
	// probation: one post at a time until one has succeeded, so that an endpoint that
	// passes its probes but hangs on posts does not hold all workers.
	probation  bool
	retryAt    time.Time // while it is out: the next trial
	busyUntil  time.Time // it asked for less
	busyRounds int       // of asking for less since it last accepted something
	queuesFull bool      // by its last probe
	acks       ackHealth
}

// succeed records a post that HEC answered as HEC. It reports whether the endpoint was out.
func (h *health) succeed(now time.Time) (back bool) {
	back = h.state != stateUp
	if back {
		h.state, h.since = stateUp, now
	}
	h.failures, h.probation = 0, false
	h.retryAt, h.acks = time.Time{}, ackHealth{}
	return back
}

// busy records that the endpoint asked for less: it gets a pause, longer each time.
func (h *health) busy(v Verdict, now time.Time, b Backoff) {
	if !now.Before(h.busyUntil) { // not one of many equal answers
		h.busyRounds++
	}
	pause := min(b.Ceiling(h.busyRounds-1), max(b.Initial, busyMax))
	h.pause(max(v.After, pause), now)
}

func (h *health) pause(d time.Duration, now time.Time) {
	if until := now.Add(d); until.After(h.busyUntil) {
		h.busyUntil = until
	}
}

// fail records a failure. It reports whether that took the endpoint out.
func (h *health) fail(v Verdict, now time.Time, b Backoff) (out bool) {
	h.failures++
	was := h.state
	switch {
	case v.Unconfirmed:
		h.state = stateRefused
		h.retryAt = now.Add(unconfirmedPause)
		h.acks.missing = true
	case was == stateUp && !h.probation && h.failures < downAfter:
		h.pause(v.After, now)
		return false
	case v.Condition == Refusing:
		h.state = stateRefused
		h.retryAt = now.Add(b.Max)
	default:
		h.state = stateDown
		h.retryAt = now.Add(max(b.Ceiling(h.failures), v.After))
	}
	if was != h.state {
		h.since = now
	}
	if was == stateUp {
		h.probation = true
	}
	return was == stateUp
}

// unblemished reports that nothing bad is known.
func (h *health) unblemished() bool { return h.failures == 0 && h.busyRounds == 0 }

// probedWell records a probe that HEC answered as healthy or busy. back says that the
// endpoint was down and is on probation now, relieved that its queues are no longer full.
func (h *health) probedWell(busy bool, now time.Time) (back, relieved bool) {
	h.failedProbes = 0
	relieved = h.queuesFull && !busy
	h.queuesFull = busy
	if h.state == stateDown && !busy {
		h.state, h.since, h.failures = stateUp, now, 0
		return true, false
	}
	return false, relieved
}

// probedBadly records a failed probe, and reports whether it counts as a failure.
func (h *health) probedBadly() bool {
	h.failedProbes++
	if h.failedProbes < downAfter && h.state == stateUp {
		return false
	}
	h.failures = max(h.failures, downAfter-1)
	return true
}

// ackHealth is what is known of an endpoint that accepts events and does not confirm them.
type ackHealth struct {
	missing bool // it is out for that
	off     bool // it has said that the token has no acknowledgement
	early   bool // it was tried before its time, because it has said since that the token has
}

// AckState says whether the token has indexer acknowledgement.
type AckState uint8

// The answers.
const (
	AckUnknown AckState = iota
	AckOff
	AckOn
)

// acksAsked records whether the token has acknowledgement. Without it a trial is useless.
// When the token has it again, there is one trial at once; tryNow reports that.
func (h *health) acksAsked(state AckState, now time.Time) (tryNow bool) {
	switch {
	case !h.acks.missing:
	case state == AckOff:
		h.acks.off = true
		h.retryAt = now.Add(unconfirmedPause)
	case state == AckOn && h.acks.off && !h.acks.early:
		h.acks.off, h.acks.early = false, true
		h.retryAt = now
		return true
	}
	return false
}
