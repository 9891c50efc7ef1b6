package queue

import "sync/atomic"

// mark says that something is to be done, and wakes who does it.
type mark struct {
	is   *atomic.Bool
	wake chan struct{}
}

func newMark() mark { return mark{new(atomic.Bool), make(chan struct{}, 1)} }

func (m mark) set() {
	if !m.is.Swap(true) {
		wake(m.wake)
	}
}

// wake wakes who waits for c, or will wait. It never blocks.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
