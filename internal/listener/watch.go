package listener

import (
	"bytes"
	"net/netip"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/tap"
)

// voice is who says something, as one intake hears them: a host at an address, or all
// messages of an address that name none. It collects a turn.
type voice struct {
	page    *senders.Entry
	addr    netip.Addr
	host    []byte // in the messages; nil: they have none
	name    string // of one without a host
	touched bool   // is among those to remember at the end of the turn
	events  int
	bytes   int
	times   senders.Times
}

// voiceKey finds the voices of an address after its first one: those of a relay.
type voiceKey struct {
	addr netip.Addr
	host string
}

// speaker is whose messages an intake takes at the moment, and what the turn had
// counted when they began: so a message costs two comparisons.
type speaker struct {
	sender        *sender
	host          []byte
	voice         *voice // nil: it is not remembered
	events, bytes int
}

// speak changes the speaker to whom the message at hand is of; nil ends the turn.
func (in *Intake) speak(s *sender) {
	if v := in.speaker.voice; v != nil {
		v.events += in.turn.events - in.speaker.events
		v.bytes += in.turn.bytes - in.speaker.bytes
	}
	in.speaker = speaker{sender: s, events: in.turn.events, bytes: in.turn.bytes}
	if s == nil || !s.allowed || in.batching.Senders == nil {
		return
	}
	v := in.voiceOf(s)
	if !v.touched {
		v.touched = true
		in.touched = append(in.touched, v)
	}
	in.speaker.voice, in.speaker.host = v, v.host
	if v.host == nil && len(in.host) > 0 {
		in.speaker.host = s.address // a device that gives it for its name
	}
}

// voiceOf finds the voice of the message at hand. The first one of a sender is known to
// it; a relay's others are looked up.
func (in *Intake) voiceOf(s *sender) *voice {
	host := in.host
	if len(host) == 0 || bytes.Equal(host, s.address) { // as ownName has it
		host = nil
	}
	if s.voice == nil {
		s.voice = in.newVoice(s, host)
	}
	if bytes.Equal(s.voice.host, host) {
		return s.voice
	}
	if v := in.voices[voiceKey{s.addr, string(host)}]; v != nil {
		return v
	}
	if len(in.voices) >= maxSenders {
		clear(in.voices)
	}
	if in.voices == nil {
		in.voices = make(map[voiceKey]*voice)
	}
	v := in.newVoice(s, host)
	in.voices[voiceKey{s.addr, string(host)}] = v
	return v
}

func (in *Intake) newVoice(s *sender, host []byte) *voice {
	v := &voice{addr: s.addr, host: bytes.Clone(host), name: string(s.name)}
	in.enter(v)
	return v
}

// enter finds the page of a voice.
func (in *Intake) enter(v *voice) {
	v.page = in.batching.Senders.Entry(in.account.Source, v.addr, string(v.host))
	if v.host == nil {
		v.page.SetName(v.name)
	}
}

// remember writes down who sent something in this turn.
func (in *Intake) remember() {
	in.speak(nil)
	for i, v := range in.touched {
		if !v.page.Add(v.events, v.bytes, in.nanos, &v.times) {
			in.enter(v)
			v.page.Add(v.events, v.bytes, in.nanos, &v.times)
		}
		v.events, v.bytes, v.touched, v.times = 0, 0, false, senders.Times{}
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
		m.Event = bytes.TrimSuffix(s.append(nil, msg, &in.header, &in.result, in.moment, cut), []byte("\n"))
	}
	in.batching.Tap.Show(m)
}

// rawHost is the host of the event before it is written as JSON.
func (s *sender) rawHost(r *dialect.Result) []byte {
	if s.ownName(r) {
		return r.Host
	}
	return s.name
}
