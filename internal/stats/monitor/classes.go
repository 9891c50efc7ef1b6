package monitor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/status"
)

// Class is the volume of one class, or of several, since the start. Bytes are those of the
// texts of the events, which is what Splunk's licence counts.
type Class struct {
	Name   string `json:"class"`
	Pack   string `json:"pack"` // empty for the built-in families
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
	// The rates are over the last ten seconds.
	EventRate float64 `json:"events_per_second"`
	ByteRate  float64 `json:"bytes_per_second"`
	// Share is the part of all bytes, from 0 to 1.
	Share float64 `json:"share"`
}

// Classes are the volumes of classes, by bytes.
type Classes struct {
	List []Class `json:"classes"` // the largest ones
	Rest Class   `json:"rest"`    // all others together
	// Others is how many those are.
	Others int   `json:"others"`
	Total  Class `json:"total"`
}

// classKey is a class of a source.
type classKey struct{ source, class string }

// volume is what was counted of a class.
type volume struct{ events, bytes uint64 }

// classReading is what was counted at one moment.
type classReading struct {
	at time.Time
	of map[classKey]volume
}

// classWatch remembers the readings of the last ten seconds, for the rates.
type classWatch struct {
	every time.Duration

	mu   sync.Mutex
	last []classReading // oldest first
}

// add remembers a reading.
func (w *classWatch) add(snap status.Snapshot) {
	r := classReading{snap.Now, make(map[classKey]volume)}
	for _, src := range snap.Sources {
		for _, c := range src.Classes {
			r.of[classKey{src.Source, c.Name}] = volume{c.Events, c.Bytes}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if most := int(rateOver/w.every) + 1; len(w.last) >= most {
		w.last = slices.Delete(w.last, 0, len(w.last)-most+1)
	}
	w.last = append(w.last, r)
}

// over returns the oldest and the newest reading.
func (w *classWatch) over() (from, to classReading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) < 2 {
		return from, to
	}
	return w.last[0], w.last[len(w.last)-1]
}

// volume adds up the classes of the wanted sources.
func (w *classWatch) volume(snap status.Snapshot, wanted func(source string) bool, most int) Classes {
	from, to := w.over()
	seconds := to.at.Sub(from.at).Seconds()
	byName := make(map[string]*Class)
	for _, src := range snap.Sources {
		if !wanted(src.Source) {
			continue
		}
		for _, c := range src.Classes {
			one := byName[c.Name]
			if one == nil {
				one = &Class{Name: c.Name, Pack: c.Pack}
				byName[c.Name] = one
			}
			next := Class{Events: c.Events, Bytes: c.Bytes}
			if key := (classKey{src.Source, c.Name}); seconds > 0 {
				a, b := from.of[key], to.of[key]
				next.EventRate, next.ByteRate = per(a.events, b.events, seconds), per(a.bytes, b.bytes, seconds)
			}
			one.add(next)
		}
	}
	var all Classes
	list := make([]Class, 0, len(byName))
	for _, c := range byName {
		list = append(list, *c)
		all.Total.add(*c)
	}
	slices.SortFunc(list, func(a, b Class) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Events, a.Events), cmp.Compare(a.Name, b.Name))
	})
	for i := range list {
		list[i].Share = part(list[i].Bytes, all.Total.Bytes)
	}
	all.List = list[:min(len(list), most)]
	for _, c := range list[len(all.List):] {
		all.Others++
		all.Rest.add(c)
	}
	all.Rest.Share, all.Total.Share = part(all.Rest.Bytes, all.Total.Bytes), part(all.Total.Bytes, all.Total.Bytes)
	return all
}

// add adds the volume of another class.
func (c *Class) add(other Class) {
	c.Events += other.Events
	c.Bytes += other.Bytes
	c.EventRate += other.EventRate
	c.ByteRate += other.ByteRate
}

// part is the share of n in all, 0 of nothing.
func part(n, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}
