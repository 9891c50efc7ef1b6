package monitor

import (
	"sync"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/problems"
	"syslog-gateway/internal/status"
)

// Options say what to watch. Snapshot and Ledger are required.
type Options struct {
	// Snapshot returns what the stages report. Slices and maps of it belong to the
	// monitor.
	Snapshot func() status.Snapshot
	// Ledger has the numbers of events.
	Ledger *ledger.Ledger
	// Senders and Problems are optional.
	Senders  *senders.Table
	Problems *problems.Log
	// History keeps what happened over the last days; nil for one in memory.
	History *history.Store
	// Every is the time between two samples; 0 means 1 s.
	Every time.Duration
}

// Monitor watches the gateway. It is safe for concurrent use.
type Monitor struct {
	sampling sync.Mutex

	reader   reader
	problems *problems.Log
	recent   *recent
	store    *history.Store
	past     recorder
	senders  *senderWatch
	classes  classWatch
	volumes  *volumeWatch
	windows  windows
	findings findingWatch
}

// New returns a monitor without any sample.
func New(o Options) *Monitor {
	if o.Every == 0 {
		o.Every = sampleEvery
	}
	if o.History == nil {
		o.History = history.New("", nil)
	}
	return &Monitor{
		reader: reader{o.Snapshot, o.Ledger}, problems: o.Problems, recent: newRecent(o.Every), store: o.History, past: recorder{store: o.History},
		senders: &senderWatch{table: o.Senders, rates: rateWatch{every: o.Every}}, classes: classWatch{every: o.Every},
		volumes: newVolumeWatch(o.History, o.Every), windows: windows{every: o.Every}, findings: findingWatch{every: o.Every, store: o.History},
	}
}

// Every is the time between two samples.
func (m *Monitor) Every() time.Duration { return m.recent.every }

// Sample takes a reading and remembers it. It is safe for concurrent use.
func (m *Monitor) Sample() {
	m.sampling.Lock()
	defer m.sampling.Unlock()
	snap := m.Snapshot()
	m.recent.add(snap)
	m.senders.refresh(snap)
	m.classes.add(snap)
	m.volumes.add(snap)
	list := m.Senders(snap)
	m.windows.add(snap.Now, func(f func(counter, uint64)) { readCounters(snap, list, f) })
	m.past.add(snap, sum(snap))
	health, _ := m.judge(&snap, list)
	m.findings.add(snap, health.Findings)
}

// judge completes a reading by what the senders and the stages have to say, and judges it.
func (m *Monitor) judge(snap *status.Snapshot, list Senders) (Health, Totals) {
	snap.Notes = append(snap.Notes, list.advice()...)
	for _, n := range snap.Notes {
		snap.Problems = append(snap.Problems, n.Text)
	}
	t := sum(*snap)
	t.Senders, t.SilentSenders, t.SkewedSenders = list.Known(), list.SilentCount(), len(list.Skewed)
	past := m.recent.trend(*snap)
	past.ofWindows(*snap, &m.windows, m.recent.lost())
	past.floods, past.silent = list.floods, list.Silent("")
	return assess(*snap, t, past), t
}

// Snapshot takes a reading of the stages and the ledger.
func (m *Monitor) Snapshot() status.Snapshot { return m.reader.read() }

// Senders is the newest reading of the senders.
func (m *Monitor) Senders(snap status.Snapshot) Senders { return m.senders.latest(snap) }

// Classes is the volume of the classes of the sources that are wanted, largest first, and at
// most so many by themselves.
func (m *Monitor) Classes(snap status.Snapshot, wanted func(source string) bool, most int) Classes {
	return m.classes.volume(snap, wanted, most)
}

// Rules are the rules in force, those first that save most, and at most so many.
func (m *Monitor) Rules(snap status.Snapshot, most int) Rules { return rulesOf(snap, &m.windows, most) }

// Volume is the volume by one kind of name, and at most so many of them by themselves.
func (m *Monitor) Volume(now time.Time, by VolumeBy, most int) Volume {
	return m.volumes.volume(now, by, most)
}

// Counters are the windows of the counters that health judges by.
func (m *Monitor) Counters(snap status.Snapshot) Counters { return countersOf(snap, &m.windows) }

// Drops are what was dropped, at most so many of each kind.
func (m *Monitor) Drops(snap status.Snapshot, most int) Drops {
	return dropsIn(snap, m.Senders(snap), &m.windows, most)
}

// History is what happened over the last days.
func (m *Monitor) History() *history.Store { return m.store }

// Mark marks an event in the history.
func (m *Monitor) Mark(kind, text string) {
	m.store.Mark(history.Event{Time: time.Now(), Kind: kind, Text: text})
}

// Peaks are the highest values since the start.
func (m *Monitor) Peaks() Peaks { return m.recent.highest() }

// Status takes a reading and computes everything that is shown of it.
func (m *Monitor) Status() Status {
	snap := m.Snapshot()
	list := m.Senders(snap)
	health, t := m.judge(&snap, list)
	health.Findings = m.findings.describe(snap.Now, health.Findings)
	st := Status{
		Health: health, Totals: t, Snapshot: snap,
		UptimeSeconds: snap.Now.Sub(snap.Started).Seconds(),
	}
	if m.problems != nil {
		st.Recent = m.problems.Recent()
	}
	m.recent.describe(&st, list)
	return st
}

// Critical reports whether the health is critical, and returns its sentence.
func (m *Monitor) Critical() (critical bool, summary string) {
	h := m.Status().Health
	return h.Level == levelCritical, h.Summary
}

// Status is the answer of /api/v1/status. Its names are an interface: names are added and
// never changed.
type Status struct {
	Health        Health  `json:"health"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Totals        Totals  `json:"totals"`
	status.Snapshot
	// These replace those of the snapshot.
	Sources   []Source           `json:"sources"`
	Shards    []Shard            `json:"shards"`
	Endpoints []Endpoint         `json:"endpoints"`
	Queue     Queue              `json:"queue"`
	Recent    []problems.Problem `json:"recent_problems"` // of the log, newest first
}

// Source adds what is computed of the balance. The reasons are repeated because those of
// the balance are omitted if there are none.
type Source struct {
	status.Source
	Pending     int64             `json:"pending"`
	Difference  int64             `json:"difference"`
	DropReasons map[string]uint64 `json:"drop_reasons"`
	DeadReasons map[string]uint64 `json:"deadletter_reasons"`
	Rates       Rates             `json:"rates"`
	// History is events received per second, in steps of five seconds, oldest first.
	History     []float64 `json:"history"`
	Senders     int       `json:"senders"`
	Silent      int       `json:"silent_senders"`
	SilentAfter float64   `json:"silent_after_seconds"`
}

// Shard adds when the queue will be full, for a shard that grows: shards share the space.
type Shard struct {
	status.Shard
	FillsInSeconds float64 `json:"fills_in_seconds"` // 0 if it does not grow
}

// Endpoint adds the rate of requests.
type Endpoint struct {
	status.Endpoint
	Rate float64 `json:"requests_per_second"`
}

// Queue adds when it will be full.
type Queue struct {
	status.Queue
	FillsInSeconds float64 `json:"fills_in_seconds"` // 0 if it does not grow
}

// Filled replaces what JSON would write as null, so that a reader can always iterate a
// list or read a key.
func (st Status) Filled() Status {
	st.Sources = OrEmpty(st.Sources)
	for i := range st.Sources {
		src := &st.Sources[i]
		src.Transports = OrEmpty(src.Transports)
		src.ByTransport = OrEmpty(src.ByTransport)
		src.Connections = orNone(src.Connections)
		src.Rejected = orNone(src.Rejected)
		src.DropReasons = orNone(src.DropReasons)
		src.DeadReasons = orNone(src.DeadReasons)
		src.History = OrEmpty(src.History)
	}
	st.Shards = OrEmpty(st.Shards)
	st.Endpoints = OrEmpty(st.Endpoints)
	st.Health.Findings = OrEmpty(st.Health.Findings)
	st.Problems = OrEmpty(st.Problems)
	st.Recent = OrEmpty(st.Recent)
	return st
}

// OrEmpty is the list, or an empty one for nil.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orNone[N any](counts map[string]N) map[string]N {
	if counts == nil {
		return map[string]N{}
	}
	return counts
}
