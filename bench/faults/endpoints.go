package faults

import (
	"context"
	"net/http"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

// day is a Retry-After of a day. Splunk sends none; proxies do.
var day = hectest.Answer{Status: http.StatusServiceUnavailable, Code: 9, Text: "Server is busy", RetryAfter: "86400"}

func endpointRows() []Row {
	two := func(first hectest.Options) func(*Options) layout {
		return func(*Options) layout {
			return layout{numbers: 10 * fewMessages, endpoints: []hectest.Options{first, {}}, hec: ", timeout: 5s"}
		}
	}
	slow := hectest.Always(hectest.Answer{Status: http.StatusOK, Text: "Success", Delay: 400 * time.Millisecond})
	return []Row{
		on("two endpoints, one dead", two(hectest.Options{}), func(ctx context.Context, r *rig) error {
			r.hec[0].SetDown(true)
			return sendToAll(ctx, r, fewMessages)
		}),
		on("two endpoints, one slow", two(hectest.Options{Script: slow}), oneSlow),
		on("two endpoints, one flapping", two(hectest.Options{}), oneFlapping),
		on("two endpoints, one Retry-After of a day", two(hectest.Options{Script: hectest.Always(day)}), func(ctx context.Context, r *rig) error {
			return sendToAll(ctx, r, fewMessages)
		}),
		on("two endpoints, both down, then one", two(hectest.Options{}), bothDown),
		retryAfterDayRow(),
		stormRow(),
		certificateRow(),
		on("udp while the endpoint is down", func(*Options) layout { return layout{numbers: fewMessages} }, udpDown),
	}
}

// sendToAll sends n messages, and wants each to arrive once.
func sendToAll(ctx context.Context, r *rig, n int) error {
	abort.Must(r.startAndSend(ctx, n))
	return r.settleStrictly(ctx, n, rowLimit)
}

func oneSlow(ctx context.Context, r *rig) error {
	err := sendToAll(ctx, r, 10*fewMessages)
	slow, fast := r.hec[0].Taken(), r.hec[1].Taken()
	r.res.detail("slow took %d, fast %d", slow, fast)
	r.res.problemIf(fast < 2*slow, "the slow endpoint took %d events, the fast one %d", slow, fast)
	return err
}

// oneFlapping takes one endpoint down and up again while messages arrive. Requests
// that were under way come twice.
func oneFlapping(ctx context.Context, r *rig) error {
	abort.Must(r.start(ctx))
	s := r.newSender(5000, 10*fewMessages)
	ended := s.begin(ctx)
	flap := time.NewTicker(150 * time.Millisecond)
	defer flap.Stop()
	flaps := 0
	for sending := true; sending; {
		select {
		case err := <-ended:
			abort.Must(err)
			sending = false
		case <-flap.C:
			flaps++
			r.hec[0].SetDown(flaps%2 == 1)
		}
	}
	err := r.settle(ctx, 10*fewMessages, rowLimit)
	r.noneLost()
	r.res.detail("went down %d times", (flaps+1)/2)
	return err
}

func bothDown(ctx context.Context, r *rig) error {
	r.hec[0].SetDown(true)
	r.hec[1].SetDown(true)
	abort.Must(r.startAndSend(ctx, fewMessages))
	abort.Must(r.kept(ctx, true))
	r.hec[1].SetDown(false)
	return r.settleStrictly(ctx, fewMessages, rowLimit)
}

// retryAfterDayRow has one endpoint only. Its wish is capped at a minute: the full row
// waits for that; the quick one shows that the data is kept, and delivers it by a
// restart.
func retryAfterDayRow() Row {
	f := &fault{answer: day}
	return on("hec 503 Retry-After of a day", func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Script: f.script}}, stop: "1s"}
	}, func(ctx context.Context, r *rig) error {
		f.on.Store(true)
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(r.until(ctx, rowLimit, "it was asked to wait a day", func() bool { return f.given.Load() >= 1 }))
		abort.Must(r.kept(ctx, false))
		asked := time.Now()
		if r.opts.Quick {
			r.stop(30 * time.Second)
		}
		f.on.Store(false)
		if r.opts.Quick {
			abort.Must(r.start(ctx))
		}
		err := r.settle(ctx, fewMessages, 80*time.Second)
		r.res.detail("delivered %.0f s after it was asked to wait", time.Since(asked).Seconds())
		r.strict()
		return err
	})
}

// stormRow is 20 s of 503 while 200,000 messages arrive at 20,000/s, with the
// gateway's default settings.
func stormRow() Row {
	const rate, patience = 20_000, 10 * time.Second
	busy := hectest.Busy()
	f := &fault{answer: busy, probing: hectest.Refuse(503, 18, "HEC is unhealthy, queues are full")}
	return on("503 storm under load", func(o *Options) layout {
		return layout{numbers: o.pick(30_000, 200_000), production: true,
			endpoints: []hectest.Options{{Script: f.script, Health: f.health}}}
	}, func(ctx context.Context, r *rig) error {
		n, storm := r.opts.pick(30_000, 200_000), time.Duration(r.opts.pick(3, 20))*time.Second
		abort.Must(r.start(ctx))
		f.on.Store(true)
		over := time.NewTimer(storm)
		defer over.Stop()
		abort.Must(r.newSender(rate, n).run(ctx))
		select {
		case <-over.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.res.detail("%.0f s of 503", storm.Seconds())
		if taken := r.tally.unique.Load(); taken != 0 {
			r.res.problem("%d were delivered during the storm", taken)
		}
		f.on.Store(false)
		healthy := time.Now()
		err := r.untilArrived(ctx, "all is delivered", n)
		if err != nil {
			r.res.problem("%v", err)
		}
		took := time.Since(healthy)
		r.res.detail("all delivered %.1f s after recovery", took.Seconds())
		r.res.problemIf(took > patience, "all was delivered %v after recovery, not within %v", took, patience)
		return r.settleStrictly(ctx, n, rowLimit)
	})
}

// udpDown sends datagrams while nothing can be delivered. What the kernel dropped for
// want of buffer is counted by the gateway.
func udpDown(ctx context.Context, r *rig) error {
	r.hec[0].SetDown(true)
	abort.Must(r.start(ctx))
	abort.Must(r.sendUDP(ctx, fewMessages))
	kernel := int64(0)
	abort.Must(r.until(ctx, rowLimit, "every datagram is received or in the kernel's count", func() bool {
		s, err := r.web.scrape(ctx)
		kernel = s.sum("gateway_udp_kernel_drops_total")
		return err == nil && s.counts().Received+kernel == fewMessages
	}))
	r.hec[0].SetDown(false)
	err := r.settle(ctx, fewMessages-int(kernel), rowLimit)
	r.res.Sent = fewMessages
	r.res.detail("the kernel dropped %d", kernel)
	r.res.problemIf(r.res.Lost > kernel, "%d are lost, the kernel dropped %d", r.res.Lost, kernel)
	return err
}
