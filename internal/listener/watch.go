package listener

import (
	"bytes"
	"time"

	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/vendor"
)

// nameEvery is how often the name of a sender is looked at.
const nameEvery = int64(10 * time.Second)

// heard is what an intake has of a sender in this turn, and where it writes it.
type heard struct {
	page   *senders.Page
	events int
	bytes  int
	nameAt int64 // when to look at the name again
}

// hear counts a message of a sender. The first of a turn notes the sender down for the
// end of the turn.
func (in *Intake) hear(s *sender, bytes int) {
	if s.heard.events == 0 {
		in.touched = append(in.touched, s)
	}
	s.heard.events++
	s.heard.bytes += bytes
}

// remember writes down who sent something in this turn.
func (in *Intake) remember() {
	for i, s := range in.touched {
		h := &s.heard
		if h.page == nil {
			h.page = in.batching.Senders.Enter(in.account.Source, s.addr)
		}
		if !h.page.Note(h.events, h.bytes, in.nanos) {
			h.page = in.batching.Senders.Enter(in.account.Source, s.addr)
			h.page.Note(h.events, h.bytes, in.nanos)
		}
		h.events, h.bytes = 0, 0
		in.touched[i] = nil
	}
	in.touched = in.touched[:0]
}

// name tells the page of a sender what its messages call it, now and then.
func (in *Intake) name(s *sender) {
	h := &s.heard
	if h.page == nil {
		h.page = in.batching.Senders.Enter(in.account.Source, s.addr)
	}
	h.nameAt = in.nanos + nameEvery
	h.page.Name(s.rawHost(&in.result))
}

// An intake offers at most so many messages to taps: 2,000 a second, and 1,000 at once.
// That is a fiftieth of a core's time where each is wanted, however much goes through.
const (
	tapRate  = 2000
	tapBurst = 1000
)

// tapping is the state of the tap of an intake.
type tapping struct {
	on     bool
	looked int   // in this turn
	tokens int   // that may still be looked at
	filled int64 // when tokens were added last
	report func(s *sender, msg []byte, dropped string, cut bool)
}

// listen prepares a turn: with somebody at the tap, messages are offered until the
// allowance of the turn is used up.
func (in *Intake) listen(t *tap.Hub) {
	in.explain = nil
	if in.tap.on = t.On(); !in.tap.on {
		return
	}
	past := min(in.nanos-in.tap.filled, int64(time.Second))
	if more := past * tapRate / int64(time.Second); more > 0 {
		in.tap.tokens = min(in.tap.tokens+int(more), tapBurst)
		in.tap.filled = in.nanos
	}
	in.tap.looked = 0
	if in.tap.tokens > 0 {
		in.explain = in.tap.report
	}
}

// offer shows one message to those at the tap.
func (in *Intake) offer(s *sender, msg []byte, dropped string, cut bool) {
	if in.tap.tokens--; in.tap.tokens <= 0 {
		in.explain = nil
	}
	in.tap.looked++
	m := tap.Message{
		Source: in.account.Source, Transport: in.transport.String(), Dropped: dropped,
		From: s.addr, Received: in.now, Truncated: cut, Raw: msg,
	}
	understood := dropped == "" || dropped == dropRule
	if understood {
		m.Class = in.result.Class.String()
		m.Host = string(s.rawHost(&in.result))
	}
	if !in.batching.Tap.Wants(&m) {
		return
	}
	m.Raw = bytes.Clone(msg)
	if dropped == "" {
		if cut {
			msg = wholeRunes(msg)
		}
		m.Event = bytes.TrimSuffix(s.append(nil, msg, &in.header, &in.result, in.nanos, cut), []byte("\n"))
	}
	in.batching.Tap.Show(m)
}

// rawHost is the host of the event before it is written as JSON.
func (s *sender) rawHost(r *vendor.Result) []byte {
	if s.ownName(r) {
		return r.Host
	}
	return s.name
}
