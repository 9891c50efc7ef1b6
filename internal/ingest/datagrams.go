package ingest

import (
	"net/netip"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
)

// maxSenders bounds what is remembered of senders, and so the memory that spoofed
// addresses can take: about 300 bytes each.
const maxSenders = 16384

// Datagrams gives the datagrams of one UDP port to a Batcher and remembers who sends
// them. When its memory for senders is full it begins anew. It is for one goroutine;
// several may share a Batcher.
type Datagrams struct {
	source  *Source
	batcher *Batcher
	senders map[netip.Addr]*sender
	last    netip.Addr // of the datagram before
	lastBy  *sender
	clients clients // the senders behind proxies
}

// NewDatagrams returns the Datagrams of a source's port that feed a Batcher.
func NewDatagrams(s *Source, b *Batcher) *Datagrams {
	return &Datagrams{source: s, batcher: b, senders: make(map[netip.Addr]*sender)}
}

// Begin starts a read: the datagrams that follow were received now. It blocks while the
// Batcher does.
func (d *Datagrams) Begin(now time.Time) { d.batcher.begin(now) }

// Take takes one datagram of a read, which may contain several messages.
func (d *Datagrams) Take(p []byte, from netip.Addr) { d.take(p, d.sender(from)) }

func (d *Datagrams) take(p []byte, s *sender) {
	for {
		msg, rest := syslog.Datagram(p)
		d.batcher.message(s, msg, false, false)
		if len(rest) == 0 {
			return
		}
		p = rest
	}
}

// End ends a read.
func (d *Datagrams) End() { d.batcher.end() }

// sender returns the sender with an address, made for the source's present settings.
func (d *Datagrams) sender(addr netip.Addr) *sender {
	f := d.source.format.Load()
	if addr == d.last && d.lastBy != nil && d.lastBy.format == f {
		return d.lastBy
	}
	s := d.senders[addr]
	if s == nil || s.format != f {
		if len(d.senders) >= maxSenders {
			clear(d.senders)
		}
		s = newSender(f, ledger.UDP, addr, netip.Addr{}, d.source.port)
		d.senders[addr] = s
	}
	d.last, d.lastBy = addr, s
	return s
}
