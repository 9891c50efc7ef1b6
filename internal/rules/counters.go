package rules

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Counters are the totals of rules since the start, by name: they outlive a reload. They are
// safe for concurrent use and a prometheus.Collector.
type Counters struct {
	mu     sync.Mutex
	byName map[string]*total
}

// total is what one rule did.
type total struct {
	pack   string
	events [numActions]atomic.Uint64
	saved  atomic.Uint64
	slow   atomic.Uint64
	used   [numActions]bool // which actions the rule has, or had
	saves  bool
}

// Total is what one rule did since the start.
type Total struct {
	Rule, Pack string
	// Events are the messages that it left out or masked, by action.
	Events map[string]uint64
	// Saved are the bytes of the texts that it left out or removed.
	Saved uint64
	// Slow are the messages that it searched with a regular expression, without those for
	// which another rule of its pack, or the pack itself, is counted already.
	Slow uint64
}

// maxNames bounds the rules that are counted by themselves, for gateways that see ever new
// names.
const maxNames = 4096

// others is the name of what is counted together.
const others = "other"

// of returns the total of a rule, which it begins at the first call.
func (c *Counters) of(r *rule) *total {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, pack := r.name, r.pack
	if c.byName == nil {
		c.byName = make(map[string]*total)
	}
	if c.byName[name] == nil && len(c.byName) >= maxNames-1 {
		name, pack = others, others
	}
	t := c.byName[name]
	if t == nil {
		t = &total{pack: pack}
		c.byName[name] = t
	}
	for _, action := range r.actions() {
		t.used[action] = true
		t.saves = t.saves || action != Mask
	}
	t.saves = t.saves || r.trim != nil
	return t
}

// Read returns the totals, sorted by name.
func (c *Counters) Read() []Total {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Total, 0, len(c.byName))
	for name, t := range c.byName {
		one := Total{Rule: name, Pack: t.pack, Events: make(map[string]uint64), Saved: t.saved.Load(), Slow: t.slow.Load()}
		for a := range numActions {
			if t.used[a] {
				one.Events[a.String()] = t.events[a].Load()
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Total) int { return cmp.Compare(a.Rule, b.Rule) })
	return all
}

var (
	eventsDesc = prometheus.NewDesc("gateway_rule_events_total", "Messages that a rule left out (drop, sample, suppress) or in which it hid something (mask).", []string{"rule", "action"}, nil)
	savedDesc  = prometheus.NewDesc("gateway_rule_saved_bytes_total", "Bytes of the texts of events that a rule left out or removed.", []string{"rule"}, nil)
)

// Describe implements prometheus.Collector.
func (c *Counters) Describe(ch chan<- *prometheus.Desc) {
	ch <- eventsDesc
	ch <- savedDesc
}

// Collect implements prometheus.Collector.
func (c *Counters) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, t := range c.byName {
		for a := range numActions {
			if t.used[a] {
				ch <- prometheus.MustNewConstMetric(eventsDesc, prometheus.CounterValue, float64(t.events[a].Load()), name, a.String())
			}
		}
		if t.saves {
			ch <- prometheus.MustNewConstMetric(savedDesc, prometheus.CounterValue, float64(t.saved.Load()), name)
		}
	}
}

// count is what a rule did in the read at hand.
type count struct {
	events [numActions]int
	saved  int
	slow   int
	dirty  bool
	total  *total // nil without counters
}

// count counts messages of a rule.
func (a *Actor) count(r *rule, action Action, events, saved int) {
	c := a.countOf(r)
	c.events[action] += events
	c.saved += saved
}

// searched counts a message that a rule searched with a regular expression: once for a pack.
func (a *Actor) searched(r *rule, m *Message) {
	if slices.Contains(a.slow, r.pack) || m.Result.Slow && m.Result.Pack == r.pack {
		return
	}
	a.slow = append(a.slow, r.pack)
	a.countOf(r).slow++
}

func (a *Actor) countOf(r *rule) *count {
	c := &a.counts[r.number]
	if !c.dirty {
		c.dirty = true
		a.dirty = append(a.dirty, r.number)
	}
	return c
}

// Flush adds the counts to the totals, at the end of a read.
func (a *Actor) Flush() {
	for _, n := range a.dirty {
		c := &a.counts[n]
		if c.total != nil {
			for action, events := range c.events {
				if events != 0 {
					c.total.events[action].Add(uint64(events))
				}
			}
			c.total.saved.Add(uint64(c.saved))
			c.total.slow.Add(uint64(c.slow))
		}
		*c = count{total: c.total}
	}
	a.dirty = a.dirty[:0]
}
