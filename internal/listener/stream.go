package listener

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/syslog"
)

// maxTails bounds what all connections together keep of messages that have not
// ended yet, in bytes.
const maxTails = 64 << 20

// keptTail is the capacity up to which an empty tail keeps its memory.
const keptTail = 4 << 10

// stream is one TCP or TLS connection: its framing and the tail of the message that
// has begun. It belongs to the loop or goroutine that reads the connection.
type stream struct {
	source     *Source
	transport  event.Transport
	intake     *Intake
	peer       netip.Addr
	sender     *sender
	framer     syslog.Framer
	tail       []byte
	tails      *atomic.Int64 // memory of all tails, bytes
	begun      bool
	lastActive atomic.Int64 // seconds since 1970
	closing    bool         // its loop has been asked to close it; guarded by tcp.mu
	booked     int          // bytes of the tail in tails
}

func newStream(s *Source, t event.Transport, in *Intake, peer netip.Addr, tails *atomic.Int64) *stream {
	st := &stream{source: s, transport: t, intake: in, peer: peer, tails: tails}
	st.lastActive.Store(time.Now().Unix())
	return st
}

// feed takes what was read from the connection at a time. It returns a reason when
// this is no syslog and the connection is better closed.
func (s *stream) feed(p []byte, now time.Time) (reason string) {
	s.lastActive.Store(now.Unix())
	if !s.begun {
		if reason = foreign(p); reason != "" {
			s.source.account.Mark(0, 0, 1)
			return reason
		}
		s.begun = true
	}
	s.prepare()
	s.intake.begin(now)
	defer s.intake.end()
	if len(s.tail) != 0 {
		p = s.complete(p)
	}
	p = s.cut(p)
	if len(p) != 0 {
		s.tail = append(s.tail, p...)
	}
	s.bound()
	s.intake.turn.framing += s.framer.Errors
	s.framer.Errors = 0
	return ""
}

// finish takes the end of the connection: the last message may lack its trailer.
func (s *stream) finish(now time.Time) {
	if s.sender == nil || len(s.tail) == 0 {
		s.tail = nil
		s.book()
		return
	}
	s.intake.begin(now)
	defer s.intake.end()
	if msg, cut, ok := s.framer.Final(s.tail); ok {
		s.intake.message(s.sender, msg, cut)
	}
	s.intake.turn.framing += s.framer.Errors
	s.tail = nil
	s.book()
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
		s.intake.message(s.sender, msg, cut)
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
		s.tail = s.tail[:copy(s.tail, s.cut(s.tail))]
	}
	return p
}

// bound books the memory of the tail and keeps all tails together within their
// limit: over it, the message is delivered as far as it came.
func (s *stream) bound() {
	if len(s.tail) == 0 && cap(s.tail) > keptTail {
		s.tail = nil
	} else if cap(s.tail) > keptTail && len(s.tail) < cap(s.tail)/4 {
		s.tail = bytes.Clone(s.tail) // a little in a large buffer
	}
	if s.book() > maxTails && len(s.tail) > 0 {
		s.intake.message(s.sender, s.framer.Cut(s.tail), true)
		s.tail = nil
		s.book()
	}
}

// book brings what is booked for the tail up to date and returns the sum of all.
func (s *stream) book() int64 {
	grown := cap(s.tail) - s.booked
	s.booked += grown
	return s.tails.Add(int64(grown))
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
