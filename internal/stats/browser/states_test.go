package browser

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats"
	"syslog-gateway/internal/stats/auth"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/problems"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/testkit"
)

// feed is what a source of a state does in a second.
type feed struct {
	name           string
	rate, kernel   int
	classes        []string
	index          string
	senders, bytes int
}

// state is a gateway whose clock the test turns: what it receives and delivers in a second is
// a matter of the state.
type state struct {
	mu       sync.Mutex
	snap     status.Snapshot
	books    *ledger.Ledger
	table    *senders.Table
	groups   []status.DeadLetterGroup
	feeds    []feed
	share    float64 // of what comes in goes out
	counted  int
	calls    int // of Snapshot
	waiting  float64
	flooding bool
}

func (s *state) Snapshot() status.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	snap := s.snap
	snap.Latency.Counts = slices.Clone(snap.Latency.Counts)
	snap.Sources, snap.Shards, snap.Endpoints = slices.Clone(snap.Sources), slices.Clone(snap.Shards), slices.Clone(snap.Endpoints)
	for i := range snap.Sources {
		snap.Sources[i].Classes, snap.Sources[i].Volumes = slices.Clone(snap.Sources[i].Classes), slices.Clone(snap.Sources[i].Volumes)
	}
	return snap
}

func (*state) Ready() []status.Condition                    { return []status.Condition{{Name: "ports", OK: true}} }
func (*state) DeadLetters(int) ([]status.DeadLetter, error) { return nil, nil }
func (s *state) SetShard(string, string) error              { return nil }
func (s *state) SetEndpoint(string, string) error           { return nil }
func (s *state) DeadLetterGroups(n int) ([]status.DeadLetterGroup, uint64) {
	return s.groups[:min(n, len(s.groups))], 0
}

// second lets a second pass.
func (s *state) second() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted++
	s.snap.Now = s.snap.Now.Add(time.Second)
	var in, out int
	for i, f := range s.feeds {
		n := f.rate + (s.counted*7+i*3)%5*f.rate/50
		if f.rate == 0 {
			continue
		}
		a := s.books.Account(f.name)
		a.Receive(ledger.UDP, n, n*f.bytes)
		a.Accept(n)
		done := int(float64(n) * s.share)
		if len(s.snap.Streams) > 0 {
			a.Secure(n)
			a.Take(done)
		}
		a.Deliver(done)
		in, out = in+n, out+done
		src := &s.snap.Sources[i]
		src.KernelDrops += uint64(f.kernel)
		for k, class := range f.classes {
			part := uint64(n) >> (k + 1)
			src.Classes[k].Events += part
			src.Classes[k].Bytes += part * uint64(f.bytes)
			src.Volumes[k].Events += part
			src.Volumes[k].Bytes += part * uint64(f.bytes)
			_ = class
		}
		for k := range f.senders {
			if s.flooding && k == 3 && s.counted > 60 { // it falls silent
				continue
			}
			part := n / f.senders
			if s.flooding && f.kernel > 0 && k == 0 && s.counted > 350 {
				part = n * 12
			}
			e := s.table.Entry(f.name, netip.AddrFrom4([4]byte{10, 1, byte(i), byte(k + 1)}), fmt.Sprintf("%s-%02d", strings.ReplaceAll(f.name, "_", "-"), k+1))
			e.Add(max(part, 1), part*f.bytes, s.snap.Now.UnixNano(), new(senders.Times))
			var m senders.Mix
			for c, class := range f.classes {
				m.Add(class, uint64(part>>(c+1)))
			}
			e.AddOutcome(&m, senders.Dropped{})
		}
	}
	s.waiting += float64(in - out)
	s.snap.Latency.Counts[1] += uint64(out)
	if s.share < 1 {
		s.snap.Queue.UsedBytes += int64(in-out) * 150
		s.snap.Queue.OldestSeconds = s.waiting / float64(max(in-out, 1)) / 2
		for i := range s.snap.Shards {
			s.snap.Shards[i].Events, s.snap.Shards[i].Bytes = int64(s.waiting)/2, s.snap.Queue.UsedBytes/2
			s.snap.Shards[i].Oldest = s.snap.Now.Add(-time.Duration(s.snap.Queue.OldestSeconds) * time.Second)
		}
	}
	for i := range s.snap.Endpoints {
		if s.snap.Endpoints[i].Up {
			s.snap.Endpoints[i].Requests += uint64(12 + 2*i)
		}
	}
}

// newState is a gateway that has just been started.
func newState() *state {
	s := &state{snap: statustest.Calm(), books: ledger.New(), table: senders.New(16384), share: 1}
	s.snap.Now = time.Now().UTC().Truncate(time.Second).Add(-400 * time.Second)
	s.snap.Started = s.snap.Now.Add(-18 * time.Hour)
	s.snap.Queue = status.Queue{CapacityBytes: 20e9, UsedBytes: 41e6, FreeDiskBytes: 300e9, WhenFull: "block", OldestSeconds: 0.2}
	s.snap.Shards = []status.Shard{{Name: "0", Segments: 1}, {Name: "1", Segments: 1}}
	s.snap.Endpoints = []status.Endpoint{
		{URL: "https://splunk-idx-1:8088", Up: true, State: "up", Since: s.snap.Started, LastAnswer: "200 Success", LatencyMillis: 14, InFlight: 2, Limit: 16},
		{URL: "https://splunk-idx-2:8088", Up: true, State: "up", Since: s.snap.Started, LastAnswer: "200 Success", LatencyMillis: 12.2, InFlight: 1, Limit: 16},
	}
	s.snap.Latency = status.Latency{Bounds: []float64{0.1, 0.3, 1, 10, 60, 600}, Counts: make([]uint64, 7)}
	for i := range s.snap.Sources {
		s.snap.Sources[i].SilentAfter = 2 * time.Minute
	}
	s.feeds = []feed{
		{name: "unifi", index: "network"}, {name: "palo_alto", index: "firewall"}, {name: "cisco_asa", index: "firewall"}, {name: "linux", index: "os"}, {name: "windows", index: "wineventlog"},
	}
	return s
}

// busy lets all sources send.
func (s *state) busy() *state {
	rates := []int{1204, 3205, 656, 917, 1428}
	classes := [][]string{
		{"unifi_firewall", "unifi_wireless", "unifi_device"}, {"pan_traffic", "pan_threat", "pan_userid", "pan_globalprotect"}, {"cisco_asa"},
		{"linux_audit", "linux_secure", "linux_syslog"}, {"windows_xml", "windows_dns"},
	}
	for i := range s.feeds {
		s.feeds[i].rate, s.feeds[i].classes, s.feeds[i].senders, s.feeds[i].bytes = rates[i], classes[i], 4+3*i, 300+50*i
		for _, class := range classes[i] {
			s.snap.Sources[i].Classes = append(s.snap.Sources[i].Classes, status.Class{Name: class})
			s.snap.Sources[i].Volumes = append(s.snap.Sources[i].Volumes, status.Volume{Class: class, Sourcetype: strings.Replace(class, "_", ":", 1), Index: s.feeds[i].index})
		}
	}
	return s
}

// calm is a day on which all is well.
func calm() *state { return newState().busy() }

// incident: an indexer is busy, the kernel drops, the queue grows, senders fell silent, and
// Splunk refused events.
func incident() *state {
	s := newState().busy()
	s.share, s.flooding = 0.62, true
	s.feeds[2].rate, s.feeds[2].kernel = 5100, 1260
	s.snap.Queue.UsedBytes = 700e6
	s.snap.Endpoints[1].Up, s.snap.Endpoints[1].State, s.snap.Endpoints[1].LastAnswer = false, "down", "503 Server is busy (code 9)"
	s.snap.Endpoints[1].Since = s.snap.Now.Add(-31 * time.Minute)
	s.snap.Endpoints[1].Failures = 188
	s.snap.Sources[2].ReceiveBuffer = 4 << 20
	s.snap.DeadLetters.Events = 412
	s.groups = []status.DeadLetterGroup{{
		Reason: "incorrect_index", Source: "palo_alto", Sourcetype: "pan:threat", Index: "netids", Events: 412, Hosts: []string{"pa-hq-1", "pa-hq-2", "pa-branch-1", "x"},
		First: s.snap.Now.Add(-2 * time.Hour), Last: s.snap.Now, Text: "400 Incorrect index (code 7): netids",
	}}
	s.snap.Rules = []status.Rule{
		{Name: "site.no_dns", Pack: "site", InForce: true, Does: []string{"drop"}, Events: map[string]uint64{"drop": 13900}, Saved: 4e6},
		{Name: "pan.names", Pack: "pan", InForce: true, Does: []string{"mask", "lookup"}, Events: map[string]uint64{"mask": 40}, Saved: 900},
	}
	return s
}

// empty is the first start.
func empty() *state { return newState() }

// hostile has names of 64 characters without a break, and markup.
func hostile() *state {
	s := incident()
	long := strings.Repeat("x", 64)
	s.snap.Host = `<script>alert(1)</script>` + long
	s.snap.Endpoints[1].URL = "https://" + long + ".example:8088"
	s.snap.Endpoints[1].LastAnswer = strings.Repeat("<b>", 100)
	for i, name := range []string{long, `<img src=x onerror=alert(1)>`} {
		s.snap.Sources[i].Balance.Source, s.feeds[i].name = name, name
		s.snap.Sources[i].Classes[0].Name, s.snap.Sources[i].Volumes[0].Class = name, name
		s.snap.Sources[i].Volumes[0].Index, s.snap.Sources[i].Volumes[0].Sourcetype = name, name
	}
	s.groups[0].Reason, s.groups[0].Hosts, s.groups[0].Text = long, []string{long, "<b>", long}, strings.Repeat(long, 5)
	s.snap.Rules[0].Name = "site." + long
	return s
}

// cluster secures in two streams, one of which has lost a server.
func cluster() *state {
	s := newState().busy()
	s.snap.Streams, s.snap.ForwardLagSeconds = statustest.Streams(s.snap.Now.Add(400*time.Second)), 0.4
	return s
}

// past fills a file with a history of eight days, and events.
func past(t *testing.T, s *state) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history")
	h := history.New(path, nil)
	end := s.snap.Now
	h.Open(end)
	var total int
	for _, f := range s.feeds {
		total += f.rate
	}
	for at := end.Add(-8 * 24 * time.Hour); at.Before(end.Add(-24 * time.Hour)); at = at.Add(15 * time.Minute) {
		h.Add(point(s, at, total, time.Minute))
	}
	for at := end.Add(-24 * time.Hour); at.Before(end); at = at.Add(time.Minute) {
		h.Add(point(s, at, total, time.Second))
	}
	for at := end.Add(-15 * time.Minute); at.Before(end); at = at.Add(time.Second) {
		h.Add(point(s, at, total, time.Second))
	}
	h.Mark(history.Event{Time: end.Add(-16 * time.Hour), Kind: history.Start, Text: "version 1.4.0"})
	h.Mark(history.Event{Time: end.Add(-90 * time.Minute), Kind: history.Reload, Text: "metadata.overrides"})
	if s.share < 1 {
		h.Mark(history.Event{Time: end.Add(-31 * time.Minute), Kind: history.EndpointDown, Text: "splunk-idx-2:8088 is down (503 Server is busy (code 9))"})
		h.Mark(history.Event{Time: end.Add(-25 * time.Minute), Kind: history.AlarmOn, Text: "Splunk is behind"})
	}
	testkit.Must(t, h.Close())
	return path
}

// point is one of a day with a wave, and with the trouble of the last 25 minutes.
func point(s *state, at time.Time, total int, covered time.Duration) history.Point {
	hour := float64(at.Hour()*60+at.Minute()) / 60
	wave := 0.55 + 0.45*(1-((hour-13)*(hour-13))/169)
	if s.share < 1 && s.snap.Now.Sub(at) > 25*time.Minute {
		wave *= 0.5
	}
	n := uint64(float64(total) * wave * covered.Seconds())
	p := history.Point{At: at, Covered: covered, Received: n, Delivered: n, Waiting: 1200 + int64(n%400), P50: 0.2, P99: 0.7}
	if s.share < 1 && s.snap.Now.Sub(at) < 25*time.Minute {
		p.Delivered = uint64(float64(n) * s.share)
		p.Waiting = int64(25*60-s.snap.Now.Sub(at).Seconds()) * int64(n-p.Delivered)
		p.P99, p.P50 = 30+float64(p.Waiting)/1e4, 10
		p.Lost = n / 20
	}
	return p
}

// serve serves the page of a state after some minutes. Its clock goes on.
func serve(t *testing.T, s *state, change ...func(*stats.Options)) *gateway {
	t.Helper()
	log := new(problems.Log)
	if s.share < 1 {
		log.Add(problems.Problem{Time: s.snap.Now, Level: "warn", Message: "a post to HEC failed", Details: "endpoint=https://splunk-idx-2:8088 answer=\"503 Server is busy (code 9)\"", Count: 188})
		log.Add(problems.Problem{Time: s.snap.Now, Level: "error", Message: "the kernel drops datagrams", Details: "source=cisco_asa rcvbuf=4194304", Count: 1})
	}
	unknown, hub := new(tap.Ring), new(tap.Hub)
	if s.feeds[0].rate > 0 {
		unknown.Keep(tap.Message{Source: "linux", Transport: "udp", From: netip.MustParseAddr("10.9.0.30"), Received: s.snap.Now, Raw: []byte("<14>Dec  1 03:11:52 nas-hq WinFileService Event: write, Path: /Finanzen/q4.xlsx, File/Folder: File, Size: 48.2 KB, User: mk")})
		unknown.Keep(tap.Message{Source: "linux", Transport: "udp", From: netip.MustParseAddr("10.30.0.77"), Received: s.snap.Now, Raw: []byte("ups-2: <b>on battery</b> " + strings.Repeat("load", 120))})
	}
	o := stats.Options{
		Listen: "127.0.0.1:0", Provider: s, Ledger: s.books, Senders: s.table, Problems: log, Operator: s, Unknown: unknown, Taps: hub,
		Users: []auth.User{{Name: "ops", Password: "s3cret", Admin: true}}, Sample: time.Second,
	}
	if s.feeds[0].rate > 0 {
		o.History = past(t, s)
	}
	for _, c := range change {
		c(&o)
	}
	server := testkit.Try(stats.New(o))(t)
	testkit.Must(t, server.Open(t.Context()))
	for range 400 {
		s.second()
		server.Monitor().Sample()
	}
	return run(t, server, o.Sample, s.second)
}

// run runs an open server and a clock, which turns with its readings, until the test ends.
func run(t *testing.T, server *stats.Server, every time.Duration, turn func()) *gateway {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		testkit.Equal(t, "Run", <-ended, nil)
		testkit.Must(t, server.Close(context.Background()))
	})
	var clock sync.WaitGroup
	clock.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			turn()
		}
	})
	t.Cleanup(func() { stop(); clock.Wait() })
	return &gateway{t: t, url: "http://" + server.Addr().(*net.TCPAddr).String(), log: new(safe), halt: stop}
}
