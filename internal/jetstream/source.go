package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"syslog-gateway/internal/event"
)

const (
	// fetchTime is how long the servers look for a record before they are asked again.
	fetchTime = 3 * time.Second
	// firstDelay is how long a record that was given back waits, the first time. Each time
	// doubles it, up to lastDelay.
	firstDelay = 500 * time.Millisecond
	lastDelay  = 30 * time.Second
)

// dropDamaged is the reason for records whose body is not what was stored.
const dropDamaged = "corrupt"

// Source gives out the records of a stream, to this gateway and to others. It is what package
// hec takes records from.
type Source struct {
	stream      *Stream
	redelivered atomic.Uint64

	mu    sync.Mutex
	held  map[uint64]*held
	ready chan struct{} // closed when the stream became ready
}

// held is a record that was given out.
type held struct {
	message js.Msg
	source  string
	events  int
	given   uint64 // how often the servers gave it out
}

func newSource(s *Stream) *Source {
	return &Source{stream: s, held: map[uint64]*held{}, ready: make(chan struct{})}
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

// Next waits for a record and takes it. Its body is in new memory. It is asked for when the
// caller has time for it: nothing waits here while its time runs out.
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
		consumer := s.stream.state.Load().consumer
		if consumer == nil { // it is not as it must be any more
			s.sleep()
			continue
		}
		m, err := fetch(ctx, consumer)
		if err != nil {
			return event.Record{}, fmt.Errorf("stream %s: %w", s.stream.name, err)
		}
		if m == nil {
			continue
		}
		if r, ok := s.take(m); ok {
			return r, nil
		}
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

// fetch asks the servers for one message. It returns nil if they have none for a while.
func fetch(ctx context.Context, consumer js.Consumer) (js.Msg, error) {
	limit, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	batch, err := consumer.Fetch(1, js.FetchContext(limit))
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		return m, nil
	}
	err = batch.Error()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, nil
	}
	return nil, err
}

// take makes the record of a message the caller's. What is damaged is not given out.
func (s *Source) take(m js.Msg) (event.Record, bool) {
	about, err := m.Metadata()
	if err != nil {
		return event.Record{}, false
	}
	r, err := recordOf(m.Headers(), m.Data())
	c := s.stream.cluster
	if err != nil {
		c.log.Error("a message of the stream is not what was stored; it is taken out and not delivered",
			"stream", s.stream.name, "sequence", about.Sequence.Stream, "subject", m.Subject(), "error", err)
		if r.Source != "" && r.Events > 0 {
			a := c.options.Ledger.Account(r.Source)
			a.Take(r.Events)
			a.DropQueued(dropDamaged, r.Events)
		}
		_ = m.TermWithReason(err.Error())
		return r, false
	}
	r.Seq = about.Sequence.Stream
	if about.NumDelivered > 1 {
		s.redelivered.Add(1)
	}
	c.options.Ledger.Account(r.Source).Take(r.Events)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[r.Seq] = &held{message: m, source: r.Source, events: r.Events, given: about.NumDelivered}
	return r, true
}

// release takes a record off those that are held. It returns nil if it is not held.
func (s *Source) release(seq uint64) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[seq]
	delete(s.held, seq)
	return h
}

// Ack takes a record out of the stream, and waits until the servers confirm it. If they do
// not, the record is given out again.
func (s *Source) Ack(seq uint64) bool {
	h := s.release(seq)
	if h == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := h.message.DoubleAck(ctx); err != nil {
		s.stream.cluster.metrics.unconfirmed.WithLabelValues(s.stream.name).Inc()
		s.stream.cluster.warn("the cluster did not confirm that a record was delivered; it may be delivered again", err)
	}
	return true
}

// Nack gives a record back. Any gateway gets it again, after a while.
func (s *Source) Nack(seq uint64) {
	h := s.release(seq)
	if h == nil {
		return
	}
	s.stream.cluster.options.Ledger.Account(h.source).GiveBack(h.events)
	delay := min(lastDelay, firstDelay<<min(h.given-1, 10))
	_ = h.message.NakWithDelay(delay) // if it is lost, the time of the record runs out
}

// Abandoned is false: nothing drops a record that was given out.
func (s *Source) Abandoned(uint64) bool { return false }

// keep tells the servers that the records at hand are worked on.
func (s *Source) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		_ = h.message.InProgress() // if it is lost, the next one follows
	}
}

// holding returns how many records are held.
func (s *Source) holding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}
