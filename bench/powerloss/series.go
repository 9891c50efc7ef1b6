package powerloss

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"syslog-gateway/bench/child"
	"syslog-gateway/bench/powerloss/disk"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
	"syslog-gateway/internal/testkit/abort"
)

// scenario is a gateway, its disk and its endpoint.
type scenario struct {
	name     string
	syncTime time.Duration // of the disk
	lies     bool          // the disk
	shards   int
	queue    string        // the rest of queue: {path: …}
	batch    string        // a section, with its LF
	interval time.Duration // its sync_interval
	refuses  bool          // the endpoint refuses some events: they become dead letters
	down     float64       // how often the endpoint takes nothing
	drops    bool          // the gateway may drop what it has not written
	relp     bool          // the sender waits for answers
	waits    bool          // senders wait for the queue: what they sent may be old
	mustLose string        // a control: what it must be seen to lose
}

const syncInterval = 250 * time.Millisecond // queue.sync_interval, unless a scenario says otherwise

// What a control must be seen to lose.
const (
	loseSynced   = "what was synced"
	loseWritten  = "what was written long before"
	loseAnswered = "what was answered"
)

// smallBatches are what a small queue needs: two for each shard must fit in.
const smallBatches = "batch: {max_bytes: 64KiB}\n"

var scenarios = []scenario{
	{name: "one shard", shards: 1, down: 0.5},
	{name: "three shards, 64 KiB segments", shards: 3, queue: ", segment_size: 64KiB", down: 0.5},
	{name: "endpoint up", shards: 2},
	{name: "RELP, two shards", shards: 2, queue: ", segment_size: 64KiB", down: 0.5, relp: true, waits: true},
	{name: "dead letters", shards: 2, refuses: true, down: 0.3},
	{name: "an fsync takes 100 ms", shards: 2, syncTime: 100 * time.Millisecond, down: 0.5},
	{name: "drop_newest, 1 MiB", shards: 2, queue: ", max_size: 1MiB, when_full: drop_newest", batch: smallBatches, down: 0.8, drops: true},
	{name: "block, 1 MiB", shards: 2, queue: ", max_size: 1MiB, when_full: block", batch: smallBatches, down: 0.7, waits: true},
}

var controls = []scenario{
	{name: "control: a disk that lies about fsync", shards: 1, lies: true, down: 1, mustLose: loseSynced},
	{name: "control: RELP on a disk that lies", shards: 1, lies: true, down: 1, relp: true, mustLose: loseAnswered},
	{name: "control: sync_interval 20 s", shards: 1, interval: 20 * time.Second, down: 1, mustLose: loseWritten},
}

// series is one run of a scenario.
type series struct {
	opts  *Options
	sc    scenario
	model disk.Model
	seed  uint64
	cuts  int
	res   *Result

	dir      string // outside the disk
	gateway  string
	disk     *disk.Disk
	mount    *disk.Mount
	gw       *child.Process
	sink     *hectest.Server
	busy     atomic.Bool // the endpoint takes nothing
	ready    string      // URL
	arrived  *arrivals
	sender   Sender
	synced   map[int]bool          // found on stable storage at a cut
	unsynced map[int]time.Duration // written and not synced at a cut: since when
}

// run plays the series.
func (s *series) run(ctx context.Context) (err error) {
	defer abort.Catch(&err)
	s.arrived, s.synced, s.unsynced = newArrivals(), make(map[int]bool), make(map[int]time.Duration)
	s.dir = abort.Value(os.MkdirTemp(s.opts.Dir, "powerloss-"))
	s.sink = hectest.New(s.endpoint())
	s.disk = disk.New(disk.Options{Model: s.model, SyncTime: s.sc.syncTime, Lies: s.sc.lies})
	defer func() { err = errors.Join(err, s.close()) }()
	abort.Must(os.Mkdir(s.path("disk"), 0o700))
	ports := abort.Value(testkit.FreePorts(2))
	address := local(ports[0])
	s.ready = "http://" + local(ports[1]) + "/readyz"
	abort.Must(s.configure(ports, "2s"))
	if s.sender = newTCP(address); s.sc.relp {
		s.sender = newRELP(address)
	}

	sending, stop := context.WithCancel(ctx)
	var sends sync.WaitGroup
	sends.Go(func() { s.sender.Run(sending) })
	defer sends.Wait()
	defer stop()
	plan := s.random(0)
	for n := range s.cuts {
		abort.Must(s.start())
		planned := abort.Value(s.live(ctx, plan))
		abort.Must(s.pullThePlug(planned, s.random(n+1)))
		s.res.Cuts++
	}
	s.busy.Store(false)
	abort.Must(s.configure(ports, "50s"))
	abort.Must(s.start())
	abort.Must(s.untilReady(ctx))
	abort.Must(s.pause(ctx, 500*time.Millisecond)) // also a series of early cuts sends something
	stop()
	sends.Wait()
	abort.Must(s.stop(time.Minute)) // delivers what is queued
	s.disk.Off()
	s.judge()
	return nil
}

// random is what decides about the cut with that number, from 1; 0: what is done before the
// cuts.
func (s *series) random(cut int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, s.res.Name, cut)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

func (s *series) path(name string) string { return filepath.Join(s.dir, name) }

func (s *series) endpoint() hectest.Options {
	o := hectest.Options{Token: token, OnEvent: s.arrived.take, Script: func(*hectest.Request) hectest.Answer {
		if s.busy.Load() {
			return hectest.Busy()
		}
		return hectest.Answer{}
	}}
	if s.sc.refuses {
		o.Check = func(line []byte) int {
			if holdsRefused(line) {
				return 6 // Splunk's "invalid data format"
			}
			return 0
		}
	}
	return o
}

const token = "11111111-2222-3333-4444-555555555555"

// configure writes the gateway's configuration. stop is its shutdown_timeout: as long an
// orderly stop delivers.
func (s *series) configure(ports []int, stop string) error {
	interval := syncInterval
	if s.sc.interval > 0 {
		interval = s.sc.interval
	}
	at, protocols := s.path("disk"), "udp, tcp"
	if s.sc.relp {
		protocols = "relp"
	}
	text := fmt.Sprintf(`sources:
  linux: {address: 127.0.0.1, port: %d, vendor: linux, index: os, protocols: [%s]}
hec: {endpoints: [%q], retry: {initial: 20ms, max: 200ms}, health_interval: 200ms}
balancer: {shards: %d}
queue: {path: %s/queue, min_free: 1MB, sync_interval: %s%s}
%sdead_letter: {path: %s/dead}
stats: {listen: %q}
shutdown_timeout: %s
`, ports[0], protocols, s.sink.URL(), s.sc.shards, at, interval, s.sc.queue, s.sc.batch, at, local(ports[1]), stop)
	return os.WriteFile(s.path("gateway.yaml"), []byte(text), 0o600)
}

// start mounts the disk and starts the gateway on it.
func (s *series) start() (err error) {
	if s.mount, err = s.disk.Mount(s.path("disk")); err != nil {
		return err
	}
	s.arrived.started()
	s.gw, err = child.Start(child.Options{Dir: s.dir, Name: fmt.Sprintf("gateway-%d", s.res.Cuts),
		Env: []string{"SPLUNK_HEC_TOKEN=" + token}, Path: s.gateway, Args: []string{"run", "-c", s.path("gateway.yaml")}})
	return err
}

// live lets the gateway work until the power goes: for a moment of its start, or under load,
// or until a planned stop has ended.
func (s *series) live(ctx context.Context, plan *rand.Rand) (planned bool, err error) {
	s.busy.Store(plan.Float64() < s.sc.down)
	kind, early, late := plan.Float64(), plan.IntN(300), 100+plan.IntN(1200)
	if s.sc.mustLose != "" {
		kind, late = 1, 3000
	}
	if kind < 0.25 {
		return false, s.pause(ctx, time.Duration(early)*time.Millisecond)
	}
	if err := s.untilReady(ctx); err != nil {
		return false, err
	}
	if err := s.pause(ctx, time.Duration(late)*time.Millisecond); err != nil || kind >= 0.4 {
		return false, err
	}
	s.res.Stops++
	return true, s.stop(time.Minute)
}

func (s *series) stop(limit time.Duration) error {
	if code := s.gw.Stop(limit); code != 0 {
		return fmt.Errorf("SIGTERM: exit code %d: %w", code, s.gw.Failure())
	}
	return nil
}

// pause waits while the gateway runs.
func (s *series) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.gw.Done():
		return s.gw.Failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *series) untilReady(ctx context.Context) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if resp, err := client.Get(s.ready); err == nil { //nolint:noctx // it has a timeout
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := s.pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the gateway is not ready a minute after its start")
}

// pullThePlug stops the gateway where it is, takes the power from the disk, notes what was
// on it, and makes the disk of the next start.
func (s *series) pullThePlug(planned bool, rnd *rand.Rand) error {
	if !planned {
		// It is stopped first: what it does after the cut does not leave the machine.
		if err := s.gw.Freeze(); err != nil {
			return fmt.Errorf("stop the gateway: %w", s.gw.Failure())
		}
	}
	s.disk.Off()
	now := time.Now()
	s.gw.Kill()
	s.arrived.cut(now, planned)
	if err := s.mount.Close(); err != nil {
		return err
	}
	s.mount = nil
	open := 0
	for _, m := range queued(s.disk) {
		if m.synced {
			s.synced[m.seq] = true
			if !s.arrived.has(m.seq) {
				s.res.AtRisk++
			}
		} else {
			s.unsynced[m.seq] = now.Sub(m.written)
			open++
		}
	}
	s.res.problemIf(planned && open > 0, "%d messages are not on stable storage after a planned stop", open)
	for _, f := range s.disk.Files() {
		// Each pass over the queue syncs the folder behind the segments; one more fsync may be
		// that of diskqueue.
		s.res.problemIf(segments.MatchString(f.Path) && !f.Stable && f.Syncs() > 2,
			"%s was synced %d times, and its name is not on stable storage", f.Path, f.Syncs())
	}
	s.disk = s.disk.After(rnd)
	return nil
}

// judge counts what became of every message.
func (s *series) judge() {
	dead := deadLetters(s.disk)
	kept := func(seq int) bool { return s.arrived.has(seq) || dead[seq] }
	for _, m := range queued(s.disk) { // what was delivered stays in its segment for a while
		if !kept(m.seq) {
			s.res.Queued++
		}
	}
	s.res.problemIf(s.res.Queued > 0, "%d messages are still queued after the last stop", s.res.Queued)
	sent := s.sender.Sent()
	s.res.Sent, s.res.Synced = len(sent), len(s.synced)
	lostSynced := 0
	for seq := range s.synced {
		if !kept(seq) {
			lostSynced++
		}
	}
	for _, seq := range s.sender.Acknowledged() {
		s.res.Acknowledged++
		if !kept(seq) {
			s.res.AcknowledgedLost++
		}
	}
	for seq, at := range sent {
		if kept(seq) {
			continue
		}
		s.res.Lost++
		if age, written := s.unsynced[seq]; written {
			s.res.Written = max(s.res.Written, age)
		}
		s.res.SenderLoses = max(s.res.SenderLoses, s.arrived.before(at))
	}
	if s.sc.drops || s.sc.waits {
		s.res.SenderLoses = 0 // it says how full the queue was
	}
	s.res.SyncedLost, s.res.Twice, s.res.TwiceOldest = lostSynced, s.arrived.twice, s.arrived.oldest
	s.res.DeadLetters = len(dead)
	s.verdict()
}

// patience is by how much a machine under load may be late with a sync.
const patience = 2 * time.Second

func (s *series) verdict() {
	r := s.res
	r.problemIf(s.arrived.foreign > 0, "%d events arrived that were not sent", s.arrived.foreign)
	switch s.sc.mustLose {
	case loseSynced:
		r.problemIf(r.SyncedLost == 0, "the lab is blind: the disk lied, and nothing that was synced is lost")
	case loseAnswered:
		r.problemIf(r.AcknowledgedLost == 0, "the lab is blind: the disk lied, and nothing that was answered is lost")
	case loseWritten:
		r.problemIf(r.Written < 2*time.Second, "the lab is blind: nothing was synced for seconds, and nothing old is lost")
		r.problemIf(r.SyncedLost > 0, "%d messages were synced and are lost", r.SyncedLost)
	default:
		limit := syncInterval + 2*s.sc.syncTime + patience
		r.problemIf(r.SyncedLost > 0, "%d messages were synced and are lost", r.SyncedLost)
		r.problemIf(r.AcknowledgedLost > 0, "%d messages were acknowledged and are lost", r.AcknowledgedLost)
		r.problemIf(r.Written > limit, "a lost message had been written %v before the cut, at most %v is promised", r.Written, limit)
		r.problemIf(s.arrived.planned > 0, "%d messages came twice although the gateway was stopped in order", s.arrived.planned)
		r.problemIf(s.sc.relp && r.Acknowledged == 0, "the gateway answered no message")
		r.problemIf(s.sc.refuses && r.DeadLetters == 0, "there is no dead letter")
	}
}

// close ends everything. The folder stays when the series failed and failures are kept.
func (s *series) close() error {
	s.disk.Off()
	if s.gw != nil {
		s.gw.Kill()
	}
	var err error
	if s.mount != nil {
		err = s.mount.Close()
	}
	s.sink.Close()
	if s.opts.Keep && (err != nil || len(s.res.Problems) > 0) {
		s.res.Kept = s.dir
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
