package monitor

import (
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/status"
)

// recorder makes points of the history out of readings. One goroutine uses it.
type recorder struct {
	store   *history.Store
	at      time.Time
	totals  Totals
	latency []uint64
}

// add adds what happened since the reading before.
func (r *recorder) add(snap status.Snapshot, t Totals) {
	old, at, latency := r.totals, r.at, r.latency
	r.totals, r.at, r.latency = t, snap.Now, snap.Latency.Counts
	if at.IsZero() {
		r.store.Mark(history.Event{Time: snap.Now, Kind: history.Start, Text: "version " + snap.Version})
		return
	}
	p := history.Point{
		At: snap.Now, Covered: snap.Now.Sub(at), Received: grown(old.Received, t.Received), Delivered: grown(old.Delivered, t.Delivered),
		Lost: grown(old.Lost, t.Lost), LeftOut: grown(old.LeftOut, t.LeftOut), Waiting: max(t.Pending, 0), WaitingBytes: max(snap.Queue.UsedBytes, 0),
		Oldest: max(snap.Queue.OldestSeconds, 0),
	}
	counts := make([]uint64, len(snap.Latency.Counts))
	for i, n := range snap.Latency.Counts {
		counts[i] = n
		if i < len(latency) {
			counts[i] = grown(latency[i], n)
		}
	}
	p.P50, p.P99 = quantile(0.5, snap.Latency.Bounds, counts), quantile(0.99, snap.Latency.Bounds, counts)
	r.store.Add(p)
}

func grown(from, to uint64) uint64 { return max(from, to) - from }

// quantile is the value that a part of all is below, by linear interpolation within its
// bucket as Prometheus has it. What is above the last bound is at it.
func quantile(part float64, bounds []float64, counts []uint64) float64 {
	var all uint64
	for _, n := range counts {
		all += n
	}
	if all == 0 || len(counts) != len(bounds)+1 {
		return 0
	}
	rank, low := part*float64(all), 0.0
	for i, bound := range bounds {
		if n := float64(counts[i]); rank <= n && n > 0 {
			return low + (bound-low)*rank/n
		}
		rank -= float64(counts[i])
		low = bound
	}
	return low
}
