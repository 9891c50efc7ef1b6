package relp

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
)

// The errors of a client that speaks RELP and asks for what there is not. The frame that
// caused one is answered with 500, and the connection ends.
var (
	ErrNotOpen = errors.New("a command came before open")
	ErrVersion = errors.New("open offers no version, or one that is not a number")
	ErrUnknown = errors.New("the command is not open, syslog or close")
)

// serverClose is the hint that the connection ends.
const serverClose = "0 serverclose 0\n"

// window is the least number of unanswered messages that may be all that the sender has in
// its window: rsyslog's default is 128, of which TCP may hold back what does not fill a
// segment.
const window = 100

// Session is the state of one connection. Take, Drop, Flush and Leave are for who reads it,
// Answers and Answered for who writes it, and any goroutine may call the others.
type Session struct {
	open    bool // the client has said open
	taken   int  // messages since Flush
	dropped []span

	wake, room, gone chan struct{}
	gauge            *atomic.Int64

	mu         sync.Mutex
	control    []byte // the answer to open
	done       []span // to be answered
	doneCount  int
	unanswered int
	most       int    // the most that were ever unanswered
	leaving    bool   // nothing more is taken
	farewell   []byte // written when all is answered
	over       bool
}

// span is the messages of consecutive numbers.
type span struct{ first, last uint32 }

// NewSession returns the session of a new connection. What is unanswered in it is added to
// gauge.
func NewSession(gauge *atomic.Int64) *Session {
	return &Session{
		gauge: gauge,
		wake:  make(chan struct{}, 1), room: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// Take takes a frame. message says that its data is a message: for each such frame either
// Acknowledge or Drop is to be called, or the sender sends the message again. After an
// error or a close no further frame is to be taken (Leaving).
func (s *Session) Take(f Frame) (message bool, err error) {
	switch command := string(f.Command); {
	case s.open && command == "syslog":
		s.taken++
		return true, nil
	case command == "close":
		s.Leave(append(respond(nil, f.Txnr, ""), serverClose...))
		return false, nil
	case command == "open" && !s.open:
		err = s.begin(f)
	case command == "open" || command == "syslog":
		err = ErrNotOpen
		if s.open {
			err = ErrUnknown // a second open
		}
	default:
		err = ErrUnknown
	}
	if err != nil {
		s.Leave(append(respond(nil, f.Txnr, "500 "+err.Error()), serverClose...))
		return false, fmt.Errorf("command %.32q: %w", f.Command, err)
	}
	return false, nil
}

// begin takes an open. Whatever version is offered, the answer is ours, which is the only
// one that librelp has.
func (s *Session) begin(f Frame) error {
	if _, err := strconv.Atoi(string(offers(f.Data))); err != nil {
		return ErrVersion
	}
	s.open = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control = respond(s.control, f.Txnr, "200 OK\nrelp_version=0\nrelp_software=syslog-gateway\ncommands=syslog")
	s.signal(s.wake)
	return nil
}

// respond appends the frame that answers another one.
func respond(dst []byte, txnr uint32, text string) []byte {
	dst = append(strconv.AppendUint(dst, uint64(txnr), 10), " rsp "...)
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	if text != "" {
		dst = append(append(dst, ' '), text...)
	}
	return append(dst, '\n')
}

// Drop says that the message with that number, which was taken last, ends in no batch: it
// is answered at the next Flush.
func (s *Session) Drop(txnr uint32) { s.dropped = extend(s.dropped, span{txnr, txnr}) }

// Flush ends a read: what was taken since the last one counts as unanswered. full says that
// the sender has probably nothing left in its window and waits for answers.
func (s *Session) Flush() (full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	s.most = max(s.most, s.unanswered)
	return s.unanswered >= max(window, s.most-s.most/8)
}

func (s *Session) flush() {
	s.count(s.taken)
	s.taken = 0
	if len(s.dropped) != 0 {
		for _, d := range s.dropped {
			s.add(d)
		}
		s.dropped = s.dropped[:0]
		s.signal(s.wake)
	}
}

// Acknowledge says that the messages with the numbers from first to last are in good hands:
// they are answered.
func (s *Session) Acknowledge(first, last uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.add(span{first, last})
	s.signal(s.wake)
}

func (s *Session) add(d span) {
	s.done = extend(s.done, d)
	s.doneCount += int(d.last-d.first) + 1
}

// extend appends a span, or lengthens the last one.
func extend(spans []span, d span) []span {
	if n := len(spans); n != 0 && spans[n-1].last+1 == d.first {
		spans[n-1].last = d.last
		return spans
	}
	return append(spans, d)
}

// Answers appends to dst what is to be written now, and returns how many messages that
// answers. last says that nothing follows.
func (s *Session) Answers(dst []byte) (p []byte, n int, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst = append(dst, s.control...)
	s.control = nil
	for _, d := range s.done {
		for txnr := d.first; txnr <= d.last; txnr++ {
			dst = append(strconv.AppendUint(dst, uint64(txnr), 10), " rsp 6 200 OK\n"...)
		}
	}
	n = s.doneCount
	s.done, s.doneCount = s.done[:0], 0
	if s.leaving && s.unanswered == n {
		return append(dst, s.farewell...), n, true
	}
	return dst, n, false
}

// Answered says that n answers are written.
func (s *Session) Answered(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(-n)
	s.signal(s.room)
}

func (s *Session) count(n int) {
	s.unanswered += n
	if !s.over {
		s.gauge.Add(int64(n))
	}
}

// Leave ends the session in good order: nothing more is taken, what is unanswered is waited
// for, then the farewell is written. A nil one is the hint that the connection ends. Only
// the first call has an effect.
func (s *Session) Leave(farewell []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	if farewell == nil {
		farewell = []byte(serverClose)
	}
	s.flush()
	s.leaving, s.farewell = true, farewell
	s.signal(s.wake)
	s.signal(s.room)
}

// Leaving reports whether nothing more is to be taken.
func (s *Session) Leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// Abandon ends the session at once: nothing more is written.
func (s *Session) Abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.gauge.Add(-int64(s.unanswered))
	s.over, s.leaving = true, true
	s.done, s.doneCount = nil, 0
	close(s.gone)
}

// Wake receives when Answers has something to write. Gone is closed by Abandon.
func (s *Session) Wake() <-chan struct{} { return s.wake }

// Gone is closed when the session is abandoned.
func (s *Session) Gone() <-chan struct{} { return s.gone }

// AwaitRoom blocks while most messages or more are unanswered, until the session ends.
func (s *Session) AwaitRoom(most int) {
	for {
		s.mu.Lock()
		room := s.leaving || s.unanswered < most
		s.mu.Unlock()
		if room {
			return
		}
		select {
		case <-s.room:
		case <-s.gone:
			return
		}
	}
}

// Unanswered is how many messages were taken and not answered.
func (s *Session) Unanswered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unanswered
}

// signal wakes who waits for c, once.
func (s *Session) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
