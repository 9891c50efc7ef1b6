package monitor

import (
	"maps"
	"sync"
	"time"

	"syslog-gateway/internal/status"
)

// What is remembered: five minutes, second by second.
const (
	sampleEvery = time.Second // unless Options.Every says otherwise
	samples     = 301
	sparkPoints = 60
	rateOver    = 10 * time.Second
	growthOver  = time.Minute
)

// flow are the counters of one source at one moment.
type flow struct{ received, taken, delivered, lost, kernel, secured uint64 }

// sample is one remembered reading.
type sample struct {
	at       time.Time
	flows    map[string]flow   // by source
	shards   map[string]int64  // bytes
	queued   int64             // bytes of all shards
	requests map[string]uint64 // by endpoint

	blocked       bool
	waiting       int64  // events that could be sent; records with a cluster
	posts, failed uint64 // of all endpoints
}

// Peaks are the highest values since the start, which HAProxy's statistics have, and how
// long each endpoint was down.
type Peaks struct {
	Connections map[string]int64 // by source
	Rates       map[string]float64
	Queued      map[string]int64 // events, by shard
	InFlight    map[string]int   // by endpoint
	Down        map[string]time.Duration
}

// recent is a ring of samples. The sampler writes it, requests read it.
type recent struct {
	every time.Duration // between two samples

	mu           sync.Mutex
	ring         [samples]sample
	next         int
	count        int
	peaks        Peaks
	lastProgress progress
}

// progress is the last sample at which something had been delivered since the one before,
// or nothing waited.
type progress struct {
	at      time.Time
	settled uint64            // events that Splunk has accepted or refused
	failed  map[string]uint64 // posts, by endpoint
}

func newRecent(every time.Duration) *recent {
	return &recent{every: every, peaks: Peaks{
		Connections: make(map[string]int64), Rates: make(map[string]float64), Queued: make(map[string]int64),
		InFlight: make(map[string]int), Down: make(map[string]time.Duration),
	}}
}

// add remembers a reading.
func (h *recent) add(snap status.Snapshot) {
	s := sample{
		at: snap.Now, flows: make(map[string]flow, len(snap.Sources)),
		shards: make(map[string]int64, len(snap.Shards)), requests: make(map[string]uint64, len(snap.Endpoints)),
	}
	for _, src := range snap.Sources {
		s.flows[src.Source] = flow{src.Received, src.Admitted(), src.Delivered, src.Lost() + src.KernelDrops, src.KernelDrops, src.Secured}
	}
	for _, sh := range snap.Shards {
		s.shards[sh.Name] = sh.Bytes
		s.queued += sh.Bytes
	}
	for _, e := range snap.Endpoints {
		s.requests[e.URL] = e.Requests
	}
	s.blocked = snap.Blocked
	s.waiting, _ = backlog(snap)
	s.posts, s.failed = posts(snap)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 || h.moves(snap) {
		h.lastProgress = progress{snap.Now, settled(snap), make(map[string]uint64, len(snap.Endpoints))}
		for _, e := range snap.Endpoints {
			h.lastProgress.failed[e.URL] = e.Failures
		}
	}
	h.peaks.raise(snap, h.back(0))
	h.ring[h.next] = s
	h.next = (h.next + 1) % samples
	h.count = min(h.count+1, samples)
	for name := range s.flows {
		h.peaks.Rates[name] = max(h.peaks.Rates[name], h.rate(name).Received)
	}
}

func (p *Peaks) raise(snap status.Snapshot, before *sample) {
	for _, src := range snap.Sources {
		var open int64
		for _, n := range src.Connections {
			open += n
		}
		p.Connections[src.Source] = max(p.Connections[src.Source], open)
	}
	for _, sh := range snap.Shards {
		p.Queued[sh.Name] = max(p.Queued[sh.Name], sh.Events)
	}
	for _, e := range snap.Endpoints {
		p.InFlight[e.URL] = max(p.InFlight[e.URL], e.InFlight)
		if before != nil && !e.Up {
			p.Down[e.URL] += snap.Now.Sub(before.at)
		}
	}
}

// highest is a copy of the peaks.
func (h *recent) highest() Peaks {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peaks
	return Peaks{maps.Clone(p.Connections), maps.Clone(p.Rates), maps.Clone(p.Queued), maps.Clone(p.InFlight), maps.Clone(p.Down)}
}

// describe adds the trends of the last minutes to a status.
func (h *recent) describe(st *Status, list Senders) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, src := range st.Snapshot.Sources {
		n := list.counts[src.Source]
		st.Sources = append(st.Sources, Source{
			Source: src, Pending: src.Pending(), Difference: src.Difference(),
			DropReasons: src.DropReasons, DeadReasons: src.DeadReasons,
			Rates: h.rate(src.Source), History: h.spark(src.Source),
			Senders: n.known, Silent: n.silent, SilentAfter: src.SilentAfter.Seconds(),
		})
	}
	queue := st.Snapshot.Queue
	st.Queue = Queue{queue, fillsIn(queue.Free(), h.growth(func(x *sample) int64 { return x.queued }))}
	for _, sh := range st.Snapshot.Shards {
		one := Shard{Shard: sh}
		if h.growth(func(x *sample) int64 { return x.shards[sh.Name] }) > 0 {
			one.FillsInSeconds = st.Queue.FillsInSeconds
		}
		st.Shards = append(st.Shards, one)
	}
	for _, e := range st.Snapshot.Endpoints {
		st.Endpoints = append(st.Endpoints, Endpoint{e, h.requests(e.URL)})
	}
}

// back is the sample n before the newest, nil if there is none. The caller of this and of
// all methods below holds mu.
func (h *recent) back(n int) *sample {
	if n >= h.count {
		return nil
	}
	return &h.ring[(h.next-1-n+2*samples)%samples]
}

// over returns the newest sample and the one that is d older, or else the oldest one.
func (h *recent) over(d time.Duration) (from, to *sample) {
	n := min(int(d/h.every), h.count-1)
	if n < 1 {
		return nil, nil
	}
	return h.back(n), h.back(0)
}

// Rates are events per second over the last ten seconds.
type Rates struct {
	Received  float64 `json:"received_per_second"`
	Delivered float64 `json:"delivered_per_second"`
	Lost      float64 `json:"lost_per_second"`
	// KernelDrops is the part of Lost that was never received.
	KernelDrops float64 `json:"udp_kernel_drops_per_second"`
	// Secured is what went into the streams of a cluster.
	Secured float64 `json:"secured_per_second,omitempty"`
}

func (h *recent) rate(source string) Rates {
	from, to := h.over(rateOver)
	if from == nil {
		return Rates{}
	}
	seconds := to.at.Sub(from.at).Seconds()
	a, b := from.flows[source], to.flows[source]
	if seconds <= 0 {
		return Rates{}
	}
	return Rates{
		Received: per(a.received, b.received, seconds), Delivered: per(a.delivered, b.delivered, seconds), Lost: per(a.lost, b.lost, seconds),
		KernelDrops: per(a.kernel, b.kernel, seconds), Secured: per(a.secured, b.secured, seconds),
	}
}

// per is the growth of a counter per second. It is 0 if the counter is that of another
// source or endpoint, which counts less.
func per(from, to uint64, seconds float64) float64 {
	if to < from {
		return 0
	}
	return float64(to-from) / seconds
}

// lost is how many events of all sources are lost per second.
func (h *recent) lost() (rate float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 {
		return 0
	}
	for source := range h.back(0).flows {
		rate += h.rate(source).Lost
	}
	return rate
}

// requests is how many requests per second an endpoint gets.
func (h *recent) requests(url string) float64 {
	from, to := h.over(rateOver)
	if from == nil {
		return 0
	}
	return per(from.requests[url], to.requests[url], max(to.at.Sub(from.at).Seconds(), 1e-3))
}

// spark is events received per second in steps of five seconds, oldest first.
func (h *recent) spark(source string) []float64 {
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

// growth is by how many bytes per second a value grew over the last minute.
func (h *recent) growth(of func(*sample) int64) float64 {
	from, to := h.over(growthOver)
	if from == nil || to.at.Sub(from.at) <= 0 {
		return 0
	}
	return float64(of(to)-of(from)) / to.at.Sub(from.at).Seconds()
}

// farOff is when a full queue is no news.
const farOff = 30 * 24 * time.Hour

// fillsIn is in how many seconds the free bytes are used up; 0 if not within a month.
func fillsIn(free int64, growth float64) float64 {
	if growth <= 0 || free < 0 || float64(free)/growth > farOff.Seconds() {
		return 0
	}
	return float64(free) / growth
}
