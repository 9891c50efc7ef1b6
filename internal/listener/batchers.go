package listener

import (
	"cmp"
	"slices"
	"sync"

	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ledger"
)

// batchers makes the Batchers of all sources and transports.
type batchers struct {
	options ingest.Options

	mu  sync.Mutex
	all []*ingest.Batcher
}

// Batchers is how many Batchers a source has at most: one in each loop, and one of each
// transport that has no loops. 0 loops are as many as [Options] takes for them.
func Batchers(tcpLoops, udpLoops int) int {
	return cmp.Or(tcpLoops, defaultLoops()) + cmp.Or(udpLoops, defaultLoops()) + int(ledger.Internal) - 2
}

// newBatcher makes a Batcher that close will close.
func (b *batchers) newBatcher(s *source, t ledger.Transport) *ingest.Batcher {
	made := ingest.NewBatcher(s.Source, t, b.options)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, made)
	return made
}

// waiting reports whether a Batcher of a transport is blocked by back-pressure.
func (b *batchers) waiting(t ledger.Transport) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.all, func(b *ingest.Batcher) bool { return b.Transport() == t && b.Waiting() })
}

// close hands over all open batches.
func (b *batchers) close() {
	b.mu.Lock()
	all := slices.Clone(b.all)
	b.mu.Unlock()
	for _, each := range all {
		each.Close()
	}
}
