package hec

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// balanced is a balancer of layer 4 before servers.
func balanced(t *testing.T, servers ...*hectest.Server) *hectest.Balancer {
	t.Helper()
	b := testkit.Try(hectest.NewBalancer(servers...))(t)
	t.Cleanup(b.Close)
	return b
}

// at makes the balancer the endpoint of a rig.
func at(b *hectest.Balancer, change func(*Options)) func(*Options) {
	return func(o *Options) {
		o.Endpoints = []string{b.URL()}
		if change != nil {
			change(o)
		}
	}
}

// sickAnswers are those that say nothing of the body.
var sickAnswers = map[string]hectest.Answer{
	"503 busy":        hectest.Busy(),
	"503 Retry-After": {Status: 503, Code: 9, Text: "Server is busy", RetryAfter: "60"},
	"503 page":        hectest.HTML(503),
	"502":             hectest.HTML(502),
	"500":             hectest.Refuse(500, 8, "Internal server error"),
	"429":             hectest.Refuse(429, 26, "Queue at capacity"),
	"401":             hectest.Refuse(401, 2, "Token is required"),
	"403":             hectest.Refuse(403, 4, "Invalid token"),
	"404":             hectest.HTML(404),
	"200 page":        hectest.HTML(200),
	"302":             {Status: 302, Body: "x", Header: http.Header{"Location": {"/login"}}},
	"reset":           {Fault: hectest.Reset},
}

// One server behind a balancer is sick from the start, or becomes so: the other gets
// everything, at once, and the endpoint is not out.
func TestOneSickServerBehindABalancer(t *testing.T) {
	for name, answer := range sickAnswers {
		for _, when := range []string{"from the start", "later"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				var sick atomic.Bool
				a := serve(t, hectest.Options{Script: func(*hectest.Request) hectest.Answer {
					if sick.Load() {
						return answer
					}
					return hectest.Answer{}
				}})
				b := serve(t, hectest.Options{})
				lb := balanced(t, a, b)
				r := newRig(t, at(lb, func(o *Options) {
					o.InFlight, o.Retry = 4, endpoints.Backoff{Initial: 10 * time.Millisecond, Max: time.Hour}
				}))
				if when == "later" {
					r.all(newMemory(records(40, 1)...))
				}
				sick.Store(true)
				src := newMemory(records(200, 1)...)
				r.all(src)
				if got := b.Requests(); got < 200 {
					t.Errorf("b got %d posts", got)
				}
				if st := r.Endpoints()[0]; !st.Up {
					t.Errorf("%+v", st)
				}
				if got := lb.Made(a) + lb.Made(b); got > 40 {
					t.Errorf("%d connections", got)
				}
				if a.Requests() > 60 {
					t.Errorf("%d posts to the sick one", a.Requests())
				}
			})
		}
	}
}

// One server takes connections and answers nothing: few posts wait for it at a time.
func TestOneHungServerBehindABalancer(t *testing.T) {
	a, b := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Fault: hectest.Hang})}), serve(t, hectest.Options{})
	r := newRig(t, at(balanced(t, a, b), func(o *Options) { o.InFlight, o.Timeout = 8, 300*time.Millisecond }))
	src := newMemory(records(200, 1)...)
	r.all(src)
	arrived(t, 200, nil, b)
	if n := a.Requests(); n > 20 {
		t.Errorf("%d posts to the one that hangs", n)
	}
	if st := r.Endpoints()[0]; !st.Up {
		t.Errorf("%+v", st)
	}
}

// Both are sick: then the endpoint is out, as one server would be; and when either is
// well again all is delivered.
func TestAllServersBehindABalancerAreSick(t *testing.T) {
	var sick atomic.Bool
	script := func(*hectest.Request) hectest.Answer {
		if sick.Load() {
			return hectest.HTML(502)
		}
		return hectest.Answer{}
	}
	a, b := serve(t, hectest.Options{Script: script}), serve(t, hectest.Options{Script: script})
	r := newRig(t, at(balanced(t, a, b), nil))
	sick.Store(true)
	src := newMemory(records(20, 2)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "it is out", func() bool { return !r.AnyUp() })
	sick.Store(false)
	r.ends(wait, src, 40, a, b)
}

// A single sick server is not met with one connection after the other.
func TestSickServerIsNotHammered(t *testing.T) {
	for name, answer := range sickAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hectest.Options{Script: hectest.Always(answer), Health: func() hectest.Answer { return hectest.HTML(404) }})
			lb := balanced(t, s)
			r := newRig(t, at(lb, func(o *Options) {
				o.InFlight, o.Retry = 16, endpoints.Backoff{Initial: 50 * time.Millisecond, Max: time.Second}
			}))
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			src := newMemory(records(100, 1)...)
			testkit.Must(t, r.start(ctx, src)())
			// The first burst, and then one every now and then.
			if n := lb.Made(s); n > 16+16 {
				t.Errorf("%d connections in 1.5 s", n)
			}
			r.balanced(src, 100)
		})
	}
}

// Connections end with their age, so that a new server gets its share.
func TestConnectionsEndWithTheirAge(t *testing.T) {
	a, b := serve(t, hectest.Options{}), serve(t, hectest.Options{})
	lb := balanced(t, a)
	r := newRig(t, at(lb, func(o *Options) { o.ConnAge = 40 * time.Millisecond }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	src := newMemory(records(20, 1)...)
	src.total = 1 << 30 // more comes
	wait := r.start(ctx, src)
	more := func() {
		src.mu.Lock()
		defer src.mu.Unlock()
		rec := records(1, 1)[0]
		rec.Seq = uint64(1000 + len(src.acked) + len(src.out) + len(src.todo))
		r.ledger.Account("cisco_asa").Recover(1)
		src.todo = append(src.todo, rec)
		src.changed()
	}
	testkit.Eventually(t, "all at a", func() bool { return a.Requests() >= 20 })
	lb.Use(b)
	testkit.Eventually(t, "b gets its share", func() bool { more(); return b.Requests() > 5 })
	cancel()
	testkit.Must(t, wait())
}

// Each server knows its own ackIds only, and the balancer knows nothing: all is
// confirmed, and nothing is sent twice.
func TestAcksBehindABalancer(t *testing.T) {
	a := serve(t, hectest.Options{Acks: true, AckDelay: 30 * time.Millisecond})
	b := serve(t, hectest.Options{Acks: true, AckDelay: 30 * time.Millisecond})
	lb := balanced(t, a, b)
	r := newRig(t, at(lb, func(o *Options) {
		withAcks(5*time.Millisecond, time.Minute)(o)
		o.InFlight, o.ConnAge = 4, 50*time.Millisecond // shorter than it takes to index
	}))
	src := newMemory(records(200, 1)...)
	testkit.Equal(t, "delivered", r.all(src).Delivered, 200)
	testkit.Equal(t, "posts for 200 records", a.Requests()+b.Requests(), 200)
	if a.Requests() == 0 || b.Requests() == 0 {
		t.Errorf("%d and %d posts", a.Requests(), b.Requests())
	}
	arrived(t, 200, nil, a, b)
}

// The connections break before their acknowledgements are in: they are asked for on new
// ones, until one leads to the server that gave the ackId.
func TestAcksOfBrokenConnections(t *testing.T) {
	var hold atomic.Bool
	hold.Store(true)
	confirm := func(string, int64) bool { return !hold.Load() }
	var polls atomic.Int64
	o := hectest.Options{Acks: true, Confirm: confirm, OnPoll: func(http.Header) { polls.Add(1) }}
	a, b := serve(t, o), serve(t, o)
	lb := balanced(t, a, b)
	r := newRig(t, at(lb, func(o *Options) {
		withAcks(5*time.Millisecond, time.Minute)(o)
		o.InFlight = 4
	}))
	src := newMemory(records(40, 1)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "the answers to all posts are in", func() bool {
		owed := 0
		for _, n := range r.acks.unacked() {
			owed += n
		}
		return owed == 40
	})
	lb.Break()
	// A server confirms once: no poll of before may get an answer that is lost.
	before := polls.Load()
	testkit.Eventually(t, "acknowledgements are asked for on new connections", func() bool { return polls.Load() > before+16 })
	hold.Store(false)
	testkit.Must(t, wait())
	if got := r.balanced(src, 0); got.Delivered != 40 || a.Requests()+b.Requests() != 40 {
		t.Errorf("%+v, %d posts", got, a.Requests()+b.Requests())
	}
}

// A balancer of layer 7 keeps a session at its server by a cookie. Polls carry it.
func TestStickyCookie(t *testing.T) {
	var asked, without atomic.Int64
	s := serve(t, hectest.Options{Acks: true, Script: func(q *hectest.Request) hectest.Answer {
		a := hectest.OK()
		if q.Header.Get("Cookie") == "" {
			a.Header = http.Header{"Set-Cookie": {fmt.Sprintf("AWSALB=%d; Path=/; Max-Age=604800", q.N)}}
		}
		return a
	}, OnPoll: func(h http.Header) {
		asked.Add(1)
		if !strings.HasPrefix(h.Get("Cookie"), "AWSALB=") {
			without.Add(1)
		}
	}})
	r := newRig(t, withAcks(2*time.Millisecond, time.Minute), s)
	r.all(newMemory(records(30, 1)...))
	if asked.Load() == 0 || without.Load() != 0 {
		t.Errorf("%d of %d polls without the cookie", without.Load(), asked.Load())
	}
}

// Probes that fail at one server of several take nothing out while posts are answered.
func TestProbesOfASickServer(t *testing.T) {
	a := serve(t, hectest.Options{Script: hectest.Always(hectest.HTML(502)), Health: func() hectest.Answer { return hectest.HTML(502) }})
	b := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Delay: 5 * time.Millisecond})})
	lb := balanced(t, b, a, a, a)
	reg := prometheus.NewRegistry()
	r := newRig(t, at(lb, func(o *Options) { o.HealthInterval, o.Registerer = 100*time.Millisecond, reg }))
	src := newMemory(records(400, 1)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "b works", func() bool { return b.Requests() > 20 })
	for b.Requests() < 400 {
		before := b.Requests()
		testkit.Eventually(t, "progress", func() bool { return b.Requests() > before || b.Requests() >= 400 })
		if st := r.Endpoints()[0]; !st.Up {
			t.Fatalf("%+v", st)
		}
	}
	testkit.Must(t, wait())
	if n := metric(t, reg, "gateway_hec_bad_connections_total", ""); n == 0 {
		t.Error("bad connections are not counted")
	}
	testkit.Holds(t, "log", r.log.String(), "others work")
}
