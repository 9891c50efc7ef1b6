package ingest

import (
	"sync/atomic"

	"syslog-gateway/internal/ledger"
)

// Source is one configured source: its name, its account in the ledger, and the settings
// in force. It is safe for concurrent use.
type Source struct {
	name    string
	port    int
	account *ledger.Account
	format  atomic.Pointer[format]
	partial [numPartials]atomic.Uint64
	classes classTotals
	checks  atomic.Uint64
}

// NewSource returns a source with an account in the ledger. Parser, Profile and Location
// of its settings are required.
func NewSource(name string, port int, s Settings, accounts *ledger.Ledger) *Source {
	src := &Source{name: name, port: port, account: accounts.Account(name)}
	src.Apply(s)
	return src
}

// Name is the configured name.
func (s *Source) Name() string { return s.name }

// Account is the source's account in the ledger.
func (s *Source) Account() *ledger.Account { return s.account }

// Settings returns the settings in force.
func (s *Source) Settings() *Settings { return &s.format.Load().settings }

// Apply puts new settings into force for all messages from the next read on.
func (s *Source) Apply(settings Settings) {
	s.format.Store(newFormat(s.port, settings))
}

// Classes returns the totals of the classes since the start, in no order.
func (s *Source) Classes() []ClassTotal { return s.classes.read() }

// Volumes returns the totals of the classes by their names in Splunk, in no order.
func (s *Source) Volumes() []VolumeTotal { return s.classes.readVolumes() }

// CountCheck counts a connection or a datagram of a proxy that is for no client and brings
// no message: a health check.
func (s *Source) CountCheck() { s.checks.Add(1) }

// Checks returns how many there were.
func (s *Source) Checks() uint64 { return s.checks.Load() }

// partial is why a message is delivered before it has ended.
type partial uint8

const (
	partialFull   partial = iota // the memory for such messages is full
	partialSilent                // its connection was silent for too long
	numPartials
)

func (p partial) String() string { return [numPartials]string{"full", "silent"}[p] }

// Partial returns how many messages were delivered before they had ended, by reason.
func (s *Source) Partial() map[string]uint64 {
	counts := make(map[string]uint64, numPartials)
	for p := range numPartials {
		counts[p.String()] = s.partial[p].Load()
	}
	return counts
}
