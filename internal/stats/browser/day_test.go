package browser

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
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

// What happens on the day, a Tuesday. All times are UTC.
var (
	dayEnds     = time.Date(2026, 11, 24, 16, 40, 0, 0, time.UTC)
	reloaded    = dayAt(9, 5)
	indexGone   = dayAt(11, 0)  // Splunk refuses an index
	downFrom    = dayAt(13, 10) // an indexer answers 503
	downTo      = dayAt(13, 50)
	midOutage   = dayAt(13, 36)
	silentFrom  = dayAt(15, 2) // a firewall sends nothing more
	dayBegins   = dayEnds.Add(-24*time.Hour - 5*time.Minute)
	weekBegins  = dayEnds.Add(-8 * 24 * time.Hour)
	sickAnswer  = "503 Server is busy (code 9)"
	silentHost  = "fw-branch-2"
	lostIndex   = "netids"
	lostLetters = 412
)

func dayAt(hour, minute int) time.Time {
	return time.Date(2026, 11, 24, hour, minute, 0, 0, time.UTC)
}

// takes is how many events a second an indexer takes, and storedBytes what a waiting one needs.
const (
	takes       = 6600
	storedBytes = 110
)

// flow is a source of the day.
type flow struct {
	name    string
	peak    float64 // events per second at noon
	bytes   int
	pack    string   // of the classes; empty for the built-in families
	hosts   []string // the first sends most
	classes []status.Volume
}

// flows are nine sources of a company with four offices.
func flows() []flow {
	return []flow{
		{"unifi", 610, 310, "", numbered("ap-hq-%02d", 14), []status.Volume{{Class: "unifi_firewall", Sourcetype: "ubnt:fw", Index: "netfw"}, {Class: "unifi_wireless", Sourcetype: "ubnt:wireless", Index: "netops"}}},
		{"palo_alto", 3150, 540, "", []string{"pa-hq-1", "pa-hq-2", "pa-branch-1"}, []status.Volume{{Class: "pan_traffic", Sourcetype: "pan:traffic", Index: "netfw"}, {Class: "pan_threat", Sourcetype: "pan:threat", Index: "netproxy"}, {Class: "pan_userid", Sourcetype: "pan:userid", Index: "netauth"}}},
		{"cisco_asa", 1240, 190, "", []string{"fw-hq-1", "fw-branch-1", silentHost}, []status.Volume{{Class: "cisco_asa", Sourcetype: "cisco:asa", Index: "netfw"}}},
		{"linux", 860, 140, "", numbered("web%d", 11), []status.Volume{{Class: "linux_audit", Sourcetype: "linux:audit", Index: "os"}, {Class: "linux_secure", Sourcetype: "linux_secure", Index: "os"}, {Class: "linux_syslog", Sourcetype: "syslog", Index: "os"}}},
		{"windows", 1580, 720, "", numbered("dc%02d", 6), []status.Volume{{Class: "windows_xml", Sourcetype: "XmlWinEventLog", Index: "wineventlog"}, {Class: "windows_dns", Sourcetype: "MSAD:NT6:DNS", Index: "netdns"}}},
		{"fortigate", 1120, 460, "fortinet_fortigate", []string{"fgt-branch-3", "fgt-branch-4"}, []status.Volume{{Class: "fortinet_fortigate_traffic", Sourcetype: "fgt_traffic", Index: "netfw"}, {Class: "fortinet_fortigate_utm", Sourcetype: "fgt_utm", Index: "netfw"}}},
		{"switches", 95, 150, "cisco_ios", numbered("sw-core-%d", 8), []status.Volume{{Class: "cisco_ios", Sourcetype: "cisco:ios", Index: "netops"}}},
		{"vmware", 430, 260, "vmware_esxi", numbered("esx%d", 5), []status.Volume{{Class: "vmware_esxi", Sourcetype: "vmware:esxlog", Index: "infraops"}}},
		{"storage", 38, 170, "synology_dsm", []string{"nas-hq", "nas-branch-1"}, []status.Volume{{Class: "synology_dsm", Sourcetype: "synology:dsm", Index: "infraops"}}},
	}
}

func numbered(format string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf(format, i+1))
	}
	return names
}

// wave is the part of the peak at a time of the day: people work from eight to six.
func wave(at time.Time) float64 {
	hour := at.Sub(at.Truncate(24*time.Hour)).Hours() - 13
	work := 0.32 + 0.68*math.Exp(-math.Pow(hour/4.6, 4))
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		work = 0.3
	}
	return work + 0.02*math.Sin(at.Sub(weekBegins).Minutes()/41) + 0.015*math.Sin(at.Sub(weekBegins).Minutes()/7.3)
}

// day is a gateway whose clock the test turns, with a queue that events go through in order.
type day struct {
	mu      sync.Mutex
	snap    status.Snapshot
	flows   []flow
	books   *ledger.Ledger
	table   *senders.Table
	log     *problems.Log
	taps    *tap.Hub
	unknown *tap.Ring
	marks   func(history.Event)
	random  *rand.Rand // seeded
	groups  []status.DeadLetterGroup

	waiting     []int       // by source
	came        []cameUntil // what has come and has not gone, oldest first
	in, out     int
	rest        float64 // of events that are not whole
	letters     int
	senderParts [][]float64
}

// cameUntil is how many events had come at a time.
type cameUntil struct {
	at time.Time
	n  int
}

func newDay() *day {
	d := &day{
		snap: statustest.Calm(), flows: flows(), books: ledger.New(), table: senders.New(16384), log: new(problems.Log), taps: new(tap.Hub),
		unknown: new(tap.Ring), random: rand.New(rand.NewPCG(1, 2)),
	}
	s := &d.snap
	s.Now, s.Started, s.Host, s.Version = dayBegins, dayBegins.Add(-9*24*time.Hour), "syslog-1", "1.5.0"
	s.Queue = status.Queue{CapacityBytes: 5e9, FreeDiskBytes: 60e9, WhenFull: "block"}
	s.Shards = []status.Shard{{Name: "0", Segments: 1}, {Name: "1", Segments: 1}}
	s.Endpoints = nil
	for i, name := range []string{"splunk-idx-1", "splunk-idx-2"} {
		s.Endpoints = append(s.Endpoints, status.Endpoint{URL: "https://" + name + ":8088", Up: true, State: "up", Since: s.Started, LastAnswer: "200 Success", LatencyMillis: 13.1 + float64(i), InFlight: 2, Limit: 16})
	}
	s.Latency = status.Latency{Bounds: []float64{0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120, 180, 300, 450, 600, 900, 1200}, Counts: make([]uint64, 16)}
	s.Rules = []status.Rule{
		{Name: "fortinet_fortigate.no_dns_ntp", Pack: "fortinet_fortigate", InForce: true, Does: []string{"drop"}, Events: map[string]uint64{"drop": 0}},
		{Name: "site.mask_user", Pack: "site", InForce: true, Does: []string{"mask"}, Events: map[string]uint64{"mask": 0}},
	}
	like := s.Sources[0]
	s.Sources = nil
	for i, f := range d.flows {
		one := like
		one.Balance.Source, one.Port, one.SilentAfter = f.name, 1514+i, 5*time.Minute
		one.Connections = map[string]int64{"tcp": int64(len(f.hosts))}
		one.Volumes = slices.Clone(f.classes)
		for _, v := range f.classes {
			one.Classes = append(one.Classes, status.Class{Name: v.Class, Pack: f.pack})
		}
		s.Sources = append(s.Sources, one)
		parts, sum := make([]float64, len(f.hosts)), 0.0
		for k := range parts {
			parts[k] = 1 / float64(k+1)
			sum += parts[k]
		}
		for k := range parts {
			parts[k] /= sum
		}
		d.senderParts = append(d.senderParts, parts)
	}
	d.waiting = make([]int, len(d.flows))
	return d
}

func (d *day) Snapshot() status.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	snap := d.snap
	snap.Latency.Counts = slices.Clone(snap.Latency.Counts)
	snap.Sources, snap.Shards, snap.Endpoints, snap.Rules = slices.Clone(snap.Sources), slices.Clone(snap.Shards), slices.Clone(snap.Endpoints), slices.Clone(snap.Rules)
	for i := range snap.Sources {
		snap.Sources[i].Classes, snap.Sources[i].Volumes = slices.Clone(snap.Sources[i].Classes), slices.Clone(snap.Sources[i].Volumes)
	}
	for i := range snap.Rules {
		r := snap.Rules[i].Events
		snap.Rules[i].Events = make(map[string]uint64, len(r))
		for what, n := range r {
			snap.Rules[i].Events[what] = n
		}
	}
	return snap
}

func (*day) Ready() []status.Condition                    { return []status.Condition{{Name: "ports", OK: true}} }
func (*day) DeadLetters(int) ([]status.DeadLetter, error) { return nil, nil }
func (*day) SetShard(string, string) error                { return nil }
func (*day) SetEndpoint(string, string) error             { return nil }
func (d *day) DeadLetterGroups(n int) ([]status.DeadLetterGroup, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.groups[:min(n, len(d.groups))]), 0
}

// turn lets so many seconds pass.
func (d *day) turn(seconds int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.snap.Now
	d.snap.Now = before.Add(time.Duration(seconds) * time.Second)
	now := d.snap.Now
	between := func(at time.Time) bool { return before.Before(at) && !now.Before(at) }
	if between(reloaded) {
		d.marks(history.Event{Time: now, Kind: history.Reload})
	}
	for i := range d.flows {
		d.receive(i, float64(seconds)*wave(now)*(0.96+0.08*d.random.Float64()))
	}
	d.came = append(d.came, cameUntil{now, d.in})
	d.health(between, seconds)
	d.deliver(seconds)
	if now.After(indexGone) && d.letters < lostLetters {
		d.refuse(seconds)
	}
}

// receive lets a source receive what it does at noon in so many seconds.
func (d *day) receive(i int, seconds float64) {
	f, src, now := &d.flows[i], &d.snap.Sources[i], d.snap.Now
	account, all := d.books.Account(f.name), 0
	for k, host := range f.hosts {
		if host == silentHost && now.After(silentFrom) {
			continue
		}
		d.rest += f.peak * seconds * d.senderParts[i][k]
		n := int(d.rest)
		d.rest -= float64(n)
		if n == 0 {
			continue
		}
		all += n
		e := d.table.Entry(f.name, netip.AddrFrom4([4]byte{10, 20, byte(i), byte(10 + k)}), host)
		e.Add(n, n*f.bytes, now.UnixNano(), new(senders.Times))
		var m senders.Mix
		m.Add(f.classes[k%len(f.classes)].Class, uint64(n))
		e.AddOutcome(&m, senders.Dropped{})
	}
	account.Receive(ledger.UDP, all, all*f.bytes)
	left := all
	for c := range f.classes {
		part := left
		if c < len(f.classes)-1 {
			part = left * 2 / 3
		}
		left -= part
		src.Classes[c].Events += uint64(part)
		src.Classes[c].Bytes += uint64(part * f.bytes)
		src.Volumes[c].Events += uint64(part)
		src.Volumes[c].Bytes += uint64(part * f.bytes)
	}
	if f.name == "fortigate" {
		drop := all / 9
		account.DropReceived("rule", drop)
		d.snap.Rules[0].Events["drop"] += uint64(drop)
		d.snap.Rules[0].Saved += uint64(drop * f.bytes)
		d.snap.Rules[1].Events["mask"] += uint64(all / 40)
		all -= drop
	}
	account.Accept(all)
	d.waiting[i] += all
	d.in += all
}

// health is what the indexer does that is down for a while.
func (d *day) health(between func(time.Time) bool, seconds int) {
	e := &d.snap.Endpoints[1]
	switch now := d.snap.Now; {
	case between(downFrom):
		e.Up, e.State, e.Since, e.LastAnswer, e.InFlight, e.Limit = false, "down", now, sickAnswer, 0, 1
	case between(downTo):
		e.Up, e.State, e.Since, e.LastAnswer, e.InFlight, e.Limit = true, "up", now, "200 Success", 2, 12
	}
	if !e.Up {
		e.Requests += uint64(seconds)
		e.Failures += uint64(seconds)
		d.log.Add(problems.Problem{Time: d.snap.Now, Level: "warn", Message: "a post to HEC failed", Details: "endpoint=" + e.URL + ` answer="` + sickAnswer + `"`, Count: seconds})
	}
}

// deliver sends what the indexers take, the oldest first.
func (d *day) deliver(seconds int) {
	room, up := 0, 0
	for i := range d.snap.Endpoints {
		if d.snap.Endpoints[i].Up {
			room += takes * seconds
			up++
		}
	}
	fresh := d.in - d.out
	keep := min(fresh, int(wave(d.snap.Now)*1500)) // what is in a batch, or on its way
	n := min(room, fresh-keep)
	d.out += n
	for i := range d.waiting {
		part := n
		if rest := d.in - d.out + n; i < len(d.waiting)-1 && rest > 0 {
			part = min(n*d.waiting[i]/rest, n)
		}
		part = min(part, d.waiting[i])
		d.waiting[i] -= part
		d.books.Account(d.flows[i].name).Deliver(part)
	}
	left := 0
	for _, w := range d.waiting {
		left += w
	}
	d.out = d.in - left
	for len(d.came) > 1 && d.came[0].n <= d.out {
		d.came = d.came[1:]
	}
	age := d.snap.Now.Sub(d.came[0].at).Seconds() + 0.3
	d.snap.Queue.OldestSeconds = age
	d.snap.Queue.UsedBytes = 3e6 + int64(left)*storedBytes
	for i := range d.snap.Shards {
		d.snap.Shards[i].Events, d.snap.Shards[i].Records = int64(left)/2, int64(left)/400+1
		d.snap.Shards[i].Bytes, d.snap.Shards[i].Segments = d.snap.Queue.UsedBytes/2, 1+d.snap.Queue.UsedBytes/2/64e6
		d.snap.Shards[i].Oldest = d.snap.Now.Add(-time.Duration(age * float64(time.Second)))
	}
	for i := range d.snap.Endpoints {
		if e := &d.snap.Endpoints[i]; e.Up {
			e.Requests += uint64(max(n/up/220, 1))
			e.InFlight = 1 + n/up/seconds*8/takes
			e.LatencyMillis = 12.4 + float64(i) + 9*float64(n)/float64(room)
		}
	}
	bucket := func(of float64) int {
		k, _ := slices.BinarySearch(d.snap.Latency.Bounds, of)
		return k
	}
	if slow := bucket(age); age < 2 {
		d.snap.Latency.Counts[1] += uint64(n * 8 / 10)
		d.snap.Latency.Counts[2] += uint64(n * 2 / 10)
	} else {
		d.snap.Latency.Counts[slow] += uint64(n)
	}
}

// refuse lets Splunk refuse events of an index.
func (d *day) refuse(seconds int) {
	n := min(lostLetters-d.letters, seconds, d.waiting[1])
	d.books.Account("palo_alto").DeadLetter("incorrect_index", n)
	d.waiting[1] -= n
	d.out += n
	d.letters += n
	d.snap.DeadLetters.Events = uint64(d.letters)
	d.groups = []status.DeadLetterGroup{{
		Reason: "incorrect_index", Source: "palo_alto", Sourcetype: "pan:threat", Index: lostIndex, Events: uint64(d.letters), Hosts: []string{"pa-hq-1", "pa-hq-2"},
		First: indexGone.Add(time.Second), Last: d.snap.Now, Text: "400 Incorrect index (code 7): " + lostIndex,
	}}
	d.log.Add(problems.Problem{Time: d.snap.Now, Level: "warn", Message: "Splunk refuses events", Details: `index=` + lostIndex + ` answer="400 Incorrect index (code 7)"`, Count: n})
}

// week writes the days before into a history.
func (d *day) week(path string) {
	h := history.New(path, nil)
	h.Open(dayBegins)
	peak := 0.0
	for _, f := range d.flows {
		peak += f.peak
	}
	for at := weekBegins; at.Before(dayBegins); at = at.Add(time.Minute) {
		n := uint64(peak * wave(at) * 60)
		h.Add(history.Point{At: at, Covered: time.Minute, Received: n, Delivered: n, Waiting: int64(n / 60 / 7), P50: 0.21, P99: 0.45})
	}
	_ = h.Close() // what is missing is seen
}

// play plays the day until a moment: coarsely, and its last hour and more second by second, as
// the windows of the page want it. Nobody waits for it.
func (d *day) play(sample func(), until time.Time) {
	for d.snap.Now.Before(until) {
		seconds := 10
		if until.Sub(d.snap.Now) <= 65*time.Minute {
			seconds = 1
		}
		d.turn(seconds)
		sample()
	}
}

// open plays the day until a moment, serves its page, and lets its clock go on.
func (d *day) open(t *testing.T, until time.Time) *gateway {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history")
	d.week(path)
	server := testkit.Try(stats.New(stats.Options{
		Listen: "127.0.0.1:0", Provider: d, Ledger: d.books, Senders: d.table, Problems: d.log, Operator: d, Unknown: d.unknown, Taps: d.taps,
		Users: []auth.User{{Name: "ops", Password: "s3cret", Admin: true}}, Sample: time.Second, History: path,
	}))(t)
	testkit.Must(t, server.Open(context.Background()))
	d.marks = server.Monitor().History().Mark
	d.play(server.Monitor().Sample, until)
	for _, line := range strangers() {
		line.Received = d.snap.Now.Add(-cmp.Or(line.ago, time.Minute))
		d.unknown.Keep(line.Message)
	}
	return run(t, server, time.Second, func() { d.turn(1) })
}
