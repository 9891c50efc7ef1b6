package ingest

import (
	"sync"
	"sync/atomic"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/rules"
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

// VolumeTotal is what a source had of one class under one name in Splunk since the start:
// events that were put into batches, and the bytes of their texts.
type VolumeTotal struct {
	Class, Sourcetype, Index string // Index is empty for the default of the token
	Events, Bytes            uint64
}

// classTotals are the totals of a source by the name of the class: the numbers of classes
// change when packs are loaded anew. The zero value is ready.
type classTotals struct {
	mu      sync.Mutex
	byName  map[string]*classTotal
	volumes map[volumeName]*volumeTotal
}

// volumeName is a class and its names in Splunk.
type volumeName struct{ class, sourcetype, index string }

type volumeTotal struct{ events, bytes atomic.Uint64 }

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

// volume returns the total of a name, which it begins at the first call. It has as many as
// there may be classes; what comes then counts for otherClasses.
func (t *classTotals) volume(name volumeName) *volumeTotal {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := t.volumes[name]
	if total == nil && len(t.volumes) >= maxClassNames-1 {
		name = volumeName{otherClasses, otherClasses, otherClasses}
		total = t.volumes[name]
	}
	if total == nil {
		if t.volumes == nil {
			t.volumes = make(map[volumeName]*volumeTotal)
		}
		total = new(volumeTotal)
		t.volumes[name] = total
	}
	return total
}

// readVolumes returns the totals by name, in no order.
func (t *classTotals) readVolumes() []VolumeTotal {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]VolumeTotal, 0, len(t.volumes))
	for name, n := range t.volumes {
		all = append(all, VolumeTotal{name.class, name.sourcetype, name.index, n.events.Load(), n.bytes.Load()})
	}
	return all
}

// classCounts counts the events of one read by class, and adds them to the totals of the
// source at its end. A message costs additions; a lock is taken only when a Batcher meets a
// class for the first time.
type classCounts struct {
	totals *classTotals
	format *format           // whose ClassIDs these are
	byID   []*classCount     // of that format; nil for a class that was not met
	active []dialect.ClassID // those that count something in this read

	renamed map[string]*renamedCount // events whose names in Splunk are not those of their class
	key     []byte                   // of renamed, for the event at hand
}

type classCount struct {
	events, bytes, slow int
	active              bool
	total               *classTotal // nil before the first flush
	// volume is under the names of the class; nil before the first flush. Of the events,
	// those that are renamed are not in it.
	volume                      *volumeTotal
	renamedEvents, renamedBytes int
}

// renamedCount counts events of a class under other names.
type renamedCount struct {
	events, bytes int
	total         *volumeTotal
}

// maxRenamed is how many names are remembered before they are looked up anew.
const maxRenamed = 1024

// add counts the event of a message with a text of so many bytes. acted is what rules said, or
// nil.
func (c *classCounts) add(f *format, of *dialect.Result, acted *rules.Outcome, bytes int) {
	n := c.of(f, of.Class)
	n.events++
	n.bytes += bytes
	class := f.class(of.Class)
	if acted == nil && len(class.first) == 0 {
		return
	}
	names := class.names(acted, of)
	if !names.own {
		return
	}
	n.renamedEvents++
	n.renamedBytes += bytes
	c.key = append(append(append(c.key[:0], class.name...), 0), names.sourcetype...)
	c.key = append(append(append(c.key, names.suffix...), 0), names.index...)
	r := c.renamed[string(c.key)]
	if r == nil {
		if len(c.renamed) >= maxRenamed {
			c.flush()
			clear(c.renamed)
		}
		if c.renamed == nil {
			c.renamed = make(map[string]*renamedCount)
		}
		r = &renamedCount{total: c.totals.volume(volumeName{class.name, string(names.sourcetype) + string(names.suffix), string(names.index)})}
		c.renamed[string(c.key)] = r
	}
	r.events++
	r.bytes += bytes
}

// of returns the count of a class of a format.
func (c *classCounts) of(f *format, id dialect.ClassID) *classCount {
	if f != c.format {
		c.renew(f)
	}
	n := c.byID[id]
	if n == nil {
		n = new(classCount)
		c.byID[id] = n
	}
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
	c.format, c.byID = f, make([]*classCount, len(f.classes))
}

// flush adds the counts to the totals of the source.
func (c *classCounts) flush() {
	renamed := false
	for _, id := range c.active {
		n := c.byID[id]
		if n.total == nil {
			class := c.format.class(id)
			n.total = c.totals.of(class.name, class.pack)
			n.volume = c.totals.volume(volumeName{class.name, string(class.sourcetype), string(class.index)})
		}
		n.volume.events.Add(uint64(n.events - n.renamedEvents))
		n.volume.bytes.Add(uint64(n.bytes - n.renamedBytes))
		renamed = renamed || n.renamedEvents != 0
		n.total.events.Add(uint64(n.events))
		n.total.bytes.Add(uint64(n.bytes))
		if n.slow != 0 {
			n.total.slow.Add(uint64(n.slow))
		}
		n.events, n.bytes, n.slow, n.active, n.renamedEvents, n.renamedBytes = 0, 0, 0, false, 0, 0
	}
	c.active = c.active[:0]
	if !renamed {
		return
	}
	for _, r := range c.renamed {
		if r.events != 0 {
			r.total.events.Add(uint64(r.events))
			r.total.bytes.Add(uint64(r.bytes))
			r.events, r.bytes = 0, 0
		}
	}
}
