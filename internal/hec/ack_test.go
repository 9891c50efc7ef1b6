package hec

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

func withAcks(poll, timeout time.Duration) func(*Options) {
	return func(o *Options) {
		o.Ack = AckOptions{Enabled: true, PollInterval: poll, Timeout: timeout}
		o.StopGrace = 50 * time.Millisecond
	}
}

// More records than workers are accepted before the first is confirmed, and none
// is freed until then.
func TestAcksDoNotHoldWorkers(t *testing.T) {
	var indexed atomic.Bool
	s := serve(t, hectest.Options{Acks: true, Confirm: func(string, int64) bool { return indexed.Load() }})
	r := newRig(t, withAcks(5*time.Millisecond, time.Hour), s)
	src := newMemory(records(40, 3)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "all posts", func() bool { return s.Requests() == 40 })
	testkit.Eventually(t, "polls", func() bool { return s.Polls() > 3 })
	src.mu.Lock()
	testkit.Equal(t, "records freed before they were indexed", len(src.acked), 0)
	src.mu.Unlock()
	testkit.Eventually(t, "40 unacknowledged", func() bool { return r.Endpoints()[0].Unacked == 40 })
	indexed.Store(true)
	testkit.Must(t, wait())
	if b := r.balanced(src, 0); b.Delivered != 120 || s.Requests() != 40 {
		t.Errorf("delivered %d, requests %d", b.Delivered, s.Requests())
	}
	for _, h := range s.Headers() {
		if len(h.Get("X-Splunk-Request-Channel")) != 36 {
			t.Errorf("channel %q", h.Get("X-Splunk-Request-Channel"))
		}
	}
}

func TestAcksAreBounded(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true, Confirm: func(string, int64) bool { return false }})
	r := newRig(t, func(o *Options) {
		withAcks(time.Millisecond, time.Hour)(o)
		o.Ack.MaxOutstanding = 7
	}, s)
	ctx, cancel := context.WithCancel(context.Background())
	src := newMemory(records(40, 3)...)
	wait := r.start(ctx, src)
	testkit.Eventually(t, "seven posts", func() bool { return s.Requests() == 7 })
	testkit.Eventually(t, "polls", func() bool { return s.Polls() > 10 })
	testkit.Equal(t, "posts", s.Requests(), 7)
	cancel()
	testkit.Must(t, wait())
	r.balanced(src, 120) // all given back
}

// Some acknowledgements never come: those records are sent again.
func TestLostAcks(t *testing.T) {
	type key struct {
		channel string
		id      int64
	}
	var mu sync.Mutex
	lost := make(map[key]bool)
	s := serve(t, hectest.Options{Acks: true, Confirm: func(channel string, id int64) bool {
		mu.Lock()
		defer mu.Unlock()
		if k := (key{channel, id}); len(lost) < 4 {
			lost[k] = true
		}
		return !lost[key{channel, id}]
	}})
	r := newRig(t, withAcks(2*time.Millisecond, 600*time.Millisecond), s)
	src := newMemory(records(12, 2)...)
	b := r.all(src)
	arrived(t, 24, nil, s)
	src.mu.Lock()
	defer src.mu.Unlock()
	if b.Delivered != 24 || len(src.nacked) != 4 {
		t.Errorf("delivered %d, sent again %d", b.Delivered, len(src.nacked))
	}
}

// An acknowledgement that comes when the record has been sent again counts nothing.
func TestLateAck(t *testing.T) {
	var late atomic.Bool
	s := serve(t, hectest.Options{Acks: true, Confirm: func(_ string, id int64) bool { return id > 0 || late.Load() }})
	r := newRig(t, withAcks(2*time.Millisecond, 40*time.Millisecond), s)
	src := newMemory(records(2, 2)...)
	wait := r.start(context.Background(), src)
	src.await(t, "the record is given back", func() bool { return len(src.nacked) > 0 })
	late.Store(true)
	testkit.Must(t, wait())
	testkit.Equal(t, "delivered", r.balanced(src, 0).Delivered, 4)
}

// An indexer restarts and counts from 0 again: what it had not confirmed is not
// taken for confirmed by what comes later under the same numbers.
func TestRestartForgetsAcks(t *testing.T) {
	table := newAckTable()
	e := &endpoints.Conn{}
	got := make(map[string]bool)
	receiptOf := func(name string, ids ...int64) *receipt {
		r := &receipt{finish: func(ok bool) { got[name] = ok }}
		for _, id := range ids {
			r.refs = append(r.refs, ackRef{e, ackKey{"c", id}})
		}
		return r
	}
	table.add(receiptOf("old0", 0))
	table.add(receiptOf("old12", 1, 2))
	table.add(receiptOf("new0", 0))
	if ok, done := got["old0"]; !done || ok {
		t.Error("the old record is not given back")
	}
	table.add(receiptOf("new1", 1))
	if ok, done := got["old12"]; !done || ok {
		t.Error("the old record of two parts is not given back")
	}
	table.confirm(e, "c", map[int64]bool{0: true, 1: true, 2: true, 77: true})
	table.confirm(e, "other", map[int64]bool{0: true})
	if len(got) != 4 || !got["new0"] || !got["new1"] {
		t.Errorf("%v", got)
	}
	if len(table.open) != 0 {
		t.Errorf("left: %v", table.open)
	}
	table.add(receiptOf("twice", 5, 5))
	if ok, done := got["twice"]; !done || ok {
		t.Error("two parts under one ackId cannot both be confirmed")
	}
}

// When an endpoint was out it is posted to on a new channel.
func TestNewChannelAfterAnOutage(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true})
	r := newRig(t, withAcks(2*time.Millisecond, 200*time.Millisecond), s)
	r.all(newMemory(records(3, 1)...))
	first := s.Headers()[0].Get("X-Splunk-Request-Channel")
	s.SetDown(true)
	src := newMemory(records(3, 1)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "down", func() bool { return !r.AnyUp() })
	s.Restart()
	s.SetDown(false)
	testkit.Must(t, wait())
	all := s.Headers()
	if last := all[len(all)-1].Get("X-Splunk-Request-Channel"); last == first {
		t.Error("the channel is the same after an outage")
	}
	r.balanced(src, 0)
}

// A record that was taken apart is confirmed when each of its parts is.
func TestAcksOfParts(t *testing.T) {
	s := serve(t, hectest.Options{Acks: true, Check: hectest.Validate})
	r := newRig(t, withAcks(2*time.Millisecond, time.Hour), s)
	lines, gone := batch(20, 3, 11)
	src := newMemory(record(event.Gzip, lines...))
	b := r.all(src)
	if b.Delivered != 18 || b.Deadlettered != 2 {
		t.Errorf("%+v", b)
	}
	arrived(t, 20, gone, s)
}

// The endpoint that owes acknowledgements is gone for good; the other takes over.
func TestEndpointWithAcksIsLost(t *testing.T) {
	never := func(string, int64) bool { return false }
	a, b := serve(t, hectest.Options{Acks: true, Confirm: never}), serve(t, hectest.Options{Acks: true})
	r := newRig(t, withAcks(5*time.Millisecond, 60*time.Millisecond), a, b)
	src := newMemory(records(20, 1)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "posts to a", func() bool { return a.Requests() > 0 })
	a.SetDown(true)
	testkit.Must(t, wait())
	testkit.Equal(t, "delivered", r.balanced(src, 0).Delivered, 20)
	arrived(t, 20, nil, b)
}

// A stop asks once more before it gives back what is not confirmed.
func TestStopAsksOnceMore(t *testing.T) {
	var indexed atomic.Bool
	s := serve(t, hectest.Options{Acks: true, Confirm: func(string, int64) bool { return indexed.Load() }})
	r := newRig(t, func(o *Options) {
		withAcks(time.Hour, time.Hour)(o)
		o.StopGrace = 10 * time.Second
	}, s)
	ctx, cancel := context.WithCancel(context.Background())
	src := newMemory(records(6, 2)...)
	wait := r.start(ctx, src)
	testkit.Eventually(t, "all unacknowledged", func() bool { return r.Endpoints()[0].Unacked == 6 })
	indexed.Store(true)
	cancel()
	testkit.Must(t, wait())
	testkit.Equal(t, "delivered", r.balanced(src, 0).Delivered, 12)
}

// restarted is an indexer that restarts behind a single 502: it forgets what it has not
// indexed and counts from 0 again. It holds the answer to the next post back.
type restarted struct {
	mu      sync.Mutex
	posts   int
	polls   int             // since the last post
	answer  chan struct{}   // closed when the answer may come
	open    map[string]bool // channels whose ackId 0 is indexed and not asked for yet
	indexed strings.Builder
}

func (s *restarted) post(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	channel := r.Header.Get("X-Splunk-Request-Channel")
	s.mu.Lock()
	n := s.posts
	if s.posts++; n > 1 {
		s.open[channel] = true
		s.indexed.Write(body)
	}
	s.polls = 0
	s.mu.Unlock()
	switch n {
	case 1:
		w.WriteHeader(http.StatusBadGateway)
		return
	case 2:
		<-s.answer
	}
	fmt.Fprint(w, `{"text":"Success","code":0,"ackId":0}`)
}

func (s *restarted) poll(w http.ResponseWriter, r *http.Request) {
	channel := r.URL.Query().Get("channel")
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.open[channel]
	delete(s.open, channel)
	fmt.Fprintf(w, `{"acks":{"0":%t}}`, taken)
	s.polls++
}

// One failed post may be all that is seen of a restart. An ackId of the time before it is
// not taken for the same number given out after it, though the poll is faster than the
// answer that brings that.
func TestOneFailureMayBeARestart(t *testing.T) {
	s := &restarted{answer: make(chan struct{}), open: make(map[string]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /services/collector/event", s.post)
	mux.HandleFunc("POST /services/collector/ack", s.poll)
	web := httptest.NewServer(mux)
	defer web.Close()
	r := newRig(t, func(o *Options) {
		withAcks(5*time.Millisecond, time.Second)(o)
		o.Endpoints, o.InFlight = []string{web.URL}, 1
	})
	src := newMemory(record(event.Identity, line(0)), record(event.Identity, line(1)))
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "polls between a post and its answer", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		src.mu.Lock()
		defer src.mu.Unlock()
		return s.posts == 3 && (s.polls >= 3 || src.acked[1] > 0)
	})
	close(s.answer)
	testkit.Must(t, wait())
	for n := range 2 {
		if !strings.Contains(s.indexed.String(), line(n)) {
			t.Errorf("record %d counts as delivered and is not indexed", n)
		}
	}
}
