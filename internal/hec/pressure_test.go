package hec

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

const bound = 16

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
	testkit.Eventually(t, "many trials", func() bool { return posts.Load() > 3*bound })
	testkit.Equal(t, "limit", metric(t, reg, "gateway_hec_concurrency_limit", s.URL()), 1)
	testkit.Equal(t, "posts at a time to an endpoint that is out", most.Load(), 1)
	out.Store(false)
	r.ends(wait, src, 60, s)
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
		testkit.Must(t, r.Deliver(t.Context(), &endless{rec: record(event.Identity, line(1)), count: n}))
	}
	deliver(n)
	mu.Lock()
	fell = true
	mu.Unlock()
	deliver(1)
	testkit.Equal(t, "posts on connections that are dead", stuck, 1)
}

func TestHealthProbes(t *testing.T) {
	var sick = make(chan struct{})
	s := serve(t, hectest.Options{Health: func() hectest.Answer {
		select {
		case <-sick:
			return hectest.Refuse(http.StatusServiceUnavailable, 23, "Server is shutting down")
		default:
			return hectest.Refuse(http.StatusOK, 17, "HEC is healthy")
		}
	}})
	r := newRig(t, func(o *Options) { o.HealthInterval = 5 * time.Millisecond }, s)
	src := newMemory()
	src.total = 1 // never ends by itself
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "probes", func() bool { return s.Probes() > 3 })
	if !r.AnyUp() || !strings.Contains(r.Endpoints()[0].LastAnswer, "17") {
		t.Errorf("%+v", r.Endpoints())
	}
	close(sick)
	testkit.Eventually(t, "down", func() bool { return !r.AnyUp() })
	src.mu.Lock()
	src.total = 0
	src.changed()
	src.mu.Unlock()
	testkit.Equal(t, "error", wait(), nil)
}
