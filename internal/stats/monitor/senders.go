package monitor

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/status"
)

const (
	// regular is from how many messages on silence of a sender is news.
	regular = 10
	// patience is how many of a sender's average pauses are not silence yet.
	patience = 5
	// shownSenders is how many the page shows of the busiest, and of the silent.
	shownSenders = 20
	// manySenders is from how many on the senders are read only every fifth second.
	manySenders = 500
)

// Sender is an address that sends, or a host behind a relay.
type Sender struct {
	Source  string    `json:"source"`
	Address string    `json:"address"`
	Name    string    `json:"name"`    // host name in its messages
	Relayed bool      `json:"relayed"` // one of several hosts at this address
	Events  uint64    `json:"events"`
	Error   uint64    `json:"events_error"` // by how much Events may be too low
	Bytes   uint64    `json:"bytes"`
	First   time.Time `json:"first_seen"`
	Last    time.Time `json:"last_seen"`
	Silent  bool      `json:"silent"`
	Skewed  bool      `json:"skewed"` // its times are off by a zone, or ahead
	Offset  float64   `json:"time_offset_seconds"`

	// Rate is of the last ten seconds, Rate5 of the last five minutes, and Usual the mean of
	// the last hour or so, in which a flood counts little; messages per second.
	Rate  float64 `json:"events_per_second"`
	Rate5 float64 `json:"events_per_second_5_min"`
	Usual float64 `json:"usual_per_second"`
	// Floods says that it sends many times what is usual, and much of all.
	Floods bool `json:"floods"`
	// Classes are of its events since the start; those that are not listed are in Others.
	Classes      []ClassShare `json:"classes"`
	OtherClasses uint64       `json:"other_classes"`
	// Dropped are its messages of which there is no event.
	Dropped SenderDropped `json:"dropped"`

	Skew senders.Skew `json:"-"`
}

// ClassShare is how many events of a sender are of a class.
type ClassShare struct {
	Class  string `json:"class"`
	Events uint64 `json:"events"`
}

// SenderDropped counts messages of a sender by reason.
type SenderDropped struct {
	Rule  uint64 `json:"rule"`
	Empty uint64 `json:"empty"`
	Other uint64 `json:"other"`
}

// DroppedSum is of how many messages there is no event.
func (s *Sender) DroppedSum() uint64 { return s.Dropped.Rule + s.Dropped.Empty + s.Dropped.Other }

func (s *Sender) dropCounter() counter {
	return counter{kind: "sender", of: s.Source, what: s.Address, more: s.Name}
}

// Who is the sender's name and address.
func (s *Sender) Who() string {
	if s.Name == "" || s.Name == s.Address {
		return s.Address
	}
	return printable.Escape(printable.Fold(s.Name)) + " (" + s.Address + ")"
}

// Senders is one reading of all senders, busiest first.
type Senders struct {
	At     time.Time
	All    []Sender
	Skewed []Sender
	counts map[string]senderCount // by source
	byRate []int32                // of All, the highest rate first
	floods []Sender
	// dropping are those of which messages were dropped, most first, and how many more there
	// are.
	dropping      []Sender
	otherDropping int
}

// maxDropping is how many senders have windows of what was dropped of them.
const maxDropping = 512

// sort makes the orders and lists that are asked for.
func (s *Senders) sort() {
	s.byRate = make([]int32, len(s.All))
	for i := range s.All {
		s.byRate[i] = int32(i)
		if s.All[i].DroppedSum() > 0 {
			s.dropping = append(s.dropping, s.All[i])
		}
		if s.All[i].Floods {
			s.floods = append(s.floods, s.All[i])
		}
	}
	slices.SortStableFunc(s.byRate, func(a, b int32) int { return cmp.Compare(s.All[b].Rate, s.All[a].Rate) })
	slices.SortStableFunc(s.floods, func(a, b Sender) int { return cmp.Compare(b.Rate, a.Rate) })
	s.dropping, s.otherDropping = first(s.dropping, maxDropping, func(a, b Sender) int { return cmp.Compare(b.DroppedSum(), a.DroppedSum()) })
}

// ByRate returns all senders that are wanted, the highest rate first, never nil.
func (s Senders) ByRate(want func(Sender) bool) []Sender {
	list := make([]Sender, 0, len(s.All))
	for _, i := range s.byRate {
		if want(s.All[i]) {
			list = append(list, s.All[i])
		}
	}
	return list
}

// senderCount counts the senders of one source.
type senderCount struct{ known, silent int }

// readSenders reads the table of senders. A sender is silent if it sent regularly and then nothing for
// as long as its source allows and for several of its own average pauses: a device that
// sends once an hour is not silent after one hour. skew decides whose times are off.
func readSenders(table *senders.Table, snap status.Snapshot, skew *skewWatch, rates *rateWatch) Senders {
	after := make(map[string]time.Duration, len(snap.Sources))
	all := Senders{At: snap.Now, counts: make(map[string]senderCount, len(snap.Sources))}
	for _, s := range snap.Sources {
		after[s.Source] = s.SilentAfter
		if s.Configured && !s.Internal {
			all.counts[s.Source] = senderCount{}
		}
	}
	if table == nil {
		return all
	}
	list := table.Senders()
	slices.SortFunc(list, func(a, b senders.Sender) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), a.Address.Compare(b.Address), cmp.Compare(a.Host, b.Host))
	})
	skew.begin()
	rates.begin(snap.Now)
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(s senders.Sender) bool { return s.Source != list[0].Source || s.Address != list[0].Address })
		if n < 0 {
			n = len(list)
		}
		for _, one := range atAddress(list[:n], after[list[0].Source], snap.Now) {
			if one.Skewed = skew.confirmed(&one, snap.Now); one.Skewed {
				one.Offset = one.Skew.Offset.Seconds()
			}
			rates.rate(&one)
			count := all.counts[one.Source]
			count.known++
			if one.Silent {
				count.silent++
			}
			all.counts[one.Source] = count
			all.All = append(all.All, one)
		}
		list = list[n:]
	}
	skew.end()
	rates.end(all.All)
	slices.SortFunc(all.All, func(a, b Sender) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Name, b.Name))
	})
	all.Skewed = all.Pick(len(all.All), func(s Sender) bool { return s.Skewed })
	all.sort()
	return all
}

// atAddress makes senders of the entries of one address; an entry for messages without a
// host comes first. Such messages and those with a single host come from one device. With
// several hosts the address is a relay and each host is a sender. Messages without a host
// may then come from any of them, so that sender is silent only if all are.
func atAddress(entries []senders.Sender, after time.Duration, now time.Time) (list []Sender) {
	if len(entries) == 2 && entries[0].Host == "" {
		entries = []senders.Sender{joined(entries[0], entries[1])}
	}
	allSilent := true
	for _, e := range entries {
		one := Sender{
			Source: e.Source, Address: e.Address.String(), Name: strings.ToValidUTF8(e.Name, "\ufffd"), Relayed: len(entries) > 1 && e.Host != "",
			Events: e.Events, Error: e.Error, Bytes: e.Bytes, First: e.First.UTC(), Last: e.Last.UTC(), Skew: e.Skew,
			Classes: []ClassShare{}, OtherClasses: e.Mix.Others, Dropped: SenderDropped(e.Dropped),
		}
		for _, c := range e.Mix.Of {
			if c.Events > 0 {
				one.Classes = append(one.Classes, ClassShare(c))
			}
		}
		slices.SortStableFunc(one.Classes, func(a, b ClassShare) int { return cmp.Compare(b.Events, a.Events) })
		if after > 0 && e.Events >= regular {
			pause := e.Last.Sub(e.First) / time.Duration(e.Events-1)
			one.Silent = now.Sub(e.Last) > max(after, patience*pause)
		}
		if e.Host != "" {
			allSilent = allSilent && one.Silent
		}
		list = append(list, one)
	}
	if len(list) > 1 && entries[0].Host == "" {
		list[0].Silent = list[0].Silent && allSilent
	}
	return list
}

// joined adds the messages of a device without a host to those with one.
func joined(without, with senders.Sender) senders.Sender {
	with.Events += without.Events
	with.Error = max(with.Error, without.Error)
	with.Bytes += without.Bytes
	if without.First.Before(with.First) {
		with.First = without.First
	}
	if without.Last.After(with.Last) {
		with.Last = without.Last
	}
	if with.Skew == (senders.Skew{}) {
		with.Skew = without.Skew
	}
	for _, c := range without.Mix.Of {
		if c.Events > 0 {
			with.Mix.Add(c.Class, c.Events)
		}
	}
	with.Mix.Others += without.Mix.Others
	with.Dropped.Rule += without.Dropped.Rule
	with.Dropped.Empty += without.Dropped.Empty
	with.Dropped.Other += without.Dropped.Other
	return with
}

// Top are the busiest senders that are not silent, of sources whose name contains scope.
func (s Senders) Top(scope string) []Sender {
	return s.Pick(shownSenders, func(one Sender) bool { return !one.Silent && strings.Contains(one.Source, scope) })
}

// Silent are the silent senders of sources whose name contains scope, the latest first.
func (s Senders) Silent(scope string) []Sender {
	list := s.Pick(len(s.All), func(one Sender) bool { return one.Silent && strings.Contains(one.Source, scope) })
	slices.SortStableFunc(list, func(a, b Sender) int { return b.Last.Compare(a.Last) })
	return list[:min(len(list), shownSenders)]
}

// Pick returns the first n senders that are wanted, never nil.
func (s Senders) Pick(n int, want func(Sender) bool) []Sender {
	list := []Sender{}
	for _, one := range s.All {
		if len(list) >= n {
			break
		}
		if want(one) {
			list = append(list, one)
		}
	}
	return list
}

// Known is the number of senders of all sources.
func (s Senders) Known() int { return len(s.All) }

// SilentCount is how many of them are silent.
func (s Senders) SilentCount() (n int) {
	for _, c := range s.counts {
		n += c.silent
	}
	return n
}

// Flooding is how many senders flood.
func (s Senders) Flooding() int { return len(s.floods) }

// BySource calls f with the number of senders of each source, and of the silent ones.
func (s Senders) BySource(f func(source string, known, silent int)) {
	for source, c := range s.counts {
		f(source, c.known, c.silent)
	}
}

// senderWatch holds the newest reading of the senders.
type senderWatch struct {
	table  *senders.Table
	mu     sync.Mutex
	newest Senders

	reading sync.Mutex // locked while the table is read; taken without mu
	skew    skewWatch
	rates   rateWatch
}

// refresh reads the senders, unless there are many and the newest reading is recent.
func (w *senderWatch) refresh(snap status.Snapshot) {
	w.mu.Lock()
	old := w.newest
	w.mu.Unlock()
	if len(old.All) > manySenders && snap.Now.Sub(old.At) < 5*sampleEvery {
		return
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	next := readSenders(w.table, snap, &w.skew, &w.rates)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newest = next
}

// latest is the newest reading. If there is none yet, it is made now.
func (w *senderWatch) latest(snap status.Snapshot) Senders {
	w.mu.Lock()
	list := w.newest
	w.mu.Unlock()
	if list.At.IsZero() {
		w.refresh(snap)
		w.mu.Lock()
		list = w.newest
		w.mu.Unlock()
	}
	return list
}
