package stats

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/event"
)

// busy is calm with one event received and delivered by each source.
func busy() Snapshot {
	snap := calm()
	for i := range snap.Sources {
		snap.Sources[i].Configured = true
		snap.Sources[i].Received, snap.Sources[i].Delivered = 1, 1
	}
	return snap
}

func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Snapshot)
		level  string
		want   string
	}{
		"calm": {func(*Snapshot) {}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"silent": {func(s *Snapshot) {
			for i := range s.Sources {
				s.Sources[i].Balance = event.Balance{}
			}
		}, levelOK, "5 sources listening, nothing received yet; Splunk is keeping up; 0 lost."},
		"two silent": {func(s *Snapshot) {
			s.Sources[0].Balance, s.Sources[1].Balance = event.Balance{}, event.Balance{}
		}, levelOK, "3 of 5 sources receiving, nothing from the others yet; Splunk is keeping up; 0 lost."},
		"one quiet": {func(s *Snapshot) { s.quiet = []string{"linux"} }, levelOK,
			"4 of 5 sources receiving, nothing from linux for 5 minutes; Splunk is keeping up; 0 lost."},
		"set aside": {func(s *Snapshot) { s.Shards[0].Aside, s.Endpoints[0].Aside = StateDrain, StateMaint }, levelCritical,
			"All 5 sources receiving; Splunk gets nothing, all endpoints are set aside; 1 of 2 shards set aside; 0 lost."},
		"one source": {func(s *Snapshot) { s.Sources = s.Sources[:1] }, levelOK, "The source is receiving; Splunk is keeping up; 0 lost."},
		"no source":  {func(s *Snapshot) { s.Sources = nil }, levelWarning, "No source is configured; Splunk is keeping up; 0 lost."},
		"leftover": {func(s *Snapshot) {
			s.Sources = append(s.Sources, Source{Balance: event.Balance{Source: "old", Recovered: 1, Queued: 1}})
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"behind": {func(s *Snapshot) { s.Queue.OldestSeconds = 754 }, levelWarning,
			"All 5 sources receiving; Splunk is behind, the oldest event has waited 12 min 34 s; 0 lost."},
		"one down": {func(s *Snapshot) { s.Endpoints = append(s.Endpoints, Endpoint{}) }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 1 of 2 endpoints down; 0 lost."},
		"all down": {func(s *Snapshot) { s.Endpoints[0].Up = false }, levelCritical,
			"All 5 sources receiving; Splunk does not take events; 0 lost."},
		"no endpoint": {func(s *Snapshot) { s.Endpoints = nil }, levelCritical,
			"All 5 sources receiving; no Splunk endpoint is configured; 0 lost."},
		"full": {func(s *Snapshot) { s.Queue.Full, s.Blocked = true, true }, levelCritical,
			"All 5 sources receiving; TCP senders are held back; Splunk is keeping up; the queue is full, senders wait; 0 lost."},
		"fault": {func(s *Snapshot) { s.Queue.Fault = "no space\nleft" }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the queue can not store: no space left; 0 lost."},
		"stuck": {func(s *Snapshot) { s.Shards[1].Stuck, s.Shards[0].Corrupt = true, 3 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; 1 shard stuck; 3 damaged records set aside; 0 lost."},
		"lost": {func(s *Snapshot) {
			s.Sources[0].Dropped, s.Sources[0].Received = 1000, 1001
			s.Sources[1].KernelDrops = 234
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1,234 lost."},
		// two differences that cancel out are two differences
		"unbalanced": {func(s *Snapshot) { s.Sources[0].Delivered, s.Sources[1].Delivered = 0, 2 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the books of unifi, palo_alto do not balance; 0 lost."},
		"overdrawn": {func(s *Snapshot) { s.Sources[0].Queued, s.Sources[0].InMemory = -5, 5 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the books of unifi do not balance; 0 lost."},
		"problems": {func(s *Snapshot) { s.Problems = []string{"a", "b"} }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 0 lost; 2 problems below."},
		"warning after critical": {func(s *Snapshot) { s.Endpoints[0].Up, s.Problems = false, []string{"a"} }, levelCritical,
			"All 5 sources receiving; Splunk does not take events; 0 lost; 1 problem below."},
	} {
		t.Run(name, func(t *testing.T) {
			snap := busy()
			c.change(&snap)
			got := assess(snap, sum(snap.Sources))
			if got.Level != c.level || got.Summary != c.want {
				t.Errorf("got %s %q\nwant %s %q", got.Level, got.Summary, c.level, c.want)
			}
		})
	}
}

func TestWhenFull(t *testing.T) {
	for policy, want := range map[string]string{
		"block": "senders wait", "drop_oldest": "the oldest events are dropped", "drop_newest": "new events are dropped", "x": "policy x",
	} {
		if got := whenFull(policy); got != want {
			t.Errorf("whenFull(%s) = %q", policy, got)
		}
	}
}

func TestFormat(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000", -999: "-999", -1 << 63: "-9,223,372,036,854,775,808"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_960: "1.0 MB", 100e9: "100.0 GB", 5e18: "5000.0 PB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 1500 * time.Millisecond: "1 s", 61 * time.Second: "1 min 1 s",
		25*time.Hour + 59*time.Minute: "1 d 1 h", 3 * time.Hour: "3 h 0 min",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
	if got := percent(5, 0); got != 0 {
		t.Errorf("a share of nothing is %v", got)
	}
	if got := percent(300, 100); got != 100 {
		t.Errorf("an overfull share is %v", got)
	}
}

// TestComplaints: a scanner does not fill the log, and what was left out is told.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(buffer)
		errorLog := newErrorLog(slog.New(slog.NewTextHandler(log, nil)))
		for i := range 100 {
			errorLog.Printf("http: TLS handshake error from 192.0.2.%d: EOF", i)
		}
		if n := strings.Count(log.String(), "handshake"); n != complaints {
			t.Errorf("%d complaints were logged, want %d", n, complaints)
		}
		<-time.After(complaintWindow) // the clock of the bubble: nobody waits
		errorLog.Print("another")
		for _, want := range []string{fmt.Sprintf("count=%d", 100-complaints), "complaint=another"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q: %s", want, log)
			}
		}
	})
}
