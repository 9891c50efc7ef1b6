package loadgen

import (
	"context"
	"errors"
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
	c := newClaim(o.First, o.limit())
	var senders []*sender
	closeAll := func() error {
		var errs []error
		for _, s := range senders {
			errs = append(errs, s.close())
		}
		return errors.Join(errs...)
	}
	senderCount := min(o.Connections, maxSenders)
	for i := range senderCount {
		s, err := open(ctx, &o, c, i, senderCount)
		if s != nil {
			senders = append(senders, s)
		}
		if err != nil {
			return Result{}, errors.Join(err, closeAll())
		}
	}
	stopProgress := o.reportProgress(c)
	res := drive(ctx, &o, senders)
	stopProgress()
	res.Transport = o.Transport
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
	switch {
	case len(o.Profile) > 0:
		res.Behind = paced(until, o.Profile, senders).Seconds()
	case o.Rate > 0:
		res.Behind = paced(until, constant(o.Rate), senders).Seconds()
	default:
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
				if _, more := s.sendBatch(batchMessages); !more {
					return
				}
			}
		})
	}
	wg.Wait()
}

// paced sends what is due in each tick, by one sender after the other. It returns the
// longest delay.
func paced(ctx context.Context, p Profile, senders []*sender) (behind time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	start, length := time.Now(), p.length()
	rate := float64(p.highest())
	burst := max(1, int(rate*catchUp.Seconds()))
	var sent uint64
	for round := 0; ; round++ {
		elapsed := time.Since(start)
		due := p.due(min(elapsed, length))
		missing := due - min(sent, due)
		if missing == 0 && elapsed >= length {
			return behind
		}
		behind = max(behind, time.Duration(float64(missing)/rate*float64(time.Second))-tick)
		n, more := senders[round%len(senders)].burst(min(int(missing), burst))
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
	each := (n + len(s.targets) - 1) / len(s.targets)
	for sent < n {
		k, more := s.sendBatch(min(each, n-sent))
		sent += k
		if !more {
			return sent, false
		}
	}
	return sent, true
}
