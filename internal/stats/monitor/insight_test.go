package monitor

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syslog-gateway/docs"
	"syslog-gateway/internal/handbook"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/stats/history"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// What was counted weeks ago does not look like now; what grows does, to one step.
func TestWindows(t *testing.T) {
	w := windows{every: time.Second}
	now := statustest.Calm().Now
	old, steady := counter{kind: "old"}, counter{kind: "steady"}
	for i := range 3 * 3600 {
		w.add(now.Add(time.Duration(i)*time.Second), func(f func(counter, uint64)) {
			if i < 1000 { // then it is not read any more
				f(old, 1234)
			}
			f(steady, uint64(10*i))
		})
		got := w.window(steady, uint64(10*i))
		if five, hour := uint64(10*min(i, 300)), uint64(10*min(i, 3600)); got.FiveMin > five || got.FiveMin+50 < five || got.Hour > hour || got.Hour+600 < hour {
			t.Fatalf("after %d s: %+v", i, got)
		}
	}
	testkit.Equal(t, "of long ago", w.window(old, 1234), Window{0, 0, 1234})
	testkit.Equal(t, "new", w.window(counter{kind: "new"}, 5), Window{5, 5, 5})
	testkit.Equal(t, "begun anew", w.window(steady, 3).FiveMin, 0)
	for i := range 2 * maxCounters { // of ever new names
		w.add(now.Add(4*time.Hour+time.Duration(i)*time.Minute), func(f func(counter, uint64)) { f(counter{kind: fmt.Sprint(i)}, 1) })
	}
	if len(w.of) > maxCounters {
		t.Errorf("%d counters", len(w.of))
	}
}

// volumes is a watch of volumes on a file.
func watchVolumes(t *testing.T, path string, now time.Time) (*volumeWatch, *history.Store) {
	store := history.New(path, nil)
	store.Open(now)
	t.Cleanup(func() { testkit.Equal(t, "close", store.Close(), nil) })
	return newVolumeWatch(store, time.Second), store
}

// Volumes are added up by hour and by day, over a restart, and after a week they are gone.
func TestVolumes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	snap := statustest.Calm() // at 12:00
	start := snap.Now
	w, store := watchVolumes(t, path, start)
	count := func(after time.Duration, n uint64) {
		snap.Now = start.Add(after)
		snap.Sources[0].Volumes = []status.Volume{{Class: "a", Sourcetype: "st:a", Index: "main", Events: n, Bytes: 100 * n}, {Class: "b", Sourcetype: "st:b", Events: 1, Bytes: 1}}
		w.add(snap)
	}
	for i := range 3 * 3600 / 10 {
		count(time.Duration(10*i)*time.Second, uint64(10*i))
	}
	got := w.volume(snap.Now, ByIndex, 1)
	if r := got.Rows[0]; r.Name != "main" || r.Today.Events != 10790 || r.Hour.Bytes > 360000 || r.Hour.Bytes < 357000 || r.EventRate != 1 || r.Hours[23] != r.Hour.Bytes || r.Hours[20] != 0 ||
		got.Others != 1 || got.Rest.Today.Events != 1 || got.Total.Today.Events != 10791 || !got.Since.Equal(start) {
		t.Errorf("%+v", got)
	}
	testkit.Must(t, store.Close())
	w, _ = watchVolumes(t, path, snap.Now)
	count(3*time.Hour-time.Second, 5) // the process has counted anew
	if r := w.volume(snap.Now, BySource, 9).Rows[0]; r.Name != "unifi" || r.Today.Events < 10790-60 || r.Today.Events > 10797 || len(w.past) != 2 {
		t.Errorf("after a restart: %+v, %d hours", r, len(w.past))
	}
	count(13*time.Hour, 5) // tomorrow
	if r := w.volume(snap.Now, ByClass, 9).Rows[0]; r.Today.Events != 0 || r.Day.Events < 10700 {
		t.Errorf("the next day: %+v", r)
	}
	count(8*24*time.Hour, 5)
	count(8*24*time.Hour+2*time.Hour, 6)
	if r := w.volume(snap.Now, ByClass, 9).Total; r.Week.Events != 1 || len(w.past) > 2 {
		t.Errorf("a week later: %+v, %d hours", r, len(w.past))
	}
}

// An hour of more names than there is room for has the largest by themselves, and all in the
// sum; names are bounded in memory as well.
func TestVolumesAreBounded(t *testing.T) {
	rows := make(map[volumeKey]Amount)
	var sum uint64
	for i := range 5000 {
		rows[volumeKey{fmt.Sprint("source", i%9), strings.Repeat("c", i%200) + fmt.Sprint(i), "st\x1b", ""}] = Amount{1, uint64(i)}
		sum += uint64(i)
	}
	text := appendVolume(rows, history.MaxVolume)
	got, err := parseVolume(text)
	if err != nil || len(text) > history.MaxVolume || len(got) < 100 || got[otherVolumes].Bytes == 0 {
		t.Errorf("%d bytes, %d rows, %v", len(text), len(got), err)
	}
	for _, n := range got {
		sum -= n.Bytes
	}
	testkit.Equal(t, "bytes that are missing", sum, 0)
	w, _ := watchVolumes(t, "", statustest.Calm().Now)
	snap := statustest.Calm()
	for hour := range 40 {
		snap.Now = snap.Now.Add(time.Hour)
		snap.Sources[0].Volumes = nil
		for i := range 1200 {
			snap.Sources[0].Volumes = append(snap.Sources[0].Volumes, status.Volume{Class: fmt.Sprint(hour, " ", i), Events: 1, Bytes: 1})
		}
		w.add(snap)
		if len(w.hour) > maxVolumes+1 {
			t.Fatalf("%d names in an hour", len(w.hour))
		}
	}
	if n := w.volume(snap.Now, ByClass, 10).Total.Week.Events; n != 40*1200 {
		t.Errorf("%d events", n)
	}
}

// FuzzVolume: no text of an hour makes the reader fail, and what it reads can be written.
func FuzzVolume(f *testing.F) {
	f.Add(appendVolume(map[volumeKey]Amount{{"a", "b", "c", ""}: {1, 2}, {"a", "a", "a", "a"}: {3, 4}}, 1000))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := parseVolume(data)
		if err != nil {
			return
		}
		if n := len(appendVolume(rows, 500)); n > 500 {
			t.Errorf("%d bytes", n)
		}
	})
}

// A sender floods when it sends many times its usual rate, and not when all do or when it is
// small; its classes and drops are told.
func TestFlood(t *testing.T) {
	table := senders.New(100)
	snap := statustest.Calm()
	w := &rateWatch{every: time.Second}
	skew := new(skewWatch)
	sent := func(i, n int) {
		e := table.Entry("linux", addrOf(i), "h")
		e.Add(n, n, snap.Now.UnixNano(), new(senders.Times))
		var m senders.Mix
		m.Add("linux_secure", uint64(n-1))
		m.Add("linux_syslog", 1)
		e.AddOutcome(&m, senders.Dropped{Rule: 1})
	}
	read := func(seconds int, rates ...int) Senders {
		var list Senders
		for range seconds {
			snap.Now = snap.Now.Add(time.Second)
			for i, n := range rates {
				sent(i, n)
			}
			list = readSenders(table, snap, skew, w)
		}
		return list
	}
	list := read(120, 50, 500, 2)
	if list.Flooding() != 0 || list.ByRate(func(Sender) bool { return true })[0].Address != "10.0.0.1" {
		t.Errorf("%+v", list.floods)
	}
	one := list.All[1]
	if one.Rate != 50 || one.Usual < 45 || one.Usual > 50 || one.Rate5 < 45 || fmt.Sprint(one.Classes) != "[{linux_secure 5880} {linux_syslog 120}]" || one.Dropped.Rule != 120 {
		t.Errorf("%+v", one)
	}
	if list = read(8, 6000, 500, 20); list.Flooding() != 1 || list.floods[0].Address != "10.0.0.0" || !strings.HasPrefix(list.floods[0].Who(), "h (10.") {
		t.Errorf("%+v", list.floods)
	}
	if list = read(15, 50, 500, 2); list.Flooding() != 0 {
		t.Errorf("after its end: %+v", list.floods)
	}
	read(60, 6000, 500, 2)
	if list.All[1].Usual > 400 {
		t.Errorf("a flood is usual: %+v", list.All[1])
	}
}

// A finding has a begin and an end, which the history shows; one of a moment is none.
func TestFindings(t *testing.T) {
	store := history.New("", nil)
	w := findingWatch{every: time.Second, store: store}
	snap := statustest.Calm()
	down := func(at int, is bool) []Finding {
		snap.Now = statustest.Calm().Now.Add(time.Duration(at) * time.Second)
		snap.Endpoints[0].Up, snap.Shards = !is, nil
		health := assess(snap, sum(snap), trend{})
		w.add(snap, health.Findings)
		return w.describe(snap.Now, health.Findings)
	}
	down(0, false)
	down(1, true)
	if got := down(2, false); len(got) != 0 {
		t.Errorf("of a moment: %+v", got)
	}
	for at := 10; at < 20; at++ {
		down(at, true)
	}
	got := down(20, true)
	begin := statustest.Calm().Now.Add(10 * time.Second)
	if len(got) != 1 || got[0].ID != "endpoint-down" || got[0].Level != levelCritical || !got[0].Since.Equal(begin) || got[0].Row != "endpoint-splunk:8088" || got[0].Help != "/help/endpoint-down-or-refused" {
		t.Fatalf("%+v", got)
	}
	if got = down(21, false); len(got) != 1 || got[0].Ended.IsZero() {
		t.Errorf("at its end: %+v", got)
	}
	if got = down(30, true); len(got) != 1 || !got[0].Ended.IsZero() || !got[0].Since.Equal(begin) {
		t.Errorf("it comes back: %+v", got)
	}
	down(31, false)
	if got = down(91, false); len(got) != 0 {
		t.Errorf("a minute later: %+v", got)
	}
	var kinds []string
	for _, e := range store.Events(begin.Add(-time.Hour), 99) {
		kinds = append(kinds, e.Kind)
	}
	testkit.Equal(t, "events", strings.Join(kinds, " "), "endpoint_down endpoint_up endpoint_down alarm_on endpoint_up endpoint_down endpoint_up alarm_off")
}

// Each finding leads to a section of the runbook.
func TestFindingsLeadSomewhere(t *testing.T) {
	for _, w := range wordings() {
		if (w.help == "") != (w.id == "") || w.help != "" && w.row == "" {
			t.Errorf("%+v", w)
		}
		if w.help != "" && !hasHeading(w.help) {
			t.Errorf("%q has no section %q", w.text, w.help)
		}
	}
	for _, section := range []string{"lines-of-the-log", "certificates", "an-endpoint-that-confirms-nothing", "queue-fills", "wrong-times", "kernel-drops", "dead-letters", "what-the-page-says"} {
		if !hasHeading(section) {
			t.Errorf("there is no section %q", section)
		}
	}
	if hasHeading("no-such") {
		t.Error("control: it finds everything")
	}
}

func hasHeading(id string) bool {
	_, found := handbook.New(docs.Files).Text(id)
	return found
}

// The history has the differences of the readings, and percentiles of what was delivered.
func TestRecorder(t *testing.T) {
	store := history.New("", nil)
	m := New(Options{Ledger: ledger.New(), History: store, Snapshot: statustest.Calm})
	r := recorder{store: store}
	snap := statustest.Calm()
	snap.Latency.Bounds = []float64{1, 2, 4}
	for i := range 10 {
		n := uint64(i)
		snap.Now = snap.Now.Add(time.Second)
		snap.Latency.Counts = []uint64{90 * n, 0, 10 * n, 0}
		r.add(snap, Totals{Received: 100 * n, Delivered: 50 * n, Lost: n, Pending: int64(50 * n)})
	}
	points := store.Series(history.Ranges()[0], snap.Now)
	var sum history.Point
	for _, p := range points {
		sum.Received += p.Received
		sum.Lost += p.Lost
		if p.P50 < 0.5 || p.P50 > 0.6 || p.P99 < 3.7 || p.P99 > 4 {
			t.Errorf("%+v", p)
		}
	}
	if sum.Received != 900 || sum.Lost != 9 {
		t.Errorf("%+v", sum)
	}
	if q := quantile(0.99, []float64{1}, []uint64{0, 5}); q != 1 {
		t.Errorf("above the last bound: %v", q)
	}
	m.Sample()
	m.Sample()
	if events := store.Events(time.Time{}, 9); len(events) != 2 || events[1].Kind != history.Start {
		t.Errorf("%+v", events)
	}
}
