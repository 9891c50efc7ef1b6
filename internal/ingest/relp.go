package ingest

import (
	"errors"
	"net/netip"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/relp"
)

// RELP says how messages that come by RELP are answered.
type RELP struct {
	// Due is when a message is answered.
	Due event.Due
	// MaxUnacked is how many messages of a connection may be unanswered.
	MaxUnacked int
}

// ErrNoMemory ends a RELP connection whose partial frame had to be given up: its sender
// sends the message again.
var ErrNoMemory = errors.New("the memory for messages that have not ended is full")

// NewRELPStream returns the stream of a RELP connection. Its messages are those of the frames
// syslog; the session is told of all frames. A message that has not ended when the connection
// does is left to the sender.
func NewRELPStream(s *Source, t ledger.Transport, peer netip.Addr, m *PartialMemory, session *relp.Session, giveUp func()) *Stream {
	st := NewStream(s, t, peer, m, giveUp)
	st.session = session
	return st
}

// Err is why no further frame of a RELP stream can be taken.
func (s *Stream) Err() error { return s.err }

// feedFrames takes the frames that were read, within a read of the Batcher.
func (s *Stream) feedFrames(p []byte) {
	b := s.batcher
	b.receipt = s.session
	defer func() { b.receipt = nil }()
	for len(s.partial) != 0 && len(p) != 0 && !s.ended() {
		_, _, more, _ := relp.Next(s.partial) // it was without an error before
		k := min(more, len(p))
		s.partial, p = append(s.partial, p[:k]...), p[k:]
		if len(s.frames(s.partial)) == 0 {
			s.partial = s.partial[:0]
		}
	}
	if p = s.frames(p); s.ended() {
		s.partial = nil
	} else {
		s.partial = append(s.partial, p...)
	}
	if s.session.Flush() && b.open.underWay.n.Load() == 0 {
		// Its sender waits for this batch, and no other one is on its way to free it.
		b.open.sealAll()
	}
}

// frames takes the whole frames off the front of p and returns the rest.
func (s *Stream) frames(p []byte) []byte {
	for len(p) != 0 && !s.ended() {
		f, n, _, err := relp.Next(p)
		if err != nil {
			s.batcher.read.framing++
			s.refuse(err)
		}
		if n == 0 {
			break
		}
		p = p[n:]
		message, err := s.session.Take(f)
		if message {
			s.settings()
			s.batcher.number = f.Txnr
			if d := s.batcher.message(s.sender, f.Data, false, false); d != notDropped && d != dropShutdown {
				s.session.Drop(f.Txnr)
			}
			continue
		}
		if err != nil {
			s.refuse(err)
		}
		s.left = s.session.Leaving()
	}
	return p
}

// refuse ends the stream with an error. What it has brought is still answered.
func (s *Stream) refuse(err error) {
	s.err = err
	s.session.Leave(nil)
}

// ended reports whether nothing more of a RELP stream is taken.
func (s *Stream) ended() bool { return s.left || s.err != nil }
