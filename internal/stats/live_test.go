package stats

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

func addrOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

// crowded is a table of n senders of linux, that sent 20 messages each in the ten minutes
// before calm's now; every tenth stopped two hours earlier.
func crowded(n int) *senders.Table {
	table := senders.New(n)
	now := statustest.Calm().Now
	for i := range n {
		last := now.Add(-time.Second)
		if i%10 == 9 {
			last = now.Add(-2 * time.Hour)
		}
		p := table.Entry("linux", addrOf(i), fmt.Sprintf("host%d", i))
		p.Add(1, 100, last.Add(-10*time.Minute).UnixNano(), new(senders.Times))
		p.Add(19+i, 1900, last.UnixNano(), new(senders.Times))
	}
	return table
}

func silentAfterHour(s *stages) {
	for i := range s.snap.Sources {
		s.snap.Sources[i].SilentAfter = time.Hour
	}
}

func TestSilentSenders(t *testing.T) {
	p := open(t, shows(silentAfterHour), func(o *Options) { o.Senders = crowded(50) })
	p.server.monitor.Sample()
	var got struct {
		Total, Silent int
		Senders       []monitor.Sender
	}
	get := func(query string) {
		t.Helper()
		testkit.Must(t, json.Unmarshal([]byte(p.get("/api/v1/senders"+query)), &got))
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
	for _, bad := range []string{"limit=0", "limit=x", "limit=1001", "offset=-1", "silent=maybe", "skewed=1"} {
		testkit.Equal(t, bad, p.do("GET", "/api/v1/senders?"+bad).code, http.StatusBadRequest)
	}
	text := p.get("/stats")
	wellFormed(t, text)
	if !strings.Contains(text, "5 senders fell silent") || row(t, text, "senders", "host49 10.0.0.49 silent for 2 h, since 10:00")[5] != "69" {
		t.Error("the page does not show who fell silent")
	}
	if m := series(scrape(t, p)["gateway_silent_senders"]); m["source=linux"] != 5 || m["source=unifi"] != 0 {
		t.Errorf("gateway_silent_senders: %v", m)
	}
}

// TestSkewedSenders: times that are off by a zone become a line and count, when they have
// been for a moment; those of a backlog, which come nearer, do not.
func TestSkewedSenders(t *testing.T) {
	table := senders.New(100)
	now := statustest.Calm().Now
	send := func(address int, host string, offset time.Duration, zoned bool) {
		var times senders.Times
		for range 20 {
			times.Add(offset, zoned)
		}
		table.Entry("linux", addrOf(address), host).Add(20, 2000, now.UnixNano(), &times)
	}
	p := open(t, func(o *Options) { o.Senders = table })
	send(1, "", time.Hour, false)
	send(2, "fw2", -2*time.Hour, false)
	send(3, "web3", 5*time.Hour+30*time.Minute, true)
	send(4, "ap4", 7*time.Minute, false)
	send(5, "berlin", -time.Hour, false)
	send(5, "london", 0, false)
	read := func() string {
		p.stages.set(func(s *stages) { s.snap.Now = now })
		p.server.monitor.Sample()
		return p.get("/stats")
	}
	if text := read(); strings.Contains(text, "off their receipt") {
		t.Error("it is said at once")
	}
	for i := range 4 {
		now = now.Add(time.Second)
		send(6, "backlog", -time.Hour+time.Duration(3*i)*time.Second, false)
		read()
	}
	text := html.UnescapeString(read())
	for _, want := range []string{
		`linux: the times of 10.0.0.1 are +1 h 00 min off their receipt. They name no zone, and the device has another one than is configured: set sources.linux.timezones: {"10.0.0.1/32": ZONE}`,
		`linux: the times of fw2 (10.0.0.2) are -2 h 00 min off their receipt.`,
		`linux: the times of web3 (10.0.0.3) are +5 h 30 min off their receipt. They name a zone, so timezones does not change them`,
		`linux: the times of ap4 (10.0.0.4) are +0 h 07 min off their receipt. This is no difference of time zones`,
		`linux: the times of berlin (10.0.0.5) are -1 h 00 min off their receipt. They name no zone, and the device has another one than its relay`,
		"its times are -2 h 00 min off", "Times of a sender are wrong",
	} {
		testkit.Holds(t, "the page", text, want)
	}
	if strings.Contains(text, "times of backlog") || strings.Contains(text, "times of london") {
		t.Error("times that are right are said to be off")
	}
	if m := series(scrape(t, p)["gateway_skewed_senders"]); m[""] != 5 {
		t.Errorf("gateway_skewed_senders: %v", m)
	}
	var got struct{ Total, Skewed int }
	if err := json.Unmarshal([]byte(p.get("/api/v1/senders?skewed=true")), &got); err != nil || got.Total != 5 || got.Skewed != 5 {
		t.Errorf("%+v: %v", got, err)
	}
	for range 2 { // mended
		now = now.Add(time.Second)
		send(1, "", 0, false)
		send(6, "backlog", 0, false)
	}
	if text := ofSection(read(), "log"); strings.Contains(text, "times of 10.0.0.1 ") {
		t.Error("what was mended is still said")
	}
	for i := range 30 {
		send(100+i, "", time.Hour, false)
	}
	read()
	now = now.Add(4 * time.Second)
	if text := ofSection(read(), "log"); strings.Count(text, "off their receipt") != 10 || !strings.Contains(text, "of 24 senders more are off") {
		t.Errorf("%d lines", strings.Count(text, "off their receipt"))
	}
}

// ofSection is the text of a page from the begin of a section on.
func ofSection(page, name string) string {
	_, text, _ := strings.Cut(page, `id="part-`+name+`"`)
	return text
}

func TestScope(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) {
		s.snap.Endpoints = append(s.snap.Endpoints, status.Endpoint{URL: "https://gone:8088"})
	})
	if a := p.do("GET", "/stats?scope=nowhere"); a.code != 404 || !strings.Contains(a.body, "nowhere") {
		t.Errorf("an unknown scope: %d %s", a.code, a.body)
	}
	text := p.get("/stats?scope=linux")
	if strings.Contains(text, `<th scope="row">unifi`) || !strings.Contains(text, `<th scope="row">linux`) || strings.Contains(text, `id="shards"`) {
		t.Error("the scope does not choose")
	}
	testkit.Holds(t, "the live page forgets the scope", text, `data-events="/api/v1/events?range=15m&amp;scope=linux"`)
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
	r.SetBasicAuth("ops", "s3cret")
	resp := testkit.Try(p.client.Do(r))(t)
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
		if seen[part.ID]++; seen["packs"] == 1 {
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
	p := open(t, func(o *Options) { o.Taps, o.Users = hub, []auth.User{{Name: "ops", Password: "s3cret"}} })
	as := func(r *http.Request) { r.SetBasicAuth("ops", "s3cret") }
	m := tap.Message{Source: "linux", Class: "linux_syslog", From: addrOf(1), Host: "<b>", Received: time.Unix(1, 0), Raw: []byte("<13>a\xffb"), Event: []byte(`{"event":"a"}`)}
	var got tapped
	readEvents(t, p, "/api/v1/tap?source=linux", func(kind, data string) bool {
		if kind == "counts" {
			hub.Show(tap.Message{Source: "unifi", Received: time.Unix(1, 0)})
			hub.Show(m)
			return false
		}
		testkit.Must(t, json.Unmarshal([]byte(data), &got))
		return true
	})
	if got.Raw != "<13>a\ufffdb" || string(got.Event) != `{"event":"a"}` || got.Sender != "10.0.0.1" {
		t.Errorf("%+v", got)
	}
	for path, code := range map[string]int{
		"/api/v1/tap?format=xml": 400, "/api/v1/tap?limit=0": 400, "/api/v1/tap?seconds=x": 400,
		"/api/v1/tap?sender=10.0.0.0/99": 400, "/api/v1/tap?format=ndjson&seconds=1": 200,
	} {
		testkit.Equal(t, path, p.do("GET", path, as).code, code)
	}
	if hub.On() {
		t.Error("a tap is left open")
	}
}

// TestStreamsEndWithTheServer: an open page does not hold a stop up.
func TestStreamsEndWithTheServer(t *testing.T) {
	p := open(t)
	resp := testkit.Try(p.client.Get("http://" + p.server.Addr().String() + "/api/v1/events"))(t)
	defer resp.Body.Close()
	began := time.Now()
	if err := p.stop(); err != nil || time.Since(began) > time.Second {
		t.Errorf("the stop took %v: %v", time.Since(began), err)
	}
}

func TestReport(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	kinds := make(map[string]int)
	for _, n := range p.server.Monitor().Report() {
		body := testkit.Try(json.Marshal(n))(t)
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
			s := &stages{snap: statustest.Calm()}
			silentAfterHour(s)
			server := testkit.Try(New(Options{Listen: "127.0.0.1:0", Provider: s, Ledger: ledger.New(), Senders: crowded(5000)}))(b)
			r, _ := http.NewRequest("GET", "http://127.0.0.1"+path, nil)
			b.ReportAllocs()
			for range b.N {
				server.live.renew()
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
