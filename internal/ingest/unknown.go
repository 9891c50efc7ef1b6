package ingest

import (
	"bytes"

	"syslog-gateway/internal/tap"
)

// unknownLines keeps the newest messages that no rule knows, for people who write a pack
// for them. It has the allowance that taps have.
type unknownLines struct {
	ring      *tap.Ring // optional
	allowance allowance
}

// keepUnknown keeps the message at hand, which no rule knows.
func (b *Batcher) keepUnknown(s *sender, msg []byte, cut bool) {
	u := &b.unknown
	if u.allowance.tokens == 0 {
		u.allowance.fill(b.nanos)
	}
	if u.allowance.tokens == 0 {
		return
	}
	u.allowance.tokens--
	msg = b.show(s, msg, notDropped)
	if len(msg) > tap.RingText {
		msg, cut = wholeRunes(msg[:tap.RingText]), true
	}
	u.ring.Keep(tap.Message{
		Source: b.account.Source, Transport: b.transport.String(), From: s.from.Address, Received: b.now,
		Class: s.format.class(b.parsed.result.Class).name, Host: string(s.host(&b.parsed.result)),
		Truncated: cut, Raw: bytes.Clone(msg),
	})
}
