package listener

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
)

// maxTails bounds what all connections together keep of messages that have not
// ended yet, in bytes. Half as much again may be there until those who were asked to
// give theirs up have done so.
const maxTails = 64 << 20

// keptTail is the capacity up to which an empty tail keeps its memory.
const keptTail = 4 << 10

const (
	// restTime is how long a connection may be silent within a message before it is
	// delivered as far as it came: many senders end their last line never.
	restTime = 5 * time.Second
	// proofTime is how long a message that is whole by its count waits for what proves
	// the count.
	proofTime = time.Second
)

// stream is one TCP or TLS connection: its framing and the tail of the message that
// has begun. It belongs to the loop or goroutine that reads the connection.
type stream struct {
	source    *Source
	transport ledger.Transport
	intake    *Intake
	peer      netip.Addr
	sender    *sender
	framer    syslog.Framer
	tail      []byte
	begun     bool
	torn      bool // the last message was delivered before it ended
	over      bool // it has ended

	lastActive atomic.Int64 // nanoseconds since 1970
	due        atomic.Int64 // when the tail has rested long enough; 0: there is none
	closing    bool         // it has been asked to close; guarded by tcp.mu or secure.mu
	endBy      time.Time    // until when it may go on then

	hoard *hoard
	seat  share // of the connections of its source
	place share // of the connections of all sources
	hold  share // of the memory for tails
	// order has the owner of another connection give up its tail, or all of it.
	order func(all bool)
}

func newStream(s *Source, t ledger.Transport, in *Intake, peer netip.Addr, h *hoard) *stream {
	st := &stream{source: s, transport: t, intake: in, peer: peer, hoard: h}
	st.seat.stream, st.place.stream, st.hold.stream = st, st, st
	st.lastActive.Store(time.Now().UnixNano())
	return st
}

// feed takes what was read from the connection at a time. It returns a reason when
// this is no syslog and the connection is better closed.
func (s *stream) feed(p []byte, now time.Time) (reason string) {
	s.lastActive.Store(now.UnixNano())
	if !s.begun {
		if reason = foreign(p); reason != "" {
			s.source.account.Mark(0, 0, 1)
			return reason
		}
		s.begun = true
	}
	s.prepare()
	s.intake.begin(now)
	if len(s.tail) != 0 {
		p = s.complete(p)
	}
	p = s.cut(p)
	if len(p) != 0 {
		s.tail = append(s.tail, p...)
	}
	s.bound()
	s.end()
	s.await()
	return ""
}

// end closes a turn.
func (s *stream) end() {
	s.intake.turn.framing += s.framer.Errors
	s.framer.Errors = 0
	s.intake.keep(s.sender)
	s.intake.end()
}

// await sets when the tail has rested long enough.
func (s *stream) await() {
	var due int64
	if len(s.tail) != 0 && !blank(s.tail) { // a Cisco ASA sends a blank behind the LF
		wait := restTime
		if s.framer.Whole(s.tail) {
			wait = proofTime
		}
		due = time.Now().Add(wait).UnixNano() // the path may have been blocked
	}
	if due != s.due.Load() {
		s.due.Store(due)
	}
}

// idle reports whether the connection has been silent for its source's idle timeout.
func (s *stream) idle(now time.Time) bool {
	limit := s.source.settings().IdleTimeout
	return limit > 0 && now.UnixNano()-s.lastActive.Load() > int64(limit)
}

// rested reports whether the tail has rested long enough at a time.
func (s *stream) rested(now time.Time) bool {
	due := s.due.Load()
	return due != 0 && now.UnixNano() >= due
}

// rest delivers the tail of a connection that is silent. What comes later is a message
// of its own, which goes on with this one when it does not begin like a message.
func (s *stream) rest(now time.Time) {
	if s.over || len(s.tail) == 0 || !s.rested(now) {
		return
	}
	if s.framer.Whole(s.tail) {
		s.prove(now)
		return
	}
	s.flush(now)
	s.torn = true
	s.source.partial.silent.Add(1)
}

// prove delivers the message at the front of the tail, which is whole by its count:
// nothing came that would say otherwise. What is behind it goes on waiting.
func (s *stream) prove(now time.Time) {
	s.prepare()
	s.intake.begin(now)
	msg, cut, n, ok := s.framer.Final(s.tail)
	if ok {
		s.message(msg, cut)
	}
	rest := s.cut(s.tail[n:])
	s.intake.keep(s.sender)
	s.tail = s.tail[:copy(s.tail, rest)]
	s.bound()
	s.end()
	s.await()
}

// finish takes the end of the connection: the last message may lack its trailer.
func (s *stream) finish(now time.Time) {
	s.over = true
	s.flush(now)
}

// flush delivers the tail as it is.
func (s *stream) flush(now time.Time) {
	if s.sender != nil && len(s.tail) != 0 {
		s.prepare()
		s.intake.begin(now)
		for p := s.tail; len(p) != 0; {
			msg, cut, n, ok := s.framer.Final(p)
			if ok {
				s.message(msg, cut)
			}
			p = p[n:]
		}
		s.end()
	}
	s.tail = nil
	s.due.Store(0)
	s.book()
}

// yield delivers the tail cut, to make room for those of others, and skips the rest of
// the message.
func (s *stream) yield(now time.Time) {
	if s.over || !s.hoard.tails.wants(&s.hold) {
		return
	}
	s.prepare()
	s.intake.begin(now)
	s.cutTail()
	s.end()
	s.due.Store(0)
}

// cutTail delivers the tail as far as it came; the rest of the message is skipped.
func (s *stream) cutTail() {
	if len(s.tail) != 0 && !s.framer.Pending() { // else it is of what is skipped
		s.source.partial.full.Add(1)
		s.message(s.framer.Cut(s.tail), true)
	}
	s.tail = nil
	s.book()
}

// message takes one message of the connection. One that goes on with the message
// before keeps that one's host and class (RFC 6587 section 3.4.2: LF within a message
// ends it for the receiver): an indented line without a PRI, and what comes behind a
// message that was delivered before it had ended.
func (s *stream) message(msg []byte, cut bool) {
	goesOn := len(msg) != 0 && (msg[0] == ' ' || msg[0] == '\t' || s.torn && msg[0] != '<')
	s.torn = false
	s.intake.message(s.sender, msg, cut, goesOn)
}

// prepare brings the sender up to the source's present settings.
func (s *stream) prepare() {
	f := s.source.format.Load()
	if s.sender == nil || s.sender.format != f {
		s.sender = newSender(f, s.transport, s.peer, s.source.options.Port)
		s.framer.Max = f.settings.MaxMessage
	}
}

// cut takes the whole messages off the front of p and returns the rest.
func (s *stream) cut(p []byte) []byte {
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

// complete joins the tail with as much of p as its message needs, so that the bulk
// of p is cut where it is, and returns the rest of p.
func (s *stream) complete(p []byte) []byte {
	for len(s.tail) != 0 && len(p) != 0 {
		k := bytes.IndexByte(p, '\n') + 1
		if k == 0 {
			k = len(p)
		}
		s.tail = append(s.tail, p[:k]...)
		p = p[k:]
		if rest := s.cut(s.tail); len(rest) != len(s.tail) { // else a long tail would be moved for every byte
			s.intake.keep(s.sender)
			s.tail = s.tail[:copy(s.tail, rest)]
		}
	}
	return p
}

// bound books the memory of the tail and keeps all tails together within their
// limit: over it, the address that holds most has a message delivered as far as it
// came.
func (s *stream) bound() {
	if len(s.tail) == 0 && cap(s.tail) > keptTail {
		s.tail = nil
	} else if cap(s.tail) > keptTail && len(s.tail) < cap(s.tail)/4 {
		s.tail = bytes.Clone(s.tail) // a little in a large buffer
	}
	if !s.book() {
		return
	}
	own := s.hoard.relieve(s)
	if own || s.hoard.tails.over(maxTails+maxTails/2) {
		s.cutTail()
	}
}

// book brings what is booked for the tail up to date and reports whether that changed.
func (s *stream) book() bool {
	size := int64(cap(s.tail))
	if size == s.hold.amount { // nobody else changes it
		return false
	}
	s.hoard.tails.set(&s.hold, size)
	return true
}

// foreign recognises by the first bytes of a connection what is certainly not
// syslog and would only make events of garbage.
func foreign(p []byte) (reason string) {
	if len(p) < 3 {
		return ""
	}
	switch {
	case p[0] == 0x16 && p[1] == 0x03: // TLS record: handshake, RFC 8446 section 5.1
		return rejectTLS
	case p[0] == 0x1f && p[1] == 0x8b && p[2] == 8: // gzip, RFC 1952
		return rejectCompressed
	case isZlib(p):
		return rejectCompressed
	case isHTTP(p):
		return rejectHTTP
	}
	return ""
}

// isZlib recognises the header of RFC 1950 section 2.2 as deflate writes it, with
// bytes behind it that no text has: "x^2" is text.
func isZlib(p []byte) bool {
	if p[0] != 0x78 || (int(p[0])<<8|int(p[1]))%31 != 0 {
		return false
	}
	for _, c := range p[1:min(len(p), 32)] {
		if c >= 0x80 || c < '\t' {
			return true
		}
	}
	return false
}

// isHTTP recognises a request line of HTTP/1, RFC 9112 section 3.
func isHTTP(p []byte) bool {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		return false
	}
	line := bytes.TrimSuffix(p[:end], []byte("\r"))
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || len(target) == 0 || (string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0") {
		return false
	}
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "DELETE":
		return true
	}
	return false
}
