package monitor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/status"
)

// Rule is what a rule in force did. Saved are bytes of the texts of events that it left out
// or removed, which Splunk's licence does not count.
type Rule struct {
	Name string   `json:"rule"`
	Pack string   `json:"pack"`
	Does []string `json:"does"`
	// Events are since the start, by action: drop, sample, suppress or mask. EventsHour are
	// those of the last hour.
	Events     map[string]uint64 `json:"events"`
	EventsHour map[string]uint64 `json:"events_last_hour"`
	Saved      uint64            `json:"saved_bytes"`
	SavedHour  uint64            `json:"saved_bytes_last_hour"`
}

// Rules are the rules in force, those first that save most.
type Rules struct {
	List   []Rule `json:"rules"`
	Others int    `json:"others"` // how many more there are
	// What all save, those that are not listed included.
	Saved     uint64 `json:"saved_bytes"`
	SavedHour uint64 `json:"saved_bytes_last_hour"`
}

// An hour is remembered in marks of a minute: what is shown of the last hour is of 59 to 60
// minutes, or since the start.
const (
	markEvery = time.Minute
	marks     = 60
)

// count names what is counted of a rule: the messages of an action, or, without one, the bytes
// that it saves.
type count struct{ rule, action string }

// ruleWatch remembers for an hour what rules had counted. It has a bound, because the stages
// count so many rules at most, and what has counted nothing is not in it.
type ruleWatch struct {
	mu     sync.Mutex
	newest time.Time // of the marks
	taken  int       // marks since the start
	ring   map[count]*[marks]uint64
}

// add takes a mark when it is time for one.
func (w *ruleWatch) add(snap status.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken != 0 && snap.Now.Sub(w.newest) < markEvery {
		return
	}
	for _, r := range snap.Rules {
		for action, n := range r.Events {
			w.mark(count{r.Name, action}, n)
		}
		w.mark(count{r.Name, ""}, r.Saved)
	}
	w.newest = snap.Now
	w.taken++
}

func (w *ruleWatch) mark(c count, n uint64) {
	if n == 0 {
		return
	}
	if w.ring == nil {
		w.ring = make(map[count]*[marks]uint64)
	}
	if w.ring[c] == nil {
		w.ring[c] = new([marks]uint64)
	}
	w.ring[c][w.taken%marks] = n
}

// lastHour is how much of a number is of the last hour. The caller holds mu. A snapshot may
// be older than the newest mark.
func (w *ruleWatch) lastHour(c count, n uint64) uint64 {
	ring := w.ring[c]
	if ring == nil || w.taken < marks { // it counts from 0 on, as all do
		return n
	}
	before := ring[w.taken%marks]
	return max(n, before) - before
}

// volume returns what the rules in force did.
func (w *ruleWatch) volume(snap status.Snapshot, most int) Rules {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := Rules{List: []Rule{}}
	for _, r := range snap.Rules {
		if !r.InForce {
			continue
		}
		one := Rule{
			Name: r.Name, Pack: r.Pack, Does: OrEmpty(r.Does), Events: orNone(r.Events), EventsHour: make(map[string]uint64, len(r.Events)),
			Saved: r.Saved, SavedHour: w.lastHour(count{r.Name, ""}, r.Saved),
		}
		for action, n := range r.Events {
			one.EventsHour[action] = w.lastHour(count{r.Name, action}, n)
		}
		all.List = append(all.List, one)
		all.Saved += one.Saved
		all.SavedHour += one.SavedHour
	}
	slices.SortFunc(all.List, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(b.Saved, a.Saved), cmp.Compare(b.acted(), a.acted()), cmp.Compare(a.Name, b.Name))
	})
	all.Others = max(0, len(all.List)-most)
	all.List = all.List[:len(all.List)-all.Others]
	return all
}

// acted is on how many messages a rule acted.
func (r *Rule) acted() (n uint64) {
	for _, events := range r.Events {
		n += events
	}
	return n
}
