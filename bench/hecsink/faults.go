package hecsink

import (
	"context"
	"sync/atomic"
	"time"
)

// Faults are what the sink does wrong on purpose. The zero value is a good sink.
type Faults struct {
	// Delay is the wait before each request is read.
	Delay time.Duration
	// FailFor refuses every request for so long after the start.
	FailFor time.Duration
	// Status is the HTTP status of these refusals.
	Status int
	// CutEvery takes every n-th request, counts it, and closes the connection without
	// an answer: a sender that loses nothing must repeat it. 0 is never.
	CutEvery uint64
}

type faults struct {
	Faults
	until time.Time
	taken atomic.Uint64
}

func newFaults(f Faults) *faults {
	return &faults{Faults: f, until: time.Now().Add(f.FailFor)}
}

// wait waits out the delay; false means that the client has gone meanwhile.
func (f *faults) wait(ctx context.Context) bool {
	if f.Delay <= 0 {
		return true
	}
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *faults) refusing() bool { return f.FailFor > 0 && time.Now().Before(f.until) }

// cut reports whether the request at hand is to be left without an answer.
func (f *faults) cut() bool {
	return f.CutEvery > 0 && f.taken.Add(1)%f.CutEvery == 0
}
