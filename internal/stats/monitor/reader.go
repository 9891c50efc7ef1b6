package monitor

import (
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
)

// reader reads the stages and the ledger.
type reader struct {
	snapshot func() status.Snapshot
	ledger   *ledger.Ledger
}

// read returns what the stages report, with the balance of each source. Sources that are
// no longer configured come last, by name.
func (r reader) read() status.Snapshot {
	snap := r.snapshot()
	sources := make([]status.Source, 0, len(snap.Sources))
	index := make(map[string]int, len(snap.Sources))
	for i, src := range snap.Sources {
		src.Configured = true
		src.Balance = ledger.Balance{Source: src.Source}
		index[src.Source] = i
		sources = append(sources, src)
	}
	for _, a := range r.ledger.Accounts() {
		i, ok := index[a.Source]
		if !ok {
			i = len(sources)
			sources = append(sources, status.Source{})
		}
		sources[i].Balance = a.Settled()
	}
	snap.Sources = sources
	return snap
}

// Totals are the sums over all sources.
type Totals struct {
	Received      uint64 `json:"received"`
	ReceivedBytes uint64 `json:"received_bytes"`
	Recovered     uint64 `json:"recovered"`
	InMemory      int64  `json:"in_memory"`
	Queued        int64  `json:"queued"`
	Pending       int64  `json:"pending"`
	Delivered     uint64 `json:"delivered"`
	Deadlettered  uint64 `json:"deadlettered"`
	Dropped       uint64 `json:"dropped"`
	Secured       uint64 `json:"secured,omitempty"`
	Taken         uint64 `json:"taken,omitempty"`
	GivenBack     uint64 `json:"given_back,omitempty"`
	KernelDrops   uint64 `json:"udp_kernel_drops"`
	// Lost events were dropped by the gateway or the kernel, or removed from the
	// dead-letter store. LeftOut were dropped by a rule and are no loss.
	Lost          uint64 `json:"lost"`
	LeftOut       uint64 `json:"left_out"`
	Difference    int64  `json:"difference"`
	Unparsed      uint64 `json:"unparsed"`
	Truncated     uint64 `json:"truncated"`
	FramingErrors uint64 `json:"framing_errors"`
	Senders       int    `json:"senders"`
	SilentSenders int    `json:"silent_senders"`
	SkewedSenders int    `json:"skewed_senders"`
}

func sum(snap status.Snapshot) Totals {
	t := Totals{Lost: snap.DeadLetters.Evicted}
	for _, s := range snap.Sources {
		t.Received += s.Received
		t.ReceivedBytes += s.ReceivedBytes
		t.Recovered += s.Recovered
		t.InMemory += s.InMemory
		t.Queued += s.Queued
		t.Pending += s.Pending()
		t.Delivered += s.Delivered
		t.Deadlettered += s.Deadlettered
		t.Dropped += s.Dropped
		t.Secured += s.Secured
		t.Taken += s.Taken
		t.GivenBack += s.GivenBack
		t.KernelDrops += s.KernelDrops
		t.Lost += s.Lost() + s.KernelDrops
		t.LeftOut += s.Dropped - s.Lost()
		t.Difference += s.Difference()
		t.Unparsed += s.Unparsed
		t.Truncated += s.Truncated
		t.FramingErrors += s.FramingErrors
	}
	return t
}

// unbalanced lists the sources whose account does not balance. The totals would not do:
// two errors may cancel out.
func unbalanced(sources []status.Source) (names []string) {
	for _, s := range sources {
		if !s.Balance.Holds() {
			names = append(names, s.Source)
		}
	}
	return names
}
