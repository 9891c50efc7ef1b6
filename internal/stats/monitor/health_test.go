package monitor

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/status/statustest"
	"syslog-gateway/internal/testkit"
)

// busy is calm with one event received and delivered by each source.
func busy() status.Snapshot {
	snap := statustest.Calm()
	for i := range snap.Sources {
		snap.Sources[i].Configured = true
		snap.Sources[i].Received, snap.Sources[i].Delivered = 1, 1
	}
	return snap
}

// streams are those of a cluster that works well.
func streams() []status.Stream {
	return []status.Stream{{Name: "SYSLOG-00", Up: true, Replicas: 3, Current: 3, Records: 7}, {Name: "SYSLOG-01", Up: true, Replicas: 3, Current: 3}}
}

// TestHealth is what is said of a reading. That a situation makes such a reading is shown by
// cmd/gateway's TestHealthOfRealSituations.
func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*status.Snapshot, *trend)
		level  string
		want   string
	}{
		"calm": {func(*status.Snapshot, *trend) {}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"silent": {func(s *status.Snapshot, _ *trend) {
			for i := range s.Sources {
				s.Sources[i].Balance = ledger.Balance{}
			}
		}, levelOK, "5 sources listening, nothing received yet; Splunk is keeping up; 0 lost."},
		"starting": {func(s *status.Snapshot, past *trend) { s.Listening, s.Sources, past.neverSent = false, nil, true }, levelWarning,
			"Not all ports are open; nothing sent to Splunk yet; 0 lost."},
		"two silent": {func(s *status.Snapshot, _ *trend) {
			s.Sources[0].Received, s.Sources[1].Received = 0, 0
			s.Sources[0].Delivered, s.Sources[1].Delivered = 0, 0
		}, levelOK, "3 of 5 sources receiving; nothing from unifi, palo_alto yet; Splunk is keeping up; 0 lost."},
		"nothing that allow lets in": {func(s *status.Snapshot, _ *trend) {
			s.Sources[0].Received, s.Sources[0].Delivered, s.Sources[0].Dropped = 9, 0, 9
			s.Sources[0].DropReasons = map[string]uint64{"not_allowed": 9}
		}, levelOK, "4 of 5 sources receiving; nothing from unifi yet; Splunk is keeping up; 0 lost."},
		"one quiet, one never": {func(s *status.Snapshot, past *trend) {
			past.quiet, past.quietFor = []string{"linux"}, 5*time.Minute
			s.Sources[0].Received, s.Sources[0].Delivered = 0, 0
		}, levelOK, "3 of 5 sources receiving; nothing from unifi yet; nothing from linux for 5 min 0 s; Splunk is keeping up; 0 lost."},
		"drain and maint": {func(s *status.Snapshot, _ *trend) {
			s.Shards[0].Mode, s.Endpoints[0].Mode = status.Drain, status.Maint
		}, levelCritical,
			"All 5 sources receiving; Splunk gets nothing, all endpoints are in drain or maint; 1 of 2 shards in drain or maint; 0 lost."},
		"all shards in drain or maint": {func(s *status.Snapshot, _ *trend) {
			s.Shards[0].Mode, s.Shards[1].Mode = status.Drain, status.Maint
			s.Shards = append(s.Shards, status.Shard{Name: "2", Draining: true})
		}, levelCritical, "All 5 sources receiving; Splunk is keeping up; all shards are in drain or maint, senders wait; 0 lost."},
		"one source": {func(s *status.Snapshot, _ *trend) { s.Sources = s.Sources[:1] }, levelOK, "The source is receiving; Splunk is keeping up; 0 lost."},
		"leftover": {func(s *status.Snapshot, _ *trend) {
			s.Sources = append(s.Sources, status.Source{Balance: ledger.Balance{Source: "old", Recovered: 1, Queued: 1}})
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"an old event": {func(s *status.Snapshot, _ *trend) { s.Shards[0].Oldest = s.Now.Add(-754 * time.Second) }, levelWarning,
			"All 5 sources receiving; Splunk is behind, 10 events waiting, the oldest for 12 min 34 s; 0 lost."},
		"it grows": {func(s *status.Snapshot, past *trend) {
			s.Shards[0].Oldest, past.grows = s.Now.Add(-12*time.Second), true
		}, levelWarning,
			"All 5 sources receiving; Splunk is behind, 10 events waiting, the oldest for 12 s; 0 lost."},
		"it shrinks": {func(s *status.Snapshot, _ *trend) { s.Shards[0].Oldest = s.Now.Add(-12 * time.Second) }, levelOK,
			"All 5 sources receiving; Splunk is catching up, 10 events waiting, the oldest for 12 s; 0 lost."},
		"old in a shard in maint": {func(s *status.Snapshot, _ *trend) {
			s.Shards[0].Oldest, s.Shards[0].Mode = s.Now.Add(-time.Hour), status.Maint
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1 of 2 shards in drain or maint; 0 lost."},
		"acks take their time": {func(s *status.Snapshot, past *trend) {
			s.Endpoints[0].Unacked, past.stalled, past.grows = 3, 40*time.Second, true
			s.Shards[0].Oldest = s.Now.Add(-40 * time.Second)
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"acks do not come": {func(s *status.Snapshot, past *trend) { s.Endpoints[0].Unacked, past.stalled = 3, 61*time.Second }, levelWarning,
			"All 5 sources receiving; nothing delivered for 1 min 1 s while events wait; 0 lost."},
		"posts fail": {func(_ *status.Snapshot, past *trend) {
			past.stalled, past.failed, past.lastFailed = 4*time.Second, 7, "503 busy"
		}, levelCritical,
			"All 5 sources receiving; nothing delivered for 4 s, posts fail: 503 busy; 0 lost."},
		"some posts fail": {func(_ *status.Snapshot, past *trend) { past.lately.posts, past.lately.failed = 40, 4 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 4 of 40 posts failed in the last 10 s; 0 lost."},
		"one post failed": {func(_ *status.Snapshot, past *trend) { past.lately.posts, past.lately.failed = 2, 1 }, levelOK,
			"All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"one down": {func(s *status.Snapshot, _ *trend) {
			s.Endpoints = append(s.Endpoints, status.Endpoint{URL: "https://b:8088", State: "refused", LastAnswer: "403 Invalid token"})
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1 of 2 endpoints take nothing: b:8088 is refused (403 Invalid token); 0 lost."},
		"all down": {func(s *status.Snapshot, _ *trend) { s.Endpoints[0].Up = false }, levelCritical,
			"All 5 sources receiving; Splunk does not take events: splunk:8088 is down (200 Success); 0 lost."},
		"full": {func(s *status.Snapshot, past *trend) { s.Queue.Full, past.blocked = true, true }, levelCritical,
			"Senders are held back; all 5 sources receiving; Splunk is keeping up; the queue is full, senders wait; 0 lost."},
		"blocked for a moment": {func(s *status.Snapshot, _ *trend) { s.Blocked = true }, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"fault": {func(s *status.Snapshot, _ *trend) { s.Queue.Fault = "no space\nleft" }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; the queue fails: no space left; 0 lost."},
		"one shard fails": {func(s *status.Snapshot, _ *trend) { s.Queue.Fault, s.Shards[1].Fault = "EIO", "EIO" }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; 1 of 2 shards failing: EIO; 0 lost."},
		"damage": {func(s *status.Snapshot, _ *trend) { s.Shards[0].Corrupt, s.Queue.DamagedFiles = 7, 3 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 3 damaged parts of the queue in quarantine (folder corrupt); 0 lost."},
		"dead letters": {func(s *status.Snapshot, _ *trend) { s.DeadLetters.Events = 5 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 5 in the dead-letter store; 0 lost."},
		"replayed": {func(s *status.Snapshot, _ *trend) { s.Sources[0].Deadlettered, s.Sources[0].Received = 5, 6 }, levelOK,
			"All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"cluster": {func(s *status.Snapshot, _ *trend) { s.Streams = streams() }, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		"it only delivers": {func(s *status.Snapshot, _ *trend) {
			s.Streams, s.Sources = streams(), []status.Source{{Balance: ledger.Balance{Source: "linux", Taken: 5, Delivered: 5}}}
		}, levelOK, "Splunk is keeping up; 0 lost."},
		"old in the disk queue of a cluster": {func(s *status.Snapshot, past *trend) {
			s.Streams, s.ForwardLagSeconds = streams(), 754
			s.Shards[0].Oldest, past.grows = s.Now.Add(-754*time.Second), true
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; forwarding to the cluster is behind by 12 min 34 s; 0 lost."},
		"old in a stream": {func(s *status.Snapshot, _ *trend) {
			s.Streams = streams()
			s.Streams[1].Oldest = s.Now.Add(-2 * time.Minute)
		}, levelWarning, "All 5 sources receiving; Splunk is behind, 7 records waiting, the oldest for 2 min 0 s; 0 lost."},
		"no cluster": {func(s *status.Snapshot, _ *trend) {
			s.Streams = streams()
			for i := range s.Streams {
				s.Streams[i].Up, s.Streams[i].Problem = false, "no\nanswer"
			}
		}, levelCritical, "All 5 sources receiving; Splunk is keeping up; the cluster takes nothing, records wait in the disk queue: no answer; 0 lost."},
		"a stream is gone, another lacks a replica": {func(s *status.Snapshot, _ *trend) {
			s.Streams = streams()
			s.Streams[0].Up, s.Streams[0].Problem, s.Streams[1].Current = false, "gone", 2
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 1 of 2 streams take nothing: gone; 1 of 2 streams lack a current replica: SYSLOG-01; 0 lost."},
		"unreadable": {func(s *status.Snapshot, _ *trend) {
			s.Queue.ReadFault = "queue shard-01: x.dat: read at 7: input/output error"
		}, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; a part of the queue cannot be read: queue shard-01: x.dat: read at 7: input/output error; 0 lost."},
		"lost": {func(s *status.Snapshot, _ *trend) {
			s.Sources[0].Dropped, s.Sources[0].Received = 1000, 1001
			s.Sources[0].DropReasons = map[string]uint64{"corrupt": 990, "a new reason": 4, "empty": 1, "rule": 5}
			s.Sources[1].KernelDrops, s.DeadLetters.Evicted = 234, 6
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 1,234 lost since the start, none in the last 5 min."},
		"lost lately": {func(s *status.Snapshot, past *trend) {
			s.Sources[1].KernelDrops, past.losses = 234, losses{lately: 34, causes: "palo_alto kernel (34)", main: byKernel}
		}, levelWarning, "All 5 sources receiving; Splunk is keeping up; 34 lost in the last 5 min: palo_alto kernel (34)."},
		"being lost": {func(s *status.Snapshot, past *trend) {
			s.Sources[1].KernelDrops, past.losses = 234, losses{rate: 12.3, lately: 34, causes: "palo_alto kernel (34)", main: byKernel}
		}, levelCritical, "All 5 sources receiving; Splunk is keeping up; events are being lost, 12 a second: palo_alto kernel (34)."},
		"nearly full": {func(s *status.Snapshot, _ *trend) { s.Queue.UsedBytes = 81e9 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; the queue is nearly full, it has room for 19.0 GB; 0 lost."},
		"the disk is nearly full": {func(s *status.Snapshot, _ *trend) { s.Queue.FreeDiskBytes, s.Queue.MinFreeBytes = 11e9, 10e9 }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; the queue is nearly full, it has room for 1.0 GB; 0 lost."},
		"a flood": {func(_ *status.Snapshot, past *trend) {
			past.floods = []Sender{{Source: "linux", Address: "192.0.2.1", Name: "a\x1b]0;b", Rate: 6072}}
		}, levelWarning, `All 5 sources receiving; Splunk is keeping up; 0 lost; a\x1b]0;b (192.0.2.1) sends many times its usual rate, 6,072 a second.`},
		"unknown": {func(_ *status.Snapshot, past *trend) { past.unknown = []string{"linux"} }, levelOK,
			"All 5 sources receiving; Splunk is keeping up; 0 lost; many messages of linux are not recognised."},
		"left out": {func(s *status.Snapshot, _ *trend) {
			s.Sources[0].Dropped, s.Sources[0].Received = 3, 4
			s.Sources[0].DropReasons = map[string]uint64{"rule": 1, "not_allowed": 1, "empty": 1}
		}, levelOK, "All 5 sources receiving; Splunk is keeping up; 0 lost."},
		// two differences that cancel out are two differences
		"unbalanced": {func(s *status.Snapshot, _ *trend) { s.Sources[0].Delivered, s.Sources[1].Delivered = 0, 2 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; received and accounted-for events of unifi, palo_alto differ; 0 lost."},
		"overdrawn": {func(s *status.Snapshot, _ *trend) { s.Sources[0].Queued, s.Sources[0].InMemory = -5, 5 }, levelCritical,
			"All 5 sources receiving; Splunk is keeping up; received and accounted-for events of unifi differ; 0 lost."},
		"problems": {func(s *status.Snapshot, _ *trend) { s.Problems = []string{"a", "b"} }, levelWarning,
			"All 5 sources receiving; Splunk is keeping up; 0 lost; 2 problems below."},
		"warning after critical": {func(s *status.Snapshot, _ *trend) { s.Endpoints[0].Up, s.Problems = false, []string{"a"} }, levelCritical,
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
	manual := testkit.Try(os.ReadFile("../../../docs/operations.md"))(t)
	for i, s := range Sentences() {
		fixed := regexp.MustCompile(`%[ds]`).ReplaceAllString(s, "…")
		if s == "" || !strings.Contains(string(manual), "| "+fixed+" |") {
			t.Errorf("sentence %d, %q, has no line in docs/operations.md", i, fixed)
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
