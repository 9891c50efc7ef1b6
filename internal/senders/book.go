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

// evictShare is the part of the book that goes when it is full: so many that sorting is
// rare, so few that little is forgotten.
const evictShare = 8

// maxName bounds what is kept of a host name: RFC 5424 allows 255.
const maxName = 255

// key is who a page is about.
type key struct {
	source string
	addr   netip.Addr
	host   string // in its messages; empty where they have none
}

// Book is the senders of all sources. Its methods are safe for concurrent use.
type Book struct {
	capacity int

	mu    sync.Mutex
	pages map[key]*Page
	floor uint64 // the largest count that was ever forgotten
}

// New returns a book with room for so many senders.
func New(capacity int) *Book {
	return &Book{capacity: max(capacity, evictShare), pages: make(map[key]*Page)}
}

// Page is one host at one address of one source.
type Page struct {
	key   key
	floor uint64 // of the book when the page was begun

	events atomic.Uint64
	bytes  atomic.Uint64
	first  atomic.Int64 // nanoseconds since 1970
	last   atomic.Int64
	name   atomic.Pointer[string]
	gone   atomic.Bool

	times  atomic.Uint64 // a tally
	offset atomic.Int64  // of the last message whose time was off
	// The last pause that was not usual, in nanoseconds since 1970: what was held up
	// meanwhile is older than its receipt, and says nothing about the sender's zone.
	pausedFrom, pausedTo atomic.Int64
}

// Enter returns the page of a host at an address, a new one where there is none. The host
// is that of its messages, empty for those that have none.
func (b *Book) Enter(source string, addr netip.Addr, host string) *Page {
	k := key{source, addr.Unmap().WithZone(""), host[:min(len(host), maxName)]}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.pages[k]; p != nil {
		return p
	}
	if len(b.pages) >= b.capacity {
		b.evict()
	}
	p := &Page{key: k, floor: b.floor}
	b.pages[k] = p
	return p
}

// evict forgets the senders with the fewest messages; among equals, those that have
// been silent for longest.
func (b *Book) evict() {
	type aged struct {
		page   *Page
		events uint64
		last   int64
	}
	all := make([]aged, 0, len(b.pages))
	for _, p := range b.pages {
		all = append(all, aged{p, p.events.Load(), p.last.Load()})
	}
	slices.SortFunc(all, func(x, y aged) int {
		return cmp.Or(cmp.Compare(x.events, y.events), cmp.Compare(x.last, y.last))
	})
	for _, a := range all[:max(len(all)/evictShare, 1)] {
		a.page.gone.Store(true)
		delete(b.pages, a.page.key)
		b.floor = max(b.floor, a.page.events.Load()+a.page.floor)
	}
}

// Note writes down what the sender sent up to a time (nanoseconds since 1970), and how the
// times in it were. It returns false when the page is in the book no more: it is to be
// entered anew.
func (p *Page) Note(events, bytes int, at int64, t *Times) bool {
	if p.gone.Load() {
		return false
	}
	before := p.last.Load()
	if before != 0 && at-before > int64(aheadFrom) {
		p.pause(before, at)
	}
	p.events.Add(uint64(events))
	p.bytes.Add(uint64(bytes))
	p.first.CompareAndSwap(0, at)
	if before < at { // loops may overtake one another by a turn
		p.last.Store(at)
	}
	if t.own > 0 {
		p.judge(t, at)
	}
	return true
}

// patience is how many of a sender's usual pauses are still usual.
const patience = 5

// pause remembers a pause that is not usual.
func (p *Page) pause(from, to int64) {
	usual := (from - p.first.Load()) / int64(max(p.events.Load(), 1))
	if to-from > patience*usual {
		p.pausedFrom.Store(from)
		p.pausedTo.Store(to)
	}
}

// judge adds the times of a turn.
func (p *Page) judge(t *Times, at int64) {
	counted := *t
	if counted.hits+counted.ahead > 0 {
		p.offset.Store(int64(t.offset))
		said := at + int64(t.offset)
		if from := p.pausedFrom.Load(); from != 0 && from-int64(near) <= said && said <= p.pausedTo.Load() {
			counted.own -= counted.hits
			counted.hits, counted.zoned = 0, 0
		}
	}
	for {
		old := p.times.Load()
		if p.times.CompareAndSwap(old, unpack(old).add(&counted).pack()) {
			return
		}
	}
}

// Call gives a name to a sender whose messages have no host.
func (p *Page) Call(name string) {
	if name != "" {
		p.name.Store(&name)
	}
}

// Sender is one reading of a page.
type Sender struct {
	Source  string
	Address netip.Addr
	Host    string // in its messages; empty where they have none
	Name    string // the host, or what it is called without
	Events  uint64
	Error   uint64 // it may have sent so many more, before it was forgotten once
	Bytes   uint64
	First   time.Time
	Last    time.Time
	Skew    Skew
}

// Senders reads all pages that something was written to, in no order.
func (b *Book) Senders() []Sender {
	b.mu.Lock()
	pages := slices.Collect(maps.Values(b.pages))
	b.mu.Unlock() // whoever enters waits no longer than that
	all := make([]Sender, 0, len(pages))
	for _, p := range pages {
		last := p.last.Load()
		if last == 0 {
			continue
		}
		s := Sender{
			Source: p.key.source, Address: p.key.addr, Host: p.key.host, Name: p.key.host, Error: p.floor,
			Events: p.events.Load(), Bytes: p.bytes.Load(),
			First: time.Unix(0, p.first.Load()), Last: time.Unix(0, last),
			Skew: unpack(p.times.Load()).skew(time.Duration(p.offset.Load())),
		}
		if name := p.name.Load(); name != nil && s.Host == "" {
			s.Name = *name
		}
		all = append(all, s)
	}
	return all
}
