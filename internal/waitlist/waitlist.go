// Package waitlist is a queue of goroutines that wait for room, first come, first
// served. It decides who tries next, not whether there is room: that is its owner's
// matter.
package waitlist

import "slices"

// Ticket is a place in a List. A value on it says that its holder is to try again.
type Ticket chan struct{}

// List is the waiting line. The zero value is empty. It has no lock: the mutex of its
// owner guards it.
type List struct{ tickets []Ticket }

// Enqueue returns a new ticket at the end of the list.
func (l *List) Enqueue() Ticket {
	t := make(Ticket, 1)
	l.tickets = append(l.tickets, t)
	return t
}

// Dequeue takes a ticket out of the list and wakes the first of the others: there may be
// room for that one too. A ticket that is not in the list changes nothing.
func (l *List) Dequeue(t Ticket) {
	if i := slices.Index(l.tickets, t); i >= 0 {
		l.tickets = slices.Delete(l.tickets, i, i+1)
		l.WakeFirst()
	}
}

// WakeFirst tells the first in the list to try again.
func (l *List) WakeFirst() {
	if len(l.tickets) == 0 {
		return
	}
	select {
	case l.tickets[0] <- struct{}{}:
	default: // it was told before, and has not tried yet
	}
}

// Ahead reports whether another ticket is before t; for a nil t whether there is any.
func (l *List) Ahead(t Ticket) bool { return len(l.tickets) > 0 && l.tickets[0] != t }

// Len is the number of tickets.
func (l *List) Len() int { return len(l.tickets) }
