package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/throttle"
)

// Queue gives out the records of one shard of the disk queue. Its methods are called by
// several goroutines at a time.
type Queue interface {
	// Next waits for the next record. Its body belongs to the caller, who passes it as buf to
	// a later call.
	Next(ctx context.Context, buf []byte) (event.Record, error)
	// Ack frees a record. It returns false when the record was dropped in the meantime: then
	// nothing of it may be counted.
	Ack(seq uint64) bool
	// Nack gives a record back.
	Nack(seq uint64)
	// Abandoned reports whether a record was dropped while the caller has it.
	Abandoned(seq uint64) bool
}

// Stream stores records on several machines.
type Stream interface {
	// Publish stores a record of a shard. duplicate says that the stream had it already.
	// again makes its identifier another one. The error is event.ErrFull when there is no
	// room and event.ErrRecord when it can never be stored; with any other it is not known
	// whether it was.
	Publish(ctx context.Context, shard int, r *event.Record, again string) (duplicate bool, err error)
}

// Options are what a Forwarder is built of.
type Options struct {
	Shard    int    // number of the shard, a part of the identifier of its records
	Stream   string // name, for logs and metrics
	To       Stream
	InFlight int // records that are published at a time
	// End is the error of a queue that gives out nothing more.
	End     error
	Ledger  *ledger.Ledger
	Logger  *slog.Logger
	Metrics *Metrics
}

// Forwarder moves the records of one shard.
type Forwarder struct {
	options Options
	started time.Time // records received before are of an earlier process
	alarm   throttle.Throttle

	mu     sync.Mutex
	flying map[uint64]time.Time // when the records at hand were received
}

// New returns a Forwarder; Run makes it work.
func New(o Options) *Forwarder {
	f := &Forwarder{options: o, started: time.Now(), flying: map[uint64]time.Time{}}
	o.Metrics.join(f)
	return f
}

// The pauses between attempts to publish a record.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Run moves records until ctx is done or the queue ends. What is not confirmed then stays in
// the queue.
func (f *Forwarder) Run(ctx context.Context, q Queue) error {
	var workers sync.WaitGroup
	for range f.options.InFlight {
		workers.Go(func() { f.work(ctx, q) })
	}
	workers.Wait()
	return nil
}

func (f *Forwarder) work(ctx context.Context, q Queue) {
	var buf []byte
	for failures := 0; ; {
		rec, err := q.Next(ctx, buf)
		if err == nil {
			failures = 0
			buf = rec.Body[:0]
			f.move(ctx, q, &rec)
			continue
		}
		if errors.Is(err, f.options.End) || ctx.Err() != nil {
			return
		}
		f.warn("no record can be taken from the disk queue; it is tried again", err)
		sleep(ctx, failures)
		failures++
	}
}

// move publishes one record until the stream has confirmed it.
func (f *Forwarder) move(ctx context.Context, q Queue, rec *event.Record) {
	f.fly(rec)
	defer f.land(rec.Seq)
	var again string
	for n := 0; ; n++ {
		duplicate, err := f.options.To.Publish(ctx, f.options.Shard, rec, again)
		switch {
		case err == nil && duplicate && n == 0 && rec.Received.After(f.started):
			// It was not published before, so what the stream has is another record. (An
			// earlier process may have published its records and not have learned it.)
			f.options.Metrics.duplicates.Inc()
			f.warn("the stream says that it has a record which was not published before; it is published again", errors.New("duplicate identifier"))
			again = ":" + strconv.FormatUint(rand.Uint64(), 36)
			continue
		case err == nil:
			if q.Ack(rec.Seq) {
				f.options.Ledger.Account(rec.Source).Secure(rec.Events)
			}
			f.options.Metrics.records.WithLabelValues(f.options.Stream, "secured").Inc()
			return
		}
		f.options.Metrics.records.WithLabelValues(f.options.Stream, resultOf(err)).Inc()
		if ctx.Err() == nil {
			f.warn("a record cannot be forwarded; it waits in the disk queue and is tried again", err)
		}
		sleep(ctx, n)
		if ctx.Err() != nil || q.Abandoned(rec.Seq) {
			q.Nack(rec.Seq)
			return
		}
	}
}

func resultOf(err error) string {
	switch {
	case errors.Is(err, event.ErrFull):
		return "full"
	case errors.Is(err, event.ErrRecord):
		return "refused"
	default:
		return "failed"
	}
}

func (f *Forwarder) fly(r *event.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flying[r.Seq] = r.Received
}

func (f *Forwarder) land(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flying, seq)
}

// state returns how many records are at hand, and when the oldest was received.
func (f *Forwarder) state() (n int, oldest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, received := range f.flying {
		if oldest.IsZero() || received.Before(oldest) {
			oldest = received
		}
	}
	return len(f.flying), oldest
}

func (f *Forwarder) warn(text string, err error) {
	if n, ok := f.alarm.Ready(time.Now(), time.Minute); ok {
		f.options.Logger.Warn(text, "stream", f.options.Stream, "shard", f.options.Shard, "error", err, "similar", n)
	}
}

// sleep waits longer after each failure.
func sleep(ctx context.Context, failures int) {
	pause := min(lastPause, firstPause<<min(failures, 10))
	pause = pause/2 + rand.N(pause/2)
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Metrics are those of all Forwarders of a gateway.
type Metrics struct {
	records    *prometheus.CounterVec
	duplicates prometheus.Counter
	lag        *prometheus.Desc
	inFlight   *prometheus.Desc

	mu  sync.Mutex
	all []*Forwarder
}

// NewMetrics registers the metrics; a nil registerer registers none.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_forward_records_total",
			Help: "Attempts to store a record in a stream, by result: secured, full (no room), refused (can never be stored) or failed (no answer).",
		}, []string{"stream", "result"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gateway_forward_duplicate_acks_total",
			Help: "Records that a stream said to have at the first attempt. They were stored again under another identifier.",
		}),
		lag:      prometheus.NewDesc("gateway_forward_lag_seconds", "Age of the oldest record that is being forwarded: what the loss of this machine would lose. 0 when there is none.", nil, nil),
		inFlight: prometheus.NewDesc("gateway_forward_in_flight", "Records that are published and not confirmed.", []string{"stream"}, nil),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m, m.records, m.duplicates} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("forward: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) join(f *Forwarder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, f)
}

// Lag returns the age of the oldest record that is being forwarded.
func (m *Metrics) Lag(now time.Time) (lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.all {
		if _, oldest := f.state(); !oldest.IsZero() {
			lag = max(lag, now.Sub(oldest))
		}
	}
	return lag
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.lag
	ch <- m.inFlight
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, m.Lag(time.Now()).Seconds())
	m.mu.Lock()
	byStream := map[string]int{}
	for _, f := range m.all {
		n, _ := f.state()
		byStream[f.options.Stream] += n
	}
	m.mu.Unlock()
	for stream, n := range byStream {
		ch <- prometheus.MustNewConstMetric(m.inFlight, prometheus.GaugeValue, float64(n), stream)
	}
}
