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

// Page is one sender of one source.
type Page struct {
	key   key
	floor uint64 // of the book when the page was begun

	events atomic.Uint64
	bytes  atomic.Uint64
	first  atomic.Int64 // nanoseconds since 1970
	last   atomic.Int64
	name   atomic.Pointer[string]
	gone   atomic.Bool
}

// Enter returns the page of a sender, a new one where there is none.
func (b *Book) Enter(source string, addr netip.Addr) *Page {
	k := key{source, addr.Unmap().WithZone("")}
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

// Note writes down what the sender sent up to a time (nanoseconds since 1970). It
// returns false when the page is in the book no more: it is to be entered anew.
func (p *Page) Note(events, bytes int, at int64) bool {
	if p.gone.Load() {
		return false
	}
	p.events.Add(uint64(events))
	p.bytes.Add(uint64(bytes))
	p.first.CompareAndSwap(0, at)
	if p.last.Load() < at { // loops may overtake one another by a turn
		p.last.Store(at)
	}
	return true
}

// Name writes down the host name that the sender's messages bear.
func (p *Page) Name(host []byte) {
	host = host[:min(len(host), maxName)]
	if old := p.name.Load(); len(host) > 0 && (old == nil || *old != string(host)) {
		name := string(host)
		p.name.Store(&name)
	}
}

// Sender is one reading of a page.
type Sender struct {
	Source  string
	Address netip.Addr
	Name    string // host name in the last messages; may be empty
	Events  uint64
	Error   uint64 // it may have sent so many more, before it was forgotten once
	Bytes   uint64
	First   time.Time
	Last    time.Time
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
			Source: p.key.source, Address: p.key.addr, Error: p.floor,
			Events: p.events.Load(), Bytes: p.bytes.Load(),
			First: time.Unix(0, p.first.Load()), Last: time.Unix(0, last),
		}
		if name := p.name.Load(); name != nil {
			s.Name = *name
		}
		all = append(all, s)
	}
	return all
}
