package listener

import (
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/syslog"
)

// Explanation says how one message was understood and what came of it. Its slices
// are valid until the function that gets it returns.
type Explanation struct {
	// Message is what was read, without framing, cut to the source's limit.
	Message []byte
	// Header is what the scanner found at the front.
	Header *syslog.Header
	// Result is what the vendor's parser made of it.
	Result *dialect.Result
	// Host and Time are those of the event.
	Host string
	Time time.Time
	// HostFrom says where the host comes from: one of the HostFrom constants.
	HostFrom string
	// Clamped says that the message's time is too far off and the receive time stands
	// in for it; Stamped is then the message's own, zero where none exists that is so written.
	Clamped bool
	Stamped time.Time
	// Truncated says that the message is longer than what is there.
	Truncated bool
	// Dropped is the reason for which there is no event; Header and Result are nil
	// when the message was not even looked at.
	Dropped string
}

// Where the host of an event comes from.
const (
	HostFromMessage = "message"
	HostFromFile    = "hosts file"
	HostFromSender  = "sender's address"
	HostFromBefore  = "message before, with which this one goes on"
)

// Explain calls f for every message from now on, after its event was appended to the
// open batch.
func (r *Replay) Explain(f func(Explanation)) {
	in := r.intake
	in.explain = func(s *sender, msg []byte, dropped string, cut bool) {
		e := Explanation{Message: msg, Truncated: cut, Dropped: dropped}
		if dropped == "" || dropped == dropRule {
			in.explained(s, &e)
		}
		f(e)
	}
}

// explained fills in what is known of a message that was looked at.
func (in *Intake) explained(s *sender, e *Explanation) {
	e.Header, e.Result = &in.header, &in.result
	e.Host = string(s.appendHost(nil, &in.result))
	switch own := s.ownName(&in.result); {
	case own && in.goesOn:
		e.HostFrom = HostFromBefore
	case own:
		e.HostFrom = HostFromMessage
	case string(s.name) == string(s.address):
		e.HostFrom = HostFromSender
	default:
		e.HostFrom = HostFromFile
	}
	at := s.momentOf(&in.header, &in.result, in.nanos)
	e.Time, e.Clamped = time.Unix(0, at.nanos).UTC(), at.clamped
	if stamp, ok := s.clock.Instant(bestStamp(&in.header, &in.result), in.nanos); at.clamped && ok {
		e.Stamped = time.Unix(0, stamp).UTC()
	}
}
