package listener

import (
	"bytes"
	"net/netip"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
)

// Replay puts bytes through the same code as a socket does: framing, parsing,
// encoding, batching. It is for one goroutine.
type Replay struct {
	source   *Source
	intake   *Intake
	stream   *stream
	datagram *udpPort // in place of the stream
	from     netip.Addr
}

// NewReplay returns a replay of a TCP connection from a sender to a source, with the
// given framing.
func NewReplay(o SourceOptions, b Batching, books *ledger.Ledger, framing syslog.Framing, from netip.Addr) *Replay {
	b.InOrder = true // people want to see the events in the order of the lines
	r := &Replay{source: newSource(o, books), from: from}
	r.intake = newIntake(r.source.account, ledger.TCP, b)
	r.stream = newStream(r.source, ledger.TCP, r.intake, from, newHoard(nil))
	r.stream.framer.Mode = framing
	r.stream.begun = true // whatever the first bytes are, they are wanted
	return r
}

// NewDatagramReplay returns a replay of datagrams; each Write is one.
func NewDatagramReplay(o SourceOptions, b Batching, books *ledger.Ledger, from netip.Addr) *Replay {
	b.InOrder = true
	r := &Replay{source: newSource(o, books), from: from}
	r.intake = newIntake(r.source.account, ledger.UDP, b)
	r.datagram = &udpPort{
		source: r.source,
		intake: r.intake,
		known:  knownSenders{source: r.source, by: make(map[netip.Addr]*sender)},
	}
	return r
}

// Write takes what was received at a time.
func (r *Replay) Write(p []byte, received time.Time) {
	if r.datagram == nil {
		_ = r.stream.feed(p, received)
		return
	}
	r.intake.begin(received)
	defer r.intake.end()
	r.datagram.datagram(&r.datagram.known, bytes.TrimSuffix(p, []byte("\n")), r.from)
}

// Close takes the end of the stream and hands over what is open.
func (r *Replay) Close(received time.Time) {
	if r.datagram == nil {
		r.stream.finish(received)
	}
	r.intake.close()
}
