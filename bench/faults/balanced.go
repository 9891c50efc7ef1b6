package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
)

// balancedCase is how one of two servers behind one address is sick.
type balancedCase struct {
	name   string
	answer hectest.Answer
}

// twoServers are the servers of a row behind a balancer of layer 4. The first is sick
// while its fault is on.
type twoServers struct {
	fault
	balancer *hectest.Balancer
}

// answerDelay is how long a healthy server takes for its answer: long enough that several
// posts are under way at a time, so that both servers have connections.
const answerDelay = 50 * time.Millisecond

// healthy answers by the rules, after answerDelay.
func healthy(*hectest.Request) hectest.Answer { return hectest.Answer{Delay: answerDelay} }

// script is that of the server which may be sick.
func (s *twoServers) script(r *hectest.Request) hectest.Answer {
	if s.on.Load() {
		return s.fault.script(r)
	}
	return healthy(r)
}

// balancedRow has one endpoint: a balancer before two servers.
func balancedRow(name string, answer hectest.Answer, o hectest.Options, hec string, happen func(context.Context, *rig, *twoServers) error) Row {
	return Row{Name: "balancer: " + name, run: func(ctx context.Context, opts *Options, res *Result) error {
		two := &twoServers{fault: fault{answer: answer}}
		sick := o
		sick.Script, o.Script = two.script, healthy
		l := layout{numbers: 20 * fewMessages, endpoints: []hectest.Options{sick, o}, hec: hec,
			address: func(servers []*hectest.Server) (urls []string, err error) {
				two.balancer, err = hectest.NewBalancer(servers...)
				if err != nil {
					return nil, err
				}
				return []string{two.balancer.URL()}, nil
			}}
		row := on(name, func(*Options) layout { return l }, func(ctx context.Context, r *rig) error { return happen(ctx, r, two) })
		err := row.run(ctx, opts, res)
		if two.balancer != nil {
			two.balancer.Close()
		}
		return err
	}}
}

func balancedRows() []Row {
	var rows []Row
	for _, c := range []balancedCase{
		{"one of two answers 503", hectest.Busy()},
		{"one of two answers 503, Retry-After", hectest.Answer{Status: 503, Code: 9, Text: "Server is busy", RetryAfter: "60"}},
		{"one of two answers 502", hectest.HTML(502)},
		{"one of two answers 429", hectest.Refuse(429, 26, "Queue is at capacity")},
		{"one of two answers 401", hectest.Refuse(401, 2, "Token is required")},
		{"one of two answers 403", hectest.Refuse(403, 4, "Invalid token")},
		{"one of two answers 404", hectest.HTML(404)},
	} {
		rows = append(rows, balancedRow(c.name, c.answer, hectest.Options{}, "", oneSick))
	}
	return append(rows,
		balancedRow("with acks", hectest.HTML(502), hectest.Options{Acks: true, AckDelay: 300 * time.Millisecond},
			", ack: {enabled: true, poll_interval: 100ms, timeout: 1m}", oneSick),
		balancedRow("with acks, connections break", hectest.HTML(502), hectest.Options{Acks: true, AckDelay: time.Second},
			", ack: {enabled: true, poll_interval: 100ms, timeout: 1m}", acksOfBroken),
		singleSickRow(),
		codedRow("gzip", "gzip", true), codedRow("brotli", "br", false),
		noAckIDRow(),
	)
}

// oneSick makes one of the servers sick while messages arrive, and takes it out of the
// balancer later. Delivery goes on all the time.
func oneSick(ctx context.Context, r *rig, two *twoServers) error {
	const n = 20 * fewMessages
	abort.Must(r.start(ctx))
	s := r.newSender(10_000, n)
	ended := s.begin(ctx)
	progress := func(what string) error {
		before := r.tally.unique.Load()
		return r.until(ctx, rowLimit, "delivery goes on "+what, func() bool { return r.tally.unique.Load() >= min(before+4*fewMessages, n) })
	}
	abort.Must(progress("while both are well"))
	two.on.Store(true)
	for range 2 {
		abort.Must(progress("while one is sick"))
		if sc, err := r.web.scrape(ctx); err != nil {
			return err
		} else if sc.sum("gateway_hec_endpoint_up") != 1 {
			r.res.problem("the endpoint is out though one of its servers is well")
		}
	}
	two.balancer.Use(r.hec[1])
	abort.Must(progress("when the sick one is taken out"))
	abort.Must(<-ended)
	err := r.settleStrictly(ctx, n, rowLimit)
	a, well := two.balancer.Made(r.hec[0]), two.balancer.Made(r.hec[1])
	r.res.detail("the fault was answered %d times; %d and %d connections", two.given.Load(), a, well)
	r.res.problemIf(two.given.Load() == 0, "the sick server got nothing: the row shows nothing")
	// Health probes make five a second here, each its own.
	if most := 200 + 10*int(r.res.Counts.Received/10_000); a+well > most {
		r.res.problem("%d connections were made, not at most %d", a+well, most)
	}
	return err
}

// acksOfBroken breaks all connections while acknowledgements are awaited: they are asked
// for on new ones, until these lead to the server that owes them.
func acksOfBroken(ctx context.Context, r *rig, two *twoServers) error {
	abort.Must(r.startAndSend(ctx, fewMessages))
	abort.Must(r.untilArrived(ctx, "all is posted", fewMessages))
	two.balancer.Break()
	err := r.settle(ctx, fewMessages, rowLimit)
	r.noneLost()
	// Posts under way at that moment are repeated: a batch of 100 for each post.
	r.res.problemIf(r.res.Duplicated > 16*100, "%d came twice", r.res.Duplicated)
	r.res.detail("%d and %d posts", r.hec[0].Requests(), r.hec[1].Requests())
	return err
}

// singleSickRow has one server behind the balancer: it is not met with one connection
// after the other.
func singleSickRow() Row {
	const patience = 3 * time.Second
	return balancedRow("a single sick server is not hammered", hectest.Busy(), hectest.Options{}, "", func(ctx context.Context, r *rig, two *twoServers) error {
		two.balancer.Use(r.hec[0])
		two.on.Store(true)
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(r.kept(ctx, false))
		made, probes := two.balancer.Made(r.hec[0]), r.hec[0].Probes()
		began := time.Now()
		abort.Must(r.until(ctx, rowLimit, "a while is over", func() bool { return time.Since(began) > patience }))
		// A trial each hec.retry.max, 200 ms here, and some jitter.
		rate := float64(two.balancer.Made(r.hec[0])-made-(r.hec[0].Probes()-probes)) / time.Since(began).Seconds()
		r.res.detail("%.1f connections a second", rate)
		r.res.problemIf(rate > 12, "%.1f connections a second to a server that is busy", rate)
		two.on.Store(false)
		return r.settleStrictly(ctx, fewMessages, rowLimit)
	})
}

// codedRow has a proxy that compresses answers unasked. When that cannot be read the
// events are kept, and sent again by the next process at the latest: not again and again.
func codedRow(name, coding string, readable bool) Row {
	body := `{"text":"Success","code":0}`
	if coding == "gzip" {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write([]byte(body)) // a bytes.Buffer takes everything
		z.Close()
		body = packed.String()
	}
	f := &fault{answer: hectest.Answer{Status: http.StatusOK, Body: body, ContentType: "application/json",
		Header: http.Header{"Content-Encoding": {coding}}, Taken: true}}
	return on("hec 200 compressed unasked: "+name, func(*Options) layout {
		return layout{numbers: fewMessages, endpoints: []hectest.Options{{Script: f.script}}, stop: "1s"}
	}, func(ctx context.Context, r *rig) error {
		f.on.Store(true)
		abort.Must(r.startAndSend(ctx, fewMessages))
		if readable {
			return r.settleStrictly(ctx, fewMessages, rowLimit)
		}
		abort.Must(untilServerOut(ctx, r))
		return afterRepair(ctx, r, f)
	})
}

// untilServerOut waits until all is received and the endpoint is out.
func untilServerOut(ctx context.Context, r *rig) error {
	abort.Must(r.untilCounts(ctx, rowLimit, "all is received", func(k Counts) bool { return k.Received == fewMessages }))
	return r.until(ctx, rowLimit, "the alarm is raised", func() bool {
		s, err := r.web.scrape(ctx)
		return err == nil && s.sum("gateway_hec_endpoint_up") == 0 && s.sum("gateway_hec_unconfirmed_answers_total") > 0
	})
}

// untilProbed waits until a dozen probes have come since there were so many.
func (r *rig) untilProbed(ctx context.Context, since int) error {
	return r.until(ctx, rowLimit, "a dozen probes", func() bool { return r.hec[0].Probes() > since+12 })
}

// afterRepair wants that an endpoint whose 200 confirms nothing gets no more, for as long as
// a dozen probes take, then ends the fault and starts a new process.
func afterRepair(ctx context.Context, r *rig, f *fault) error {
	given, probes := f.given.Load(), r.hec[0].Probes()
	abort.Must(r.untilProbed(ctx, probes))
	if n := f.given.Load(); n != given {
		r.res.problem("%d more posts to an endpoint whose answers confirm nothing", n-given)
	}
	if k, err := r.web.scrape(ctx); err != nil {
		return err
	} else if k.counts().Delivered != 0 {
		r.res.problem("%d count as delivered, and nothing is confirmed", k.counts().Delivered)
	}
	r.stop(30 * time.Second)
	f.on.Store(false)
	abort.Must(r.start(ctx))
	err := r.settle(ctx, fewMessages, rowLimit)
	r.noneLost()
	r.res.detail("the fault was answered %d times", f.given.Load())
	// Those that were on the wire at first: a batch of 100 for each post.
	if most := 100 * f.given.Load(); r.res.Duplicated > most {
		r.res.problem("%d came twice, at most %d may", r.res.Duplicated, most)
	}
	return err
}

// noAckIDRow has a token without acknowledgement, which gets it later: one post finds
// out, and a poll finds that it is repaired.
func noAckIDRow() Row {
	return on("ack enabled, 200 without ackId, then repaired", func(*Options) layout {
		return layout{numbers: fewMessages, hec: ", ack: {enabled: true, poll_interval: 100ms, timeout: 1m}"}
	}, func(ctx context.Context, r *rig) error {
		abort.Must(r.startAndSend(ctx, fewMessages))
		abort.Must(untilServerOut(ctx, r))
		probes := r.hec[0].Probes()
		abort.Must(r.untilProbed(ctx, probes))
		if n := r.hec[0].Requests(); n != 1 {
			r.res.problem("%d posts to an endpoint that gives no ackId", n)
		}
		if k, err := r.web.scrape(ctx); err != nil || k.counts().Delivered != 0 {
			r.res.problem("%d count as delivered without an ackId (%v)", k.counts().Delivered, err)
		}
		if _, text := r.web.ready(ctx); !strings.Contains(text, "ackId") {
			r.res.problem("/readyz does not name the reason: %s", text)
		}
		r.res.problemIf(r.gw.Logged("confirm") == 0, "the log does not name the reason")
		r.hec[0].SetAcks(true)
		err := r.settle(ctx, fewMessages, rowLimit)
		r.noneLost()
		if r.res.Duplicated > 100 { // the one batch that found out
			r.res.problem("%d came twice", r.res.Duplicated)
		}
		r.res.detail("%d posts", r.hec[0].Requests())
		return err
	})
}
