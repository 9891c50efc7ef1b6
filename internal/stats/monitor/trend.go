package monitor

import (
	"time"

	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// settled is how many events Splunk has accepted, or refused for good.
func settled(snap status.Snapshot) (n uint64) {
	for _, s := range snap.Sources {
		n += s.Delivered + s.Deadlettered
	}
	return n
}

// posts is how many posts were answered or given up, and how many of them failed.
func posts(snap status.Snapshot) (all, failed uint64) {
	for _, e := range snap.Endpoints {
		all += e.Requests
		failed += e.Failures
	}
	return all, failed
}

// backlog is how many events wait to be sent, and how long the oldest of them has waited.
// It leaves out shards in maintenance, which send nothing: Splunk is not to blame. With a
// cluster it is the records in its streams, which any gateway sends.
func backlog(snap status.Snapshot) (n int64, oldest time.Duration) {
	for _, s := range snap.Streams {
		n += int64(s.Records)
		if !s.Oldest.IsZero() {
			oldest = max(oldest, snap.Now.Sub(s.Oldest))
		}
	}
	if len(snap.Streams) > 0 {
		return n, oldest
	}
	for _, s := range snap.Shards {
		if s.Mode == status.Maint {
			continue
		}
		n += s.Events
		if s.Events > 0 && !s.Oldest.IsZero() {
			oldest = max(oldest, snap.Now.Sub(s.Oldest))
		}
	}
	return n, oldest
}

// due is what this gateway itself has to send now: its backlog, or the records that it has
// taken out of the streams.
func due(snap status.Snapshot) (n int64) {
	if len(snap.Streams) == 0 {
		n, _ = backlog(snap)
	}
	for _, s := range snap.Streams {
		n += int64(s.Held)
	}
	return n
}

// trend is what the judgement of health needs to know of the last minutes.
type trend struct {
	blocked bool // senders have been blocked for several samples
	// quiet are sources that have received something, but nothing in all the time that
	// is remembered.
	quiet    []string
	quietFor time.Duration
	// stalled is how long nothing was delivered although events wait, failed how many
	// posts failed since, and lastFailed the answer to such a post.
	stalled    time.Duration
	failed     uint64
	lastFailed string
	grows      bool // more events wait than ten seconds ago
	neverSent  bool
	lately     struct{ posts, failed uint64 } // in the last ten seconds
}

// trend compares a reading with the samples.
func (h *history) trend(snap status.Snapshot) (t trend) {
	all, failed := posts(snap)
	t.neverSent = all == 0 && settled(snap) == 0
	for _, e := range snap.Endpoints {
		t.neverSent = t.neverSent && e.InFlight == 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	t.quiet, t.quietFor = h.quiet(snap)
	if h.count == 0 {
		return t
	}
	t.blocked = snap.Blocked && h.count >= blockedFor
	for n := range min(blockedFor, h.count) {
		t.blocked = t.blocked && h.back(n).blocked
	}
	if !h.moves(snap) {
		t.stalled = snap.Now.Sub(h.lastProgress.at)
		for _, e := range snap.Endpoints {
			if before := h.lastProgress.failed[e.URL]; e.Failures > before {
				t.failed += e.Failures - before
				t.lastFailed = text.Brief(e.LastAnswer)
			}
		}
	}
	before := h.back(min(int(rateOver/h.every), h.count-1))
	n, _ := backlog(snap)
	t.grows = n > before.waiting
	if all >= before.posts && failed >= before.failed { // else the endpoints have changed
		t.lately.posts, t.lately.failed = all-before.posts, failed-before.failed
	}
	return t
}

// moves reports whether something was delivered since the last progress, or nothing waits.
// The caller holds mu.
func (h *history) moves(snap status.Snapshot) bool {
	return due(snap) == 0 || settled(snap) != h.lastProgress.settled
}

// quiet lists the sources that have received something, but nothing in all the time that
// is remembered. The caller holds mu.
func (h *history) quiet(snap status.Snapshot) (names []string, since time.Duration) {
	if h.count < samples {
		return nil, 0
	}
	oldest := h.back(samples - 1)
	for _, s := range snap.Sources {
		if s.Configured && !s.Internal && s.Admitted() > 0 && s.Admitted() == oldest.flows[s.Source].taken {
			names = append(names, s.Source)
		}
	}
	return names, snap.Now.Sub(oldest.at)
}
