package ingest

import (
	"bytes"
	"time"

	"syslog-gateway/internal/tap"
)

// A Batcher offers at most so many messages to taps: 200 a second, and 500 at once. So a
// tap costs it at most a thousandth of a core's time, however many messages there are. The
// same holds for what it keeps of unknown messages.
const (
	tapRate  = 200
	tapBurst = 500
)

// allowance is how many messages a Batcher may still copy for people.
type allowance struct {
	tokens int
	filled int64 // when tokens were added last, in nanoseconds since 1970
}

// fill adds what has become free until now.
func (a *allowance) fill(now int64) {
	past := min(now-a.filled, int64(time.Second))
	if more := past * tapRate / int64(time.Second); more > 0 {
		a.tokens = min(a.tokens+int(more), tapBurst)
		a.filled = now - (past - more*int64(time.Second)/tapRate) // what is left of a token stays
	}
}

// tapSampler chooses the messages that are offered to taps.
type tapSampler struct {
	hub       *tap.Hub // optional
	on        bool     // there is a tap
	examined  int      // messages in this read
	allowance allowance
	report    observer
}

// observer is called after each message.
type observer = func(s *sender, msg []byte, dropped drop, cut bool)

// begin prepares a read, which was received at a time in nanoseconds since 1970. It returns
// the function to call for each message; nil if there is no tap or the allowance is used up.
func (t *tapSampler) begin(now int64) observer {
	if t.on = t.hub.On(); !t.on {
		return nil
	}
	t.allowance.fill(now)
	t.examined = 0
	if t.allowance.tokens > 0 {
		return t.report
	}
	return nil
}

// end reports to the hub how many messages of the read were examined.
func (t *tapSampler) end(events int) {
	if t.on {
		t.hub.Examined(t.examined, events)
	}
}

// showTap shows the message at hand to the taps.
func (b *Batcher) showTap(s *sender, msg []byte, dropped drop, cut bool) {
	if b.tap.allowance.tokens--; b.tap.allowance.tokens <= 0 {
		b.observe = nil
	}
	b.tap.examined++
	m := tap.Message{
		Source: b.account.Source, Transport: b.transport.String(), Dropped: dropped.String(),
		From: s.from.Address, Received: b.now, Truncated: cut, Raw: msg,
	}
	if dropped.wasParsed() {
		m.Class, m.Pack = s.format.class(b.parsed.result.Class).name, s.format.class(b.parsed.result.Class).pack
		m.Host = string(s.host(&b.parsed.result))
	}
	if b.parsed.acted != nil && dropped.wasParsed() && !b.continues {
		m.Rules = b.parsed.acted.Tell()
	}
	if !b.tap.hub.Wants(&m) {
		return
	}
	m.Raw = bytes.Clone(msg)
	if dropped == notDropped {
		if cut {
			msg = wholeRunes(msg)
		}
		m.Event = bytes.TrimSuffix(b.appendEvent(nil, s, textOf(msg, &b.parsed.result), cut), []byte("\n"))
	}
	b.tap.hub.Show(m)
}
