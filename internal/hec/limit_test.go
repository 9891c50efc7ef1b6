package hec

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/hec/hectest"
)

const bound = 16

// course feeds a limit with rounds of answers, as many at a time as it allows, and
// returns it.
func course(l limit, rounds int, took time.Duration, a answer) limit {
	now := time.Unix(1000, 0)
	if !l.cut.IsZero() {
		now = l.cut.Add(time.Second)
	}
	for range rounds {
		began := now
		now = now.Add(took)
		under := l.now(bound)
		for range under { // another post takes the place of each
			l.note(a, attempt{began: began}, took, now, under, bound)
		}
	}
	return l
}

var (
	fine = answer{outcome: delivered, condition: serving}
	full = answer{condition: busy}
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
		{"no answer", course(healthy, 1, long, answer{condition: failing, timeout: true}), bound / 2},
		{"queues fill", course(healthy, 1, quick, answer{outcome: delivered, condition: serving, slowDown: true}), bound / 2},
		{"slow answers", course(healthy, 2, long, fine), bound / 4},
		{"slow answers for long", course(healthy, 6, long, fine), slowLeast},
		{"slower than usual, and quick all the same", course(healthy, 50, 400*time.Millisecond, fine), bound},
		{"slow as ever", course(unlimited(), 50, long, fine), bound},
		{"the token is wrong", course(healthy, 5, quick, answer{condition: refusing}), bound},
		{"the attempt was ended here", course(healthy, 5, long, answer{condition: unknown}), bound},
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
	l.note(full, attempt{began: time.Unix(1, 0)}, time.Millisecond, time.Unix(2, 0), 4, bound)
	if n := l.now(bound); n != 2 {
		t.Errorf("limit %d", n)
	}
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
			l.note(fine, attempt{began: began}, took, now, l.now(bound), bound)
			sum += l.now(bound)
		}
		if mean := float64(sum) / float64(n); mean < 0.9*bound {
			t.Errorf("seed 1,2: %d %% in 20 ms, the others in 600: %.1f of %d at a time", quick, mean, bound)
		}
	}
}

// One of two endpoints becomes slow: it keeps two workers at most for long, and the
// other has the rest.
func TestSlowEndpointHoldsFewWorkers(t *testing.T) {
	p, now := poolOf(t, 2)
	p.bound = bound
	slow, fast := p.list[0], p.list[1]
	type under struct {
		t   attempt
		end time.Time
	}
	var all []under
	took := map[*endpoint]int{}
	for range 20_000 { // a millisecond each
		*now = now.Add(time.Millisecond)
		kept := all[:0]
		for _, u := range all {
			if u.end.After(*now) {
				kept = append(kept, u)
				continue
			}
			took[u.t.endpoint]++
			p.done(u.t, answer{outcome: delivered, condition: serving, status: 200}, now.Sub(u.t.began), testRetry)
		}
		all = kept
		for len(all) < bound {
			a, _, place := p.take(nil, nil)
			if a.endpoint == nil {
				if place == nil {
					t.Fatal("no room and nothing to wait for")
				}
				p.leave(place)
				break
			}
			d := 10 * time.Millisecond
			if a.endpoint == slow && now.Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) > time.Second {
				d = 3 * time.Second
			}
			all = append(all, under{a, now.Add(d)})
		}
	}
	if slow.inFlight > slowLeast || fast.inFlight < bound-slowLeast {
		t.Errorf("slow %d, fast %d under way", slow.inFlight, fast.inFlight)
	}
	if took[fast] < 15_000 {
		t.Errorf("slow took %d, fast %d", took[slow], took[fast])
	}
	if n := fast.limit.now(p.bound); n != bound {
		t.Errorf("the limit of the fast one is %d", n)
	}
}

// Who waits for room is woken by an answer, by the time and by a stop.
func TestWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := poolOf(t, 1)
		p.now = time.Now
		p.bound = 1
		stop := make(chan struct{})
		q := &post{pool: p, settings: func() RetryOptions { return testRetry }, stop: stop,
			abandoned: func() bool { return false }}
		first, err := q.acquire()
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan attempt)
		second := &post{pool: p, settings: q.settings, stop: stop, abandoned: q.abandoned}
		go func() {
			a, _ := second.acquire()
			got <- a
		}()
		synctest.Wait()
		if len(p.line) != 1 {
			t.Fatalf("%d wait", len(p.line))
		}
		p.done(first, fine, time.Millisecond, testRetry)
		a := <-got
		if a.endpoint == nil || len(p.line) != 0 {
			t.Fatalf("%+v, %d wait", a, len(p.line))
		}
		// It is busy: there is room when the wait is over.
		p.done(a, full, time.Millisecond, testRetry)
		began := time.Now()
		if a, err = q.acquire(); err != nil || time.Since(began) != testRetry.Initial {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		ended := make(chan error)
		go func() {
			_, err := second.acquire()
			ended <- err
		}()
		synctest.Wait()
		close(stop)
		if err := <-ended; err != errStopped {
			t.Errorf("error %v", err)
		}
	})
}

// Posts never exceed the limit, and one trial at a time is made while nothing is up.
func TestOutageIsProbedByOne(t *testing.T) {
	var now, most, posts atomic.Int32
	var out atomic.Bool
	s := serve(t, hectest.Options{
		Health: func() hectest.Answer { return hectest.HTML(404) }, // says nothing
		Script: func(*hectest.Request) hectest.Answer {
			if !out.Load() {
				return hectest.OK()
			}
			n := now.Add(1)
			defer now.Add(-1)
			if posts.Add(1); posts.Load() > bound {
				most.Store(max(most.Load(), n))
			}
			return hectest.Refuse(500, 8, "Internal server error")
		},
	})
	out.Store(true)
	reg := prometheus.NewPedanticRegistry()
	r := newRig(t, func(o *Options) { o.InFlight, o.Registerer = bound, reg }, s)
	src := newMemory(records(60, 1)...)
	wait := r.start(context.Background(), src)
	eventually(t, "many trials", func() bool { return posts.Load() > 3*bound })
	if got := metric(t, reg, "gateway_hec_concurrency_limit", s.URL()); got != 1 {
		t.Errorf("limit %v", got)
	}
	if most.Load() != 1 {
		t.Errorf("%d posts at a time to an endpoint that is out", most.Load())
	}
	out.Store(false)
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	r.balanced(src, 0)
	arrived(t, 60, nil, s)
}

// 503 to all but two at a time: the limit settles there, and nothing is lost.
func TestConcurrencyFindsItsPlace(t *testing.T) {
	var mu sync.Mutex
	under, refused := 0, 0
	s := serve(t, hectest.Options{Script: func(*hectest.Request) hectest.Answer {
		mu.Lock()
		defer mu.Unlock()
		if under >= 2 {
			refused++
			return hectest.Busy()
		}
		under++
		time.AfterFunc(2*time.Millisecond, func() { mu.Lock(); under--; mu.Unlock() })
		return hectest.Answer{Status: 200, Text: "Success", Delay: 2 * time.Millisecond}
	}})
	r := newRig(t, func(o *Options) { o.InFlight = bound }, s)
	src := newMemory(records(150, 1)...)
	r.all(src)
	arrived(t, 150, nil, s)
	if refused > 150 {
		t.Errorf("%d posts were refused to deliver 150", refused)
	}
}

// What choosing and noting costs, for a record of a thousand events or more.
func BenchmarkAttempt(b *testing.B) {
	e, err := newEndpoint("https://splunk", time.Now())
	if err != nil {
		b.Fatal(err)
	}
	p := newPool(nil, []*endpoint{e}, time.Second)
	p.join(bound)
	b.ReportAllocs()
	for b.Loop() {
		t, _, _ := p.take(nil, nil)
		p.done(t, fine, time.Millisecond, testRetry)
	}
}
