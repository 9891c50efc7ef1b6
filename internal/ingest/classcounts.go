package ingest

import (
	"sync"
	"sync/atomic"

	"syslog-gateway/internal/dialect"
)

// A source counts so many classes by name, which only many reloads with ever new names
// reach. Events of further classes count as those of otherClasses.
const (
	maxClassNames = 4096
	otherClasses  = "other"
)

// ClassTotal is what a source had of one class since the start.
type ClassTotal struct {
	// Class is the name of the class, and Pack that of its pack; it is empty for the
	// built-in families.
	Class, Pack string
	// Events were put into batches. Bytes is the size of their texts, before they are JSON.
	Events, Bytes uint64
	// Slow are the messages for which the pack was outside the promise of speed, those
	// that were left out by a rule included.
	Slow uint64
}

// classTotals are the totals of a source by the name of the class: the numbers of classes
// change when packs are loaded anew. The zero value is ready.
type classTotals struct {
	mu     sync.Mutex
	byName map[string]*classTotal
}

type classTotal struct {
	pack                string
	events, bytes, slow atomic.Uint64
}

// of returns the total of a class, which it begins at the first call.
func (t *classTotals) of(class, pack string) *classTotal {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := t.byName[class]
	if total == nil && len(t.byName) >= maxClassNames-1 {
		class, pack = otherClasses, otherClasses
		total = t.byName[class]
	}
	if total == nil {
		if t.byName == nil {
			t.byName = make(map[string]*classTotal)
		}
		total = &classTotal{pack: pack}
		t.byName[class] = total
	}
	return total
}

// read returns the totals, in no order.
func (t *classTotals) read() []ClassTotal {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]ClassTotal, 0, len(t.byName))
	for class, n := range t.byName {
		all = append(all, ClassTotal{class, n.pack, n.events.Load(), n.bytes.Load(), n.slow.Load()})
	}
	return all
}

// classCounts counts the events of one read by class, and adds them to the totals of the
// source at its end. A message costs additions; a lock is taken only when a Batcher meets a
// class for the first time.
type classCounts struct {
	totals *classTotals
	format *format           // whose ClassIDs these are
	byID   []classCount      // of that format
	active []dialect.ClassID // those that count something in this read
}

type classCount struct {
	events, bytes, slow int
	active              bool
	total               *classTotal // nil before the first flush
}

// of returns the count of a class of a format.
func (c *classCounts) of(f *format, id dialect.ClassID) *classCount {
	if f != c.format {
		c.renew(f)
	}
	n := &c.byID[id]
	if !n.active {
		n.active = true
		c.active = append(c.active, id)
	}
	return n
}

// renew goes on with the classes of another format: after a reload, in the middle of a read
// of datagrams too.
func (c *classCounts) renew(f *format) {
	c.flush()
	c.format, c.byID = f, make([]classCount, len(f.classes))
}

// flush adds the counts to the totals of the source.
func (c *classCounts) flush() {
	for _, id := range c.active {
		n := &c.byID[id]
		if n.total == nil {
			class := &c.format.classes[id]
			n.total = c.totals.of(class.name, class.pack)
		}
		n.total.events.Add(uint64(n.events))
		n.total.bytes.Add(uint64(n.bytes))
		if n.slow != 0 {
			n.total.slow.Add(uint64(n.slow))
		}
		n.events, n.bytes, n.slow, n.active = 0, 0, 0, false
	}
	c.active = c.active[:0]
}
