package stats

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/ledger"
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

// TestHealth is what is said of a reading. That a situation makes such a reading is shown by
// cmd/gateway's TestHealthOfRealSituations.
func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Snapshot, *trend)
		level  string
		want   string
	}{
		"calm": {func(*Snapshot, *trend) {}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"silent": {func(s *Snapshot, _ *trend) {
			for i := range s.Sources {
				s.Sources[i].Balance = ledger.Balance{}
			}
		}, levelOK, "5 sources listening, nothing received yet; Splunk is keeping up; 0 lost."},
		"starting": {func(s *Snapshot, past *trend) { s.Listening, s.Sources, past.neverSent = false, nil, true }, levelWarning,
			"Not all ports are open; nothing sent to Splunk yet; 0 lost."},
		"two silent": {func(s *Snapshot, _ *trend) {
			s.Sources[0].Received, s.Sources[1].Received = 0, 0
			s.Sources[0].Delivered, s.Sources[1].Delivered = 0, 0
		}, levelOK, "3 of 5 sources receiving; nothing from unifi, palo_alto yet; Splunk is keeping up; 0 lost."},
		"nothing that allow lets in": {func(s *Snapshot, _ *trend) {
			s.Sources[0].Received, s.Sources[0].Delivered, s.Sources[0].Dropped = 9, 0, 9
			s.Sources[0].DropReasons = map[string]uint64{"not_allowed": 9}
		}, levelOK, "4 of 5 sources receiving; nothing from unifi yet; Splunk is keeping up; 0 lost."},
		"one quiet, one never": {func(s *Snapshot, past *trend) {
			past.quiet, past.quietFor = []string{"linux"}, 5*time.Minute
			s.Sources[0].Received, s.Sources[0].Delivered = 0, 0
		}, levelOK, "3 of 5 sources receiving; nothing from unifi yet; nothing from linux for 5 min 0 s; Splunk is keeping up; 0 lost."},
		"set aside": {func(s *Snapshot, _ *trend) { s.Shards[0].Aside, s.Endpoints[0].Aside = StateDrain, StateMaint }, levelCritical,
			"All 5 sources receiving; Splunk gets nothing, all endpoints are set aside; 1 of 2 shards set aside; 0 lost."},
		"all shards aside": {func(s *Snapshot, _ *trend) {
			s.Shards[0].Aside, s.Shards[1].Aside = StateDrain, StateMaint
			s.Shards = append(s.Shards, Shard{Name: "2", Draining: true})
		}, levelCritical, "All 5 sources receiving; Splunk is keeping up; all shards are set aside, senders wait; 0 lost."},
		"one source": {func(s *Snapshot, _ *trend) { s.Sources = s.Sources[:1] }, levelOK, "The source is receiving; Splunk is keeping up; 0 lost."},
		"leftover": {func(s *Snapshot, _ *trend) {
			s.Sources = append(s.Sources, Source{Balance: ledger.Balance{Source: "old", Recovered: 1, Queued: 1}})
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"an old event": {func(s *Snapshot, _ *trend) { s.Shards[0].Oldest = s.Now.Add(-754 * time.Second) }, levelWarning,
			"All 5 sources receiving; Splunk is behind, 10 events waiting, the oldest for 12 min 34 s; 0 lost."},
		"it grows": {func(s *Snapshot, past *trend) { s.Shards[0].Oldest, past.grows = s.Now.Add(-12*time.Second), true }, levelWarning,
			"All 5 sources receiving; Splunk is behind, 10 events waiting, the oldest for 12 s; 0 lost."},
		"it shrinks": {func(s *Snapshot, _ *trend) { s.Shards[0].Oldest = s.Now.Add(-12 * time.Second) }, levelOK,
			"All 5 sources receiving; Splunk is catching up, 10 events waiting, the oldest for 12 s; 0 lost."},
		"old in a shard that is set aside": {func(s *Snapshot, _ *trend) {
			s.Shards[0].Oldest, s.Shards[0].Aside = s.Now.Add(-time.Hour), StateMaint
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1 of 2 shards set aside; 0 lost."},
		"acks take their time": {func(s *Snapshot, past *trend) {
			s.Endpoints[0].Unacked, past.stalled, past.grows = 3, 40*time.Second, true
			s.Shards[0].Oldest = s.Now.Add(-40 * time.Second)
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"acks do not come": {func(s *Snapshot, past *trend) { s.Endpoints[0].Unacked, past.stalled = 3, 61*time.Second }, levelWarning,
			"All 5 sources receiving; nothing delivered for 1 min 1 s while events wait; 0 lost."},
		"posts fail": {func(_ *Snapshot, past *trend) {
			past.stalled, past.failed, past.lastFailed = 4*time.Second, 7, "503 busy"
		}, levelCritical,
			"All 5 sources receiving; nothing delivered for 4 s, posts fail: 503 busy; 0 lost."},
		"some posts fail": {func(_ *Snapshot, past *trend) { past.lately.posts, past.lately.failed = 40, 4 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 4 of 40 posts failed in the last 10 s; 0 lost."},
		"one post failed": {func(_ *Snapshot, past *trend) { past.lately.posts, past.lately.failed = 2, 1 }, levelOK,
			"All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"one down": {func(s *Snapshot, _ *trend) {
			s.Endpoints = append(s.Endpoints, Endpoint{URL: "https://b:8088", State: "refused", LastAnswer: "403 Invalid token"})
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1 of 2 endpoints down: b:8088 is refused (403 Invalid token); 0 lost."},
		"all down": {func(s *Snapshot, _ *trend) { s.Endpoints[0].Up = false }, levelCritical,
			"All 5 sources receiving; Splunk does not take events: splunk:8088 is down (200 Success); 0 lost."},
		"full": {func(s *Snapshot, past *trend) { s.Queue.Full, past.held = true, true }, levelCritical,
			"Senders are held back; all 5 sources receiving; Splunk is keeping up; the queue is full, senders wait; 0 lost."},
		"blocked for a moment": {func(s *Snapshot, _ *trend) { s.Blocked = true }, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"fault": {func(s *Snapshot, _ *trend) { s.Queue.Fault = "no space\nleft" }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the queue fails: no space left; 0 lost."},
		"one shard fails": {func(s *Snapshot, _ *trend) { s.Queue.Fault, s.Shards[1].Fault = "EIO", "EIO" }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; 1 of 2 shards failing: EIO; 0 lost."},
		"damage": {func(s *Snapshot, _ *trend) { s.Shards[0].Corrupt, s.Queue.DamagedParts = 7, 3 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 3 damaged parts of the queue in its folder corrupt; 0 lost."},
		"dead letters": {func(s *Snapshot, _ *trend) { s.DeadLetters.Events = 5 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 5 in the dead-letter store; 0 lost."},
		"replayed": {func(s *Snapshot, _ *trend) { s.Sources[0].Deadlettered, s.Sources[0].Received = 5, 6 }, levelOK,
			"All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"unreadable": {func(s *Snapshot, _ *trend) {
			s.Queue.ReadFault = "queue shard-01: x.dat: read at 7: input/output error"
		}, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; a part of the queue cannot be read: queue shard-01: x.dat: read at 7: input/output error; 0 lost."},
		"lost": {func(s *Snapshot, _ *trend) {
			s.Sources[0].Dropped, s.Sources[0].Received = 1000, 1001
			s.Sources[0].DropReasons = map[string]uint64{"corrupt": 990, "a new reason": 4, "empty": 1, "rule": 5}
			s.Sources[1].KernelDrops, s.DeadLetters.Evicted = 234, 6
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1,234 lost since the start."},
		"left out": {func(s *Snapshot, _ *trend) {
			s.Sources[0].Dropped, s.Sources[0].Received = 3, 4
			s.Sources[0].DropReasons = map[string]uint64{"rule": 1, "not_allowed": 1, "empty": 1}
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		// two differences that cancel out are two differences
		"unbalanced": {func(s *Snapshot, _ *trend) { s.Sources[0].Delivered, s.Sources[1].Delivered = 0, 2 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the books of unifi, palo_alto do not balance; 0 lost."},
		"overdrawn": {func(s *Snapshot, _ *trend) { s.Sources[0].Queued, s.Sources[0].InMemory = -5, 5 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the books of unifi do not balance; 0 lost."},
		"problems": {func(s *Snapshot, _ *trend) { s.Problems = []string{"a", "b"} }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 0 lost; 2 problems below."},
		"warning after critical": {func(s *Snapshot, _ *trend) { s.Endpoints[0].Up, s.Problems = false, []string{"a"} }, levelCritical,
			"All 5 sources receiving; Splunk does not take events: splunk:8088 is down (200 Success); 0 lost; 1 problem below."},
	} {
		t.Run(name, func(t *testing.T) {
			snap, past := busy(), trend{}
			c.change(&snap, &past)
			got := assess(snap, sum(snap), past)
			if got.Level != c.level || got.Summary != c.want {
				t.Errorf("got %s %q\nwant %s %q", got.Level, got.Summary, c.level, c.want)
			}
		})
	}
}

// TestSentences: each has a text and a place in the manual, where its first words say what
// it means.
func TestSentences(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range Sentences() {
		fixed := regexp.MustCompile(`%[ds]`).ReplaceAllString(s, "…")
		if s == "" || !strings.Contains(string(manual), "| "+fixed+" |") {
			t.Errorf("sentence %d, %q, has no line in docs/operations.md", i, fixed)
		}
	}
}

// One list says which reasons are losses. The manual, the alerts and the dashboard go by it.
func TestDropReasonsAreTheSameEverywhere(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	manual := read("../../docs/operations.md")
	_, table, _ := strings.Cut(manual, "## Events dropped")
	table, _, _ = strings.Cut(table, "\n## ")
	var intended []string
	for _, r := range ledger.DropReasons() {
		yes := "no"
		if r.Lost {
			yes = "yes"
		} else {
			intended = append(intended, r.Name)
		}
		if row := regexp.MustCompile("(?m)^\\| [^|]*`" + r.Name + "`[^|]*\\|[^|]*\\| " + yes + " \\|"); !row.MatchString(table) {
			t.Errorf("the manual does not say %s of the loss of %s", yes, r.Name)
		}
	}
	for _, path := range []string{"../../deploy/prometheus/rules.yml", "../../deploy/grafana/dashboard.json"} {
		found := regexp.MustCompile(`reason!~\\?"([a-z_|]+)\\?"`).FindAllStringSubmatch(read(path), -1)
		if len(found) == 0 {
			t.Errorf("%s leaves no reason out", path)
		}
		for _, m := range found {
			got := strings.Split(m[1], "|")
			slices.Sort(got)
			want := slices.Sorted(slices.Values(intended))
			if !slices.Equal(got, want) {
				t.Errorf("%s leaves %q out, want %q", path, got, want)
			}
		}
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
