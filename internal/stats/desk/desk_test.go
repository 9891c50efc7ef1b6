package desk

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/stats/monitor"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// desk is one over a monitor of a calm gateway that the test may change.
func newDesk(t *testing.T, table *senders.Table) (d *Desk, snap *status.Snapshot, books *ledger.Ledger) {
	t.Helper()
	calm := statustest.Calm()
	snap, books = &calm, ledger.New()
	m := monitor.New(monitor.Options{Ledger: books, Senders: table, Snapshot: func() status.Snapshot {
		s := *snap
		s.Sources, s.Endpoints = slices.Clone(s.Sources), slices.Clone(s.Endpoints)
		return s
	}})
	return testkit.Try(New(Options{Monitor: m}))(t), snap, books
}

// passes lets seconds pass in which sources receive, deliver and lose so much.
func passes(d *Desk, snap *status.Snapshot, books *ledger.Ledger, seconds int, in, out map[string]int, kernel map[string]uint64) {
	for range seconds {
		snap.Now = snap.Now.Add(time.Second)
		for name, n := range in {
			a := books.Account(name)
			a.Receive(ledger.UDP, n, 100*n)
			a.Accept(n)
			a.Deliver(out[name])
		}
		for i := range snap.Sources {
			snap.Sources[i].KernelDrops += kernel[snap.Sources[i].Source]
		}
		d.monitor.Sample()
	}
}

// TestFlow: bands are as wide as the rates, what is lost leaves before the queue, what is held
// falls into it, and an endpoint that is down has a gate.
func TestFlow(t *testing.T) {
	d, snap, books := newDesk(t, nil)
	snap.Endpoints = append(snap.Endpoints, status.Endpoint{URL: "https://down:8088", State: "refused"})
	snap.Endpoints[0].State = "up"
	passes(d, snap, books, 12, map[string]int{"linux": 1000, "unifi": 250}, map[string]int{"linux": 500, "unifi": 250}, map[string]uint64{"linux": 300})
	v := d.flowView(d.Read(), Choice{}).(*flowView)
	testkit.Equal(t, "in and out", fmt.Sprint(v.In, v.Out), "1250 750")
	kinds := func(bands []band) (list []string) {
		for _, b := range bands {
			list = append(list, b.Kind)
		}
		return list
	}
	testkit.Equal(t, "left", fmt.Sprint(kinds(v.Left)), "[flows idle idle lost flows idle]")
	testkit.Equal(t, "in the queue", fmt.Sprint(kinds(v.Through)), "[flows held]")
	testkit.Equal(t, "right", fmt.Sprint(kinds(v.Right)), "[flows lost idle gate lost]")
	if a, b := high(t, v.Left[0]), high(t, v.Left[4]); math.Abs(b/a-4) > 0.1 {
		t.Errorf("250 a second are %v high, 1000 %v", a, b)
	}
	if a, b := high(t, v.Left[0])+high(t, v.Left[4]), high(t, v.Through[0]); math.Abs(a*750/1250-b) > 0.2 {
		t.Errorf("what comes in is %v high, what passes %v", a, b)
	}
	testkit.Equal(t, "the note", v.InNote, "300/s more lost in the kernel")
	testkit.Equal(t, "the icon", v.InIcon, "bad")
}

// high is the height of a band at its left end.
func high(t *testing.T, b band) float64 {
	t.Helper()
	_, last, _ := strings.Cut(strings.TrimSuffix(b.Path, "Z"), ",")
	top := testkit.Try(strconv.ParseFloat(last[:strings.Index(last, "C")], 64))(t)
	bottom := testkit.Try(strconv.ParseFloat(b.Path[strings.LastIndex(b.Path, ",")+1:len(b.Path)-1], 64))(t)
	return bottom - top
}

// Bands keep their scale while rates move a little, and all of them fit.
func TestScaleIsSteady(t *testing.T) {
	d, _, _ := newDesk(t, nil)
	r := &Reading{}
	scales := make(map[float64]int)
	for rate := 100.0; rate < 110; rate++ {
		v := &flowView{Sources: []flowSource{{Rate: rate}, {Rate: rate, Kernel: 10}}}
		k := d.scale(v, r)
		scales[k]++
		if k*(2*rate+10) > mostIn || k*(rate+10) > rowHeight {
			t.Errorf("at %v a second the bands do not fit", rate)
		}
	}
	if len(scales) > 2 {
		t.Errorf("the scale breathes: %v", scales)
	}
}

func TestManySources(t *testing.T) {
	d, snap, books := newDesk(t, nil)
	in := map[string]int{"linux": 10}
	for i := range 12 {
		s := status.Source{Port: 2000 + i}
		s.Balance.Source = fmt.Sprint("more", i)
		snap.Sources = append(snap.Sources, s)
		in[s.Balance.Source] = 100 + i
	}
	passes(d, snap, books, 12, in, in, nil)
	v := d.flowView(d.Read(), Choice{}).(*flowView)
	testkit.Equal(t, "rows", len(v.Sources), maxSources)
	testkit.Equal(t, "the last", v.Sources[7].Name, "10 more")
	testkit.Equal(t, "all is in", fmt.Sprint(math.Round(v.In)), "1276")
}

// TestHeadline: the sentence says what matters most, and well only if it is.
func TestHeadline(t *testing.T) {
	find := func(level string, ids ...string) *Reading {
		r := &Reading{}
		r.Health.Level, r.Totals.Received, r.Totals.Delivered = level, 1, 1
		for _, id := range ids {
			kind, id, _ := strings.Cut(id, ":")
			r.Health.Findings = append(r.Health.Findings, monitor.Finding{ID: id, Level: kind})
		}
		return r
	}
	for want, r := range map[string]*Reading{
		"All is well: everything that comes in goes out.":                find("ok"),
		"All is well, but a sender is silent.":                           find("ok", "note:sender-silent"),
		"Events are being lost, and Splunk gets nothing.":                find("critical", "warning:dead-letters", "critical:endpoint-down", "critical:losing"),
		"An endpoint is down, and Splunk refused events.":                find("warning", "warning:dead-letters", "warning:endpoint-down"),
		"Something needs a look.":                                        find("warning", "warning:problem"),
		"Splunk takes less than comes in, and the queue is nearly full.": find("warning", "warning:queue-nearly-full", "warning:splunk-behind"),
		"Ready. Nothing has been received yet.":                          {Status: monitor.Status{Health: monitor.Health{Level: "ok"}}},
	} {
		testkit.Equal(t, "the headline", headline(r), want)
		if len(want) > maxHeadline {
			t.Errorf("%q is too long", want)
		}
	}
	ended := find("ok", "warning:splunk-behind")
	ended.Health.Findings[0].Ended = time.Unix(1, 0)
	testkit.Equal(t, "what has ended", headline(ended), "All is well: everything that comes in goes out.")
}

// Every kind of finding that changes the level has words of its own in the headline, but for
// those that say what they are themselves.
func TestEveryFindingHasAPhrase(t *testing.T) {
	said := " "
	for _, p := range phrases() {
		said += p.ids + " "
	}
	for _, id := range monitor.FindingIDs() {
		if !strings.Contains(said, " "+id+" ") {
			t.Errorf("the headline has no words for %s", id)
		}
	}
}

func TestChoice(t *testing.T) {
	c := Choice{Scope: "a b", OnlyUp: true}.Choose(url.Values{"range": {"7d"}, "by": {"index"}, "span": {"hour"}})
	testkit.Equal(t, "the address", c.Path(), "/stats?by=index&range=7d&scope=a+b&span=hour&up=1")
	again := Choice{Scope: "a b", OnlyUp: true}.Choose(testkit.Try(url.ParseQuery(c.Query()))(t))
	testkit.Equal(t, "read again", again, c)
	testkit.Equal(t, "what is unknown", Choice{}.Choose(url.Values{"range": {"1y"}, "by": {"<b>"}, "span": {"x"}}), Choice{By: "class", Span: "day"})
	r := &Reading{}
	r.Now = time.Unix(1e9, 0)
	testkit.Equal(t, "on a calm day", Choice{}.Settle(r).Range, "24h")
	for age, want := range map[time.Duration]string{0: "15m", 10 * time.Minute: "15m", 25 * time.Minute: "6h", 8 * time.Hour: "24h", 30 * time.Hour: "24h"} {
		r.Health.Findings = []monitor.Finding{{Level: "warning", Since: r.Now.Add(-age)}, {Level: noteLevel, Since: r.Now.Add(-23 * time.Hour)}}
		testkit.Equal(t, fmt.Sprint("with a problem for ", age), Choice{}.Settle(r).Range, want)
	}
	r.Health.Findings, r.began = nil, r.Now.Add(-20*time.Minute)
	testkit.Equal(t, "with a short history", Choice{}.Settle(r).Range, "6h")
	testkit.Equal(t, "a choice stays", Choice{Range: "7d"}.Settle(r).Range, "7d")
}

// TestCharts: where nothing was watched there is no line, what is held back is hatched, and a
// chart is the same for a whole step.
func TestCharts(t *testing.T) {
	h := history.New("", nil)
	end := time.Unix(1_800_000_000, 0).UTC().Truncate(time.Minute)
	for i := range 600 {
		p := history.Point{At: end.Add(time.Duration(i-600) * time.Second), Covered: time.Second, Received: 100, Delivered: 100, P99: 0.5}
		if i >= 200 && i < 300 {
			continue
		}
		if i >= 400 {
			p.Delivered, p.Waiting, p.Lost = 40, int64(i-400)*60, 5
		}
		h.Add(p)
	}
	s := fill(history.Ranges()[0], end, h)
	testkit.Equal(t, "points", len(s.in), 180)
	y := upTo(100)
	if line := s.line(s.in, y); strings.Count(line, "M") != 2 || strings.Contains(line, "NaN") || !strings.HasPrefix(line, "M242 0l4 0l4 0") {
		t.Errorf("the line has %d parts: %s", strings.Count(line, "M"), line)
	}
	if got := strings.Count(s.hatch(s.in, s.out, y, 2), "V"); got != 40 {
		t.Errorf("%d strokes of 40 steps in which events were held back", got)
	}
	testkit.Equal(t, "rows of the table", len(s.rows()) <= maxRows, true)
	testkit.Equal(t, "values", strings.Count(s.values(), ";"), 179)
	later := fill(history.Ranges()[0], end.Add(4*time.Second), h)
	testkit.Equal(t, "within a step", later.line(later.in, y), s.line(s.in, y))
	for v, want := range map[float64]float64{0: 1, 1: 1, 3: 5, 8314: 10000, 1900: 2000, 2400: 2500} {
		testkit.Equal(t, fmt.Sprint("above ", v), roundUp(v), want)
	}
}

func TestFormats(t *testing.T) {
	for want, got := range map[string]string{
		"0": rate(0), "<0.1": rate(0.01), "0.4": rate(0.4), "12": rate(12.2), "8,314": big(8314.2), "99,999": big(99999.0), "128 k": big(128_000.0), "4.82 M": big(4_820_000.0),
		"9,999,999": table(9_999_999), "12.4 M": table(12_400_000), "3.6 %": percent(3.6, 100), "0 %": percent(5, 0), "100 %": percent(300, 100), "31 min": ago(31*time.Minute + 5*time.Second),
		"23 h": ago(23 * time.Hour), "47 h": ago(47 * time.Hour), "2 d": ago(49 * time.Hour), "–": age(time.Now(), time.Time{}), "700 ms": latencyText(0.7), "9 min 39 s": latencyText(579), "1.5 s": latencyText(1.5),
		"a-b": quote("a-b"), `'a b'\''c'`: quote("a b'c"), "''": quote(""),
	} {
		testkit.Equal(t, want, got, want)
	}
}

// What the page advises must apply: no receive buffer if there is no UDP.
func TestAdviceApplies(t *testing.T) {
	testkit.Equal(t, "a source without UDP gets the hint", Advice(status.Source{ReceiveBufferWanted: 32 << 20}), "")
}

// TestSteady: the list of senders keeps its members while their rates change places.
func TestSteady(t *testing.T) {
	table := senders.New(100)
	d, snap, _ := newDesk(t, table)
	step := func(of func(i int) int) (names []string) {
		for range 12 {
			snap.Now = snap.Now.Add(time.Second)
			for i := range 30 {
				table.Entry("linux", netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), "").Add(of(i), 1, snap.Now.UnixNano(), new(senders.Times))
			}
			d.monitor.Sample()
		}
		for _, s := range d.sendersView(d.Read(), Choice{}).(*sendersView).Usual {
			names = append(names, s.Address)
		}
		slices.Sort(names)
		return names
	}
	first := step(func(i int) int { return 100 + i })
	testkit.Equal(t, "how many", len(first), shownSenders)
	testkit.Equal(t, "after rates have changed places", fmt.Sprint(step(func(i int) int { return 140 - i%12 })), fmt.Sprint(first))
	if got := step(func(i int) int { return map[bool]int{true: 50_000, false: 1}[i < 15] }); fmt.Sprint(got) == fmt.Sprint(first) {
		t.Error("those that send much more are not shown")
	}
}

// TestSectionsAreWellFormed: each in a state with much of everything, and with nothing at all.
func TestSectionsAreWellFormed(t *testing.T) {
	d, snap, books := newDesk(t, nil)
	d.letters = func(int) ([]status.DeadLetterGroup, uint64) {
		return []status.DeadLetterGroup{{Reason: "<b>'", Source: "a b", Hosts: []string{"1", "2", "3", "4", "5"}, Events: 3, Text: "<script>"}}, 7
	}
	check := func() {
		for _, s := range Sections() {
			text := testkit.Try(d.Render(s, d.Read(), Choice{Admin: true, Lines: true, Range: "6h", By: "class", Span: "day"}))(t)
			x := xml.NewDecoder(strings.NewReader("<div>" + text + "</div>"))
			x.Entity = xml.HTMLEntity
			for {
				_, err := x.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v\n%s", s.Name, err, text)
				}
			}
			testkit.Lacks(t, s.Name, text, "ZgotmplZ", "<script", "style=", "NaN", "%!")
			if s.Name == "letters" {
				testkit.Holds(t, "the command", text, "--reason &#39;&lt;b&gt;&#39;\\&#39;&#39;&#39; --source &#39;a b&#39;")
			}
		}
	}
	check()
	passes(d, snap, books, 20, map[string]int{"linux": 1000}, map[string]int{"linux": 300}, map[string]uint64{"unifi": 5})
	snap.Streams = statustest.Streams(snap.Now)
	snap.Blocked = true
	check()
	*snap = status.Snapshot{}
	check()
}
