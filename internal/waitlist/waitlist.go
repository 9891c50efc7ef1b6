// Package waitlist is a queue of goroutines that wait for room, first come, first
// served. It decides who tries next. Its owner decides whether there is room.
package waitlist

import "slices"

// Ticket is a position in a List. A value on it means that its holder should try again.
type Ticket chan struct{}

// List is the queue of tickets. The zero value is empty. It has no lock: the mutex of its
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

// WakeFirst lets the first in the list try again.
func (l *List) WakeFirst() {
	if len(l.tickets) == 0 {
		return
	}
	select {
	case l.tickets[0] <- struct{}{}:
	default: // it was woken before, and has not tried yet
	}
}

// Ahead reports whether another ticket is before t; for a nil t whether there is any.
func (l *List) Ahead(t Ticket) bool { return len(l.tickets) > 0 && l.tickets[0] != t }

// Len is the number of tickets.
func (l *List) Len() int { return len(l.tickets) }
