package monitor

import (
	"fmt"
	"testing"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// What rules did in the last hour is told to the minute, whether they are there from the
// start, come later, or are off for a while.
func TestRulesOfTheLastHour(t *testing.T) {
	w := windows{every: time.Second}
	volume := func(snap status.Snapshot, most int) Rules { return rulesOf(snap, &w, most) }
	snap := statustest.Calm()
	start := snap.Now
	// Two messages of ten bytes a second; late begins after 100 minutes.
	at := func(second int) status.Snapshot {
		s := snap
		s.Now = start.Add(time.Duration(second) * time.Second)
		steady, late := uint64(2*second), uint64(max(0, 2*(second-6000)))
		s.Rules = []status.Rule{
			{Name: "site.steady", Pack: "site", InForce: second < 7200 || second > 9000, Does: []string{"drop"}, Events: map[string]uint64{"drop": steady}, Saved: 10 * steady},
			{Name: "site.set", Pack: "site", InForce: true, Does: []string{"index"}},
		}
		if second >= 6000 {
			s.Rules = append(s.Rules, status.Rule{Name: "site.late", Pack: "site", InForce: true, Does: []string{"sample", "mask"}, Events: map[string]uint64{"sample": late, "mask": 0}, Saved: late})
		}
		return s
	}
	for second := range 10800 {
		s := at(second)
		w.add(s.Now, func(f func(counter, uint64)) { readCounters(s, Senders{}, f) })
		got := volume(s, 50)
		byName := map[string]Rule{}
		for _, r := range got.List {
			byName[r.Name] = r
		}
		if r, ok := byName["site.steady"]; ok {
			n, saved := r.EventsHour["drop"], r.SavedHour
			if low, high := uint64(2*min(second, 3540)), uint64(2*min(second, 3600)); n < low || n > high || saved != 10*n || r.Events["drop"] != uint64(2*second) {
				t.Fatalf("after %d s, %+v, want %d to %d in the last hour", second, r, low, high)
			}
		} else if second < 7200 || second > 9000 {
			t.Fatalf("after %d s, a rule in force is missing", second)
		}
		if since := second - 6000; since > 0 {
			r := byName["site.late"]
			if n := r.EventsHour["sample"]; n < uint64(2*min(since, 3540)) || n > uint64(2*min(since, 3600)) || r.EventsHour["mask"] != 0 || len(r.Events) != 2 {
				t.Fatalf("after %d s, %+v", second, r)
			}
		}
		if r := byName["site.set"]; r.Events == nil || len(r.Events)+len(r.EventsHour) != 0 {
			t.Fatalf("a rule that counts nothing: %+v", r)
		}
	}
	remembered := 0
	for c := range w.of {
		if c.kind == "rule" || c.kind == "saved" {
			remembered++
		}
	}
	testkit.Equal(t, "numbers that are remembered", remembered, 4) // not those that are 0
	last := at(10799)
	got := volume(last, 1)
	if got.List[0].Name != "site.steady" || got.Others != 2 || got.Saved != 10*2*10799+2*4799 || got.SavedHour <= got.List[0].SavedHour {
		t.Errorf("the first of three: %+v", got)
	}
	if none := volume(statustest.Calm(), 50); fmt.Sprintf("%+v", none) != "{List:[] Others:0 Saved:0 SavedHour:0}" {
		t.Errorf("without rules: %+v", none)
	}
}
