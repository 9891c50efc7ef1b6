package monitor

import (
	"cmp"
	"slices"

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

// The counters of a rule: the messages of an action, and the bytes that it saves.
func ruleCounter(rule, action string) counter { return counter{kind: "rule", of: rule, what: action} }
func savedCounter(rule string) counter        { return counter{kind: "saved", of: rule} }

// rulesOf returns what the rules in force did.
func rulesOf(snap status.Snapshot, w *windows, most int) Rules {
	all := Rules{List: []Rule{}}
	for _, r := range snap.Rules {
		if !r.InForce {
			continue
		}
		one := Rule{
			Name: r.Name, Pack: r.Pack, Does: OrEmpty(r.Does), Events: orNone(r.Events), EventsHour: make(map[string]uint64, len(r.Events)),
			Saved: r.Saved, SavedHour: w.window(savedCounter(r.Name), r.Saved).Hour,
		}
		for action, n := range r.Events {
			one.EventsHour[action] = w.window(ruleCounter(r.Name, action), n).Hour
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
