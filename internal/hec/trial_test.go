package hec

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/event"
)

// outAll takes all endpoints out, and lets the time pass after which each may be tried.
func outAll(p *pool, now *time.Time) {
	for range downAfter {
		for _, e := range p.list {
			e.inFlight++
			p.answered(e, failing)
		}
	}
	*now = now.Add(time.Minute)
}

// All are out and the first trial hangs: the next endpoint is tried a second later.
func TestTrialThatHangsDoesNotHoldTheOthers(t *testing.T) {
	p, now := poolOf(t, 3)
	outAll(p, now)
	tried := map[*endpoint]bool{p.choose(nil): true}
	for range 2 {
		_, until, place := p.take(nil, nil)
		p.leave(place)
		if place == nil || until.Sub(*now) != trialPatience {
			t.Fatalf("the next trial is due in %v", until.Sub(*now))
		}
		*now = until
		tried[p.choose(nil)] = true
	}
	if len(tried) != 3 || tried[nil] {
		t.Errorf("%d are tried", len(tried))
	}
	good := p.list[2]
	p.answered(good, serving)
	for range 5 {
		good.inFlight = 0
		if e := p.choose(nil); e != good {
			t.Fatalf("%v is chosen", e)
		}
	}
}

// The trial of the only endpoint hangs: there is another after the time between two
// probes, and each further one later.
func TestTrialThatHangsDoesNotHoldItsEndpoint(t *testing.T) {
	p, now := poolOf(t, 1)
	outAll(p, now)
	e := p.list[0]
	first, _, _ := p.take(nil, nil)
	for n := range 4 {
		_, until, place := p.take(nil, nil)
		p.leave(place)
		if want := time.Duration(n+1) * testPatience; until.Sub(*now) != want {
			t.Fatalf("trial %d is due in %v, not in %v", n+1, until.Sub(*now), want)
		}
		*now = until
		if p.choose(nil) != e {
			t.Fatal("it is not tried")
		}
	}
	p.answered(e, serving)
	if !e.proven() {
		t.Fatal("it works, and is not used")
	}
	limit := e.limit.now(p.bound)
	p.done(first, answer{condition: failing, timeout: true}, time.Minute, testRetry)
	if e.failures != 0 || e.limit.now(p.bound) != limit || e.trials != 3 {
		t.Errorf("the trial that hung still counts: %d failures, limit %d, %d trials", e.failures, e.limit.now(p.bound), e.trials)
	}
}

// While another endpoint works, or only one post is left to try others with, one trial
// is all that an endpoint gets.
func TestTrialsThatHangLeaveRoom(t *testing.T) {
	p, now := poolOf(t, 2)
	sick, well := p.list[0], p.list[1]
	for range downAfter {
		sick.inFlight++
		p.answered(sick, failing)
	}
	for range 100 {
		*now = now.Add(testPatience)
		well.inFlight = 0
		p.choose(nil)
		p.choose(well)
	}
	if sick.trials != 1 {
		t.Errorf("%d trials though another endpoint works", sick.trials)
	}
	p, now = poolOf(t, 2)
	p.bound = 3
	outAll(p, now)
	for range 100 {
		*now = now.Add(testPatience)
		p.choose(nil)
	}
	if p.list[0].trials != 1 || p.list[1].trials != 1 {
		t.Errorf("%d and %d trials of 3 posts", p.list[0].trials, p.list[1].trials)
	}
}

// A post that has waited longer has its turn before one that comes.
func TestRoomGoesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := poolOf(t, 1)
		p.now, p.bound = time.Now, 1
		stop := make(chan struct{})
		acquire := func() (attempt, error) {
			q := &post{pool: p, stop: stop, abandoned: func() bool { return false }}
			return q.acquire()
		}
		under, err := acquire()
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		defer group.Wait()
		var order []int
		turn := make(chan attempt)
		for i := range 4 {
			group.Go(func() {
				if a, err := acquire(); err == nil {
					order = append(order, i)
					turn <- a
				}
			})
			synctest.Wait()
		}
		for range 3 {
			p.done(under, fine, time.Millisecond, testRetry)
			if late, _, place := p.take(nil, nil); late.endpoint != nil {
				t.Fatal("one that comes later goes first")
			} else {
				p.leave(place)
			}
			under = <-turn
		}
		close(stop)
		synctest.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 || len(p.line) != 0 {
			t.Errorf("order %v, %d wait", order, len(p.line))
		}
	})
}

// A firewall has forgotten four idle connections. One post finds out, not four.
func TestTimeoutClosesIdleConnections(t *testing.T) {
	const n = 4
	var mu sync.Mutex
	silent := make(map[string]bool)
	fell, stuck := false, 0
	var all sync.WaitGroup
	all.Add(n)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		down, first := silent[r.RemoteAddr], !fell
		silent[r.RemoteAddr] = true
		if down {
			stuck++
		}
		mu.Unlock()
		switch {
		case down:
			<-r.Context().Done()
			return
		case first: // each on a connection of its own
			all.Done()
			all.Wait()
		}
		_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
	}))
	defer s.Close()
	r := newRig(t, func(o *Options) {
		o.Endpoints, o.InFlight, o.Timeout = []string{s.URL}, n, 300*time.Millisecond
	})
	deliver := func(n int) {
		if err := r.Deliver(t.Context(), &endless{rec: record(event.Identity, line(1)), left: n}); err != nil {
			t.Fatal(err)
		}
	}
	deliver(n)
	mu.Lock()
	fell = true
	mu.Unlock()
	deliver(1)
	if stuck != 1 {
		t.Errorf("%d posts on connections that are dead", stuck)
	}
}
