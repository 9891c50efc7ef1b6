package monitor

import (
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
)

func TestHistory(t *testing.T) {
	h := newRecent(time.Second)
	snap := statustest.Calm()
	for i := range 400 {
		snap.Now = snap.Now.Add(time.Second)
		snap.Sources[3].Received = uint64(100 * i)
		snap.Sources[3].Delivered = uint64(50 * i)
		snap.Shards[1].Bytes = int64(1000 * i)
		snap.Endpoints[0].Requests = uint64(2 * i)
		snap.Endpoints[0].Up = i < 390
		h.add(snap)
	}
	snap.Sources[3].Configured = true
	ask := snap
	ask.Sources = []status.Source{
		{Balance: ledger.Balance{Source: "linux", Received: 39900}, Configured: true},
		{Balance: ledger.Balance{Source: "unifi", Received: 7}, Configured: true},
		{Balance: ledger.Balance{Source: "windows"}, Configured: true},
	}
	if got := h.trend(ask); len(got.quiet) != 0 {
		t.Errorf("quiet: %v; unifi had nothing five minutes ago", got.quiet)
	}
	ask.Sources[0].Received = h.back(samples - 1).flows["linux"].received
	if got := h.trend(ask); len(got.quiet) != 1 || got.quiet[0] != "linux" || got.quietFor != 5*time.Minute {
		t.Errorf("quiet: %v for %v", got.quiet, got.quietFor)
	}
	if r := h.rate("linux"); r != (Rates{Received: 100, Delivered: 50}) {
		t.Errorf("%+v", r)
	}
	if s := h.spark("linux"); len(s) != sparkPoints || s[0] != 100 || s[sparkPoints-1] != 100 {
		t.Errorf("%v", s)
	}
	if g := h.growth(func(s *sample) int64 { return s.queued }); g != 1000 || fillsIn(3600_000, g) != 3600 || fillsIn(100, -3) != 0 || fillsIn(1<<40, 1) != 0 {
		t.Errorf("growth %v", g)
	}
	if h.requests("https://splunk:8088") != 2 || h.peaks.Down["https://splunk:8088"] != 10*time.Second || h.peaks.Rates["linux"] != 100 {
		t.Errorf("%+v", h.peaks)
	}
}

// TestTrend: whether Splunk gets anything depends on what it confirms, not on whether its
// endpoints are up.
func TestTrend(t *testing.T) {
	h := newRecent(time.Second)
	snap := statustest.Calm()
	linux, splunk, shard := &snap.Sources[3], &snap.Endpoints[0], &snap.Shards[0]
	splunk.Requests, splunk.Failures, shard.Events = 0, 0, 0
	second := func(change func()) trend {
		snap.Now = snap.Now.Add(time.Second)
		change()
		h.add(snap)
		return h.trend(snap)
	}
	if got := second(func() {}); !got.neverSent || got.stalled != 0 {
		t.Errorf("at the start: %+v", got)
	}
	for range 5 { // something waits at each reading, and something is delivered between
		if got := second(func() { shard.Events = 5; linux.Delivered += 10; splunk.Requests++ }); got.stalled != 0 || got.failed != 0 || got.neverSent || got.grows && shard.Events == 5 && h.count > 7 {
			t.Errorf("it works: %+v", got)
		}
	}
	var got trend
	for range 4 { // all answers are 503
		got = second(func() {
			shard.Events += 10
			splunk.Requests += 2
			splunk.Failures += 2
			splunk.LastAnswer = "503 busy"
		})
	}
	if got.stalled != 4*time.Second || got.failed != 8 || got.lastFailed != "503 busy" || !got.grows || got.lately.posts != 13 || got.lately.failed != 8 {
		t.Errorf("posts fail: %+v", got)
	}
	if got = second(func() { linux.Delivered++ }); got.stalled != 0 || got.failed != 0 {
		t.Errorf("one was delivered: %+v", got)
	}
	for range 20 {
		got = second(func() {})
	}
	if got.stalled != 20*time.Second || got.failed != 0 || got.grows || got.lately.posts != 0 {
		t.Errorf("posts hang: %+v", got)
	}
	if got = second(func() { shard.Mode = status.Maint }); got.stalled != 0 {
		t.Errorf("only shards in maintenance have records: %+v", got)
	}
	if got = second(func() { shard.Mode, splunk.Requests, splunk.Failures = "", 1, 0 }); got.lately.posts != 0 {
		t.Errorf("another endpoint: %+v", got)
	}
	for i := range blockedFor + 1 {
		if got = second(func() { snap.Blocked = true }); got.blocked != (i >= blockedFor-1) {
			t.Errorf("after %d readings: held %v", i+1, got.blocked)
		}
	}
	if got = second(func() { snap.Blocked = false }); got.blocked {
		t.Error("senders no longer wait")
	}
}
