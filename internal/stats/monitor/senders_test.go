package monitor

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/status/statustest"
)

// A device that sends once an hour is not silent after a threshold of one hour, nor
// one that has hardly ever spoken, nor any where the threshold is 0.
func TestWhoIsNotSilent(t *testing.T) {
	now := statustest.Calm().Now
	table := senders.New(10)
	hourly := table.Entry("linux", addrOf(1), "")
	hourly.Add(1, 1, now.Add(-23*time.Hour).UnixNano(), new(senders.Times))
	hourly.Add(20, 1, now.Add(-3*time.Hour).UnixNano(), new(senders.Times))
	table.Entry("linux", addrOf(2), "").Add(regular-1, 1, now.Add(-9*time.Hour).UnixNano(), new(senders.Times))
	table.Entry("unifi", addrOf(3), "").Add(100, 1, now.Add(-9*time.Hour).UnixNano(), new(senders.Times))
	snap := statustest.Calm()
	snap.Sources[3].SilentAfter, snap.Sources[3].Configured = time.Hour, true
	if c := readSenders(table, snap, new(skewWatch), &rateWatch{every: time.Second}); c.SilentCount() != 0 || c.Known() != 3 {
		t.Errorf("%+v", c)
	}
	snap.Now = now.Add(10 * time.Hour)
	if c := readSenders(table, snap, new(skewWatch), &rateWatch{every: time.Second}); c.SilentCount() != 1 || !c.All[slices.IndexFunc(c.All, func(s Sender) bool { return s.Address == "10.0.0.1" })].Silent {
		t.Errorf("%+v", c)
	}
}

// TestRelay: the hosts behind a relay are senders of their own, a device that sometimes
// leaves its name out is one.
func TestRelay(t *testing.T) {
	now, table := statustest.Calm().Now, senders.New(100)
	say := func(address int, host string, events int, last time.Duration) {
		p := table.Entry("linux", addrOf(address), host)
		p.Add(1, 10, now.Add(-last-time.Minute).UnixNano(), new(senders.Times))
		p.Add(events-1, 10, now.Add(-last).UnixNano(), new(senders.Times))
	}
	for i := range 5 {
		say(1, fmt.Sprint("web", i), 20, time.Second)
	}
	say(1, "lost1", 20, 2*time.Hour)
	say(1, "", 20, 3*time.Hour) // any of them may have sent these
	say(2, "", 20, 2*time.Hour)
	say(2, "fw1", 30, time.Second)
	say(3, "", 20, 2*time.Hour)
	say(4, "a", 20, 2*time.Hour)
	say(4, "b", 20, 2*time.Hour)
	say(4, "", 20, 2*time.Hour)
	snap := statustest.Calm()
	snap.Sources[3].SilentAfter, snap.Sources[3].Configured = time.Hour, true
	c := readSenders(table, snap, new(skewWatch), &rateWatch{every: time.Second})
	var silent []string
	for _, s := range c.All {
		if s.Silent {
			silent = append(silent, s.Address+" "+s.Name)
		}
		if want := (s.Address == "10.0.0.1" || s.Address == "10.0.0.4") && s.Name != ""; s.Relayed != want {
			t.Errorf("relayed: %+v", s)
		}
		if s.Name == "fw1" && (s.Events != 50 || s.Bytes != 40 || !s.Last.Equal(now.Add(-time.Second)) || !s.First.Equal(now.Add(-2*time.Hour-time.Minute))) {
			t.Errorf("one device: %+v", s)
		}
	}
	slices.Sort(silent)
	if want := []string{"10.0.0.1 lost1", "10.0.0.3 ", "10.0.0.4 ", "10.0.0.4 a", "10.0.0.4 b"}; !slices.Equal(silent, want) || c.SilentCount() != len(want) || c.Known() != 12 {
		t.Errorf("silent %q of %d, want %q", silent, c.Known(), want)
	}
}
