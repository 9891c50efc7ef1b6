package monitor

import "time"

// When a sender floods: it sends so many times what is usual, so much at least, and so much
// of what all send. What is usual is known after some marks.
const (
	floodTimes = 8
	floodLeast = 100 // messages per second
	floodShare = 0.2
	floodKnown = 6
	// usualOver is how far back what is usual reaches.
	usualOver = time.Hour
)

// rateWatch remembers for five minutes how much each sender had sent. It has as many senders
// as their table.
type rateWatch struct {
	every time.Duration // between two readings

	times  [marks]time.Time
	taken  int
	marked bool // this reading is a mark
	now    time.Time
	gap    float64 // seconds since the mark before
	tracks map[senderKey]*track
}

// track is what is remembered of one sender.
type track struct {
	events uint64 // at the last mark
	from   int    // the first mark
	grown  [marks]uint32
	usual  float64
	floods bool
	seen   int // the last mark at which it was there
}

// begin begins a reading, which is a mark if it is time for one.
func (w *rateWatch) begin(now time.Time) {
	if w.tracks == nil {
		w.tracks = make(map[senderKey]*track)
	}
	w.now, w.marked = now, w.taken == 0 || now.Sub(w.times[(w.taken-1)%marks]) >= fineStep*w.every
	if !w.marked {
		return
	}
	w.gap = 0
	if w.taken > 0 {
		w.gap = now.Sub(w.times[(w.taken-1)%marks]).Seconds()
	}
	w.times[w.taken%marks] = now
	w.taken++
}

// rate sets the rates of a sender.
func (w *rateWatch) rate(s *Sender) {
	key := senderKey{s.Source, s.Address, s.Name}
	t := w.tracks[key]
	if t == nil {
		// What it sent before this reading was sent since the mark before, at the earliest.
		t = &track{from: max(w.taken-1, 0)}
		if w.taken <= 1 { // the first reading knows no rates
			t.events = s.Events
		}
		w.tracks[key] = t
	}
	t.seen = w.taken
	if w.marked {
		t.grown[(w.taken-1)%marks] = uint32(min(max(s.Events, t.events)-t.events, 1<<32-1))
		t.events = s.Events
	}
	s.Rate, s.Rate5 = w.over(t, 2), w.over(t, marks-1)
	if w.marked && w.gap > 0 {
		t.learn(s.Rate, w.gap, usualOver.Seconds()*w.every.Seconds(), w.taken-1-t.from)
	}
	s.Usual, s.Floods = t.usual, t.floods
}

// over is the rate of a sender over the last n marks.
func (w *rateWatch) over(t *track, n int) float64 {
	n = min(n, w.taken-1)
	if n < 1 {
		return 0
	}
	var events uint64
	for i := range n {
		if mark := w.taken - 1 - i; mark >= t.from {
			events += uint64(t.grown[mark%marks])
		}
	}
	span := w.times[(w.taken-1)%marks].Sub(w.times[(w.taken-1-n)%marks]).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(events) / span
}

// learn moves what is usual towards the rate: the mean at first, then the mean of about an
// hour. A flood counts as floodTimes what is usual.
func (t *track) learn(rate, gap, hour float64, known int) {
	t.floods = known >= floodKnown && rate >= floodLeast && rate >= floodTimes*t.usual
	if t.floods {
		rate = floodTimes * t.usual
	}
	t.usual += (rate - t.usual) * min(1, max(gap/hour, 1/float64(known+1)))
}

// end forgets senders that have left the table, and takes the floods that are a small part.
func (w *rateWatch) end(all []Sender) {
	var total float64
	for i := range all {
		total += all[i].Rate
	}
	for i := range all {
		all[i].Floods = all[i].Floods && all[i].Rate >= floodShare*total
	}
	if w.marked {
		for key, t := range w.tracks {
			if t.seen != w.taken {
				delete(w.tracks, key)
			}
		}
	}
}
