package loadgen

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

const (
	tick = time.Millisecond
	// catchUp bounds how much late sending makes up for in one tick, so that a pause
	// of this process is not turned into one huge burst.
	catchUp = 4 * tick
	// grace is how long a blocked write may outlast the duration.
	grace = 5 * time.Second
)

// Run sends what the options say and returns when it is sent, at the end of the
// duration, or when ctx ends. The result is valid also beside an error; messages that
// the kernel refused are no error of Run but counted in the result.
func Run(ctx context.Context, o Options) (Result, error) {
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	limit := uint64(math.MaxUint64)
	if o.Count > 0 {
		limit = o.First + o.Count
	}
	c := newClaim(o.First, limit)
	var senders []*sender
	closeAll := func() error {
		var errs []error
		for _, s := range senders {
			errs = append(errs, s.close())
		}
		return errors.Join(errs...)
	}
	for i := range o.Connections {
		s, err := open(ctx, &o, c, i)
		if s != nil {
			senders = append(senders, s)
		}
		if err != nil {
			return Result{}, errors.Join(err, closeAll())
		}
	}
	res := drive(ctx, &o, senders)
	res.First, res.Next = o.First, c.next.Load()
	res.tally(senders)
	return res, closeAll()
}

// drive runs the senders and takes the time.
func drive(ctx context.Context, o *Options, senders []*sender) Result {
	// A write that the receiver blocks does not look at ctx: a deadline in the past
	// ends it, and what it did not write counts as errors. The end of the duration
	// gives it time to finish first, for a cut message would look like a lost one.
	until, cancel := ctx, context.CancelFunc(func() {})
	patience := ctx
	if o.Duration > 0 {
		until, cancel = context.WithTimeout(ctx, o.Duration)
		var giveUp context.CancelFunc
		patience, giveUp = context.WithTimeout(ctx, o.Duration+grace)
		defer giveUp()
	}
	defer cancel()
	stop := context.AfterFunc(patience, func() {
		for _, s := range senders {
			s.expire()
		}
	})
	defer stop()

	var res Result
	cpu, start := processCPU(), time.Now()
	if o.Rate > 0 {
		res.Behind = paced(until, o.Rate, senders).Seconds()
	} else {
		flatOut(until, senders)
	}
	end := time.Now()
	res.CPU = (processCPU() - cpu).Seconds()
	res.Wall = end.Sub(start).Seconds()
	res.Started, res.Finished = start.UnixMicro(), end.UnixMicro()
	return res
}

// flatOut lets every sender send as fast as the receiver takes it.
func flatOut(ctx context.Context, senders []*sender) {
	var wg sync.WaitGroup
	for _, s := range senders {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, more := s.turn(turnMessages); !more {
					return
				}
			}
		})
	}
	wg.Wait()
}

// paced sends rate messages a second, what is due in each tick by one sender after
// the other. It returns the longest delay.
func paced(ctx context.Context, rate int, senders []*sender) (behind time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	start := time.Now()
	burst := max(1, int(float64(rate)*catchUp.Seconds()))
	var sent uint64
	for turn := 0; ; turn++ {
		due := uint64(time.Since(start).Seconds() * float64(rate))
		late := time.Duration(float64(due-min(sent, due)) / float64(rate) * float64(time.Second))
		behind = max(behind, late-tick)
		n, more := senders[turn%len(senders)].burst(min(int(due-min(sent, due)), burst))
		sent += uint64(n)
		if !more {
			return behind
		}
		select {
		case <-ctx.Done():
			return behind
		case <-t.C:
		}
	}
}

// burst sends n messages spread over all ports.
func (s *sender) burst(n int) (sent int, more bool) {
	each := (n + len(s.lanes) - 1) / len(s.lanes)
	for sent < n {
		k, more := s.turn(min(each, n-sent))
		sent += k
		if !more {
			return sent, false
		}
	}
	return sent, true
}
