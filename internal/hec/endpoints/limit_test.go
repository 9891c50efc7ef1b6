package endpoints

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/testkit"
)

const bound = 16

// course feeds a limit with rounds of answers, as many at a time as it allows, and
// returns it.
func course(l limit, rounds int, took time.Duration, a Verdict) limit {
	now := time.Unix(1000, 0)
	if !l.cut.IsZero() {
		now = l.cut.Add(time.Second)
	}
	for range rounds {
		began := now
		now = now.Add(took)
		under := l.now(bound)
		for range under { // another post takes the place of each
			l.answered(a, began, took, now, under, bound)
		}
	}
	return l
}

var (
	fine = Verdict{Condition: Serving}
	full = Verdict{Condition: Busy}
)

func TestLimit(t *testing.T) {
	const quick, long = 20 * time.Millisecond, 2 * time.Second
	healthy := course(unlimited(), 50, quick, fine)
	if n := healthy.now(bound); n != bound {
		t.Fatalf("a healthy endpoint may have %d", n)
	}
	halved := course(healthy, 1, quick, full)
	for _, row := range []struct {
		name string
		got  limit
		want int
	}{
		{"once for a round of 16 busy answers", halved, bound / 2},
		{"two rounds", course(healthy, 2, quick, full), bound / 4},
		{"many rounds", course(healthy, 40, quick, full), 1},
		{"no answer", course(healthy, 1, long, Verdict{Condition: Failing, Timeout: true}), bound / 2},
		{"queues fill", course(healthy, 1, quick, Verdict{Condition: Serving, SlowDown: true}), bound / 2},
		{"slow answers", course(healthy, 2, long, fine), bound / 4},
		{"slow answers for long", course(healthy, 6, long, fine), slowLeast},
		{"slower than usual, but still quick", course(healthy, 50, 400*time.Millisecond, fine), bound},
		{"slow as ever", course(unlimited(), 50, long, fine), bound},
		{"the token is wrong", course(healthy, 5, quick, Verdict{Condition: Refusing}), bound},
		{"the attempt was ended here", course(healthy, 5, long, Verdict{Condition: Unknown}), bound},
		{"back for 1 round", course(halved, 1, quick, fine), bound/2 + 1},
		{"back for 3 rounds", course(halved, 3, quick, fine), bound/2 + 3},
		{"back for long", course(halved, 20, quick, fine), bound},
		{"from 1", course(course(healthy, 40, quick, full), 5, quick, fine), 6},
		{"slow for good is usual in the end", course(course(healthy, 40, long, fine), 4000, long, fine), bound},
	} {
		// A round of n answers adds up to a little less than 1.
		if n := row.got.now(bound); n != row.want && n != row.want-1 {
			t.Errorf("%s: %d, want %d", row.name, n, row.want)
		}
	}
	few := course(healthy, 3, quick, full)
	if n := few.now(3); n > 3 {
		t.Errorf("%d, above the bound", n)
	}
}

// A few posts under way that are refused halve these few, not the bound.
func TestLimitGoesByWhatIsUnderWay(t *testing.T) {
	l := unlimited()
	l.answered(full, time.Unix(1, 0), time.Millisecond, time.Unix(2, 0), 4, bound)
	testkit.Equal(t, "limit", l.now(bound), 2)
}

// Some records take longer than others, always: no reason to send less.
func TestUnevenAnswersAreNotSlow(t *testing.T) {
	for _, quick := range []int{1, 5, 10, 20, 50, 90, 98, 99} { // per cent
		rnd := rand.New(rand.NewPCG(1, 2))
		l, now := unlimited(), time.Unix(1000, 0)
		sum, n := 0, 20_000
		for range n {
			began, took := now, 600*time.Millisecond
			if rnd.IntN(100) < quick {
				took = 20 * time.Millisecond
			}
			now = now.Add(took)
			l.answered(fine, began, took, now, l.now(bound), bound)
			sum += l.now(bound)
		}
		if mean := float64(sum) / float64(n); mean < 0.9*bound {
			t.Errorf("seed 1,2: %d %% in 20 ms, the others in 600: %.1f of %d at a time", quick, mean, bound)
		}
	}
}

// One of two endpoints becomes slow: it keeps two workers at most for long, and the
// other has all others.
func TestSlowEndpointHoldsFewWorkers(t *testing.T) {
	p, now := poolOf(t, 2)
	p.admission.bound = bound
	slow, fast := p.admission.endpoints[0], p.admission.endpoints[1]
	type under struct {
		t   Attempt
		end time.Time
	}
	var all []under
	took := map[*Endpoint]int{}
	for range 20_000 { // a millisecond each
		*now = now.Add(time.Millisecond)
		kept := all[:0]
		for _, u := range all {
			if u.end.After(*now) {
				kept = append(kept, u)
				continue
			}
			took[u.t.Endpoint]++
			p.Done(u.t, Verdict{Condition: Serving, Answered: true}, now.Sub(u.t.Began), testRetry)
		}
		all = kept
		for len(all) < bound {
			a, _, place := p.take(nil, nil)
			if a.Endpoint == nil {
				if place == nil {
					t.Fatal("no room and nothing to wait for")
				}
				p.leave(place)
				break
			}
			d := 10 * time.Millisecond
			if a.Endpoint == slow && now.Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) > time.Second {
				d = 3 * time.Second
			}
			all = append(all, under{a, now.Add(d)})
		}
	}
	if slow.traffic.underWay > slowLeast || fast.traffic.underWay < bound-slowLeast {
		t.Errorf("slow %d, fast %d under way", slow.traffic.underWay, fast.traffic.underWay)
	}
	if took[fast] < 15_000 {
		t.Errorf("slow took %d, fast %d", took[slow], took[fast])
	}
	testkit.Equal(t, "the limit of the fast one", fast.limit.now(p.admission.bound), bound)
}

// Who waits for room is woken by an answer, by the time and by a stop.
func TestWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := poolOf(t, 1)
		p.now = time.Now
		p.admission.bound = 1
		ctx, stop := context.WithCancel(t.Context())
		acquire := func() (Attempt, error) { return p.Acquire(ctx, nil, ctx.Err) }
		first, err := acquire()
		testkit.Must(t, err)
		got := make(chan Attempt)
		go func() {
			a, _ := acquire()
			got <- a
		}()
		synctest.Wait()
		if p.admission.waiting.Len() != 1 {
			t.Fatalf("%d wait", p.admission.waiting.Len())
		}
		p.Done(first, fine, time.Millisecond, testRetry)
		a := <-got
		if a.Endpoint == nil || p.admission.waiting.Len() != 0 {
			t.Fatalf("%+v, %d wait", a, p.admission.waiting.Len())
		}
		// It is busy: there is room when the wait is over.
		p.Done(a, full, time.Millisecond, testRetry)
		began := time.Now()
		if a, err = acquire(); err != nil || time.Since(began) != testRetry.Initial {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		ended := make(chan error)
		go func() {
			_, err := acquire()
			ended <- err
		}()
		synctest.Wait()
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// What choosing and noting costs, for a record of a thousand events or more.
func BenchmarkAttempt(b *testing.B) {
	p, _ := poolOf(b, 1)
	p.now = time.Now
	p.admission.bound = bound
	b.ReportAllocs()
	for b.Loop() {
		t, _, _ := p.take(nil, nil)
		p.Done(t, fine, time.Millisecond, testRetry)
	}
}
