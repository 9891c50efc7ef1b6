package stats

import (
	"sync"
	"time"
)

// What is remembered: five minutes, second by second.
const (
	sampleEvery = time.Second
	samples     = 301
	sparkPoints = 60
	rateOver    = 10 * time.Second
	growthOver  = time.Minute
)

// flow are the counters of one source at a moment.
type flow struct{ received, delivered, lost uint64 }

// sample is one reading.
type sample struct {
	at     time.Time
	flows  map[string]flow
	shards map[string]int64 // bytes
	queued int64            // bytes of all shards
	asked  map[string]uint64
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
	mu    sync.Mutex
	ring  [samples]sample
	next  int
	count int
	peaks peaks
}

func newHistory() *history {
	return &history{peaks: peaks{
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
		s.flows[src.Source] = flow{src.Received, src.Delivered, src.Dropped + src.KernelDrops}
	}
	for _, sh := range snap.Shards {
		s.shards[sh.Name] = sh.Bytes
		s.queued += sh.Bytes
	}
	for _, e := range snap.Endpoints {
		s.asked[e.URL] = e.Requests
	}
	h.mu.Lock()
	defer h.mu.Unlock()
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
	n := min(int(d/sampleEvery), h.count-1)
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

// quiet lists the sources that have received something, and nothing in all the time that
// is remembered.
func (h *history) quiet(sources []Source) (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count < samples {
		return nil
	}
	oldest := h.back(samples - 1)
	for _, s := range sources {
		if s.Configured && !s.Internal && s.Received > 0 && s.Received == oldest.flows[s.Source].received {
			names = append(names, s.Source)
		}
	}
	return names
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
