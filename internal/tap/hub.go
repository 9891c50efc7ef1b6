package tap

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of a hub.
const (
	maxTaps = 16
	backlog = 256 // messages that wait for one listener
	// perSecond is how many messages one listener gets: more than anybody can read.
	perSecond = 100
	maxText   = 256
)

// ErrBusy says that there are enough listeners already.
var ErrBusy = errors.New("too many taps are open")

// Message is one message as it came in, with what became of it.
type Message struct {
	Source    string
	Transport string
	Class     string // empty when it was not looked at
	Dropped   string // the reason for which there is no event
	Host      string
	From      netip.Addr
	Received  time.Time
	Truncated bool
	Raw       []byte
	Event     []byte // the HEC event object
}

// Filter says which messages a listener wants; what is empty does not matter.
type Filter struct {
	Source string
	// Sender is an address, a network, or a host name.
	Sender string
	Class  string
	Text   string // anywhere in the raw message; upper and lower case are the same
}

// want is a filter made ready.
type want struct {
	Filter
	network netip.Prefix
	text    string
}

func (f Filter) ready() (want, error) {
	w := want{Filter: f, text: strings.ToLower(f.Text)}
	if len(f.Text) > maxText || len(f.Source)+len(f.Sender)+len(f.Class) > 3*maxText {
		return w, fmt.Errorf("a filter is longer than %d bytes", maxText)
	}
	if a, err := netip.ParseAddr(f.Sender); err == nil {
		a = a.Unmap()
		w.network = netip.PrefixFrom(a, a.BitLen())
	} else if p, err := netip.ParsePrefix(f.Sender); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // as senders are known by their IPv4 addresses
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		w.network = p.Masked()
	} else if strings.Contains(f.Sender, "/") {
		return w, fmt.Errorf("sender %.64q is no address, network or host name", f.Sender)
	}
	return w, nil
}

func (w *want) matches(m *Message) bool {
	switch {
	case w.Source != "" && w.Source != m.Source, w.Class != "" && w.Class != m.Class:
		return false
	case w.network.IsValid():
		if !w.network.Contains(m.From) {
			return false
		}
	case w.Sender != "" && !strings.EqualFold(w.Sender, m.Host):
		return false
	}
	return w.text == "" || strings.Contains(strings.ToLower(string(m.Raw)), w.text)
}

// Hub hands messages to listeners. Its methods are safe for concurrent use; the zero
// value is ready.
type Hub struct {
	mu   sync.Mutex
	taps atomic.Pointer[[]*Tap]
}

// Tap is one listener.
type Tap struct {
	hub    *Hub
	want   want
	ch     chan Message
	looked atomic.Uint64
	passed atomic.Uint64
	lost   atomic.Uint64

	mu     sync.Mutex
	second int64
	given  int
}

// Listen opens a tap. The caller closes it.
func (h *Hub) Listen(f Filter) (*Tap, error) {
	w, err := f.ready()
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	open := h.open()
	if len(open) >= maxTaps {
		return nil, ErrBusy
	}
	t := &Tap{hub: h, want: w, ch: make(chan Message, backlog)}
	next := append(slices.Clone(open), t)
	h.taps.Store(&next)
	return t, nil
}

func (h *Hub) open() []*Tap {
	if p := h.taps.Load(); p != nil {
		return *p
	}
	return nil
}

// On reports whether anybody listens.
func (h *Hub) On() bool { return len(h.open()) > 0 }

// Wants reports whether anybody wants the message. Its event is not there yet.
func (h *Hub) Wants(m *Message) bool {
	return slices.ContainsFunc(h.open(), func(t *Tap) bool { return t.want.matches(m) })
}

// Show gives the message to all who want it and have room. The message must be the
// hub's: nobody writes to its slices any more.
func (h *Hub) Show(m Message) {
	for _, t := range h.open() {
		if t.want.matches(&m) {
			t.give(m)
		}
	}
}

// Looked counts a turn: of so many messages that passed so many were looked at.
func (h *Hub) Looked(looked, passed int) {
	for _, t := range h.open() {
		t.looked.Add(uint64(looked))
		t.passed.Add(uint64(passed))
	}
}

func (t *Tap) give(m Message) {
	if !t.allowed(m.Received.Unix()) {
		t.lost.Add(1)
		return
	}
	select {
	case t.ch <- m:
	default:
		t.lost.Add(1)
	}
}

// allowed lets so many messages through in each second of receiving.
func (t *Tap) allowed(second int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if second != t.second {
		t.second, t.given = second, 0
	}
	t.given++
	return t.given <= perSecond
}

// Messages is where they come.
func (t *Tap) Messages() <-chan Message { return t.ch }

// Counts are what a tap saw of the traffic since it was opened.
type Counts struct {
	Passed uint64 `json:"passed"` // messages of all sources that were received
	Looked uint64 `json:"looked"` // that were compared with the filters
	Lost   uint64 `json:"lost"`   // that matched and were left out, because there were too many
}

// Counts reads them.
func (t *Tap) Counts() Counts {
	return Counts{Passed: t.passed.Load(), Looked: t.looked.Load(), Lost: t.lost.Load()}
}

// Close ends the tap. It may be called more than once.
func (t *Tap) Close() {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	next := slices.DeleteFunc(slices.Clone(t.hub.open()), func(o *Tap) bool { return o == t })
	t.hub.taps.Store(&next)
}
