package waitlist

import "testing"

func woken(t Ticket) bool {
	select {
	case <-t:
		return true
	default:
		return false
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	var l List
	l.WakeFirst() // no ticket waits
	if l.Ahead(nil) {
		t.Fatal("somebody waits in an empty list")
	}
	a, b, c := l.Enqueue(), l.Enqueue(), l.Enqueue()
	if l.Ahead(a) || !l.Ahead(b) || !l.Ahead(nil) || l.Len() != 3 {
		t.Fatalf("%d wait", l.Len())
	}
	l.WakeFirst()
	l.WakeFirst() // one value, however often
	if !woken(a) || woken(a) || woken(b) || woken(c) {
		t.Error("not the first, alone and once")
	}
	l.Dequeue(b)
	if !woken(a) || woken(c) {
		t.Error("when one leaves, the first is to try")
	}
	l.Dequeue(a)
	if !woken(c) || l.Ahead(c) {
		t.Error("the next is not the first now")
	}
	l.Dequeue(a)
	l.Dequeue(nil)
	if woken(c) || l.Len() != 1 {
		t.Error("who is not in the list has changed it")
	}
}
