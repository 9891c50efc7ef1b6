package ledger

import (
	"sort"
	"sync"
	"sync/atomic"
)

// Transport is how a message arrived.
type Transport uint8

// The transports, in the order of their columns.
const (
	UDP Transport = iota
	TCP
	TLS
	RELP
	RELPTLS
	// Internal is what the gateway itself reports; no device can use it.
	Internal
	transports
)

// String returns the transport as the metrics label and the event field name it.
func (t Transport) String() string {
	return [...]string{"udp", "tcp", "tls", "relp", "relp_tls", "internal"}[t]
}

// Encrypted reports whether messages arrive over TLS.
func (t Transport) Encrypted() bool { return t == TLS || t == RELPTLS }

// Answered reports whether the sender is told what was taken, and keeps a message until then.
func (t Transport) Answered() bool { return t == RELP || t == RELPTLS }

// Transports lists the transports of devices.
func Transports() []Transport { return []Transport{UDP, TCP, TLS, RELP, RELPTLS} }

// Ledger holds one [Account] for each source. Each method of Account is a double
// entry: it takes from one column what it puts into another, so the equation can only
// break where a stage forgets a call. All methods are safe for concurrent use; they
// are called per batch, never per message.
type Ledger struct {
	mu       sync.RWMutex
	accounts map[string]*Account
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{accounts: make(map[string]*Account)}
}

// Account returns the account of a source and creates it at the first call. A source that is
// no longer configured has an account while the queue holds events of it.
func (l *Ledger) Account(source string) *Account {
	l.mu.RLock()
	a := l.accounts[source]
	l.mu.RUnlock()
	if a != nil {
		return a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a = l.accounts[source]; a == nil {
		a = &Account{Source: source}
		l.accounts[source] = a
	}
	return a
}

// Accounts returns all accounts, sorted by source.
func (l *Ledger) Accounts() []*Account {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*Account, 0, len(l.accounts))
	for _, a := range l.accounts {
		all = append(all, a)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Source < all[j].Source })
	return all
}

// Account counts the events of one source. The zero value is empty.
type Account struct {
	// Source is the configured name of the source.
	Source string

	received  [transports]struct{ events, bytes atomic.Uint64 }
	recovered atomic.Uint64
	memory    atomic.Int64
	queued    atomic.Int64
	delivered atomic.Uint64
	secured   atomic.Uint64
	taken     atomic.Uint64
	givenBack atomic.Uint64

	unparsed  atomic.Uint64
	truncated atomic.Uint64
	framing   atomic.Uint64

	mu           sync.Mutex
	dropped      map[string]uint64
	deadlettered map[string]uint64
}

// Receive counts n messages, of the given total size in bytes, from a socket into memory.
func (a *Account) Receive(t Transport, n, bytes int) {
	a.received[t].events.Add(uint64(n))
	a.received[t].bytes.Add(uint64(bytes))
	a.memory.Add(int64(n))
}

// Accept counts n events from memory into the disk queue. From here on a crash of
// the process does not lose them.
func (a *Account) Accept(n int) {
	a.memory.Add(-int64(n))
	a.queued.Add(int64(n))
}

// Recover counts n events that an earlier process left in the queue.
func (a *Account) Recover(n int) {
	a.recovered.Add(uint64(n))
	a.queued.Add(int64(n))
}

// Deliver counts n events from the queue to the indexer.
func (a *Account) Deliver(n int) {
	a.queued.Add(-int64(n))
	a.delivered.Add(uint64(n))
}

// Secure counts n events from the disk queue into the stream of a cluster. From here on the
// loss of this machine does not lose them.
func (a *Account) Secure(n int) {
	a.queued.Add(-int64(n))
	a.secured.Add(uint64(n))
}

// Take counts n events from the stream of a cluster to this gateway, which delivers them or
// gives them back.
func (a *Account) Take(n int) {
	a.taken.Add(uint64(n))
	a.queued.Add(int64(n))
}

// GiveBack counts n events that were taken from the stream and stay in it.
func (a *Account) GiveBack(n int) {
	a.queued.Add(-int64(n))
	a.givenBack.Add(uint64(n))
}

// DeadLetter counts n events from the queue to the dead-letter store.
func (a *Account) DeadLetter(reason string, n int) {
	a.queued.Add(-int64(n))
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deadlettered == nil {
		a.deadlettered = make(map[string]uint64)
	}
	a.deadlettered[reason] += uint64(n)
}

// DropReceived counts n events in memory that will not be queued.
func (a *Account) DropReceived(reason string, n int) {
	a.memory.Add(-int64(n))
	a.drop(reason, n)
}

// DropQueued counts n events in the queue that will not be delivered.
func (a *Account) DropQueued(reason string, n int) {
	a.queued.Add(-int64(n))
	a.drop(reason, n)
}

func (a *Account) drop(reason string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dropped == nil {
		a.dropped = make(map[string]uint64)
	}
	a.dropped[reason] += uint64(n)
}

// CountFlaws counts messages that are delivered although no parser knew them, they were
// truncated at the size limit, or their framing was broken.
func (a *Account) CountFlaws(unparsed, truncated, framingErrors int) {
	if unparsed != 0 {
		a.unparsed.Add(uint64(unparsed))
	}
	if truncated != 0 {
		a.truncated.Add(uint64(truncated))
	}
	if framingErrors != 0 {
		a.framing.Add(uint64(framingErrors))
	}
}

// Balance is one reading of an Account. The columns are read one after the
// other, so on a busy source they may differ by events in transit.
type Balance struct {
	Source        string            `json:"source"`
	Received      uint64            `json:"received"`
	Recovered     uint64            `json:"recovered"`
	InMemory      int64             `json:"in_memory"`
	Queued        int64             `json:"queued"`
	Delivered     uint64            `json:"delivered"`
	Deadlettered  uint64            `json:"deadlettered"`
	Dropped       uint64            `json:"dropped"`
	Secured       uint64            `json:"secured,omitempty"`
	Taken         uint64            `json:"taken,omitempty"`
	GivenBack     uint64            `json:"given_back,omitempty"`
	ReceivedBytes uint64            `json:"received_bytes"`
	Unparsed      uint64            `json:"unparsed"`
	Truncated     uint64            `json:"truncated"`
	FramingErrors uint64            `json:"framing_errors"`
	ByTransport   []TransportCount  `json:"by_transport"`
	DropReasons   map[string]uint64 `json:"drop_reasons,omitempty"`
	DeadReasons   map[string]uint64 `json:"deadletter_reasons,omitempty"`
}

// TransportCount is what came in by one transport.
type TransportCount struct {
	Transport string `json:"transport"`
	Events    uint64 `json:"events"`
	Bytes     uint64 `json:"bytes"`
}

// Pending is what is in memory or in the disk queue.
func (b Balance) Pending() int64 { return b.InMemory + b.Queued }

// Difference is the left side of the equation minus the right: 0 unless there is a bug.
func (b Balance) Difference() int64 {
	return int64(b.Received) + int64(b.Recovered) + int64(b.Taken) -
		int64(b.Secured) - int64(b.GivenBack) -
		int64(b.Delivered) - b.Pending() - int64(b.Deadlettered) - int64(b.Dropped)
}

// Holds reports whether the equation of the ledger holds and no column is negative: a stage
// that forgets an entry, or makes it twice, leaves less than nothing pending.
func (b Balance) Holds() bool {
	return b.Difference() == 0 && b.InMemory >= 0 && b.Queued >= 0
}

// Lost is how many of the dropped events were not left out on purpose.
func (b Balance) Lost() uint64 {
	lost := b.Dropped
	for reason, n := range b.DropReasons {
		if Intended(reason) {
			lost -= n
		}
	}
	return lost
}

// Admitted is how many of the messages received came from senders that may send.
func (b Balance) Admitted() uint64 { return b.Received - b.DropReasons[notAllowed] }

// Balance reads the account. The columns that events leave are read before those
// that they enter, so nothing is seen twice.
func (a *Account) Balance() Balance {
	b := Balance{Source: a.Source}
	for _, t := range Transports() {
		c := TransportCount{
			Transport: t.String(),
			Events:    a.received[t].events.Load(),
			Bytes:     a.received[t].bytes.Load(),
		}
		b.Received += c.Events
		b.ReceivedBytes += c.Bytes
		b.ByTransport = append(b.ByTransport, c)
	}
	if own := a.received[Internal].events.Load(); own > 0 {
		c := TransportCount{Internal.String(), own, a.received[Internal].bytes.Load()}
		b.Received += c.Events
		b.ReceivedBytes += c.Bytes
		b.ByTransport = append(b.ByTransport, c)
	}
	b.Recovered = a.recovered.Load()
	b.Taken = a.taken.Load()
	b.InMemory = a.memory.Load()
	b.Queued = a.queued.Load()
	b.Delivered = a.delivered.Load()
	b.Secured = a.secured.Load()
	b.GivenBack = a.givenBack.Load()
	b.Unparsed = a.unparsed.Load()
	b.Truncated = a.truncated.Load()
	b.FramingErrors = a.framing.Load()
	a.mu.Lock()
	defer a.mu.Unlock()
	b.DropReasons, b.Dropped = sum(a.dropped)
	b.DeadReasons, b.Deadlettered = sum(a.deadlettered)
	return b
}

// Settled reads the account until it balances. Stages write to it once per batch, which takes
// nanoseconds, so the second reading nearly always balances. An account that does not balance
// after all readings is wrong.
func (a *Account) Settled() Balance {
	const readings = 10
	b := a.Balance()
	for range readings - 1 {
		if b.Holds() {
			break
		}
		b = a.Balance()
	}
	return b
}

func sum(by map[string]uint64) (map[string]uint64, uint64) {
	var total uint64
	c := make(map[string]uint64, len(by))
	for k, n := range by {
		c[k] = n
		total += n
	}
	return c, total
}

// ReceivedBy is the number of messages that came in by one transport.
func (a *Account) ReceivedBy(t Transport) uint64 { return a.received[t].events.Load() }
