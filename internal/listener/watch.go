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
	page    *senders.Page
	touched bool // is among those to remember at the end of the turn
	events  int
	bytes   int
	nameAt  int64 // when to look at the name again
}

// speaker is whose messages an intake takes at the moment, and what the turn had
// counted when they began: so a message costs one comparison.
type speaker struct {
	sender        *sender
	events, bytes int
}

// speak changes the speaker; nil ends the turn.
func (in *Intake) speak(s *sender) {
	if last := in.speaker.sender; last != nil && last.allowed && in.batching.Senders != nil {
		in.hear(last, in.turn.events-in.speaker.events, in.turn.bytes-in.speaker.bytes)
	}
	in.speaker = speaker{s, in.turn.events, in.turn.bytes}
}

// hear counts what a sender said. What was understood last was of it.
func (in *Intake) hear(s *sender, events, bytes int) {
	h := &s.heard
	if h.page == nil {
		h.page = in.batching.Senders.Enter(in.account.Source, s.addr)
	}
	if !h.touched {
		h.touched = true
		in.touched = append(in.touched, s)
	}
	h.events += events
	h.bytes += bytes
	if in.nanos < h.nameAt {
		return
	}
	if own := s.ownName(&in.result); own || h.nameAt == 0 {
		h.page.Name(s.rawHost(&in.result))
	}
	h.nameAt = in.nanos + nameEvery
}

// remember writes down who sent something in this turn.
func (in *Intake) remember() {
	in.speak(nil)
	for i, s := range in.touched {
		h := &s.heard
		if !h.page.Note(h.events, h.bytes, in.nanos) {
			h.page = in.batching.Senders.Enter(in.account.Source, s.addr)
			h.page.Note(h.events, h.bytes, in.nanos)
		}
		h.events, h.bytes, h.touched = 0, 0, false
		in.touched[i] = nil
	}
	in.touched = in.touched[:0]
}

// An intake offers at most so many messages to taps: 200 a second, and 500 at once.
// A thousandth of a core's time is the most that a tap costs an intake, however much
// goes through.
const (
	tapRate  = 200
	tapBurst = 500
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
