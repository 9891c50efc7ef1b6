package senders

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// evictShare is the part of a full table that is removed at once, one in so many: enough
// that sorting is rare, few enough that little is forgotten.
const evictShare = 8

// maxName is the length of the longest host name (RFC 5424 section 6).
const maxName = 255

// key identifies a sender.
type key struct {
	source string
	addr   netip.Addr
	host   string // in its messages; empty if they have none
}

// Table has the senders of all sources. It is safe for concurrent use.
type Table struct {
	capacity int

	mu      sync.Mutex
	entries map[key]*Entry
	floor   uint64 // the largest count that was removed
}

// New returns a table for capacity senders.
func New(capacity int) *Table {
	return &Table{capacity: max(capacity, evictShare), entries: make(map[key]*Entry)}
}

// Entry is a sender: one host at one address of one source. It is safe for concurrent use.
type Entry struct {
	key   key
	floor uint64 // of the table when the entry was made

	events atomic.Uint64
	bytes  atomic.Uint64
	first  atomic.Int64 // nanoseconds since 1970
	last   atomic.Int64
	name   atomic.Pointer[string]
	gone   atomic.Bool

	times  atomic.Uint64 // a packed tally
	offset atomic.Int64  // of the last message whose time was off
	// The last unusually long pause, in nanoseconds since 1970. Messages that were delayed
	// by it are older than their receipt, which says nothing about the sender's zone.
	pausedFrom, pausedTo atomic.Int64

	outcome outcome
}

// Entry returns the entry of a host at an address, and makes it if there is none. host is
// empty for messages without a host.
func (t *Table) Entry(source string, addr netip.Addr, host string) *Entry {
	k := key{source, addr.Unmap().WithZone(""), host[:min(len(host), maxName)]}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[k]; e != nil {
		return e
	}
	if len(t.entries) >= t.capacity {
		t.evict()
	}
	e := &Entry{key: k, floor: t.floor}
	t.entries[k] = e
	return e
}

// evict removes the senders with the fewest messages; among equals, those that have been
// silent for longest.
func (t *Table) evict() {
	type aged struct {
		entry  *Entry
		events uint64
		last   int64
	}
	all := make([]aged, 0, len(t.entries))
	for _, e := range t.entries {
		all = append(all, aged{e, e.events.Load(), e.last.Load()})
	}
	slices.SortFunc(all, func(x, y aged) int {
		return cmp.Or(cmp.Compare(x.events, y.events), cmp.Compare(x.last, y.last))
	})
	for _, a := range all[:max(len(all)/evictShare, 1)] {
		a.entry.gone.Store(true)
		delete(t.entries, a.entry.key)
		t.floor = max(t.floor, a.entry.events.Load()+a.entry.floor)
	}
}

// Add adds what the sender sent up to the time at (nanoseconds since 1970), and the times
// in it. It returns false and adds nothing if the entry was removed from the table: get a
// new one.
func (e *Entry) Add(events, bytes int, at int64, t *Times) bool {
	if e.gone.Load() {
		return false
	}
	before := e.last.Load()
	if before != 0 && at-before > int64(aheadFrom) {
		e.recordPause(before, at)
	}
	e.events.Add(uint64(events))
	e.bytes.Add(uint64(bytes))
	e.first.CompareAndSwap(0, at)
	if before < at { // another loop may already have a later time
		e.last.Store(at)
	}
	if t.own > 0 {
		e.addTimes(t, at)
	}
	return true
}

// usualPauses is how many times a sender's average pause is still usual.
const usualPauses = 5

// recordPause remembers a pause that is unusually long.
func (e *Entry) recordPause(from, to int64) {
	usual := (from - e.first.Load()) / int64(max(e.events.Load(), 1))
	if to-from > usualPauses*usual {
		e.pausedFrom.Store(from)
		e.pausedTo.Store(to)
	}
}

// addTimes adds the times of one Add to the tally.
func (e *Entry) addTimes(t *Times, at int64) {
	counted := *t
	if counted.hits+counted.ahead > 0 {
		e.offset.Store(int64(t.offset))
		said := at + int64(t.offset)
		if from := e.pausedFrom.Load(); from != 0 && from-int64(near) <= said && said <= e.pausedTo.Load() {
			counted.own -= counted.hits
			counted.hits, counted.zoned = 0, 0
		}
	}
	for {
		old := e.times.Load()
		if e.times.CompareAndSwap(old, unpack(old).add(&counted).pack()) {
			return
		}
	}
}

// SetName sets the name of a sender whose messages have no host.
func (e *Entry) SetName(name string) {
	if name != "" {
		e.name.Store(&name)
	}
}

// Sender is a copy of an entry.
type Sender struct {
	Source  string
	Address netip.Addr
	Host    string // in its messages; empty if they have none
	Name    string // the host, or the name that was set
	Events  uint64
	Error   uint64 // at most so many more were sent before an earlier entry was removed
	Bytes   uint64
	First   time.Time
	Last    time.Time
	Skew    Skew
	Mix     Mix
	Dropped Dropped
}

// Senders returns all senders that have sent something, in no order.
func (t *Table) Senders() []Sender {
	t.mu.Lock()
	entries := slices.Collect(maps.Values(t.entries))
	t.mu.Unlock() // others wait for no longer than the copy takes
	all := make([]Sender, 0, len(entries))
	for _, e := range entries {
		last := e.last.Load()
		if last == 0 {
			continue
		}
		s := Sender{
			Source: e.key.source, Address: e.key.addr, Host: e.key.host, Name: e.key.host, Error: e.floor,
			Events: e.events.Load(), Bytes: e.bytes.Load(),
			First: time.Unix(0, e.first.Load()), Last: time.Unix(0, last),
			Skew: unpack(e.times.Load()).skew(time.Duration(e.offset.Load())),
		}
		s.Mix, s.Dropped = e.outcome.read()
		if name := e.name.Load(); name != nil && s.Host == "" {
			s.Name = *name
		}
		all = append(all, s)
	}
	return all
}
