package hec

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/endpoints"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

func TestDeliverAsStored(t *testing.T) {
	s := serve(t, hectest.Options{})
	r := newRig(t, nil, s)
	src := newMemory(records(20, 7)...)
	testkit.Equal(t, "delivered", r.all(src).Delivered, 140)
	arrived(t, 140, nil, s)
	if s.Requests() != 20 || s.Taken() != 140 {
		t.Errorf("requests %d, taken %d", s.Requests(), s.Taken())
	}
	zipped := 0
	for _, h := range s.Headers() {
		if h.Get("Authorization") != "Splunk "+testToken || h.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", h)
		}
		if h.Get("Content-Encoding") == "gzip" {
			zipped++
		}
		if h.Get("X-Splunk-Request-Channel") != "" || h.Get("Transfer-Encoding") != "" {
			t.Errorf("headers %v", h)
		}
	}
	if zipped != 10 {
		t.Errorf("%d of 20 posts were gzip", zipped)
	}
}

func TestTwoEndpointsShare(t *testing.T) {
	takes := hectest.Always(hectest.Answer{Delay: 3 * time.Millisecond})
	a, b := serve(t, hectest.Options{Script: takes}), serve(t, hectest.Options{Script: takes})
	r := newRig(t, nil, a, b)
	r.all(newMemory(records(300, 1)...))
	arrived(t, 300, nil, a, b)
	if a.Requests() < 75 || b.Requests() < 75 {
		t.Errorf("requests %d and %d", a.Requests(), b.Requests())
	}
}

// One endpoint is down from the start, at a closed port.
func TestOneEndpointRefusesConnections(t *testing.T) {
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	dead := "http://" + l.Addr().String()
	l.Close()
	s := serve(t, hectest.Options{})
	r := newRig(t, func(o *Options) { o.Endpoints = append(o.Endpoints, dead) }, s)
	r.all(newMemory(records(30, 3)...))
	arrived(t, 90, nil, s)
	if !r.AnyUp() {
		t.Error("nothing is up")
	}
	st := r.Endpoints()[1]
	if st.Up || st.State != "down" || st.URL != dead || !strings.Contains(st.LastAnswer, "refused") || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

// Both endpoints go down and come back, several times, while records flow.
func TestFlappingEndpoints(t *testing.T) {
	a, b := serve(t, hectest.Options{}), serve(t, hectest.Options{})
	r := newRig(t, func(o *Options) { o.HealthInterval = 5 * time.Millisecond }, a, b)
	src := newMemory(records(400, 2)...)
	wait := r.start(context.Background(), src)
	for i := range 6 {
		s := []*hectest.Server{a, b}[i%2]
		s.SetDown(true)
		before := 0
		src.await(t, "some progress", func() bool {
			if before == 0 {
				before = len(src.acked)
			}
			return len(src.acked) > before+10 || len(src.acked) > 390
		})
		s.SetDown(false)
	}
	a.SetDown(true)
	b.SetDown(true)
	a.SetDown(false)
	testkit.Must(t, wait())
	testkit.Equal(t, "delivered", r.balanced(src, 0).Delivered, 800)
	arrived(t, 800, nil, a, b)
}

func TestAllDownThenBack(t *testing.T) {
	s := serve(t, hectest.Options{})
	s.SetDown(true)
	// Without the probe that finds it, the next attempt would be in an hour.
	r := newRig(t, func(o *Options) {
		o.Retry = endpoints.Backoff{Initial: time.Millisecond, Max: time.Hour}
		o.HealthInterval = 10 * time.Millisecond
	}, s)
	src := newMemory(records(10, 2)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "down", func() bool { return !r.AnyUp() })
	for r.Endpoints()[0].InARow < 20 {
		testkit.Eventually(t, "failures", func() bool { return r.Endpoints()[0].InARow >= 20 })
	}
	s.SetDown(false)
	r.ends(wait, src, 20, s)
	if !r.AnyUp() || r.Endpoints()[0].State != "up" {
		t.Errorf("%+v", r.Endpoints())
	}
	if log := r.log.String(); !strings.Contains(log, "is down") || !strings.Contains(log, "is back") {
		t.Errorf("log:\n%s", log)
	}
}

// An endpoint that passes its probes but never answers a post may hold one worker
// at a time, not all.
func TestHungEndpointDoesNotHoldAll(t *testing.T) {
	hung, good := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Fault: hectest.Hang})}), serve(t, hectest.Options{})
	r := newRig(t, func(o *Options) {
		o.Timeout, o.HealthInterval, o.InFlight = 50*time.Millisecond, 20*time.Millisecond, 4
	}, hung, good)
	r.all(newMemory(records(200, 1)...))
	arrived(t, 200, nil, good)
	if hung.Requests() > 60 {
		t.Errorf("%d posts went to the hung endpoint", hung.Requests())
	}
}

func TestTimeoutOfAnAttempt(t *testing.T) {
	s := serve(t, hectest.Options{Script: hectest.Sequence(
		hectest.Answer{Fault: hectest.Hang}, hectest.Answer{Fault: hectest.Hang, Taken: true})})
	reg := prometheus.NewRegistry()
	r := newRig(t, func(o *Options) { o.Timeout, o.Registerer, o.InFlight = 30*time.Millisecond, reg, 1 }, s)
	r.all(newMemory(records(2, 2)...))
	arrived(t, 4, nil, s)
	testkit.Equal(t, "timeouts", metric(t, reg, "gateway_hec_requests_total", "timeout"), 2)
	testkit.Equal(t, "answers", metric(t, reg, "gateway_hec_requests_total", "200"), 2)
}

func TestSlowEndpointGetsLess(t *testing.T) {
	slow := serve(t, hectest.Options{Script: hectest.Always(hectest.Answer{Delay: 40 * time.Millisecond})})
	fast := serve(t, hectest.Options{})
	r := newRig(t, nil, slow, fast)
	r.all(newMemory(records(150, 1)...))
	arrived(t, 150, nil, slow, fast)
	if slow.Requests() >= fast.Requests() {
		t.Errorf("slow %d, fast %d", slow.Requests(), fast.Requests())
	}
}

// What one endpoint asks for does not keep the other from taking the record.
func TestRetryAfterOfADay(t *testing.T) {
	day := hectest.Busy()
	day.RetryAfter = "86400"
	a, b := serve(t, hectest.Options{Script: hectest.Always(day)}), serve(t, hectest.Options{})
	r := newRig(t, nil, a, b)
	r.all(newMemory(records(30, 1)...))
	arrived(t, 30, nil, b)
	if a.Requests() > 4 {
		t.Errorf("%d posts to an endpoint that asked for a pause of a day", a.Requests())
	}
	if st := r.Endpoints()[0]; !st.Up || st.State != "busy" {
		t.Errorf("%+v", st)
	}
}

// Of an indexer whose queues are full, and of a proxy whose first failure it is.
func TestRetryAfterIsKept(t *testing.T) {
	for _, busy := range []hectest.Answer{hectest.Busy(), hectest.HTML(http.StatusServiceUnavailable)} {
		busy.RetryAfter = "1"
		s := serve(t, hectest.Options{Script: hectest.Sequence(busy)})
		r := newRig(t, nil, s)
		began := time.Now()
		r.all(newMemory(records(1, 1)...))
		if took := time.Since(began); took < time.Second {
			t.Errorf("it came back after %v", took)
		}
	}
}

// One endpoint asks for a minute. Posts that got that answer go to another as soon as that is
// back, or as a reload names it.
func TestRetryAfterHoldsNoOther(t *testing.T) {
	busy := hectest.Busy()
	busy.RetryAfter = "60"
	for _, how := range []string{"it is back", "a reload names it"} {
		t.Run(how, func(t *testing.T) {
			asks, other := serve(t, hectest.Options{Script: hectest.Always(busy)}), serve(t, hectest.Options{})
			servers := []*hectest.Server{asks, other}
			if other.SetDown(how == "it is back"); how != "it is back" {
				servers = servers[:1]
			}
			r := newRig(t, func(o *Options) { o.HealthInterval = 20 * time.Millisecond }, servers...)
			src := newMemory(records(20, 1)...)
			wait := r.start(t.Context(), src)
			testkit.Eventually(t, "all wait", func() bool {
				all := r.Endpoints()
				return asks.Requests() > 0 && all[0].InFlight == 0 && (len(all) == 1 || all[1].State == "down")
			})
			other.SetDown(false)
			if len(servers) == 1 {
				set := *r.settings.Load()
				set.Endpoints = []string{other.URL()}
				testkit.Must(t, r.Reconfigure(set))
			}
			r.ends(wait, src, 20, other)
		})
	}
}

// A wrong token loses nothing, is loud, and is cured by a new one at once.
func TestNewToken(t *testing.T) {
	s := serve(t, hectest.Options{Token: "the-new-one"})
	r := newRig(t, func(o *Options) { o.Retry.Max = time.Hour }, s)
	src := newMemory(records(5, 2)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "refused", func() bool { return r.Endpoints()[0].State == "refused" })
	if r.AnyUp() {
		t.Error("an endpoint that refuses the token is not up")
	}
	if err := r.setToken("two words"); err == nil || strings.Contains(err.Error(), "two words") {
		t.Errorf("error %v", err)
	}
	testkit.Must(t, r.setToken("the-new-one"))
	r.ends(wait, src, 10, s)
	testkit.Holds(t, "not loud", r.log.String(), "level=ERROR")
}

func TestReconfigureEndpoints(t *testing.T) {
	a, b := serve(t, hectest.Options{}), serve(t, hectest.Options{})
	a.SetDown(true)
	r := newRig(t, func(o *Options) { o.Retry.Max = time.Hour }, a)
	src := newMemory(records(5, 2)...)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "down", func() bool { return !r.AnyUp() })
	if err := r.Reconfigure(Settings{Endpoints: []string{a.URL(), a.URL()}, Token: testToken}); err == nil {
		t.Error("one endpoint twice is taken")
	}
	testkit.Must(t, r.Reconfigure(Settings{Endpoints: []string{a.URL(), b.URL()}, Token: testToken}))
	r.ends(wait, src, 10, b)
	if st := r.Endpoints(); len(st) != 2 || st[0].Up || !st[1].Up {
		t.Errorf("%+v", st)
	}
}

func TestDroppedMeanwhile(t *testing.T) {
	s := serve(t, hectest.Options{Script: hectest.Always(hectest.Busy())})
	r := newRig(t, nil, s)
	src := newMemory(records(4, 2)...)
	for _, rec := range src.todo {
		r.ledger.Account(rec.Source).Recover(rec.Events)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Deliver(context.Background(), src) }()
	testkit.Eventually(t, "posts", func() bool { return s.Requests() > 5 })
	for seq := range uint64(4) {
		src.drop(seq + 1)
		r.ledger.Account("cisco_asa").DropQueued("queue_full", 2)
	}
	// The fourth has not been given out yet, as three workers retry three others.
	src.mu.Lock()
	src.todo = nil
	src.mu.Unlock()
	testkit.Must(t, <-ended)
	if b := r.balanced(src, 0); b.Delivered != 0 || b.Dropped != 8 {
		t.Errorf("%+v", b)
	}
}

// A record that is dropped while its answer is on the way is not counted twice.
func TestDroppedWhilePosted(t *testing.T) {
	src := newMemory(records(1, 2)...)
	s := serve(t, hectest.Options{OnEvent: func([]byte) {
		src.mu.Lock()
		defer src.mu.Unlock()
		src.dropped[1] = true
	}})
	r := newRig(t, nil, s)
	r.ledger.Account("cisco_asa").DropQueued("queue_full", 2)
	testkit.Equal(t, "delivered", r.all(src).Delivered, 0)
}

// Whenever the stop comes, each record is either acknowledged and arrived, or given
// back.
func TestStopAtAnyPoint(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range 25 {
		var stopAt atomic.Int64
		stopAt.Store(int64(rng.IntN(60)))
		ctx, cancel := context.WithCancel(context.Background())
		s := serve(t, hectest.Options{Check: hectest.Validate, Script: func(req *hectest.Request) hectest.Answer {
			if int64(req.N) >= stopAt.Load() {
				cancel()
			}
			switch req.N % 7 {
			case 2:
				return hectest.Busy()
			case 4:
				return hectest.Answer{Fault: hectest.HalfAnswer, Taken: true}
			}
			return hectest.Answer{}
		}})
		r := newRig(t, nil, s)
		all := records(40, 3)
		lines, _ := batch(3, 1)
		all[7] = record(event.Gzip, lines...)
		src := newMemory(all...)
		if err := r.start(ctx, src)(); err != nil {
			t.Fatalf("seed %d round %d: %v", seed, round, err)
		}
		cancel()
		src.mu.Lock()
		pending := 0
		for _, rec := range src.todo {
			pending += rec.Events
		}
		got := make(map[string]bool)
		for _, e := range s.Events() {
			got[e] = true
		}
		for seq := range src.acked {
			for i := range 3 {
				n := int(seq-1)*3 + i
				if seq == 8 {
					continue // overlaps the first
				}
				if !got[line(n)] {
					t.Errorf("event %d of an acknowledged record did not arrive", n)
				}
			}
		}
		src.mu.Unlock()
		r.balanced(src, pending)
		if t.Failed() {
			t.Fatalf("seed %d round %d", seed, round)
		}
	}
}

// A stop waits for what is on the wire, but not without a limit, and not for a retry.
func TestStopGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, hectest.Options{Script: func(*hectest.Request) hectest.Answer {
		cancel()
		return hectest.Answer{Delay: 50 * time.Millisecond}
	}})
	r := newRig(t, func(o *Options) { o.InFlight = 1 }, s)
	src := newMemory(records(3, 2)...)
	testkit.Must(t, r.start(ctx, src)())
	testkit.Equal(t, "delivered", r.balanced(src, 4).Delivered, 2)

	ctx, cancel = context.WithCancel(context.Background())
	s.SetScript(func(*hectest.Request) hectest.Answer {
		cancel()
		return hectest.Answer{Fault: hectest.Hang}
	})
	r = newRig(t, func(o *Options) { o.StopGrace = 20 * time.Millisecond }, s)
	src = newMemory(records(3, 2)...)
	testkit.Must(t, r.start(ctx, src)())
	r.balanced(src, 6)
	if st := r.Endpoints()[0]; !st.Up || st.InARow != 0 || st.InFlight != 0 {
		t.Errorf("an attempt that we ended counts against the endpoint: %+v", st)
	}
}

// An error of the queue passes: it is logged, and delivery goes on.
func TestSourceError(t *testing.T) {
	s := serve(t, hectest.Options{})
	r := newRig(t, nil, s)
	src := newMemory(records(3, 2)...)
	src.failure = fmt.Errorf("segment 7 cannot be read: %w", io.EOF)
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "the complaint", func() bool { return strings.Contains(r.log.String(), "segment 7") })
	src.mu.Lock()
	src.failure = nil
	src.mu.Unlock()
	r.ends(wait, src, 6, s)
}

func TestTLS(t *testing.T) {
	s := serve(t, hectest.Options{TLS: true})
	r := newRig(t, func(o *Options) { o.Retry.Max = time.Hour }, s)
	ctx, cancel := context.WithCancel(context.Background())
	src := newMemory(records(2, 2)...)
	wait := r.start(ctx, src)
	testkit.Eventually(t, "the certificate is refused", func() bool { return r.Endpoints()[0].State == "refused" })
	if log := r.log.String(); !strings.Contains(log, "certificate") {
		t.Errorf("log:\n%s", log)
	}
	cancel()
	testkit.Must(t, wait())
	r.balanced(src, 4)

	roots := x509.NewCertPool()
	roots.AddCert(s.HTTP().Certificate())
	r = newRig(t, func(o *Options) { o.TLS = &tls.Config{RootCAs: roots} }, s)
	r.all(newMemory(records(4, 2)...))
	arrived(t, 8, nil, s)
}

// Connections are kept: one for each worker, whatever a record's trouble.
func TestConnectionsAreKept(t *testing.T) {
	s := serve(t, hectest.Options{Check: hectest.Validate})
	var opened atomic.Int64
	r := newRig(t, nil, s)
	dial := r.transport.DialContext
	r.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		opened.Add(1)
		return dial(ctx, network, addr)
	}
	all := records(60, 4)
	lines, _ := batch(4, 2)
	all[30] = record(event.Gzip, lines...)
	src := newMemory(all...)
	r.all(src)
	// A worker that finds all busy dials, though it may then get one that is freed.
	if n := opened.Load(); n > 15 {
		t.Errorf("%d connections for 63 requests of 3 workers", n)
	}
}

// A connection that breaks while the body is sent.
func TestResetWhileSending(t *testing.T) {
	s := serve(t, hectest.Options{Early: func(n int) bool { return n%3 == 0 }})
	r := newRig(t, nil, s)
	big := record(event.Identity, line(0), `{"event":"`+strings.Repeat("x", 3<<20)+`"}`)
	all := append(records(20, 1)[1:], big)
	b := r.all(newMemory(all...))
	testkit.Equal(t, "delivered", b.Delivered, 21)
}

func TestDeadLettersCanNotBeWritten(t *testing.T) {
	s := serve(t, hectest.Options{Check: hectest.Validate})
	r := newRig(t, nil, s)
	// The folder is in the way of nothing but the lock file.
	testkit.Must(t, os.Rename(r.folder, r.folder+".away"))
	lines, gone := batch(5, 2)
	src := newMemory(record(event.Gzip, lines...))
	wait := r.start(context.Background(), src)
	testkit.Eventually(t, "the complaint", func() bool { return strings.Contains(r.log.String(), "dead letters cannot be written") })
	testkit.Must(t, os.Rename(r.folder+".away", r.folder))
	testkit.Must(t, wait())
	if b := r.balanced(src, 0); b.Deadlettered != 1 || b.Delivered != 4 {
		t.Errorf("%+v", b)
	}
	arrived(t, 5, gone, s)
	if l, err := r.dead.List(); err != nil || len(l) != 1 {
		t.Errorf("%d letters, %v", len(l), err)
	}
}

// No secret is seen: not in logs (each rig checks its own), errors, status, metrics
// or dead letters, even when the server repeats it.
func TestSecretsAreNotSeen(t *testing.T) {
	echo := hectest.Answer{Status: 400, Code: 6, Text: "you sent Authorization: Splunk " + testToken}
	page := hectest.Answer{Status: 502, Body: "<html>Splunk " + testToken + "</html>"}
	s := serve(t, hectest.Options{
		Script: hectest.Sequence(page, page, page, echo),
		Health: func() hectest.Answer { return page },
	})
	reg := prometheus.NewRegistry()
	r := newRig(t, func(o *Options) {
		o.Registerer = reg
		o.InFlight = 1
	}, s)
	r.all(newMemory(records(2, 1)...))
	letters, err := r.dead.List()
	if err != nil || len(letters) != 1 {
		t.Fatal(letters, err)
	}
	if strings.Contains(letters[0].Text, testToken) || !strings.Contains(letters[0].Text, "<secret>") {
		t.Errorf("text %q", letters[0].Text)
	}
	if text := dump(t, reg); strings.Contains(text, testToken) {
		t.Error("a metric holds the token")
	}
	for _, bad := range []string{"ftp://u:hunter2@host", "http://u:hunter2@", "http://u:hunter2@host:1/services/collector/raw", "http://u:hunter2@ho st", "://u:hunter2@x"} {
		_, err := New(Options{Settings: Settings{Endpoints: []string{bad}, Token: testToken}, DeadLetter: r.dead})
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), testToken) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestUserAndPassword(t *testing.T) {
	var seen atomic.Pointer[string]
	s := hectest.New(hectest.Options{Script: func(r *hectest.Request) hectest.Answer {
		seen.Store(new(r.Header.Get("Authorization")))
		return hectest.Answer{}
	}})
	t.Cleanup(s.Close)
	with := strings.Replace(s.URL(), "http://", "http://x:hunter2@", 1)
	r := newRig(t, func(o *Options) { o.Endpoints, o.Token = []string{with}, "" }, s)
	r.all(newMemory(records(1, 1)...))
	testkit.Equal(t, "shown as", r.Endpoints()[0].URL, s.URL())
	h := http.Header{"Authorization": {*seen.Load()}}
	if user, pass, ok := (&http.Request{Header: h}).BasicAuth(); !ok || user != "x" || pass != "hunter2" {
		t.Errorf("authorization %q", h)
	}
}

// TestAnswerBeforeTheEndOfTheBody: net/http goes on sending a body whose answer came before its
// end. The buffer of the record is not used again then, and the connection is not either.
func TestAnswerBeforeTheEndOfTheBody(t *testing.T) {
	const success = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n" + `{"text":"Success","code":0}`
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	r := newRig(t, func(o *Options) { o.Endpoints, o.InFlight = []string{"http://" + l.Addr().String()}, 1 })
	size := 32 << 20 // more than the sockets hold
	src := newMemory(record(event.Identity, strings.Repeat("a", size)), record(event.Identity, strings.Repeat("b", size)))
	wait := r.start(t.Context(), src)

	begin := func() (net.Conn, *bufio.Reader) {
		for {
			conn := testkit.Try(l.Accept())(t)
			in := bufio.NewReader(conn)
			if req := testkit.Try(http.ReadRequest(in))(t); req.Method == http.MethodPost {
				testkit.Equal(t, "length", req.ContentLength, int64(size+1))
				return conn, in
			}
			testkit.Try(io.WriteString(conn, success))(t) // asked for its health
			conn.Close()
		}
	}
	first, early := begin()
	defer first.Close()
	testkit.Try(io.WriteString(first, success))(t)
	second, in := begin() // so the second record is in its buffer
	defer second.Close()
	got, _ := io.ReadAll(early)
	if other := bytes.Trim(got, "a"); len(got) == 0 || len(other) != 0 {
		t.Errorf("%d bytes of the first record came, and %d that are not of it", len(got), len(other))
	}
	testkit.Try(io.CopyN(io.Discard, in, int64(size+1)))(t)
	testkit.Try(io.WriteString(second, success))(t)
	testkit.Must(t, wait())
	testkit.Equal(t, "pending", r.balanced(src, 0).Delivered, 2)
}
