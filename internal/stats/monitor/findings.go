package monitor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/text"
	"syslog-gateway/internal/status"
)

// levelNote is the level of a finding that does not change that of health.
const levelNote = "note"

// Finding is something that is wrong, or odd.
type Finding struct {
	ID    string    `json:"id"`    // one word for its kind, such as endpoint-down
	Level string    `json:"level"` // critical, warning or note
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
	// Ended is set for a minute after it has ended.
	Ended time.Time `json:"ended,omitzero"`
	// Row is the element of the page that it is about, such as source-linux.
	Row string `json:"row"`
	// Help is the address of what it means and what to do.
	Help string `json:"help"`
}

// helpAt is where a section of docs/operations.md is served.
func helpAt(section string) string { return "/help/" + section }

// The rows of the page.
func rowOf(kind, name string) string { return kind + "-" + name }

// findingKey is what makes a finding the same one in the next reading.
type findingKey struct{ id, row string }

// endedFor is for how many readings a finding is shown after its end. If it comes back, it is
// the same one, so that what comes and goes does not fill the history.
const endedFor = 60

// lastsFor is for how many readings a finding is there before it is an alarm: a start and a
// reload are none.
const lastsFor = 2

// openFinding is a finding that is there, or has ended of late.
type openFinding struct {
	Finding
	alarm bool // it is in the history
}

// findingWatch remembers since when a finding is there.
type findingWatch struct {
	every time.Duration
	store *history.Store

	mu   sync.Mutex
	open map[findingKey]openFinding
	up   map[string]bool // the endpoints, at the last reading
}

// add takes the findings of a reading, and marks in the history what begins and ends.
func (w *findingWatch) add(snap status.Snapshot, found []Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoints(snap)
	if w.open == nil {
		w.open = make(map[findingKey]openFinding)
	}
	now := snap.Now.UTC()
	there := make(map[findingKey]bool, len(found))
	for _, f := range found {
		key := findingKey{f.ID, f.Row}
		there[key] = true
		old, known := w.open[key]
		if f.Since = now; known {
			f.Since = old.Since
		}
		if !old.alarm && f.Level != levelNote && now.Sub(f.Since) >= lastsFor*w.every {
			old.alarm = true
			w.store.Mark(history.Event{Time: f.Since, Kind: history.AlarmOn, Text: f.Text})
		}
		w.open[key] = openFinding{f, old.alarm}
	}
	for key, f := range w.open {
		switch {
		case there[key]:
		case f.Ended.IsZero() && now.Sub(f.Since) >= lastsFor*w.every:
			f.Ended = now
			w.open[key] = f
		case f.Ended.IsZero(), now.Sub(f.Ended) >= endedFor*w.every:
			delete(w.open, key)
			if f.alarm {
				w.store.Mark(history.Event{Time: f.Ended, Kind: history.AlarmOff, Text: f.Text})
			}
		}
	}
}

// endpoints marks those that go down or come back.
func (w *findingWatch) endpoints(snap status.Snapshot) {
	up := make(map[string]bool, len(snap.Endpoints))
	for _, e := range snap.Endpoints {
		up[e.URL] = e.Up
		before, known := w.up[e.URL]
		switch {
		case before == e.Up, !known && (e.Up || e.State == ""):
		case e.Up:
			w.store.Mark(history.Event{Time: snap.Now, Kind: history.EndpointUp, Text: text.HostPort(e.URL)})
		default:
			w.store.Mark(history.Event{Time: snap.Now, Kind: history.EndpointDown, Text: whyDown(e)})
		}
	}
	w.up = up
}

// describe says since when findings are there, and adds those that have ended: worst first,
// then oldest first.
func (w *findingWatch) describe(now time.Time, found []Finding) []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Finding, 0, len(found))
	there := make(map[findingKey]bool, len(found))
	for _, f := range found {
		key := findingKey{f.ID, f.Row}
		there[key] = true
		if f.Since = now.UTC(); !w.open[key].Since.IsZero() {
			f.Since = w.open[key].Since
		}
		all = append(all, f)
	}
	for key, f := range w.open {
		if !there[key] && !f.Ended.IsZero() {
			all = append(all, f.Finding)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(rank(a)-rank(b), a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Row, b.Row))
	})
	return all
}

func rank(f Finding) int {
	switch {
	case !f.Ended.IsZero():
		return 3
	case f.Level == levelCritical:
		return 0
	case f.Level == levelWarning:
		return 1
	}
	return 2
}
