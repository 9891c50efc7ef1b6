package stats

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/tap"
)

func addrOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

// crowded is a book of n senders of linux, that sent 20 messages each in the ten minutes
// before calm's now; every tenth stopped two hours earlier.
func crowded(n int) *senders.Book {
	book := senders.New(n)
	now := calm().Now
	for i := range n {
		last := now.Add(-time.Second)
		if i%10 == 9 {
			last = now.Add(-2 * time.Hour)
		}
		p := book.Enter("linux", addrOf(i))
		p.Note(1, 100, last.Add(-10*time.Minute).UnixNano())
		p.Note(19+i, 1900, last.UnixNano())
		p.Name(fmt.Appendf(nil, "host%d", i))
	}
	return book
}

func silentAfterHour(s *stages) {
	for i := range s.snap.Sources {
		s.snap.Sources[i].SilentAfter = time.Hour
	}
}

func TestSilentSenders(t *testing.T) {
	p := open(t, func(o *Options) { o.Senders = crowded(50) })
	p.stages.set(silentAfterHour)
	p.server.watcher.look(p.stages.Snapshot())
	var got struct {
		Total, Silent int
		Senders       []sender
	}
	get := func(query string) {
		t.Helper()
		if err := json.Unmarshal([]byte(p.get("/api/v1/senders"+query)), &got); err != nil {
			t.Fatal(err)
		}
	}
	get("?limit=3")
	if got.Total != 50 || got.Silent != 5 || len(got.Senders) != 3 || got.Senders[0].Name != "host49" {
		t.Errorf("%+v", got)
	}
	get("?silent=true&source=linux")
	if got.Total != 5 || !got.Senders[0].Silent {
		t.Errorf("silent: %+v", got)
	}
	get("?offset=49")
	if len(got.Senders) != 1 {
		t.Errorf("the last leaf: %+v", got)
	}
	for _, bad := range []string{"limit=0", "limit=x", "limit=1001", "offset=-1", "silent=maybe"} {
		if a := p.do("GET", "/api/v1/senders?"+bad); a.code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, a.code)
		}
	}
	text := p.get("/stats")
	wellFormed(t, text)
	if !strings.Contains(text, "5 senders fell silent") || row(t, text, "silent", "host49 10.0.0.49")[2] != "69" {
		t.Error("the page does not show who fell silent")
	}
	if m := series(scrape(t, p)["gateway_silent_senders"]); m["source=linux"] != 5 || m["source=unifi"] != 0 {
		t.Errorf("gateway_silent_senders: %v", m)
	}
}

// A device that speaks once an hour is not silent after a threshold of one hour, nor
// one that has hardly ever spoken, nor any where the threshold is 0.
func TestWhoIsNotSilent(t *testing.T) {
	now := calm().Now
	book := senders.New(10)
	hourly := book.Enter("linux", addrOf(1))
	hourly.Note(1, 1, now.Add(-23*time.Hour).UnixNano())
	hourly.Note(20, 1, now.Add(-3*time.Hour).UnixNano())
	book.Enter("linux", addrOf(2)).Note(regular-1, 1, now.Add(-9*time.Hour).UnixNano())
	book.Enter("unifi", addrOf(3)).Note(100, 1, now.Add(-9*time.Hour).UnixNano())
	snap := calm()
	snap.Sources[3].SilentAfter, snap.Sources[3].Configured = time.Hour, true
	if c := gather(book, snap); c.silentCount() != 0 || c.known() != 3 {
		t.Errorf("%+v", c)
	}
	snap.Now = now.Add(10 * time.Hour)
	if c := gather(book, snap); c.silentCount() != 1 || !c.all[slices.IndexFunc(c.all, func(s sender) bool { return s.Address == "10.0.0.1" })].Silent {
		t.Errorf("%+v", c)
	}
}

func TestProblems(t *testing.T) {
	var ring Problems
	log := slog.New(ring.Handler(slog.NewTextHandler(new(buffer), nil))).With("shard", 3).WithGroup("disk")
	log.Info("fine")
	for range 500 {
		log.Warn("slow", "ms", 12)
	}
	log.Error("no\nspace", "error", errors.New(strings.Repeat("x", 5000)))
	got := ring.Recent()
	if len(got) != 2 || got[0].Level != "error" || got[0].Message != "no space" || len(got[0].Details) > maxProblemText+10 ||
		got[1].Count != 500 || got[1].Details != "shard=3 disk.ms=12" {
		t.Errorf("%+v", got)
	}
	for i := range 1000 {
		log.Warn(fmt.Sprint("warning ", i))
	}
	if got = ring.Recent(); len(got) != maxProblems || got[0].Message != "warning 999" {
		t.Errorf("%d problems, first %+v", len(got), got[0])
	}
}

func TestHistory(t *testing.T) {
	h := newHistory()
	snap := calm()
	for i := range 400 {
		snap.Now = snap.Now.Add(time.Second)
		snap.Sources[3].Received = uint64(100 * i)
		snap.Sources[3].Delivered = uint64(50 * i)
		snap.Shards[1].Bytes = int64(1000 * i)
		snap.Endpoints[0].Requests = uint64(2 * i)
		snap.Endpoints[0].Up = i < 390
		h.add(snap)
	}
	if got := h.quiet([]Source{
		{Balance: event.Balance{Source: "linux", Received: 39900}, Configured: true},
		{Balance: event.Balance{Source: "unifi", Received: 7}, Configured: true},
		{Balance: event.Balance{Source: "windows"}, Configured: true},
	}); len(got) != 0 {
		t.Errorf("quiet: %v; unifi had nothing five minutes ago", got)
	}
	snap.Sources[3].Received = h.back(samples - 1).flows["linux"].received
	snap.Sources[3].Configured = true
	if got := h.quiet(snap.Sources); len(got) != 1 || got[0] != "linux" {
		t.Errorf("quiet: %v", got)
	}
	if r := h.rate("linux"); r != (rates{Received: 100, Delivered: 50}) {
		t.Errorf("%+v", r)
	}
	if s := h.spark("linux"); len(s) != sparkPoints || s[0] != 100 || s[sparkPoints-1] != 100 {
		t.Errorf("%v", s)
	}
	if g := h.growth(func(s *sample) int64 { return s.queued }); g != 1000 || full(3600_000, g) != 3600 || full(100, -3) != 0 || full(1<<40, 1) != 0 {
		t.Errorf("growth %v", g)
	}
	if h.requests("https://splunk:8088") != 2 || h.peaks.down["https://splunk:8088"] != 10*time.Second || h.peaks.rates["linux"] != 100 {
		t.Errorf("%+v", h.peaks)
	}
	if got := points([]float64{0, 5, 10}); got != "116,23.0 118,12.0 120,1.0" {
		t.Errorf("points %q", got)
	}
}

func TestScope(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.snap.Endpoints = append(s.snap.Endpoints, Endpoint{URL: "https://gone:8088"}) })
	if a := p.do("GET", "/stats?scope=nowhere"); a.code != 404 || !strings.Contains(a.body, "nowhere") {
		t.Errorf("an unknown scope: %d %s", a.code, a.body)
	}
	text := p.get("/stats?scope=linux")
	if strings.Contains(text, `<th scope="row">unifi`) || !strings.Contains(text, `<th scope="row">linux`) || strings.Contains(text, `id="shards"`) {
		t.Error("the scope does not choose")
	}
	if !strings.Contains(text, `data-events="/api/v1/events?scope=linux"`) {
		t.Error("the live page forgets the scope")
	}
	if strings.Contains(p.get("/stats;up"), "https://gone") || !strings.Contains(p.get("/stats"), "https://gone") {
		t.Error(";up does not hide what is down")
	}
	if csv := p.get("/stats;csv;norefresh?scope=splunk"); strings.Contains(csv, "FRONTEND") || !strings.Contains(csv, "splunk,splunk:8088,") {
		t.Errorf("%s", csv)
	}
}

// readEvents reads server-sent events until f is content.
func readEvents(t *testing.T, p *port, path string, f func(kind, data string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+p.server.Addr().String()+path, nil)
	resp, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	kind := ""
	for lines.Scan() {
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = k
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && f(kind, data) {
			return
		}
	}
	t.Fatalf("%s ended: %v", path, lines.Err())
}

func TestEvents(t *testing.T) {
	p := open(t)
	seen := make(map[string]int)
	readEvents(t, p, "/api/v1/events", func(kind, data string) bool {
		var part struct{ ID, HTML string }
		if err := json.Unmarshal([]byte(data), &part); err != nil || kind != "section" {
			t.Fatalf("%s %s: %v", kind, data, err)
		}
		if seen[part.ID]++; seen["problems"] == 1 {
			traffic(p.ledger)
		}
		return strings.Contains(part.HTML, "1,234,572")
	})
	if seen["books"] < 2 || seen["endpoints"] != 1 {
		t.Errorf("sections came %v times; only what changes is sent again", seen)
	}
}

func TestTapStream(t *testing.T) {
	hub := new(tap.Hub)
	p := open(t, func(o *Options) { o.Taps = hub })
	m := tap.Message{Source: "linux", Class: "linux_syslog", From: addrOf(1), Host: "<b>", Received: time.Unix(1, 0), Raw: []byte("<13>a\xffb"), Event: []byte(`{"event":"a"}`)}
	var got tapped
	readEvents(t, p, "/api/v1/tap?source=linux", func(kind, data string) bool {
		if kind == "counts" {
			hub.Show(tap.Message{Source: "unifi", Received: time.Unix(1, 0)})
			hub.Show(m)
			return false
		}
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if got.Raw != "<13>a\ufffdb" || string(got.Event) != `{"event":"a"}` || got.Sender != "10.0.0.1" {
		t.Errorf("%+v", got)
	}
	for path, code := range map[string]int{
		"/api/v1/tap?format=xml": 400, "/api/v1/tap?limit=0": 400, "/api/v1/tap?seconds=x": 400,
		"/api/v1/tap?sender=10.0.0.0/99": 400, "/api/v1/tap?format=ndjson&seconds=1": 200,
	} {
		if a := p.do("GET", path); a.code != code {
			t.Errorf("%s: %d %s", path, a.code, a.body)
		}
	}
	rebound := p.do("GET", "/api/v1/tap", func(r *http.Request) { r.Host = "evil.example" })
	if rebound.code != 403 {
		t.Errorf("a request for another name: %d", rebound.code)
	}
	if hub.On() {
		t.Error("a tap is left open")
	}
}

// TestStreamsEndWithTheServer: an open page does not hold a stop up.
func TestStreamsEndWithTheServer(t *testing.T) {
	p := open(t)
	resp, err := p.client.Get("http://" + p.server.Addr().String() + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	began := time.Now()
	if err := p.stop(); err != nil || time.Since(began) > time.Second {
		t.Errorf("the stop took %v: %v", time.Since(began), err)
	}
}

func TestNumbers(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	kinds := make(map[string]int)
	for _, n := range p.server.Numbers() {
		body, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var one struct{ Kind, Name string }
		if err := json.Unmarshal(body, &one); err != nil || one.Name == "" {
			t.Errorf("%s: %v", body, err)
		}
		kinds[one.Kind]++
	}
	if fmt.Sprint(kinds) != "map[endpoint:1 gateway:1 shard:2 source:5]" {
		t.Errorf("%v", kinds)
	}
}

// BenchmarkPage is the whole page, and what monitoring reads, with 5,000 senders.
func BenchmarkPage(b *testing.B) {
	for _, path := range []string{"/stats", "/stats;csv", "/api/v1/status", "/api/v1/senders?limit=1000", "/metrics"} {
		b.Run(path, func(b *testing.B) {
			s := &stages{snap: calm()}
			silentAfterHour(s)
			server, err := New(Options{Listen: "127.0.0.1:0", Provider: s, Ledger: event.NewLedger(), Senders: crowded(5000)})
			if err != nil {
				b.Fatal(err)
			}
			r, _ := http.NewRequest("GET", "http://127.0.0.1"+path, nil)
			b.ReportAllocs()
			for range b.N {
				w := &sinkWriter{header: make(http.Header)}
				server.ServeHTTP(w, r)
				if w.code != 200 {
					b.Fatal(w.code)
				}
			}
		})
	}
}

type sinkWriter struct {
	header http.Header
	code   int
}

func (w *sinkWriter) Header() http.Header         { return w.header }
func (w *sinkWriter) WriteHeader(code int)        { w.code = code }
func (w *sinkWriter) Write(p []byte) (int, error) { w.code = max(w.code, 200); return len(p), nil }
