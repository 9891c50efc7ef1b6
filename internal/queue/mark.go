package queue

import "sync/atomic"

// mark says that something is to be done, and wakes who does it.
type mark struct {
	is   *atomic.Bool
	wake chan struct{}
}

func newMark() mark { return mark{new(atomic.Bool), make(chan struct{}, 1)} }

func (m mark) set() {
	if m.is.Swap(true) {
		return
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
