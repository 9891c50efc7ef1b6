package stats

import (
	"sync"
	"time"
)

// What is remembered: five minutes, second by second.
const (
	sampleEvery = time.Second // unless Options.Sample says otherwise
	samples     = 301
	sparkPoints = 60
	rateOver    = 10 * time.Second
	growthOver  = time.Minute
)

// flow are the counters of one source at a moment.
type flow struct{ received, taken, delivered, lost uint64 }

// sample is one reading.
type sample struct {
	at     time.Time
	flows  map[string]flow
	shards map[string]int64 // bytes
	queued int64            // bytes of all shards
	asked  map[string]uint64

	blocked       bool
	waiting       int64  // events that could be sent
	posts, failed uint64 // of all endpoints
}

// peaks are the highest values since the start, for those that HAProxy keeps, and for
// how long an endpoint was down.
type peaks struct {
	connections map[string]int64
	rates       map[string]float64
	queued      map[string]int64
	inFlight    map[string]int
	down        map[string]time.Duration
}

// history is a ring of readings. It is written by the sampler and read by requests.
type history struct {
	every time.Duration // between two readings

	mu    sync.Mutex
	ring  [samples]sample
	next  int
	count int
	peaks peaks
	moved progress
}

// progress is the last reading at which something had been delivered since the one before,
// or nothing waited.
type progress struct {
	at      time.Time
	settled uint64            // events that Splunk has answered for good
	failed  map[string]uint64 // posts, by endpoint
}

func newHistory(every time.Duration) *history {
	return &history{every: every, peaks: peaks{
		connections: make(map[string]int64), rates: make(map[string]float64), queued: make(map[string]int64),
		inFlight: make(map[string]int), down: make(map[string]time.Duration),
	}}
}

// add takes a reading.
func (h *history) add(snap Snapshot) {
	s := sample{
		at: snap.Now, flows: make(map[string]flow, len(snap.Sources)),
		shards: make(map[string]int64, len(snap.Shards)), asked: make(map[string]uint64, len(snap.Endpoints)),
	}
	for _, src := range snap.Sources {
		s.flows[src.Source] = flow{src.Received, src.Taken(), src.Delivered, src.Lost() + src.KernelDrops}
	}
	for _, sh := range snap.Shards {
		s.shards[sh.Name] = sh.Bytes
		s.queued += sh.Bytes
	}
	for _, e := range snap.Endpoints {
		s.asked[e.URL] = e.Requests
	}
	s.blocked = snap.Blocked
	s.waiting, _ = backlog(snap)
	s.posts, s.failed = posts(snap)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 || h.moves(snap) {
		h.moved = progress{snap.Now, settled(snap), make(map[string]uint64, len(snap.Endpoints))}
		for _, e := range snap.Endpoints {
			h.moved.failed[e.URL] = e.Failures
		}
	}
	h.peaks.raise(snap, h.last())
	h.ring[h.next] = s
	h.next = (h.next + 1) % samples
	h.count = min(h.count+1, samples)
	for name := range s.flows {
		h.peaks.rates[name] = max(h.peaks.rates[name], h.rate(name).Received)
	}
}

func (p *peaks) raise(snap Snapshot, before *sample) {
	for _, src := range snap.Sources {
		var open int64
		for _, n := range src.Connections {
			open += n
		}
		p.connections[src.Source] = max(p.connections[src.Source], open)
	}
	for _, sh := range snap.Shards {
		p.queued[sh.Name] = max(p.queued[sh.Name], sh.Events)
	}
	for _, e := range snap.Endpoints {
		p.inFlight[e.URL] = max(p.inFlight[e.URL], e.InFlight)
		if before != nil && !e.Up {
			p.down[e.URL] += snap.Now.Sub(before.at)
		}
	}
}

// last is the newest reading, nil when there is none.
func (h *history) last() *sample { return h.back(0) }

// back is the reading n before the newest; nil when there was none.
func (h *history) back(n int) *sample {
	if n >= h.count {
		return nil
	}
	return &h.ring[(h.next-1-n+2*samples)%samples]
}

// over are the newest reading and the one so long before it, or the oldest there is.
func (h *history) over(d time.Duration) (from, to *sample) {
	n := min(int(d/h.every), h.count-1)
	if n < 1 {
		return nil, nil
	}
	return h.back(n), h.back(0)
}

// rates are events a second, over the last ten seconds.
type rates struct {
	Received  float64 `json:"received_per_second"`
	Delivered float64 `json:"delivered_per_second"`
	Lost      float64 `json:"lost_per_second"`
}

func (h *history) rate(source string) rates {
	from, to := h.over(rateOver)
	if from == nil {
		return rates{}
	}
	seconds := to.at.Sub(from.at).Seconds()
	a, b := from.flows[source], to.flows[source]
	if seconds <= 0 {
		return rates{}
	}
	return rates{per(a.received, b.received, seconds), per(a.delivered, b.delivered, seconds), per(a.lost, b.lost, seconds)}
}

// per is the growth of a counter a second; a counter never falls, but its reading may be
// of a source that was not there yet.
func per(from, to uint64, seconds float64) float64 {
	if to < from {
		return 0
	}
	return float64(to-from) / seconds
}

// requests is how many requests an endpoint gets a second.
func (h *history) requests(url string) float64 {
	from, to := h.over(rateOver)
	if from == nil {
		return 0
	}
	return per(from.asked[url], to.asked[url], max(to.at.Sub(from.at).Seconds(), 1e-3))
}

// spark are the events received a second in steps of five seconds, oldest first.
func (h *history) spark(source string) []float64 {
	const step = (samples - 1) / sparkPoints
	var points []float64
	for i := sparkPoints - 1; i >= 0; i-- {
		to, from := h.back(i*step), h.back((i+1)*step)
		if to == nil {
			continue
		}
		if from == nil {
			if from = h.back(h.count - 1); from == to {
				continue
			}
		}
		points = append(points, per(from.flows[source].received, to.flows[source].received, max(to.at.Sub(from.at).Seconds(), 1e-3)))
	}
	return points
}

// settled is how many events Splunk has taken, or refused for good.
func settled(snap Snapshot) (n uint64) {
	for _, s := range snap.Sources {
		n += s.Delivered + s.Deadlettered
	}
	return n
}

// posts is how many posts were answered or given up, and how many of them failed.
func posts(snap Snapshot) (all, failed uint64) {
	for _, e := range snap.Endpoints {
		all += e.Requests
		failed += e.Failures
	}
	return all, failed
}

// moves reports whether something was delivered since the last progress, or nothing waits.
func (h *history) moves(snap Snapshot) bool {
	n, _ := backlog(snap)
	return n == 0 || settled(snap) != h.moved.settled
}

// trend is what health needs to know of the last minutes.
type trend struct {
	held bool // senders wait, and have for several readings
	// quiet are the sources that have received something, but nothing for as long as is
	// remembered.
	quiet    []string
	quietFor time.Duration
	// stalled is for how long nothing has been delivered though events wait, failed how
	// many posts failed since, and lastFailed what such a post was answered.
	stalled    time.Duration
	failed     uint64
	lastFailed string
	grows      bool // more wait than ten seconds ago
	neverSent  bool
	lately     struct{ posts, failed uint64 } // of the last ten seconds
}

// trend compares a reading with those that are remembered.
func (h *history) trend(snap Snapshot) (t trend) {
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
	t.held = snap.Blocked && h.count >= heldFor
	for n := range min(heldFor, h.count) {
		t.held = t.held && h.back(n).blocked
	}
	if !h.moves(snap) {
		t.stalled = snap.Now.Sub(h.moved.at)
		for _, e := range snap.Endpoints {
			if before := h.moved.failed[e.URL]; e.Failures > before {
				t.failed += e.Failures - before
				t.lastFailed = brief(e.LastAnswer)
			}
		}
	}
	before := h.back(min(int(rateOver/h.every), h.count-1))
	n, _ := backlog(snap)
	t.grows = n > before.waiting
	if all >= before.posts && failed >= before.failed { // endpoints may have changed
		t.lately.posts, t.lately.failed = all-before.posts, failed-before.failed
	}
	return t
}

// quiet lists the sources that have received something, and nothing in all the time that
// is remembered. The caller holds the mutex.
func (h *history) quiet(snap Snapshot) (names []string, since time.Duration) {
	if h.count < samples {
		return nil, 0
	}
	oldest := h.back(samples - 1)
	for _, s := range snap.Sources {
		if s.Configured && !s.Internal && s.Taken() > 0 && s.Taken() == oldest.flows[s.Source].taken {
			names = append(names, s.Source)
		}
	}
	return names, snap.Now.Sub(oldest.at)
}

// growth is by how many bytes a second something grew over the last minute.
func (h *history) growth(of func(*sample) int64) float64 {
	from, to := h.over(growthOver)
	if from == nil || to.at.Sub(from.at) <= 0 {
		return 0
	}
	return float64(of(to)-of(from)) / to.at.Sub(from.at).Seconds()
}

// farOff is when being full is no news.
const farOff = 30 * 24 * time.Hour

// full says in how many seconds so many bytes more will be there at a growth; 0: not
// within a month.
func full(free int64, growth float64) float64 {
	if growth <= 0 || free < 0 || float64(free)/growth > farOff.Seconds() {
		return 0
	}
	return float64(free) / growth
}
