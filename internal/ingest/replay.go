package ingest

import (
	"bytes"
	"net/netip"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
)

// Replay gives bytes to the same code as a socket does: framing, parsing, encoding,
// batching. It keeps the events in the order of the messages. It is for one goroutine.
type Replay struct {
	batcher   *Batcher
	stream    *Stream
	datagrams *Datagrams // instead of the stream
	from      netip.Addr
}

// NewStreamReplay returns a replay of a TCP connection from a sender, with the given
// framing.
func NewStreamReplay(s *Source, o Options, framing syslog.Framing, from netip.Addr) *Replay {
	o.InOrder = true
	r := &Replay{batcher: NewBatcher(s, ledger.TCP, o), from: from}
	r.stream = NewStream(s, ledger.TCP, from, NewPartialMemory(nil), nil)
	r.stream.Attach(r.batcher)
	r.stream.framer.Mode = framing
	return r
}

// NewDatagramReplay returns a replay of datagrams from a sender; each Write is one.
func NewDatagramReplay(s *Source, o Options, from netip.Addr) *Replay {
	o.InOrder = true
	r := &Replay{batcher: NewBatcher(s, ledger.UDP, o), from: from}
	r.datagrams = NewDatagrams(s, r.batcher)
	return r
}

// Write takes the bytes that were received at a time.
func (r *Replay) Write(p []byte, received time.Time) {
	if r.stream != nil {
		r.stream.Feed(p, received)
		return
	}
	r.datagrams.Begin(received)
	defer r.datagrams.End()
	r.datagrams.Take(bytes.TrimSuffix(p, []byte("\n")), r.from)
}

// Close takes the end of the input and hands over all open batches.
func (r *Replay) Close(received time.Time) {
	if r.stream != nil {
		r.stream.Finish(received)
	}
	r.batcher.Close()
}
