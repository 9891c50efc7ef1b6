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

// The limits of a hub.
const (
	maxTaps = 16
	backlog = 256 // messages that may wait for one listener
	// perSecond is how many messages a second one listener gets: more than anybody can read.
	perSecond = 100
	maxText   = 256
)

// ErrBusy says that there are already as many listeners as the hub allows.
var ErrBusy = errors.New("too many taps are open")

// Message is one message as it was received, and the event that was made of it.
type Message struct {
	Source    string
	Transport string
	Class     string   // empty if the message was not parsed
	Pack      string   // of the class; empty for the built-in families
	Rules     []string // what rules did, one after the other: "site.no_dns dropped"
	Dropped   string   // the reason if there is no event
	Host      string
	From      netip.Addr
	Received  time.Time
	Truncated bool
	Raw       []byte
	Event     []byte // the HEC event object
}

// ruled reports whether a rule acted on the message.
func (m *Message) ruled(name string) bool {
	return slices.ContainsFunc(m.Rules, func(did string) bool {
		rule, _, _ := strings.Cut(did, " ")
		return rule == name
	})
}

// Filter says which messages a listener gets. Empty fields match every message.
type Filter struct {
	Source string
	// Sender is an address, a network, or a host name.
	Sender string
	Class  string
	Pack   string
	Rule   string // one that acted
	Text   string // anywhere in the raw message, in upper or lower case
}

// matcher is a filter that has been checked and parsed.
type matcher struct {
	Filter
	network netip.Prefix
	text    string
}

// parse checks the filter.
func (f Filter) parse() (matcher, error) {
	w := matcher{Filter: f, text: strings.ToLower(f.Text)}
	if len(f.Text) > maxText || len(f.Source)+len(f.Sender)+len(f.Class)+len(f.Pack)+len(f.Rule) > 3*maxText {
		return w, fmt.Errorf("a filter is longer than %d bytes", maxText)
	}
	if a, err := netip.ParseAddr(f.Sender); err == nil {
		a = a.Unmap()
		w.network = netip.PrefixFrom(a, a.BitLen())
	} else if p, err := netip.ParsePrefix(f.Sender); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // senders have IPv4 addresses
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		w.network = p.Masked()
	} else if strings.Contains(f.Sender, "/") {
		return w, fmt.Errorf("sender %.64q is no address, network or host name", f.Sender)
	}
	return w, nil
}

// matches reports whether the filter matches a message.
func (w *matcher) matches(m *Message) bool {
	switch {
	case w.Source != "" && w.Source != m.Source, w.Class != "" && w.Class != m.Class:
		return false
	case w.Pack != "" && w.Pack != m.Pack, w.Rule != "" && !m.ruled(w.Rule):
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

// Hub passes messages to listeners. The zero value is ready to use. It is safe for
// concurrent use.
type Hub struct {
	mu   sync.Mutex
	taps atomic.Pointer[[]*Tap]
}

// Tap is one listener.
type Tap struct {
	hub      *Hub
	filter   matcher
	ch       chan Message
	examined atomic.Uint64
	passed   atomic.Uint64
	lost     atomic.Uint64

	mu     sync.Mutex
	second int64
	given  int
}

// Listen opens a tap, which the caller closes.
func (h *Hub) Listen(f Filter) (*Tap, error) {
	w, err := f.parse()
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	open := h.open()
	if len(open) >= maxTaps {
		return nil, ErrBusy
	}
	t := &Tap{hub: h, filter: w, ch: make(chan Message, backlog)}
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

// On reports whether there are listeners.
func (h *Hub) On() bool { return len(h.open()) > 0 }

// Wants reports whether a filter matches the message, which needs no Event yet.
func (h *Hub) Wants(m *Message) bool {
	return slices.ContainsFunc(h.open(), func(t *Tap) bool { return t.filter.matches(m) })
}

// Show passes the message to all listeners whose filter matches and that have room. The
// caller must not change its slices afterwards.
func (h *Hub) Show(m Message) {
	for _, t := range h.open() {
		if t.filter.matches(&m) {
			t.give(m)
		}
	}
}

// Looked adds to the counts of the listeners: of passed messages, examined were compared with the filters.
func (h *Hub) Examined(examined, passed int) {
	for _, t := range h.open() {
		t.examined.Add(uint64(examined))
		t.passed.Add(uint64(passed))
	}
}

// give passes a message to the listener, or counts it as lost.
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

// allowed reports whether a message received in this second is within perSecond.
func (t *Tap) allowed(second int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if second != t.second {
		t.second, t.given = second, 0
	}
	t.given++
	return t.given <= perSecond
}

// Messages returns the channel of the messages.
func (t *Tap) Messages() <-chan Message { return t.ch }

// Counts are numbers of messages since a tap was opened.
type Counts struct {
	Passed   uint64 `json:"passed"` // received, of all sources
	Examined uint64 `json:"looked"` // compared with the filters
	Lost     uint64 `json:"lost"`   // matched, but discarded because there were too many
}

// Counts returns the present counts.
func (t *Tap) Counts() Counts {
	return Counts{Passed: t.passed.Load(), Examined: t.examined.Load(), Lost: t.lost.Load()}
}

// Close closes the tap. It may be called more than once.
func (t *Tap) Close() {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	next := slices.DeleteFunc(slices.Clone(t.hub.open()), func(o *Tap) bool { return o == t })
	t.hub.taps.Store(&next)
}
