package ingest

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/fairshare"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/relp"
	"syslog-gateway/internal/syslog"
)

const (
	// partialTimeout is how long a stream may be silent within a message before the
	// message is delivered as far as it came: many senders never end their last line.
	partialTimeout = 5 * time.Second
	// countTimeout is how long a message that is whole by its octet count waits for the
	// bytes that prove the count.
	countTimeout = time.Second
	// keptBuffer is the capacity in bytes up to which an empty buffer is kept.
	keptBuffer = 4 << 10
)

// Stream is the messages of one TCP, TLS or RELP connection: its framing, and the message that
// has begun and not ended. It belongs to the goroutine that reads the connection; others
// may call the methods that say so.
type Stream struct {
	source  *Source
	batcher *Batcher
	peer    netip.Addr
	proxy   netip.Addr // that the connection comes from, if not from peer
	sender  *sender
	framer  syslog.Framer
	partial []byte // of the message that has not ended

	transport ledger.Transport
	cutShort  bool // the last message was delivered before it ended
	over      bool // the connection has ended
	left      bool // the client of a RELP connection has said close

	session *relp.Session // of a RELP connection; nil: messages are cut by framer
	err     error         // why no further frame of it can be taken

	changed time.Time // when it was seen that the sender has old settings; zero: it has not

	lastActive atomic.Int64 // nanoseconds since 1970
	due        atomic.Int64 // when the partial message is delivered, the same; 0: there is none

	memory  *PartialMemory
	share   fairshare.Share[*Stream] // of the memory
	counted int64                    // bytes that share counts
	giveUp  func()
}

// NewStream returns the stream of a connection from peer. giveUp is called, by any
// goroutine, when the stream's owner has to call [Stream.GiveUp]; it must not block.
func NewStream(s *Source, t ledger.Transport, peer netip.Addr, m *PartialMemory, giveUp func()) *Stream {
	st := &Stream{source: s, transport: t, peer: peer, memory: m, giveUp: giveUp}
	st.share = fairshare.NewShare(st)
	st.lastActive.Store(time.Now().UnixNano())
	return st
}

// Attach gives the stream the Batcher that takes its messages, before the first Feed.
func (s *Stream) Attach(b *Batcher) { s.batcher = b }

// Behind says that the connection comes from a proxy and that the sender is behind it,
// before the first Feed.
func (s *Stream) Behind(proxy, sender netip.Addr) { s.proxy, s.peer = proxy, sender }

// Attached reports whether the stream has a Batcher.
func (s *Stream) Attached() bool { return s.batcher != nil }

// From is the address of the sender. Any goroutine may call it.
func (s *Stream) From() netip.Addr { return s.peer }

// LastActive is when the stream was active last, in nanoseconds since 1970. Any goroutine
// may call it.
func (s *Stream) LastActive() int64 { return s.lastActive.Load() }

// Touch says that the stream is active at a time.
func (s *Stream) Touch(now time.Time) { s.lastActive.Store(now.UnixNano()) }

// Busy implements fairshare.Member: a stream never is.
func (s *Stream) Busy() bool { return false }

// Over reports whether the stream has ended.
func (s *Stream) Over() bool { return s.over }

// Feed takes the bytes that were read from the connection at a time.
func (s *Stream) Feed(p []byte, now time.Time) {
	s.Touch(now)
	s.begin(now)
	if s.session != nil {
		s.feedFrames(p)
	} else {
		s.feedMessages(p)
	}
	s.bound()
	s.end()
	s.await()
}

func (s *Stream) feedMessages(p []byte) {
	if len(s.partial) != 0 {
		p = s.complete(p)
	}
	p = s.messages(p)
	if len(p) != 0 {
		s.partial = append(s.partial, p...)
	}
}

// goOnFor is how long after a change of the settings lines that continue a message have those
// of the message: as long as a message may wait for its end.
const goOnFor = partialTimeout

// begin starts a read. When the source's settings have changed, the next message that
// continues none is the first under the new ones.
func (s *Stream) begin(now time.Time) {
	switch f := s.source.format.Load(); {
	case s.sender == nil:
		s.renew()
	case s.sender.format == f:
	case s.changed.IsZero():
		s.changed = now
	case now.Sub(s.changed) >= goOnFor:
		s.renew()
	}
	s.batcher.begin(now)
}

// renew makes a sender for the source's current settings.
func (s *Stream) renew() {
	before := s.sender
	s.changed = time.Time{}
	s.sender = newSender(s.source.format.Load(), s.transport, s.peer, s.proxy, s.source.port)
	if before != nil {
		s.sender.orphan, s.sender.more = before.orphan || before.last.acted.Open(), before.more
	}
	s.framer.Max = s.sender.format.settings.MaxMessage
}

// complete joins the partial message with as much of p as it needs, so that most of p is
// framed where it is, and returns the rest of p.
func (s *Stream) complete(p []byte) []byte {
	for len(s.partial) != 0 && len(p) != 0 {
		k := bytes.IndexByte(p, '\n') + 1
		if k == 0 {
			k = len(p)
		}
		s.partial = append(s.partial, p[:k]...)
		p = p[k:]
		if rest := s.messages(s.partial); len(rest) != len(s.partial) { // otherwise a long one would be copied for every byte
			s.batcher.parsed.save(s.sender)
			s.partial = s.partial[:copy(s.partial, rest)]
		}
	}
	return p
}

// messages takes the whole messages off the front of p and returns the rest.
func (s *Stream) messages(p []byte) []byte {
	for len(p) != 0 {
		msg, cut, n, ok := s.framer.Next(p)
		p = p[n:]
		if !ok {
			break
		}
		s.message(msg, cut)
	}
	return p
}

// message takes one message. It continues the one before, and keeps that one's host and
// class, if it is an indented line without a PRI (RFC 6587 section 3.4.2: LF within a
// message ends it for the receiver), or what follows a message that was cut short.
func (s *Stream) message(msg []byte, cut bool) {
	continues := len(msg) != 0 && (msg[0] == ' ' || msg[0] == '\t' || s.cutShort && msg[0] != '<')
	s.cutShort = false
	if !continues {
		s.settings()
	}
	s.batcher.message(s.sender, msg, cut, continues)
}

// settings has a new message be the first under changed settings.
func (s *Stream) settings() {
	if !s.changed.IsZero() {
		s.renew()
	}
}

// bound counts the memory of the partial message. When all streams together hold too
// much, the address that holds most has a message delivered as far as it came.
func (s *Stream) bound() {
	if len(s.partial) == 0 && cap(s.partial) > keptBuffer {
		s.partial = nil
	} else if cap(s.partial) > keptBuffer && len(s.partial) < cap(s.partial)/4 {
		s.partial = bytes.Clone(s.partial) // a little in a large buffer
	}
	if s.account() && s.memory.reclaim(s) {
		s.cutPartial()
	}
}

// account updates the stream's share of the memory, and reports whether it changed.
func (s *Stream) account() bool {
	size := int64(cap(s.partial))
	if size == s.counted {
		return false
	}
	s.counted = size
	s.memory.pool.Set(&s.share, size)
	return true
}

// end ends a read.
func (s *Stream) end() {
	s.batcher.read.framing += s.framer.Errors
	s.framer.Errors = 0
	s.batcher.parsed.save(s.sender)
	s.batcher.end()
}

// await sets when the partial message is delivered.
func (s *Stream) await() {
	var due int64
	if s.session == nil && len(s.partial) != 0 && !blank(s.partial) { // a Cisco ASA sends a blank behind the LF
		wait := partialTimeout
		if s.framer.Whole(s.partial) {
			wait = countTimeout
		}
		due = time.Now().Add(wait).UnixNano() // the Batcher may have blocked
	}
	if due != s.due.Load() {
		s.due.Store(due)
	}
}

// Idle reports whether the stream has been silent for its source's idle timeout. Any
// goroutine may call it.
func (s *Stream) Idle(now time.Time) bool {
	limit := s.source.Settings().IdleTimeout
	return limit > 0 && now.UnixNano()-s.lastActive.Load() > int64(limit)
}

// Due is when the partial message has to be delivered, in nanoseconds since 1970; 0 if
// there is none. Any goroutine may call it.
func (s *Stream) Due() int64 { return s.due.Load() }

// Overdue reports whether that time has come. Any goroutine may call it.
func (s *Stream) Overdue(now time.Time) bool {
	due := s.due.Load()
	return due != 0 && now.UnixNano() >= due
}

// DeliverOverdue delivers the partial message if it is overdue. What comes later is a
// message of its own; it continues this one if it does not begin like a message.
func (s *Stream) DeliverOverdue(now time.Time) {
	if s.over || len(s.partial) == 0 || !s.Overdue(now) {
		return
	}
	if s.framer.Whole(s.partial) {
		s.deliverCounted(now)
		return
	}
	s.flushAs(now, true)
	s.cutShort = true
	s.source.partial[partialSilent].Add(1)
}

// deliverCounted delivers the message at the front, which is whole by its octet count:
// nothing came that disproves the count. What follows it goes on waiting.
func (s *Stream) deliverCounted(now time.Time) {
	s.begin(now)
	msg, cut, n, ok := s.framer.Final(s.partial)
	if ok {
		s.message(msg, cut)
	}
	rest := s.messages(s.partial[n:])
	s.batcher.parsed.save(s.sender)
	s.partial = s.partial[:copy(s.partial, rest)]
	s.bound()
	s.end()
	s.await()
}

// Finish takes the end of the connection: the last message may lack its trailer.
func (s *Stream) Finish(now time.Time) {
	s.over = true
	s.flush(now)
}

// flush delivers the partial message as it is.
func (s *Stream) flush(now time.Time) { s.flushAs(now, false) }

// flushAs delivers the partial message. more says that it has not ended.
func (s *Stream) flushAs(now time.Time, more bool) {
	if s.sender != nil && len(s.partial) != 0 && s.session == nil {
		s.begin(now)
		s.sender.more = more
		defer func() { s.sender.more = false }()
		for p := s.partial; len(p) != 0; {
			msg, cut, n, ok := s.framer.Final(p)
			if ok {
				s.message(msg, cut)
			}
			p = p[n:]
		}
		s.end()
	}
	s.partial = nil
	s.due.Store(0)
	s.account()
}

// AskedToGiveUp reports whether the stream has to call GiveUp. Any goroutine may call it.
func (s *Stream) AskedToGiveUp() bool { return s.memory.pool.Asked(&s.share) }

// GiveUp delivers the partial message cut, if the stream was asked to give it up, and
// skips the rest of it.
func (s *Stream) GiveUp(now time.Time) {
	if s.over || !s.AskedToGiveUp() {
		return
	}
	s.begin(now)
	s.cutPartial()
	s.end()
	s.due.Store(0)
}

// cutPartial delivers the partial message as far as it came and skips the rest of it.
func (s *Stream) cutPartial() {
	if s.session != nil {
		s.refuse(ErrNoMemory)
	} else if len(s.partial) != 0 && !s.framer.Pending() { // otherwise it is part of what is skipped
		s.source.partial[partialFull].Add(1)
		s.message(s.framer.Cut(s.partial), true)
	}
	s.partial = nil
	s.account()
}
