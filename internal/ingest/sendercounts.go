package ingest

import (
	"bytes"
	"net/netip"

	"syslog-gateway/internal/senders"
)

// senderCounts counts for each sender, and for each host behind it, the messages of one
// read, and writes the counts to the table of senders at its end. While messages of one host
// follow one another, a message costs two comparisons: the Batcher calls count only when
// the sender or the host changes.
type senderCounts struct {
	table  *senders.Table // optional
	source string

	sender        *sender // of the message before
	host          []byte  // that it named
	current       *hostCounts
	events, bytes int // of the read when current began

	byHost map[hostKey]*hostCounts // of senders with several hosts; bounded
	recent [64]recentHost
	active []*hostCounts // that count something in this read
}

// hostCounts counts the messages of this read from a host at an address, or all messages
// of an address that name no host.
type hostCounts struct {
	entry  *senders.Entry
	addr   netip.Addr
	host   []byte // nil: the messages name none
	name   string // of the sender
	active bool   // is in senderCounts.active
	events int
	bytes  int
	times  senders.Times
	// Those of the events have a class, those of the dropped messages have a reason.
	mix     senders.Mix
	dropped senders.Dropped
}

// recentHost is what was found last in its place.
type recentHost struct {
	addr   netip.Addr // of the sender
	host   []byte     // as the message named it
	counts *hostCounts
}

// hostKey finds the hosts of an address after its first one: those behind a relay.
type hostKey struct {
	addr netip.Addr
	host string
}

// count adds the messages since its last call to the current host, and makes the host of
// the message at hand current. A nil sender ends the read. events and bytes are the totals
// of the read so far.
func (c *senderCounts) count(s *sender, host []byte, events, bytes int) {
	if h := c.current; h != nil {
		h.events += events - c.events
		h.bytes += bytes - c.bytes
	}
	c.sender, c.host, c.current, c.events, c.bytes = s, nil, nil, events, bytes
	if s == nil || s.refused != notDropped || c.table == nil {
		return
	}
	h := c.of(s, host)
	if !h.active {
		h.active = true
		c.active = append(c.active, h)
	}
	c.current, c.host = h, h.host
	if h.host == nil && len(host) > 0 {
		c.host = s.address // a device that gives its address as its name
	}
}

// of finds the counts of a host. The sender knows those of its first host, which is mostly the
// only one.
func (c *senderCounts) of(s *sender, host []byte) *hostCounts {
	if s.counts != nil && len(host) != 0 && bytes.Equal(s.counts.host, host) {
		return s.counts
	}
	n := uint(len(host))
	if n != 0 {
		n += 7*uint(host[0]) + 31*uint(host[n/2]) + uint(host[n-1])
	}
	recent := &c.recent[n%uint(len(c.recent))]
	if recent.counts == nil || recent.addr != s.from.Address || !bytes.Equal(recent.host, host) {
		recent.addr, recent.host, recent.counts = s.from.Address, append(recent.host[:0], host...), c.find(s, host)
	}
	return recent.counts
}

// find is of for a host that is not among the recent ones: it looks up those behind a relay.
func (c *senderCounts) find(s *sender, host []byte) *hostCounts {
	if len(host) == 0 || bytes.Equal(host, s.address) { // as in namesItself
		host = nil
	}
	if s.counts == nil {
		s.counts = c.newCounts(s, host)
	}
	if bytes.Equal(s.counts.host, host) {
		return s.counts
	}
	if h := c.byHost[hostKey{s.from.Address, string(host)}]; h != nil {
		return h
	}
	if len(c.byHost) >= maxSenders {
		clear(c.byHost)
	}
	if c.byHost == nil {
		c.byHost = make(map[hostKey]*hostCounts)
	}
	h := c.newCounts(s, host)
	c.byHost[hostKey{s.from.Address, string(host)}] = h
	return h
}

func (c *senderCounts) newCounts(s *sender, host []byte) *hostCounts {
	h := &hostCounts{addr: s.from.Address, host: bytes.Clone(host), name: string(s.name)}
	c.openEntry(h)
	return h
}

// openEntry finds the entry of a host in the table.
func (c *senderCounts) openEntry(h *hostCounts) {
	h.entry = c.table.Entry(c.source, h.addr, string(h.host))
	if h.host == nil {
		h.entry.SetName(h.name)
	}
}

// flush ends a read, which was received at a time in nanoseconds since 1970, and writes
// the counts to the table.
func (c *senderCounts) flush(events, bytes int, received int64) {
	c.count(nil, nil, events, bytes)
	for i, h := range c.active {
		if !h.entry.Add(h.events, h.bytes, received, &h.times) { // the table has given the entry up
			c.openEntry(h)
			h.entry.Add(h.events, h.bytes, received, &h.times)
		}
		h.entry.AddOutcome(&h.mix, h.dropped)
		h.events, h.bytes, h.active, h.times, h.mix, h.dropped = 0, 0, false, senders.Times{}, senders.Mix{}, senders.Dropped{}
		c.active[i] = nil
	}
	c.active = c.active[:0]
}
