//go:build linux

// Package service joins the stages into one running gateway: it builds them from sink to
// source, reloads, reports on them, and stops them from source to sink. What a stage does
// belongs to the stage, and verbs and flags to cmd/gateway.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/balancer"
	"syslog-gateway/internal/certificate"
	"syslog-gateway/internal/config"
	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/forward"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener"
	"syslog-gateway/internal/listener/inherit"
	"syslog-gateway/internal/queue"
	"syslog-gateway/internal/rules"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/shard"
	"syslog-gateway/internal/stats"
	"syslog-gateway/internal/stats/metrics"
	"syslog-gateway/internal/stats/problems"
	"syslog-gateway/internal/status"
	"syslog-gateway/internal/tap"
	"syslog-gateway/internal/wiring"
)

// Gateway is the program, put together. Every part is built before the one that
// feeds it and stopped after it:
//
//	sockets → listener → balancer → shards → queue → sender → Splunk
//
// With a cluster the records of the queue go to its streams, and the senders take from there
// what any gateway has forwarded:
//
//	… → shards → queue → forwarders → streams → sender → Splunk
type Gateway struct {
	config atomic.Pointer[config.Config]
	log    *slog.Logger
	level  *slog.LevelVar
	start  time.Time

	version, commit string

	certificates *certificate.Store

	ledger     *ledger.Ledger
	dead       *deadletter.Store
	client     *hec.Client
	store      *queue.Store
	cluster    *jetstream.Cluster // nil: there is none
	forwards   *forward.Metrics
	forwarders []*forward.Forwarder // one for each shard of the queue
	shards     []*shard.Shard
	pool       *event.Pool
	balancer   *balancer.Balancer
	listener   *listener.Listener
	stats      *stats.Server
	reloads    metrics.Reloads
	problems   *problems.Log
	senders    *senders.Table
	taps       tap.Hub
	rules      rules.Counters
	unknown    tap.Ring                     // the last messages that no rule knows
	packs      atomic.Pointer[status.Packs] // in force
	ruled      atomic.Pointer[rules.Set]    // in force; nil if there are none
	refused    atomic.Pointer[string]       // why the last reload was refused; nil if it was not
	pauses     []*pauseSwitch               // one for each shard of the queue, left-over ones included
	readers    bool                         // everybody may read the statistics page, although it has a user

	giveUp    chan struct{} // closed when what could not be handed over is dropped
	abandoned sync.Once
	errs      chan error // of stages that ended by themselves
}

// Options are what a Gateway is built from.
type Options struct {
	Config config.Config
	Token  string // of HEC
	Log    *slog.Logger
	Level  *slog.LevelVar // of Log
	// Readers lets everybody read the statistics page, although it has a user.
	Readers         bool
	Version, Commit string
}

// New builds all parts from sink to source. It opens the queue and the statistics page; no
// syslog port is open yet.
func New(o Options) (*Gateway, error) {
	c := o.Config
	recent := new(problems.Log)
	g := &Gateway{
		log: slog.New(recent.Handler(o.Log.Handler())), level: o.Level, start: time.Now(),
		problems: recent, senders: senders.New(maxSenders),
		ledger: ledger.New(), readers: o.Readers, version: o.Version, commit: o.Commit,
		giveUp: make(chan struct{}),
		errs:   make(chan error, 16),
	}
	g.config.Store(&c)
	g.certificates = certificate.New(g.log)
	registry := prometheus.NewRegistry()
	if err := registry.Register(g.certificates); err != nil {
		return nil, fmt.Errorf("certificates: register metrics: %w", err)
	}
	for _, build := range []func(config.Config, string, *prometheus.Registry) error{
		g.buildSender, g.buildQueue, g.buildCluster, g.buildShards, g.buildListener, g.buildStats,
	} {
		if err := build(c, o.Token, registry); err != nil {
			return nil, errors.Join(err, g.close())
		}
	}
	return g, nil
}

// Ledger counts the events of this gateway.
func (g *Gateway) Ledger() *ledger.Ledger { return g.ledger }

// Operator changes the modes of shards and endpoints.
func (g *Gateway) Operator() stats.Operator { return operator{g} }

func (g *Gateway) buildSender(c config.Config, token string, r *prometheus.Registry) (err error) {
	g.dead, err = deadletter.New(deadletter.Options{
		Path: c.DeadLetter.Path, MaxSize: int64(c.DeadLetter.MaxSize), Logger: g.log, Registerer: r,
	})
	if err != nil {
		return err
	}
	if err := g.dead.Open(context.Background()); err != nil { // no reason not to deliver
		g.log.Error("the dead-letter store cannot be used; it is tried again with each event that is refused, "+
			"and the record of that event waits in the queue", "path", c.DeadLetter.Path, "error", err)
	}
	o, err := wiring.HEC(c, token, g.certificates)
	if err != nil {
		return err
	}
	o.DeadLetter, o.Ledger, o.Logger, o.Registerer = g.dead, g.ledger, g.log, r
	g.client, err = hec.New(o)
	return err
}

func (g *Gateway) buildQueue(c config.Config, _ string, r *prometheus.Registry) error {
	store, err := queue.New(queue.Options{
		Path:         c.Queue.Path,
		Shards:       c.Balancer.ShardCount(),
		MaxSize:      int64(c.Queue.MaxSize),
		SegmentSize:  int64(c.Queue.SegmentSize),
		MinFree:      int64(c.Queue.MinFree),
		SyncInterval: c.Queue.SyncInterval,
		WhenFull:     queue.FullPolicy(c.Queue.WhenFull),
		Ledger:       g.ledger,
		Logger:       g.log,
		Registerer:   r,
	})
	if err != nil {
		return err
	}
	if err := store.Open(context.Background()); err != nil {
		return err
	}
	g.store = store
	return nil
}

func (g *Gateway) buildCluster(c config.Config, _ string, r *prometheus.Registry) error {
	if !c.Queue.Clustered() {
		return nil
	}
	o, err := wiring.Cluster(c, os.Environ(), g.certificates)
	if err != nil {
		return err
	}
	o.Ledger, o.Logger, o.Registerer = g.ledger, g.log, r
	if g.cluster, err = jetstream.New(o); err != nil {
		return err
	}
	if g.forwards, err = forward.NewMetrics(r); err != nil {
		return err
	}
	streams := g.cluster.Streams()
	for i := range g.store.Shards() {
		n := i % len(streams)
		g.forwarders = append(g.forwarders, forward.New(forward.Options{
			Shard: i, Stream: jetstream.NameOf(n), To: streams[n], InFlight: c.Queue.JetStream.InFlight,
			End: hec.ErrEnd, Ledger: g.ledger, Logger: g.log, Metrics: g.forwards,
		}))
	}
	return nil
}

func (g *Gateway) buildShards(c config.Config, _ string, _ *prometheus.Registry) error {
	policy, err := balancer.NewPolicy(c.Balancer.Policy)
	if err != nil {
		return err
	}
	batches := c.Balancer.ShardCount()*shard.MaxBatches + 2
	for _, s := range c.Sources {
		batches += listener.Batchers(int(c.Loops.TCP), int(c.Loops.UDP)) * ingest.OpenBatches(s.Vendor)
	}
	g.pool = event.NewPool(batches, int(c.Batch.MaxBytes)+16<<10)
	var candidates []balancer.Shard
	for i := range c.Balancer.ShardCount() {
		s := shard.New(shard.Options{
			Name:       strconv.Itoa(i),
			Queue:      g.store.Shards()[i],
			Pool:       g.pool,
			Gzip:       c.HEC.Compression == "gzip",
			DropNewest: c.Queue.WhenFull == string(queue.DropNewest),
			Freed:      func() { g.balancer.Freed() },
			Logger:     g.log,
		})
		g.shards = append(g.shards, s)
		candidates = append(candidates, s)
	}
	for range g.store.Shards() {
		g.pauses = append(g.pauses, newPauseSwitch())
	}
	g.balancer = balancer.New(policy, candidates, g.giveUp)
	return nil
}

// tlsUse is how a source is named among the uses of certificates.
func tlsUse(source string) string { return "source/" + source }

func (g *Gateway) buildListener(c config.Config, _ string, r *prometheus.Registry) error {
	in, err := wiring.NewInput(c)
	if err != nil {
		return err
	}
	if err := r.Register(&g.rules); err != nil {
		return fmt.Errorf("rules: register metrics: %w", err)
	}
	g.loaded(in)
	var sources []listener.SourceOptions
	for _, s := range in.Sources {
		tls, err := wiring.ServerTLS(tlsUse(s.Name), s.Config.TLS, g.certificates)
		if err != nil {
			return fmt.Errorf("sources.%s.tls: %w", s.Name, err)
		}
		sources = append(sources, listener.SourceOptions{
			Name: s.Name, Address: s.Config.Address, Port: s.Config.Port, Transports: s.Transports,
			ReceiveBuffer: int(s.Config.ReceiveBuffer), TLS: tls, Settings: s.Settings,
		})
	}
	store, inherited := inherit.FromSystemd(g.log)
	g.listener, err = listener.New(listener.Options{
		Store:     store,
		Inherited: inherited,
		Sources:   sources,
		Ingest: ingest.Options{
			MaxBytes:  int(c.Batch.MaxBytes),
			MaxEvents: c.Batch.MaxEvents,
			MaxAge:    c.Batch.MaxAge,
			InOrder:   c.Balancer.Policy == balancer.SourceHash,
			Pool:      g.pool,
			Sink:      g.balancer,
			Stop:      g.giveUp,
			Logger:    g.log,
			Senders:   g.senders,
			Tap:       &g.taps,
			Unknown:   &g.unknown,
			Rules:     &g.rules,
		},
		TCPLoops:   int(c.Loops.TCP),
		UDPLoops:   int(c.Loops.UDP),
		Ledger:     g.ledger,
		Logger:     g.log,
		Registerer: r,
	})
	return err
}

func (g *Gateway) buildStats(c config.Config, _ string, r *prometheus.Registry) error {
	tls, err := wiring.ServerTLS("stats", c.Stats.TLS, g.certificates)
	if err != nil {
		return fmt.Errorf("stats.tls: %w", err)
	}
	users, err := wiring.StatsUsers(c)
	if err != nil {
		return err
	}
	if c.Stats.Pprof { // else the profiles of mutexes and of blocking stay empty
		runtime.SetMutexProfileFraction(100)
		runtime.SetBlockProfileRate(int(time.Millisecond))
	}
	g.stats, err = stats.New(stats.Options{
		Listen:   c.Stats.Listen,
		Users:    users,
		Readers:  g.readers,
		Socket:   wiring.SocketPath(c),
		History:  wiring.HistoryPath(c),
		Operator: g.Operator(),
		TLS:      tls,
		Provider: g,
		Ledger:   g.ledger,
		Senders:  g.senders,
		Problems: g.problems,
		Taps:     &g.taps,
		Unknown:  &g.unknown,
		Pprof:    c.Stats.Pprof,
		Registry: r,
		Reloads:  &g.reloads,
		Logger:   g.log,
	})
	if err != nil {
		return err
	}
	return g.stats.Open(context.Background())
}
