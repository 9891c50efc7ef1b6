package loadgen

import (
	"math"
	"time"
)

// progressEvery is the time between two calls of Options.Progress.
const progressEvery = time.Second

// Progress is how far a run has come.
type Progress struct {
	Sent    uint64 // numbers handed out
	Total   uint64 // 0: unknown
	Elapsed time.Duration
}

// limit is one more than the highest sequence number that may be used.
func (o *Options) limit() uint64 {
	if n := o.total(); n > 0 {
		return o.First + n
	}
	return math.MaxUint64
}

// total is how many messages there will be; 0 is unknown.
func (o *Options) total() uint64 {
	if o.Count == 0 && len(o.Profile) > 0 {
		return o.Profile.Total()
	}
	return o.Count
}

// reportProgress calls Options.Progress until the returned function is called, which waits for the end.
func (o *Options) reportProgress(c *claim) (stop func()) {
	if o.Progress == nil {
		return func() {}
	}
	stopping, ended, start := make(chan struct{}), make(chan struct{}), time.Now()
	say := func() {
		o.Progress(Progress{Sent: c.next.Load() - o.First, Total: o.total(), Elapsed: time.Since(start)})
	}
	go func() {
		defer close(ended)
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-stopping:
				say()
				return
			case <-t.C:
				say()
			}
		}
	}()
	return func() { close(stopping); <-ended }
}
