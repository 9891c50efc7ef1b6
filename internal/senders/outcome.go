package senders

import "sync/atomic"

// mixSize is how many classes of a sender are told apart. Few devices have more.
const mixSize = 6

// Mix counts events by class: those that came first by themselves, and the others. The zero
// value is ready to use, by one goroutine.
type Mix struct {
	Of     [mixSize]ClassCount // those that are used come first
	Others uint64
}

// ClassCount is how many events were of a class.
type ClassCount struct {
	Class  string
	Events uint64
}

// Add counts n events of a class.
func (m *Mix) Add(class string, n uint64) {
	for i := range m.Of {
		switch one := &m.Of[i]; {
		case one.Events == 0:
			one.Class = class
			fallthrough
		case one.Class == class:
			one.Events += n
			return
		}
	}
	m.Others += n
}

// Dropped counts messages of which there is no event.
type Dropped struct {
	Rule  uint64 // left out by a rule
	Empty uint64 // nothing but blanks
	Other uint64 // the gateway stopped while the queue was full
}

// Add counts one message.
func (d *Dropped) Add(rule, empty bool) {
	switch {
	case rule:
		d.Rule++
	case empty:
		d.Empty++
	default:
		d.Other++
	}
}

// Sum is how many they are.
func (d Dropped) Sum() uint64 { return d.Rule + d.Empty + d.Other }

// outcome is what became of the messages of an entry.
type outcome struct {
	mix [mixSize]struct {
		class  atomic.Pointer[string]
		events atomic.Uint64
	}
	others            atomic.Uint64
	rule, empty, rest atomic.Uint64
}

// AddOutcome adds what became of messages of the sender.
func (e *Entry) AddOutcome(m *Mix, d Dropped) {
	o := &e.outcome
	for i := range m.Of {
		if m.Of[i].Events == 0 {
			break
		}
		o.addClass(m.Of[i])
	}
	if m.Others != 0 {
		o.others.Add(m.Others)
	}
	if d != (Dropped{}) {
		o.rule.Add(d.Rule)
		o.empty.Add(d.Empty)
		o.rest.Add(d.Other)
	}
}

func (o *outcome) addClass(c ClassCount) {
	for i := range o.mix {
		one := &o.mix[i]
		name := one.class.Load()
		if name == nil {
			own := c.Class
			if !one.class.CompareAndSwap(nil, &own) { // by another loop
				name = one.class.Load()
			} else {
				name = &own
			}
		}
		if *name == c.Class {
			one.events.Add(c.Events)
			return
		}
	}
	o.others.Add(c.Events)
}

// read returns what became of the messages.
func (o *outcome) read() (m Mix, d Dropped) {
	for i := range o.mix {
		if name := o.mix[i].class.Load(); name != nil {
			m.Of[i] = ClassCount{*name, o.mix[i].events.Load()}
		}
	}
	m.Others = o.others.Load()
	return m, Dropped{o.rule.Load(), o.empty.Load(), o.rest.Load()}
}
