package stats

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// row returns the text of a table row's cells on the page.
func row(t *testing.T, page, table, head string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `id="`+table+`"`)
	if !ok {
		t.Fatalf("no table %s", table)
	}
	body, _, _ := strings.Cut(rest, "</table>")
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, tr := range strings.Split(body, "<tr")[1:] {
		var cells []string
		for _, cell := range regexp.MustCompile(`(?s)<t[hd][ >].*?</t[hd]>`).FindAllString(tr, -1) {
			cells = append(cells, strings.Join(strings.Fields(tag.ReplaceAllString(cell, " ")), " "))
		}
		if len(cells) > 0 && cells[0] == head {
			return cells
		}
	}
	t.Fatalf("table %s has no row %q in %s", table, head, body)
	return nil
}

func TestPage(t *testing.T) {
	p := open(t, func(o *Options) { o.Sample = time.Hour }) // what is lost now would be said otherwise
	traffic(p.ledger)
	p.stages.set(func(s *stages) { s.snap.DeadLetters.Events = 5 }) // of 7: two were replayed
	text := p.get("/stats")
	for _, c := range []struct {
		table string
		want  []string
	}{
		{"books", []string{"linux", "1,234,572", "1,000", "1,230,000", "570", "4,953", "7 invalid_event 7", "42 queue_full 40 shutdown 2", "0"}},
		{"books", []string{"unifi", "5", "0", "0", "5", "0", "0", "0", "0"}},
		{"books", []string{"All", "1,234,592", "1,000", "1,230,000", "590", "4,953", "7", "42", "0"}},
		{"sources", []string{"linux", "1517 udp, tcp", "udp 5 · 500 B tcp 1,234,567 · 300.0 MB", "tcp 2 open", "11", "12", "13", "0"}},
		{"shards", []string{"0", "ok", "10", "2", "25.0 GB", "3", "3 s", "0", "25 %"}},
		{"shards", []string{"1", "ok", "0", "0", "0 B", "0", "–", "0", "0 %"}},
		{"endpoints", []string{"https://splunk:8088", "up 60 min", "0", "0", "1,234", "0", "12.5 ms", "200 Success"}},
	} {
		if got := row(t, text, c.table, c.want[0]); !slices.Equal(got[:min(len(got), len(c.want))], c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.table, got, c.want)
		}
	}
	for _, want := range []string{
		"Events were lost, and Splunk refused events.", "<b>5 in the dead-letter store</b>", "<b>42 lost in the last 5 min</b></a> <span>linux queue_full (40), linux shutdown (2)</span>",
		"1.2.3 (abc1234)", `up <span id="uptime">26 h</span>`, "26.0 GB of 100.0 GB (26 %)", "<h1>gw1 ", "when full: block",
	} {
		testkit.Holds(t, "the page", text, want)
	}
}

// TestPageOfACluster: the streams and three more columns of the books; without a cluster
// there is nothing of them.
func TestPageOfACluster(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	a := p.ledger.Account("linux")
	a.Secure(900)
	a.Take(700)
	a.GiveBack(20)
	p.ledger.Account("elsewhere").Take(3)
	alone := p.get("/stats")
	testkit.Lacks(t, "a gateway without a cluster", alone, "Streams", "Secured", "Given back", "taken =")
	testkit.Equal(t, "columns", len(row(t, alone, "books", "linux")), 9)
	p.stages.set(func(s *stages) {
		s.snap.Streams, s.snap.ForwardLagSeconds = statustest.Streams(s.snap.Now), 2
		s.snap.Cluster = statustest.Cluster(s.snap.Now)
	})
	text := p.get("/stats")
	wellFormed(t, text)
	for _, c := range []struct {
		table string
		want  []string
	}{
		{"books", []string{"linux", "1,234,572", "1,000", "1,230,000", "570", "4,733", "7 invalid_event 7", "42 queue_full 40 shutdown 2", "900", "700", "20", "0"}},
		{"books", []string{"elsewhere of other gateways", "0", "0", "0", "0", "3", "0", "0", "0", "3", "0", "0"}},
		{"books", []string{"All", "1,234,592", "1,000", "1,230,000", "590", "4,736", "7", "42", "900", "703", "20", "0"}},
		{"streams", []string{"SYSLOG-00", "ok", "q1", "3 of 3 current", "1,500", "105.0 MB of 100.0 GB", "0.1 %", "4 s", "12 5 by this gateway", "0", "–"}},
		{"streams", []string{"SYSLOG-01", "degraded", "q2", "2 of 3 current 70 operations behind", "20,000", "75.0 GB of 100.0 GB", "75 %", "8 s", "0", "3", "–"}},
		{"cluster", []string{"gw1", "ok", "2 s", "5,000", "4,900", "0", "0", "95", "–", "0", "0", "5"}},
		{"cluster", []string{"gw2", "silent", "1 min", "0", "0", "3,000", "2,980", "20", "–", "0", "0", "0"}},
		{"cluster", []string{"queue purge", "stopped", "60 min", "0", "0", "100", "0", "0", "–", "0", "100 purged 100", "0"}},
		{"cluster", []string{"All", "", "5,000", "4,900", "3,100", "2,980", "115", "1,800", "0", "100", "5"}},
	} {
		if got := row(t, text, c.table, c.want[0]); !slices.Equal(got[:min(len(got), len(c.want))], c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.table, got, c.want)
		}
	}
	testkit.Holds(t, "the page", text, "received + recovered + taken = secured + given back + delivered", "Forward lag 2 s", "gw2 has said &lt;nothing&gt;.", "1 of 2 streams lack a current replica")
	p.stages.set(func(s *stages) {
		s.snap.Streams[0].Up, s.snap.Streams[0].Problem = false, "<script>no leader"
	})
	testkit.Holds(t, "the page", p.get("/stats"), "&lt;script&gt;no leader", "1 of 2 streams take nothing")
}

func TestRefresh(t *testing.T) {
	p := open(t)
	const tag = `<noscript><meta http-equiv="refresh" content="5"></noscript>`
	testkit.Holds(t, "/stats does not refresh", p.get("/stats"), tag)
	for _, path := range []string{"/stats;norefresh", "/stats?norefresh", "/stats?x=1&norefresh=1"} {
		if strings.Contains(p.get(path), "http-equiv") {
			t.Errorf("%s refreshes", path)
		}
	}
}

// TestNothingFromElsewhere: the page loads nothing, runs nothing, and its style is the
// one that the policy allows.
func TestNothingFromElsewhere(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	a := p.do("GET", "/stats")
	if n := strings.Count(a.body, "<script"); n != 1 || strings.Count(a.body, "src=") != 1 || !strings.Contains(a.body, `<script src="/stats.js" defer="defer"></script>`) {
		t.Errorf("the page has %d scripts, or another one than ours", n)
	}
	testkit.Lacks(t, "the page", a.body, "@import", "url(", "style=", "onclick", "ZgotmplZ", "<no value>")
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		if !strings.HasPrefix(link[1], "/") && !strings.HasPrefix(link[1], "#") && link[1] != "data:," {
			t.Errorf("the page links to %q", link[1])
		}
	}
	_, rest, _ := strings.Cut(a.body, "<style>")
	style, _, ok := strings.Cut(rest, "</style>")
	if !ok {
		t.Fatal("the page has no style")
	}
	digest := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'"; !strings.Contains(a.header.Get("Content-Security-Policy"), want) {
		t.Errorf("the policy %q does not allow the style %s", a.header.Get("Content-Security-Policy"), want)
	}
}

// wellFormed walks through the page: every tag that is opened is closed in its order.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	void := regexp.MustCompile(`<(meta|link) [^>]*[^/]>`) // elements that HTML does not close
	d := xml.NewDecoder(strings.NewReader(void.ReplaceAllString(text, "")))
	d.Entity = xml.HTMLEntity
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
	}
}

func TestHostileNames(t *testing.T) {
	const evil = `<script>alert("1")</script>'"><img src=x onerror=alert(1)>`
	p := open(t)
	p.stages.set(func(s *stages) {
		s.snap.Version, s.snap.Commit, s.snap.Host = evil, evil, evil
		s.snap.Sources[0].Balance.Source = evil
		s.snap.Sources[0].Transports = []string{evil}
		s.snap.Sources[0].Connections = map[string]int64{evil: 1}
		s.snap.Sources[0].Rejected = map[string]uint64{evil: 1}
		s.snap.Shards[0].Name = evil
		s.snap.Endpoints[0].URL, s.snap.Endpoints[0].LastAnswer, s.snap.Endpoints[0].State = evil, evil, evil
		s.snap.Queue.WhenFull, s.snap.Queue.Fault = evil, evil
		s.snap.Problems = []string{evil}
		s.snap.Sources[1].Classes = []status.Class{{Name: evil, Pack: evil, Events: 1, Bytes: 1}}
		s.snap.Rules = []status.Rule{{Name: evil, Pack: evil, InForce: true, Does: []string{evil}, Events: map[string]uint64{evil: 1, "drop": 2}}}
		s.snap.Packs = status.Packs{Hash: evil, Folder: evil, Site: []status.SitePack{{Name: evil, About: evil, File: evil, Classes: []string{evil}, Warnings: []string{evil}}}}
	})
	a := p.ledger.Account(evil)
	a.Recover(10)
	a.DropQueued(evil, 1)
	a.DeadLetter(evil, 1)
	p.ledger.Account("linux").Deliver(1) // out of balance: its name is in the sentence
	text := p.get("/stats")
	text = strings.Replace(text, `<script src="/stats.js" defer="defer"></script>`, "", 1)
	testkit.Lacks(t, "the page", text, "<script", "<img", `"1")`)
	testkit.Holds(t, "the names are not shown at all", text, "&lt;script&gt;")
	wellFormed(t, text)
	var any map[string]any
	testkit.Equal(t, "error", json.Unmarshal([]byte(p.get("/api/v1/status")), &any), nil)
}

func TestEmptyPage(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.snap = status.Snapshot{} })
	text := p.get("/stats")
	wellFormed(t, text)
	testkit.Holds(t, "the empty page", text, "No source is configured.", "No shard.", "No endpoint is configured.", "critical")
}

func TestTroubledPage(t *testing.T) {
	p := open(t)
	p.ledger.Account("linux").Deliver(3)
	p.ledger.Account("old").Recover(9)
	p.stages.set(func(s *stages) {
		s.snap.Blocked = true
		s.snap.Queue.ReadFault = "read at 7: input/output error"
		s.snap.Queue.Full, s.snap.Queue.Fault = true, "write /var/lib/x: no space left on device"
		s.snap.Shards[0].Stuck, s.snap.Shards[1].Draining, s.snap.Shards[1].Corrupt = true, true, 2
		s.snap.Endpoints[0].Up, s.snap.Endpoints[0].State = false, "refused"
		s.snap.Sources[0].KernelDrops = 77
		s.snap.Sources[1].ReceiveBuffer = 212992
		s.snap.Problems = []string{"The limit of open files is 1024."}
	})
	text := p.get("/stats")
	wellFormed(t, text)
	if got := row(t, text, "books", "linux"); got[3] != "3" || got[5] != "-3" {
		t.Errorf("delivered what was never queued: %q", got)
	}
	testkit.Holds(t, "the page does not say what cannot be read", text, `<p class="bad">read at 7: input/output error</p>`)
	testkit.Holds(t, "the page does not say that the books of linux are wrong", text, "Received and accounted-for events of linux differ")
	testkit.Equal(t, "the old source", row(t, text, "books", "old no longer configured")[5], "9")
	if got := row(t, text, "sources", "unifi"); !strings.HasPrefix(got[7], "77 Set receive_buffer") || !strings.Contains(got[7], "net.core.rmem_max=67108864") {
		t.Errorf("advice on drops: %q", got[7])
	}
	if got := row(t, text, "sources", "palo_alto"); !strings.Contains(got[7], "granted 212,992 of 33,554,432 bytes: sysctl -w net.core.rmem_max=33554432") {
		t.Errorf("advice on the buffer: %q", got[7])
	}
	testkit.Equal(t, "the stuck shard", row(t, text, "shards", "0")[1], "stuck")
	if got := row(t, text, "shards", "1"); got[1] != "draining" || got[7] != "2" {
		t.Errorf("the draining shard: %q", got)
	}
	testkit.Equal(t, "the endpoint", row(t, text, "endpoints", "https://splunk:8088")[1], "refused 60 min")
	testkit.Holds(t, "the page", text, "no space left on device", "senders are held back", "The limit of open files is 1024.", `class="say critical"`)
}

// keys lists the paths of all keys of a JSON value; those of a map of counts as *.
func keys(prefix string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if slices.Contains([]string{"connections", "rejected_connections", "drop_reasons", "deadletter_reasons"}, prefix[strings.LastIndex(prefix, ".")+1:]) {
				k = "*"
			}
			into[prefix+"."+k] = true
			keys(prefix+"."+k, inner, into)
		}
	case []any:
		for _, inner := range v {
			keys(prefix+"[]", inner, into)
		}
	}
}

// TestStatusKeys: the keys of /api/v1/status are used by others.
func TestStatusKeys(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	var status map[string]any
	testkit.Must(t, json.Unmarshal([]byte(p.get("/api/v1/status")), &status))
	set := make(map[string]bool)
	keys("", status, set)
	var got []string
	for k := range set {
		got = append(got, k)
	}
	sort.Strings(got)
	want := strings.Fields(`
.blocked .commit .dead_letter_store .dead_letter_store.events .dead_letter_store.evicted_events
.endpoints .endpoints[].aside .endpoints[].concurrency_limit .endpoints[].failures .endpoints[].in_flight .endpoints[].last_answer .endpoints[].latency_ms
.endpoints[].requests .endpoints[].requests_per_second .endpoints[].since .endpoints[].state .endpoints[].unacknowledged
.endpoints[].up .endpoints[].url
.health .health.findings .health.findings[].help .health.findings[].id .health.findings[].level .health.findings[].row .health.findings[].since .health.findings[].text .health.level .health.summary .host .listening .now .problems
.queue .queue.capacity_bytes .queue.damaged_parts .queue.min_free_bytes .queue.fault .queue.fills_in_seconds .queue.free_disk_bytes .queue.full .queue.oldest_seconds .queue.read_fault .queue.used_bytes .queue.when_full
.recent_problems
.shards .shards[].appended_records .shards[].aside .shards[].bytes .shards[].corrupt_records .shards[].draining .shards[].events .shards[].fills_in_seconds .shards[].full .shards[].fault
.shards[].name .shards[].oldest .shards[].records .shards[].segments .shards[].stuck
.sources .sources[].by_transport .sources[].by_transport[].bytes .sources[].by_transport[].events .sources[].by_transport[].transport
.sources[].configured .sources[].connections .sources[].connections.* .sources[].deadletter_reasons .sources[].deadletter_reasons.*
.sources[].deadlettered .sources[].delivered .sources[].difference .sources[].drop_reasons .sources[].drop_reasons.*
.sources[].dropped .sources[].framing_errors .sources[].history .sources[].in_memory .sources[].internal .sources[].pending .sources[].port .sources[].queued
.sources[].rates .sources[].rates.delivered_per_second .sources[].rates.lost_per_second .sources[].rates.udp_kernel_drops_per_second .sources[].rates.received_per_second
.sources[].received .sources[].received_bytes .sources[].recovered .sources[].rejected_connections .sources[].senders
.sources[].silent_after_seconds .sources[].silent_senders .sources[].source
.sources[].transports .sources[].truncated .sources[].udp_kernel_drops .sources[].udp_receive_buffer_bytes
.sources[].udp_receive_buffer_wanted_bytes .sources[].unparsed
.started
.totals .totals.deadlettered .totals.delivered .totals.difference .totals.dropped .totals.framing_errors .totals.in_memory
.totals.lost .totals.left_out .totals.skewed_senders .totals.pending .totals.queued .totals.received .totals.received_bytes .totals.recovered .totals.senders .totals.silent_senders
.totals.truncated .totals.udp_kernel_drops .totals.unparsed
.uptime_seconds .version`)
	sort.Strings(want)
	if !slices.Equal(got, want) {
		t.Errorf("keys are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	testkit.Lacks(t, "a list or map is null", p.get("/api/v1/status"), "null")
}

func TestStatusNeverNull(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.snap = status.Snapshot{Now: time.Unix(0, 0)} })
	p.ledger.Account("linux").Recover(1)
	if text := p.get("/api/v1/status"); strings.Contains(text, "null") {
		t.Errorf("a list or map is null: %s", text)
	}
}

func TestStatusValues(t *testing.T) {
	p := open(t)
	traffic(p.ledger)
	var got struct {
		Health  struct{ Level, Summary string }
		Totals  struct{ Received, Lost, Pending uint64 }
		Sources []struct {
			Source      string
			Received    uint64
			Pending     int64
			Difference  int64
			DropReasons map[string]uint64 `json:"drop_reasons"`
		}
		Uptime float64 `json:"uptime_seconds"`
	}
	testkit.Must(t, json.Unmarshal([]byte(p.get("/api/v1/status")), &got))
	linux := got.Sources[3]
	if linux.Source != "linux" || linux.Received != 1234572 || linux.Pending != 5523 || linux.Difference != 0 || linux.DropReasons["queue_full"] != 40 {
		t.Errorf("linux: %+v", linux)
	}
	if got.Totals.Received != 1234592 || got.Totals.Lost != 42 || got.Totals.Pending != 5543 || got.Uptime != 26*3600 || got.Health.Level != "warning" {
		t.Errorf("%+v", got)
	}
}

// TestBroken: what cannot be written is an error with its reason in the log, and the
// rest goes on.
func TestBroken(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.snap.Endpoints[0].LatencyMillis = math.NaN() })
	if got := p.do("GET", "/api/v1/status"); got.code != http.StatusInternalServerError || strings.Contains(got.body, "NaN") {
		t.Errorf("/api/v1/status with NaN: %d %s", got.code, got.body)
	}
	testkit.Holds(t, "the log", p.log.String(), "cannot write /api/v1/status")
	p.get("/stats")
	p.get("/metrics")
}
