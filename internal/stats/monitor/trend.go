package monitor

import (
	"cmp"
	"slices"
	"strings"
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

	losses  losses
	floods  []Sender // the highest rate first
	unknown []string // sources of which many messages are not recognised
	silent  []Sender // the latest first
}

// losses are what was lost of late.
type losses struct {
	rate   float64 // events per second in the last ten seconds
	lately uint64  // events in the last five minutes
	causes string  // where and why, most first
	main   string  // the first reason
}

// Of a source many messages are not recognised if one in unknownShare is not, and unknownLeast
// at least, in the last five minutes.
const (
	unknownShare = 10
	unknownLeast = 20
)

// maxCauses is how many causes of losses a sentence has.
const maxCauses = 3

// ofWindows adds to a trend what the windows of the counters show.
func (t *trend) ofWindows(snap status.Snapshot, w *windows, rate float64) {
	totals := sum(snap)
	t.losses = losses{rate: rate, lately: w.window(counter{kind: "total", of: "lost"}, totals.Lost).FiveMin}
	type cause struct {
		words, reason string
		events        uint64
	}
	var causes []cause
	if n := w.window(counter{kind: "drop", what: byEvicted}, snap.DeadLetters.Evicted).FiveMin; n > 0 {
		causes = append(causes, cause{"dead letters that were removed", byEvicted, n})
	}
	for i := range snap.Sources {
		s := &snap.Sources[i]
		dropsOf(s, func(reason string, n uint64) {
			if !Lost(reason) {
				return
			}
			if lost := w.window(counter{kind: "drop", of: s.Source, what: reason}, n).FiveMin; lost > 0 {
				causes = append(causes, cause{s.Source + " " + reason, reason, lost})
			}
		})
		unparsed := w.window(counter{kind: "source", of: s.Source, what: "unparsed"}, s.Unparsed).FiveMin
		if unparsed >= unknownLeast && unparsed*unknownShare >= w.window(counter{kind: "source", of: s.Source, what: "received"}, s.Received).FiveMin {
			t.unknown = append(t.unknown, s.Source)
		}
	}
	slices.SortFunc(causes, func(a, b cause) int { return cmp.Or(cmp.Compare(b.events, a.events), cmp.Compare(a.words, b.words)) })
	var words []string
	for i, c := range causes {
		if i == 0 {
			t.losses.main = c.reason
		}
		if i < maxCauses {
			words = append(words, c.words+" ("+text.Number(c.events)+")")
		}
	}
	t.losses.causes = strings.Join(words, ", ")
}

// trend compares a reading with the samples.
func (h *recent) trend(snap status.Snapshot) (t trend) {
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
func (h *recent) moves(snap status.Snapshot) bool {
	return due(snap) == 0 || settled(snap) != h.lastProgress.settled
}

// quiet lists the sources that have received something, but nothing in all the time that
// is remembered. The caller holds mu.
func (h *recent) quiet(snap status.Snapshot) (names []string, since time.Duration) {
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
