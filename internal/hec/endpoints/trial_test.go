package endpoints

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/testkit"
)

// outAll takes all endpoints out, and lets the time pass after which each may be tried.
func outAll(p *Pool, now *time.Time) {
	for range downAfter {
		for _, e := range p.admission.endpoints {
			e.traffic.underWay++
			answer(p, e, Failing)
		}
	}
	*now = now.Add(time.Minute)
}

// All are out and the first trial hangs: the next endpoint is tried a second later.
func TestTrialThatHangsDoesNotHoldTheOthers(t *testing.T) {
	p, now := poolOf(t, 3)
	outAll(p, now)
	tried := map[*Endpoint]bool{choose(p, nil): true}
	for range 2 {
		_, until, place := p.take(nil, nil)
		p.leave(place)
		if place == nil || until.Sub(*now) != trialPatience {
			t.Fatalf("the next trial is due in %v", until.Sub(*now))
		}
		*now = until
		tried[choose(p, nil)] = true
	}
	if len(tried) != 3 || tried[nil] {
		t.Errorf("%d are tried", len(tried))
	}
	good := p.admission.endpoints[2]
	answer(p, good, Serving)
	for range 5 {
		good.traffic.underWay = 0
		if e := choose(p, nil); e != good {
			t.Fatalf("%v is chosen", e)
		}
	}
}

// The trial of the only endpoint hangs: there is another after the time between two
// probes, and each further one later.
func TestTrialThatHangsDoesNotHoldItsEndpoint(t *testing.T) {
	p, now := poolOf(t, 1)
	outAll(p, now)
	e := p.admission.endpoints[0]
	first, _, _ := p.take(nil, nil)
	for n := range 4 {
		_, until, place := p.take(nil, nil)
		p.leave(place)
		if want := time.Duration(n+1) * testPatience; until.Sub(*now) != want {
			t.Fatalf("trial %d is due in %v, not in %v", n+1, until.Sub(*now), want)
		}
		*now = until
		if choose(p, nil) != e {
			t.Fatal("it is not tried")
		}
	}
	answer(p, e, Serving)
	if !e.proven() {
		t.Fatal("it works, and is not used")
	}
	limit := e.limit.now(p.admission.bound)
	p.Done(first, Verdict{Condition: Failing, Timeout: true}, time.Minute, testRetry)
	if e.health.failures != 0 || e.limit.now(p.admission.bound) != limit || e.trials.underWay != 3 {
		t.Errorf("the trial that hung still counts: %d failures, limit %d, %d trials", e.health.failures, e.limit.now(p.admission.bound), e.trials.underWay)
	}
}

// While another endpoint works, or only one post is left to try others with, one trial
// is all that an endpoint gets.
func TestTrialsThatHangLeaveRoom(t *testing.T) {
	p, now := poolOf(t, 2)
	sick, well := p.admission.endpoints[0], p.admission.endpoints[1]
	for range downAfter {
		sick.traffic.underWay++
		answer(p, sick, Failing)
	}
	for range 100 {
		*now = now.Add(testPatience)
		well.traffic.underWay = 0
		choose(p, nil)
		choose(p, well)
	}
	testkit.Equal(t, "trials though another endpoint works", sick.trials.underWay, 1)
	p, now = poolOf(t, 2)
	p.admission.bound = 3
	outAll(p, now)
	for range 100 {
		*now = now.Add(testPatience)
		choose(p, nil)
	}
	if p.admission.endpoints[0].trials.underWay != 1 || p.admission.endpoints[1].trials.underWay != 1 {
		t.Errorf("%d and %d trials of 3 posts", p.admission.endpoints[0].trials.underWay, p.admission.endpoints[1].trials.underWay)
	}
}

// A post that has waited longer goes before a new one.
func TestPostsWaitInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := poolOf(t, 1)
		p.now, p.admission.bound = time.Now, 1
		ctx, stop := context.WithCancel(t.Context())
		acquire := func() (Attempt, error) { return p.Acquire(ctx, nil, ctx.Err) }
		under := testkit.Try(acquire())(t)
		var group sync.WaitGroup
		defer group.Wait()
		var order []int
		attempts := make(chan Attempt)
		for i := range 4 {
			group.Go(func() {
				if a, err := acquire(); err == nil {
					order = append(order, i)
					attempts <- a
				}
			})
			synctest.Wait()
		}
		for range 3 {
			p.Done(under, fine, time.Millisecond, testRetry)
			if late, _, place := p.take(nil, nil); late.Endpoint != nil {
				t.Fatal("one that comes later goes first")
			} else {
				p.leave(place)
			}
			under = <-attempts
		}
		stop()
		synctest.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 || p.admission.waiting.Len() != 0 {
			t.Errorf("order %v, %d wait", order, p.admission.waiting.Len())
		}
	})
}
