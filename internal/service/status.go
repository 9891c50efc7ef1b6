//go:build linux

package service

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
)

// Snapshot tells the statistics page what the stages know.
func (g *Gateway) Snapshot() status.Snapshot {
	s := status.Snapshot{
		Version: g.version, Commit: g.commit, Host: hostName(),
		Started: g.start, Now: time.Now(),
		Listening:   g.listener.Serving(),
		Blocked:     g.balancer.Blocked(),
		DeadLetters: status.DeadLetterStore{Events: g.dead.Events(), Evicted: g.dead.Evicted()},
		Packs:       *g.packs.Load(),
		Rules:       g.ruleStatus(),
	}
	s.Latency.Bounds, s.Latency.Counts = g.client.Latency()
	if why := g.refused.Load(); why != nil {
		s.Notes = append(s.Notes, status.Note{ID: "reload-refused", Text: *why, Row: "problems", Help: "lines-of-the-log"})
	}
	for _, why := range g.certificates.Problems(s.Now) {
		s.Notes = append(s.Notes, status.Note{ID: "certificate", Text: why, Row: "problems", Help: "certificates"})
	}
	c := g.config.Load()
	for _, src := range g.listener.Status() {
		one, settings := src.Source, c.Sources[src.Balance.Source]
		one.ReceiveBufferWanted, one.SilentAfter = int(settings.ReceiveBuffer), settings.SilentAfter
		s.Sources = append(s.Sources, one)
	}
	if c.Stats.ToSplunk {
		s.Sources = append(s.Sources, status.Source{
			Balance: ledger.Balance{Source: ownSource}, Internal: true, Transports: []string{ledger.Internal.String()},
		})
	}
	g.queueSnapshot(&s)
	g.clusterSnapshot(&s)
	for _, e := range g.client.Endpoints() {
		s.Endpoints = append(s.Endpoints, e.Endpoint)
		if e.Unconfirmed {
			s.Notes = append(s.Notes, status.Note{ID: "unconfirmed", Row: "endpoints", Help: "an-endpoint-that-confirms-nothing",
				Text: fmt.Sprintf("%s accepts events and does not confirm them; they stay in the queue. "+
					"With hec.ack.enabled the token needs indexer acknowledgement (useACK).", e.URL)})
		}
	}
	return s
}

// ruleStatus returns the rules in force, and those that were once and have counted something.
func (g *Gateway) ruleStatus() []status.Rule {
	var all []status.Rule
	at := make(map[string]int)
	for _, r := range g.ruled.Load().Rules() {
		at[r.Name] = len(all)
		all = append(all, status.Rule{Name: r.Name, Pack: r.Pack, InForce: true, Does: r.Does})
	}
	for _, total := range g.rules.Read() {
		i, known := at[total.Rule]
		if !known {
			i = len(all)
			all = append(all, status.Rule{Name: total.Rule, Pack: total.Pack})
		}
		all[i].Events, all[i].Saved, all[i].Slow = total.Events, total.Saved, total.Slow
	}
	return all
}

func (g *Gateway) queueSnapshot(s *status.Snapshot) {
	c := g.config.Load()
	st := g.store.Stats()
	s.Queue = status.Queue{
		CapacityBytes: st.Capacity, UsedBytes: st.Allocated, FreeDiskBytes: freeBytes(c.Queue.Path), MinFreeBytes: int64(c.Queue.MinFree),
		WhenFull: c.Queue.WhenFull, Full: st.Full, Fault: st.Fault, ReadFault: st.ReadFault, OldestSeconds: st.Age.Seconds(),
		DamagedFiles: filesIn(filepath.Join(c.Queue.Path, "corrupt")),
	}
	if st.LowSpace {
		s.Notes = append(s.Notes, status.Note{ID: "low-space", Row: "queue", Help: "queue-fills", Text: fmt.Sprintf(
			"The file system of %s has less than queue.min_free (%s) left: the queue counts as full.", c.Queue.Path, c.Queue.MinFree)})
	}
	for _, q := range st.Shards {
		if q.Index < len(g.shards) && !q.Draining {
			q.Mode = g.shardMode(q.Index)
		}
		s.Shards = append(s.Shards, q.Shard)
	}
}

func (g *Gateway) clusterSnapshot(s *status.Snapshot) {
	if g.cluster == nil {
		return
	}
	for _, one := range g.cluster.Streams() {
		st := one.Status()
		s.Streams = append(s.Streams, st)
		if !st.Up {
			s.Problems = append(s.Problems, fmt.Sprintf("Stream %s takes nothing; records wait in the disk queue: %s", st.Name, st.Problem))
		}
	}
	s.Cluster = g.cluster.Sum()
	s.ForwardLagSeconds = g.forwards.Lag(s.Now).Seconds()
}

// hostName is the machine's name, empty when it has none.
func hostName() string {
	name, _ := os.Hostname()
	return name
}

// filesIn counts the files of a folder, 0 where there is none.
func filesIn(folder string) int {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0
	}
	return len(entries)
}

// freeBytes is what is left on the file system of a path, 0 when it is not known.
func freeBytes(path string) int64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(path, &fs) != nil {
		return 0
	}
	return int64(fs.Bavail) * fs.Bsize
}

// Ready says whether the gateway can do its work: it listens, the queue can be
// written and read, and what comes in can go somewhere.
func (g *Gateway) Ready() []status.Condition {
	listening := status.Condition{Name: "listening", OK: g.listener.Serving(), Why: "all ports are open"}
	if !listening.OK {
		listening.Why = "not all ports are open"
	}
	queue := status.Condition{Name: "queue", OK: true, Why: "can be written and read"}
	if err := g.store.Healthy(); err != nil {
		queue.OK, queue.Why = false, err.Error()
	}
	room := status.Condition{Name: "delivery", OK: true, Why: "an endpoint is up"}
	switch full := g.store.Full(); {
	case !g.client.AnyUp() && full:
		room.OK, room.Why = false, "no endpoint is up and the queue is full"
	case !g.client.AnyUp():
		room.Why = "no endpoint is up; the queue takes what comes"
	}
	for _, e := range g.client.Endpoints() {
		if e.Unconfirmed {
			room.Why += "; " + e.URL + " accepts events and does not confirm them (no ackId)"
		}
	}
	return []status.Condition{listening, queue, room}
}
