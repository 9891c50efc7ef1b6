package stats

import "syslog-gateway/internal/ledger"

// snapshot asks the provider and puts the books into its sources. Accounts of
// sources that are configured no more come last, by name.
func (s *Server) snapshot() Snapshot {
	snap := s.provider.Snapshot()
	sources := make([]Source, 0, len(snap.Sources))
	place := make(map[string]int, len(snap.Sources))
	for i, src := range snap.Sources {
		src.Configured = true
		src.Balance = ledger.Balance{Source: src.Source}
		place[src.Source] = i
		sources = append(sources, src)
	}
	for _, a := range s.ledger.Accounts() {
		i, ok := place[a.Source]
		if !ok {
			i = len(sources)
			sources = append(sources, Source{})
		}
		sources[i].Balance = settle(a)
	}
	snap.Sources = sources
	return snap
}

// settle reads a page of the books until it balances. Bookings are made per batch
// and take nanoseconds, so a second reading nearly always falls between them; a page
// that does not balance after all of these does not balance.
func settle(a *ledger.Account) ledger.Balance {
	const readings = 10
	b := a.Balance()
	for range readings - 1 {
		if balances(b) {
			break
		}
		b = a.Balance()
	}
	return b
}

// balances reports whether the equation holds and nothing left a column that had not
// entered it. Each booking is a double entry, so a stage that forgets one or books
// one twice shows as less than nothing pending.
func balances(b ledger.Balance) bool {
	return b.Difference() == 0 && b.InMemory >= 0 && b.Queued >= 0
}

// totals is the sum over all sources.
type totals struct {
	Received      uint64 `json:"received"`
	ReceivedBytes uint64 `json:"received_bytes"`
	Recovered     uint64 `json:"recovered"`
	InMemory      int64  `json:"in_memory"`
	Queued        int64  `json:"queued"`
	Pending       int64  `json:"pending"`
	Delivered     uint64 `json:"delivered"`
	Deadlettered  uint64 `json:"deadlettered"`
	Dropped       uint64 `json:"dropped"`
	KernelDrops   uint64 `json:"udp_kernel_drops"`
	// Lost were dropped here or by the kernel, or removed from the dead-letter store. LeftOut
	// were dropped on purpose, and are no loss.
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

func sum(snap Snapshot) totals {
	t := totals{Lost: snap.DeadLetters.Evicted}
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

// unbalanced lists the sources whose books do not balance. The totals would not do:
// two errors may cancel out.
func unbalanced(sources []Source) []string {
	var names []string
	for _, s := range sources {
		if !balances(s.Balance) {
			names = append(names, s.Source)
		}
	}
	return names
}
