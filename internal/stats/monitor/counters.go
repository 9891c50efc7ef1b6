package monitor

import (
	"cmp"
	"slices"
	"strings"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
)

// Counters are the windows of what health judges by, and of what explains it.
type Counters struct {
	Totals    map[string]Window  `json:"totals"`
	Sources   []SourceCounters   `json:"sources"`
	Endpoints []EndpointCounters `json:"endpoints"`
}

// SourceCounters are those of one source.
type SourceCounters struct {
	Source   string            `json:"source"`
	Counters map[string]Window `json:"counters"`
	Dropped  map[string]Window `json:"dropped"`  // by reason
	Rejected map[string]Window `json:"rejected"` // connections, by reason
}

// EndpointCounters are those of one endpoint.
type EndpointCounters struct {
	URL      string `json:"url"`
	Requests Window `json:"requests"`
	Failures Window `json:"failures"`
}

// The reasons of losses that are not in the ledger.
const (
	byKernel  = "kernel"              // datagrams that were never received
	byEvicted = "dead_letter_evicted" // removed from the full dead-letter store
)

// Lost reports whether what is dropped for a reason is a loss.
func Lost(reason string) bool { return !ledger.Intended(reason) }

// counters calls f with all totals.
func (t *Totals) counters(f func(name string, n uint64)) {
	f("received", t.Received)
	f("delivered", t.Delivered)
	f("deadlettered", t.Deadlettered)
	f("dropped", t.Dropped)
	f("lost", t.Lost)
	f("left_out", t.LeftOut)
	f("udp_kernel_drops", t.KernelDrops)
	f("unparsed", t.Unparsed)
	f("truncated", t.Truncated)
	f("framing_errors", t.FramingErrors)
}

func sourceCounters(s *status.Source, f func(name string, n uint64)) {
	f("received", s.Received)
	f("received_bytes", s.ReceivedBytes)
	f("delivered", s.Delivered)
	f("deadlettered", s.Deadlettered)
	f("lost", s.Lost()+s.KernelDrops)
	f("udp_kernel_drops", s.KernelDrops)
	f("unparsed", s.Unparsed)
	f("truncated", s.Truncated)
	f("framing_errors", s.FramingErrors)
}

// dropsOf calls f with what a source dropped, by reason.
func dropsOf(s *status.Source, f func(reason string, n uint64)) {
	for reason, n := range s.DropReasons {
		f(reason, n)
	}
	if s.KernelDrops > 0 {
		f(byKernel, s.KernelDrops)
	}
}

// read calls f with all counters of a reading.
func readCounters(snap status.Snapshot, list Senders, f func(counter, uint64)) {
	t := sum(snap)
	t.counters(func(name string, n uint64) { f(counter{kind: "total", of: name}, n) })
	f(counter{kind: "drop", what: byEvicted}, snap.DeadLetters.Evicted)
	for i := range snap.Sources {
		s := &snap.Sources[i]
		name := s.Source
		sourceCounters(s, func(what string, n uint64) { f(counter{kind: "source", of: name, what: what}, n) })
		dropsOf(s, func(reason string, n uint64) { f(counter{kind: "drop", of: name, what: reason}, n) })
		for reason, n := range s.Rejected {
			f(counter{kind: "rejected", of: name, what: reason}, n)
		}
	}
	for _, e := range snap.Endpoints {
		f(counter{kind: "requests", of: e.URL}, e.Requests)
		f(counter{kind: "failures", of: e.URL}, e.Failures)
	}
	for _, r := range snap.Rules {
		for action, n := range r.Events {
			f(ruleCounter(r.Name, action), n)
		}
		f(savedCounter(r.Name), r.Saved)
	}
	for _, one := range list.dropping {
		f(one.dropCounter(), one.DroppedSum())
	}
}

// countersOf are the windows of a reading.
func countersOf(snap status.Snapshot, w *windows) Counters {
	all := Counters{Totals: make(map[string]Window), Sources: []SourceCounters{}, Endpoints: []EndpointCounters{}}
	t := sum(snap)
	t.counters(func(name string, n uint64) { all.Totals[name] = w.window(counter{kind: "total", of: name}, n) })
	for i := range snap.Sources {
		s := &snap.Sources[i]
		name := s.Source
		one := SourceCounters{name, make(map[string]Window), make(map[string]Window), make(map[string]Window)}
		sourceCounters(s, func(what string, n uint64) {
			one.Counters[what] = w.window(counter{kind: "source", of: name, what: what}, n)
		})
		dropsOf(s, func(reason string, n uint64) {
			one.Dropped[reason] = w.window(counter{kind: "drop", of: name, what: reason}, n)
		})
		for reason, n := range s.Rejected {
			one.Rejected[reason] = w.window(counter{kind: "rejected", of: name, what: reason}, n)
		}
		all.Sources = append(all.Sources, one)
	}
	for _, e := range snap.Endpoints {
		all.Endpoints = append(all.Endpoints, EndpointCounters{e.URL,
			w.window(counter{kind: "requests", of: e.URL}, e.Requests), w.window(counter{kind: "failures", of: e.URL}, e.Failures)})
	}
	return all
}

// Drop is what was dropped for one reason.
type Drop struct {
	Source string `json:"source"` // empty for dead letters that were removed
	Reason string `json:"reason"`
	Lost   bool   `json:"lost"` // not on purpose
	Window
}

// RuleDrop is what a rule left out.
type RuleDrop struct {
	Rule   string `json:"rule"`
	Action string `json:"action"` // drop, sample or suppress
	Window
}

// SenderDrop is what was dropped of a sender.
type SenderDrop struct {
	Source  string `json:"source"`
	Address string `json:"address"`
	Name    string `json:"name"`
	Rule    uint64 `json:"rule"`
	Empty   uint64 `json:"empty"`
	Other   uint64 `json:"other"` // the gateway stopped while the queue was full
	Window
}

// Drops are what was dropped, by reason, by rule and by sender: most of the last 5 minutes
// first. The others are how many more there are of each.
type Drops struct {
	Reasons       []Drop       `json:"reasons"`
	OtherReasons  int          `json:"other_reasons"`
	Rules         []RuleDrop   `json:"rules"`
	OtherRules    int          `json:"other_rules"`
	Senders       []SenderDrop `json:"senders"`
	OtherSenders  int          `json:"other_senders"`
	UnknownSender Window       `json:"not_by_sender"` // of reasons for which no sender is known
}

func dropsIn(snap status.Snapshot, list Senders, w *windows, most int) Drops {
	var all Drops
	unknown := func(one Window) {
		all.UnknownSender.FiveMin += one.FiveMin
		all.UnknownSender.Hour += one.Hour
		all.UnknownSender.Start += one.Start
	}
	reason := func(source, reason string, n uint64) {
		if n == 0 {
			return
		}
		one := Drop{source, reason, Lost(reason), w.window(counter{kind: "drop", of: source, what: reason}, n)}
		all.Reasons = append(all.Reasons, one)
		if reason != "rule" && reason != "empty" {
			unknown(one.Window)
		}
	}
	reason("", byEvicted, snap.DeadLetters.Evicted)
	for i := range snap.Sources {
		s := &snap.Sources[i]
		dropsOf(s, func(why string, n uint64) { reason(s.Source, why, n) })
	}
	for _, r := range snap.Rules {
		for action, n := range r.Events {
			if action != "mask" && n > 0 {
				all.Rules = append(all.Rules, RuleDrop{r.Name, action, w.window(ruleCounter(r.Name, action), n)})
			}
		}
	}
	for _, s := range list.dropping {
		all.Senders = append(all.Senders, SenderDrop{s.Source, s.Address, s.Name, s.Dropped.Rule, s.Dropped.Empty, s.Dropped.Other, w.window(s.dropCounter(), s.DroppedSum())})
	}
	all.Reasons, all.OtherReasons = first(all.Reasons, most, func(a, b Drop) int {
		return cmp.Or(a.compare(b.Window), strings.Compare(a.Source, b.Source), strings.Compare(a.Reason, b.Reason))
	})
	all.Rules, all.OtherRules = first(all.Rules, most, func(a, b RuleDrop) int {
		return cmp.Or(a.compare(b.Window), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Action, b.Action))
	})
	all.Senders, all.OtherSenders = first(all.Senders, most, func(a, b SenderDrop) int {
		return cmp.Or(a.compare(b.Window), strings.Compare(a.Source, b.Source), strings.Compare(a.Address, b.Address), strings.Compare(a.Name, b.Name))
	})
	all.OtherSenders += list.otherDropping
	return all
}

// compare puts what counts most of late first.
func (w Window) compare(other Window) int {
	return cmp.Or(cmp.Compare(other.FiveMin, w.FiveMin), cmp.Compare(other.Hour, w.Hour), cmp.Compare(other.Start, w.Start))
}

// first are the first n of a list in an order, never nil, and how many more there are.
func first[T any](list []T, n int, order func(a, b T) int) ([]T, int) {
	slices.SortFunc(list, order)
	shown := min(n, len(list))
	return OrEmpty(list[:shown]), len(list) - shown
}
