package ingest

import (
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

// Explanation says how one message was understood and what became of it. Its slices are
// valid until the function that gets it returns.
type Explanation struct {
	// Message is what was read, without framing, cut to the source's limit.
	Message []byte
	// Header is what the scanner found at the front.
	Header *syslog.Header
	// Result is what the vendor's parser made of it.
	Result *dialect.Result
	// Class is the name of the class.
	Class string
	// Host and Time are those of the event.
	Host string
	Time time.Time
	// HostFrom says where the host comes from: one of the HostFrom constants.
	HostFrom string
	// Clamped says that the message's time is too far off and that the receive time is
	// used instead. Stamped is then the message's own time, zero if it does not exist.
	Clamped bool
	Stamped time.Time
	// Truncated says that the message is longer than what is there.
	Truncated bool
	// Rules say what each rule that acted did.
	Rules []string
	// Left is the rule that left the message out, or empty.
	Left string
	// Dropped is the reason for which there is no event. Header and Result are nil when
	// the message was not parsed.
	Dropped string
}

// Where the host of an event comes from.
const (
	HostFromMessage = "message"
	HostFromFile    = "hosts file"
	HostFromSender  = "sender's address"
	HostFromBefore  = "message before, which this one continues"
)

// Explain calls f for every message from now on, after its event was appended to the
// open batch.
func (r *Replay) Explain(f func(Explanation)) {
	b := r.batcher
	b.observe = func(s *sender, msg []byte, dropped drop, cut bool) {
		e := Explanation{Message: msg, Truncated: cut, Dropped: dropped.String()}
		if dropped.wasParsed() {
			b.explain(s, &e)
		}
		f(e)
	}
}

// explain fills in what is known of the message at hand, which was parsed.
func (b *Batcher) explain(s *sender, e *Explanation) {
	h, r := &b.parsed.header, &b.parsed.result
	e.Header, e.Result, e.Class = h, r, s.format.class(r.Class).name
	e.Host = string(s.appendHost(nil, r))
	if b.parsed.acted != nil && !b.continues {
		e.Rules, e.Left = b.parsed.acted.Tell(), b.parsed.acted.Left()
	}
	switch own := s.namesItself(r); {
	case own && b.continues:
		e.HostFrom = HostFromBefore
	case own:
		e.HostFrom = HostFromMessage
	case string(s.name) == string(s.address):
		e.HostFrom = HostFromSender
	default:
		e.HostFrom = HostFromFile
	}
	var at eventTime
	at.set(&b.clocks, s, h, r, b.nanos)
	e.Time, e.Clamped = time.Unix(0, at.nanos).UTC(), at.clamped
	if stamp, ok := b.clocks.of(zoneOf(s, r)).Instant(bestStamp(h, r), b.nanos); at.clamped && ok {
		e.Stamped = time.Unix(0, stamp).UTC()
	}
}
