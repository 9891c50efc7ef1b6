package queue

import (
	"cmp"
	"slices"

	"syslog-gateway/internal/queue/segment"
)

// handedOut are the records that are handed out and not consumed.
type handedOut struct {
	entries    []entry  // oldest first
	again      []uint64 // waiting, oldest first
	unreadable []uint64 // waiting, because they could not be read; tried round robin
	retry      pause    // until one of them is tried again
	// numUnreadable is how many entries are unreadable, those that are being read again included.
	numUnreadable int
}

// entry is a record between being handed out and being consumed from diskqueue.
type entry struct {
	segment.Place
	seg        *segmentState
	events     uint32
	state      state
	unreadable bool // it could not be read the last time
}

// state of a record that has been handed out.
type state uint8

const (
	inFlight state = iota
	waiting        // given back
	done           // acknowledged, dropped or damaged
)

func (o *handedOut) empty() bool { return len(o.entries) == 0 }

// allDone says that every record that was handed out is done.
func (o *handedOut) allDone() bool {
	return !slices.ContainsFunc(o.entries, func(e entry) bool { return e.state != done })
}

// find returns the entry of seq, or nil.
func (o *handedOut) find(seq uint64) *entry {
	i, ok := slices.BinarySearchFunc(o.entries, seq, func(e entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	if !ok {
		return nil
	}
	return &o.entries[i]
}

// open returns the entry of seq if its record is still queued, or nil.
func (o *handedOut) open(seq uint64) *entry {
	if e := o.find(seq); e != nil && e.state != done {
		return e
	}
	return nil
}

// pop removes the oldest entry, which is consumed.
func (o *handedOut) pop() {
	o.entries[0].seg.inWindow--
	o.entries[0] = entry{}
	o.entries = o.entries[1:]
}

// oldestDone returns the oldest entry if its record is done.
func (o *handedOut) oldestDone() (e entry, ok bool) {
	if o.empty() || o.entries[0].state != done {
		return entry{}, false
	}
	return o.entries[0], true
}

// giveBack lets the record of seq wait for being handed out again.
func (o *handedOut) giveBack(seq uint64) bool {
	e := o.find(seq)
	if e == nil || e.state != inFlight {
		return false
	}
	e.state = waiting
	i, _ := slices.BinarySearch(o.again, seq)
	o.again = slices.Insert(o.again, i, seq)
	return true
}

// failed lets the record of seq wait, because it could not be read.
func (o *handedOut) failed(seq uint64) bool {
	e := o.find(seq)
	if e == nil || e.state != inFlight {
		return false
	}
	if e.state = waiting; !e.unreadable {
		e.unreadable = true
		o.numUnreadable++
	}
	o.unreadable = append(o.unreadable, seq)
	o.retry.grow()
	return true
}

// readAgain removes an entry from the unreadable ones.
func (o *handedOut) readAgain(e *entry) {
	if e.unreadable {
		e.unreadable = false
		o.numUnreadable--
	}
}

// tooManyUnreadable reports that no further record is taken, because too many are unreadable.
func (o *handedOut) tooManyUnreadable() bool { return len(o.unreadable) >= maxUnreadable }

// retake returns the oldest record that was given back, else one that could not be read
// if it is time to try that, else nil.
func (o *handedOut) retake() *entry {
	for len(o.again) > 0 {
		e := o.find(o.again[0])
		o.again = o.again[1:]
		if e != nil && e.state == waiting {
			e.state = inFlight
			return e
		}
	}
	for len(o.unreadable) > 0 && o.retry.over() {
		e := o.find(o.unreadable[0])
		o.unreadable = o.unreadable[1:]
		if e != nil && e.state == waiting && e.unreadable {
			e.state = inFlight
			return e
		}
	}
	return nil
}
