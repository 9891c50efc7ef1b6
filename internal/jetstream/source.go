package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/event"
)

const (
	// fetchTime is how long the servers look for a record before they are asked again. A stop
	// waits for their answer: a record that is on its way here while nobody listens would
	// come to another gateway when its time has run out.
	fetchTime = time.Second
	// reconnectPause is how often a source looks whether there is a connection again.
	reconnectPause = 100 * time.Millisecond
	// retryPause is how long a source waits before it takes or acknowledges a record again.
	retryPause = 500 * time.Millisecond
	// maxConfirms bounds the acknowledgements that wait for the servers.
	maxConfirms = 1024
	// firstDelay is how long a record that was given back waits, the first time. Each time
	// doubles it, up to lastDelay.
	firstDelay = 500 * time.Millisecond
	lastDelay  = 30 * time.Second
)

// What a gateway says of a record that it got (docs.nats.io, "Consumers", acknowledgements).
const (
	ackDone  = "+ACK"
	ackBack  = `-NAK {"delay": %d}` // nanoseconds until it is given out again
	ackWorks = "+WPI"
	ackNever = "+TERM " // and why
)

// The answers to who asks for a record and gets none.
const (
	noneThere  = "404"
	noneInTime = "408"
)

// nextOne asks for one record within fetchTime.
var nextOne = fmt.Appendf(nil, `{"batch": 1, "expires": %d}`, fetchTime)

// dropDamaged is the reason for records whose body is not what was stored.
const dropDamaged = "corrupt"

// Source gives out the records of a stream, to this gateway and to others. It is what package
// hec takes records from.
type Source struct {
	stream      *Stream
	nextSubject string // where records are asked for
	redelivered atomic.Uint64
	removed     atomic.Uint64 // records that the servers have removed, as this gateway said

	confirming sync.WaitGroup
	confirms   chan struct{} // a place for each acknowledgement that waits

	mu      sync.Mutex
	inboxes []inbox // those that nobody uses now; as many as fetch at a time
	held    map[uint64]*held
	ready   chan struct{} // closed when the stream became ready
}

// held is a record that was given out and that the servers have not taken back yet.
type held struct {
	reply  string // where the servers hear of it
	source string
	events int
	given  uint64    // how often the servers gave it out
	done   bool      // delivered; the servers have not confirmed it yet
	told   time.Time // when the servers heard of it last
}

func newSource(s *Stream) *Source {
	next := js.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + s.name + "." + consumerName
	return &Source{stream: s, nextSubject: next, held: map[uint64]*held{}, ready: make(chan struct{}), confirms: make(chan struct{}, maxConfirms)}
}

// wake lets those go on who wait for the stream.
func (s *Source) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// Next waits for a record and takes it, also while the servers are away: the only error is that
// of ctx, and comes within fetchTime or, if they do not answer, twice that. The body is in new
// memory. A record is asked for when the caller has time for it: nothing waits here while its
// time runs out.
func (s *Source) Next(ctx context.Context, _ []byte) (event.Record, error) {
	for {
		s.mu.Lock()
		ready := s.ready
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return event.Record{}, ctx.Err()
		case <-ready:
		}
		if s.stream.state.Load().consumer == nil { // it is not as it must be any more
			s.sleep()
			continue
		}
		if !s.stream.cluster.conn.IsConnected() { // each Fetch would leave a subscription behind
			pause(ctx, reconnectPause)
			continue
		}
		m, err := s.fetch()
		if err != nil { // such as a leader that is elected: the caller's own pauses are longer
			s.stream.cluster.warn("no record can be taken from a stream; it is tried again", fmt.Errorf("stream %s: %w", s.stream.name, err))
			pause(ctx, retryPause)
			continue
		}
		if m == nil {
			continue
		}
		r, ok := s.take(m)
		if ok && ctx.Err() != nil { // it came while the caller stopped
			s.giveBack(r.Seq, atOnce)
			return event.Record{}, ctx.Err()
		}
		if ok {
			return r, nil
		}
	}
}

// pause waits, at most until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// sleep lets those wait who ask next, until the stream is ready again.
func (s *Source) sleep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ready:
		s.ready = make(chan struct{})
	default:
	}
}

// fetch asks the servers for one message. It returns nil if they have none for fetchTime. The
// library's own way to fetch makes a subscription for each message, of which all servers hear;
// here one is used again, unless an answer to it may still come.
func (s *Source) fetch() (*nats.Msg, error) {
	c := s.stream.cluster
	in, err := s.inbox()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*fetchTime)
	defer cancel()
	if err = c.conn.PublishRequest(s.nextSubject, in.Subject, nextOne); err != nil {
		return nil, errors.Join(err, in.Unsubscribe())
	}
	var m *nats.Msg
	select {
	case m = <-in.messages:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), in.Unsubscribe())
	}
	switch status := m.Header.Get("Status"); status {
	case noneThere, noneInTime:
		m = nil
	case "":
	default: // another answer may follow
		return nil, errors.Join(fmt.Errorf("the servers answer %s %s", status, m.Header.Get("Description")), in.Unsubscribe())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxes = append(s.inboxes, in)
	return m, nil
}

// inbox is where a message arrives that was asked for.
type inbox struct {
	*nats.Subscription
	messages chan *nats.Msg
}

// inbox returns one that nobody uses.
func (s *Source) inbox() (inbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.inboxes); n > 0 {
		in := s.inboxes[n-1]
		s.inboxes = s.inboxes[:n-1]
		return in, nil
	}
	in := inbox{messages: make(chan *nats.Msg, 4)}
	conn := s.stream.cluster.conn
	var err error
	in.Subscription, err = conn.ChanSubscribe(conn.NewInbox(), in.messages)
	return in, err
}

// take makes the record of a message the caller's. What is damaged is not given out.
func (s *Source) take(m *nats.Msg) (event.Record, bool) {
	about, err := m.Metadata()
	if err != nil {
		return event.Record{}, false
	}
	r, err := recordOf(m.Header, m.Data)
	c := s.stream.cluster
	if err != nil {
		c.log.Error("a message of the stream is not what was stored; it is taken out and not delivered",
			"stream", s.stream.name, "sequence", about.Sequence.Stream, "subject", m.Subject, "error", err)
		if r.Source != "" && r.Events > 0 {
			a := c.options.Ledger.Account(r.Source)
			a.Take(r.Events)
			a.DropQueued(dropDamaged, r.Events)
		}
		if c.conn.Publish(m.Reply, []byte(ackNever+err.Error())) == nil {
			s.removed.Add(1)
		}
		return r, false
	}
	r.Seq = about.Sequence.Stream
	if about.NumDelivered > 1 {
		s.redelivered.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[r.Seq]; h != nil { // its time ran out, and it is still at hand
		h.reply, h.given, h.told = m.Reply, about.NumDelivered, time.Now()
		return r, false
	}
	c.options.Ledger.Account(r.Source).Take(r.Events)
	s.held[r.Seq] = &held{reply: m.Reply, source: r.Source, events: r.Events, given: about.NumDelivered, told: time.Now()}
	return r, true
}

// Ack takes a record out of the stream. It does not wait until the servers confirm that: they
// are told until they do, and the record is not given to the caller again meanwhile. If they
// do not before the end, the record is given out again.
func (s *Source) Ack(seq uint64) bool {
	s.mu.Lock()
	h := s.held[seq]
	if h == nil || h.done {
		s.mu.Unlock()
		return false
	}
	h.done = true
	s.mu.Unlock()
	select {
	case s.confirms <- struct{}{}:
		s.confirming.Go(func() {
			s.confirm(seq, h)
			<-s.confirms
		})
	default:
		s.unconfirmed(errors.New("too many acknowledgements wait"))
		s.release(seq)
	}
	return true
}

// confirm tells the servers that a record is delivered until they confirm it.
func (s *Source) confirm(seq uint64, h *held) {
	defer s.release(seq)
	c := s.stream.cluster
	for n := 0; ; n++ {
		s.mu.Lock()
		reply := h.reply
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.lasting, answerTime)
		_, err := c.conn.RequestWithContext(ctx, reply, []byte(ackDone))
		cancel()
		if err == nil {
			s.removed.Add(1)
			return
		}
		if n == 0 {
			s.unconfirmed(err)
		}
		if pause(c.lasting, retryPause<<min(n, 3)); c.lasting.Err() != nil {
			return
		}
	}
}

func (s *Source) unconfirmed(err error) {
	c := s.stream.cluster
	c.metrics.unconfirmed.WithLabelValues(s.stream.name).Inc()
	c.warn("the cluster did not confirm that a record was delivered; it may be delivered again", err)
}

// release takes a record off those that are held.
func (s *Source) release(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, seq)
}

// Nack gives a record back. Any gateway gets it again, after a while.
func (s *Source) Nack(seq uint64) {
	s.giveBack(seq, func(given uint64) time.Duration { return min(lastDelay, firstDelay<<min(given-1, 10)) })
}

// giveBack gives a record back, which is given out again after a delay. The delay depends on
// how often that was done.
func (s *Source) giveBack(seq uint64, delay func(given uint64) time.Duration) {
	s.mu.Lock()
	h := s.held[seq]
	if h == nil || h.done {
		s.mu.Unlock()
		return
	}
	delete(s.held, seq)
	s.mu.Unlock()
	c := s.stream.cluster
	c.options.Ledger.Account(h.source).GiveBack(h.events)
	_ = c.conn.Publish(h.reply, fmt.Appendf(nil, ackBack, delay(h.given))) // if it is lost, the time of the record runs out
}

func atOnce(uint64) time.Duration { return 0 }

// Abandoned is false: nothing drops a record that was given out.
func (s *Source) Abandoned(uint64) bool { return false }

// keep tells the servers of the records of which they have not heard for so long that they
// are worked on. The lock is not held meanwhile: a connection may be slow.
func (s *Source) keep(now time.Time, silence time.Duration) {
	var replies []string
	s.mu.Lock()
	for _, h := range s.held {
		if now.Sub(h.told) >= silence {
			h.told = now
			replies = append(replies, h.reply)
		}
	}
	s.mu.Unlock()
	for _, reply := range replies {
		_ = s.stream.cluster.conn.Publish(reply, []byte(ackWorks)) // if it is lost, the next one follows
	}
}

// holding returns how many records are held.
func (s *Source) holding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// holdingEvents returns how many events were taken and are not finished.
func (s *Source) holdingEvents() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if !h.done {
			n += int64(h.events)
		}
	}
	return n
}
