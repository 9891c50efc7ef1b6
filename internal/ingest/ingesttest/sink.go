// Package ingesttest has what tests need behind an ingest.Batcher.
package ingesttest

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"syslog-gateway/internal/event"
)

// Sink keeps the events that it is handed. It is an ingest.Sink.
type Sink struct {
	Pool *event.Pool
	// Block, when set, makes Handle wait until it is closed.
	Block chan struct{}
	// More gets a value when there are more events.
	More chan struct{}
	// Hold, when set, keeps receipts back until Settle.
	Hold bool

	mu     sync.Mutex
	held   []event.Receipts
	lines  [][]byte
	events int
}

// NewSink returns a sink for batches of a pool.
func NewSink(p *event.Pool) *Sink { return &Sink{Pool: p, More: make(chan struct{}, 1)} }

// Handle implements ingest.Sink.
func (s *Sink) Handle(b *event.Batch) error {
	if s.Block != nil {
		<-s.Block
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Account.Accept(b.Events)
	for line := range bytes.Lines(b.Data) {
		s.lines = append(s.lines, bytes.Clone(line))
	}
	s.events += b.Events
	if s.Hold {
		s.held = append(s.held, b.Receipts)
	} else {
		b.Receipts.Settle()
	}
	s.Pool.Put(b)
	select {
	case s.More <- struct{}{}:
	default:
	}
	return nil
}

// Settle gives the receipts that are held, the last batch first, and holds no more.
func (s *Sink) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.held) {
		r.Settle()
	}
	s.held, s.Hold = nil, false
}

// Count is how many events the sink has.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// Lines are the events as they came.
func (s *Sink) Lines() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.lines...)
}

// Event is an event as HEC reads it.
type Event struct {
	Time       json.Number       `json:"time"`
	Host       string            `json:"host"`
	Source     string            `json:"source"`
	Sourcetype string            `json:"sourcetype"`
	Index      string            `json:"index"`
	Event      string            `json:"event"`
	Fields     map[string]string `json:"fields"`
}

// Decode reads all events; every line must be one whole JSON object.
func (s *Sink) Decode(t *testing.T) []Event {
	t.Helper()
	lines := s.Lines()
	all := make([]Event, len(lines))
	for i, line := range lines {
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&all[i]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return all
}
