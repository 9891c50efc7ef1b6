package faults

import (
	"context"
	"fmt"
	"path/filepath"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

// readOutage is how long a path to the disk is away.
const readOutage = 3 * time.Second

// readRows let the disk refuse to give what is queued. An error says nothing about the
// bytes: all of it is delivered, once.
func readRows() []Row {
	backlog := func(o *Options) layout {
		return layout{numbers: o.backlog(), queue: "min_free: 1MB, segment_size: 256KiB"}
	}
	return []Row{
		on("read fails (EIO) for 3 s while a backlog drains", backlog, func(ctx context.Context, r *rig) error {
			return readsFail(ctx, r, "pread64", "", true, false)
		}),
		on("read fails (EIO) for 3 s, of diskqueue too", backlog, func(ctx context.Context, r *rig) error {
			return readsFail(ctx, r, "pread64,read", "", true, true)
		}),
		on("every fifth read fails (EIO)", backlog, func(ctx context.Context, r *rig) error {
			return readsFail(ctx, r, "pread64", ":when=5+5", false, false)
		}),
		on("read fails (EIO) for 3 s at the start", backlog, func(ctx context.Context, r *rig) error {
			return readsFailAtStart(ctx, r, "", false)
		}),
		on("every fifth read fails (EIO) at the start", backlog, func(ctx context.Context, r *rig) error {
			return readsFailAtStart(ctx, r, ":when=5+5", false)
		}),
		on("read fails (EIO) for 3 s at the start after kill -9", backlog, func(ctx context.Context, r *rig) error {
			return readsFailAtStart(ctx, r, "", true)
		}),
	}
}

func (o *Options) backlog() int { return o.pick(20_000, 200_000) }

// fillQueue starts the gateway and lets its queue hold a backlog of n messages.
func fillQueue(ctx context.Context, r *rig, n int) {
	r.hec[0].SetDown(true)
	abort.Must(r.startAndSend(ctx, n))
	abort.Must(r.untilQueued(ctx, 2*rowLimit, n))
}

// readsFail lets reads fail while a backlog drains: for a while, until which nothing can
// be handed out, or now and then until all is delivered.
func readsFail(ctx context.Context, r *rig, calls, when string, outage, segments bool) error {
	strace := abort.Value(tool("strace", "strace"))
	n := r.opts.backlog()
	fillQueue(ctx, r, n)
	var files []string // all, or where sockets are read by the same call, those of the queue
	if segments {
		files = r.shardFiles()
	}
	stop := abort.Value(r.inject(ctx, strace, calls, "EIO"+when, files...))
	defer stop()
	abort.Must(r.until(ctx, rowLimit, "strace is at work", r.traced))
	r.hec[0].SetDown(false)
	if outage {
		abort.Must(untilReadFault(ctx, r))
		abort.Must(waitFor(ctx, r, readOutage))
		stop()
	}
	return untilAllRead(ctx, r, n)
}

// readsFailAtStart lets reads fail from the first moment of a start on.
func readsFailAtStart(ctx context.Context, r *rig, when string, kill bool) error {
	strace := abort.Value(tool("strace", "strace"))
	n := r.opts.backlog()
	fillQueue(ctx, r, n)
	if kill {
		r.gw.Kill()
	} else {
		r.stop(time.Minute)
	}
	r.hec[0].SetDown(false)
	// -D: the gateway is our child, and strace its child. -I2: a signal ends strace.
	abort.Must(r.launch(strace, "-D", "-I2", "-f", "-qq", "-o", filepath.Join(r.dir, "strace.log"),
		"-e", "trace=pread64", "-e", "inject=pread64:error=EIO"+when))
	if when == "" {
		abort.Must(untilReadFault(ctx, r))
		abort.Must(waitFor(ctx, r, readOutage))
		r.untrace()
	}
	err := untilAllRead(ctx, r, n)
	r.untrace()
	r.allRecovered(n)
	return err
}

// untilReadFault waits until /readyz and the log say that the queue cannot be read.
func untilReadFault(ctx context.Context, r *rig) error {
	abort.Must(untilUnready(ctx, r))
	return r.untilLogged(ctx, "queue cannot be read")
}

// untilAllRead wants all of the backlog delivered once, nothing dropped or quarantined, and the
// errors counted.
func untilAllRead(ctx context.Context, r *rig, n int) error {
	err := r.settleStrictly(ctx, n, 2*rowLimit)
	if k := r.res.Counts; r.res.Lost != 0 || k.Dropped != 0 {
		r.res.problem("%d lost, %d dropped", r.res.Lost, k.Dropped)
	}
	m := abort.Value(r.web.scrape(ctx))
	r.res.problemIf(m.sum("gateway_queue_faults_total", `kind="read"`) == 0, `gateway_queue_faults_total{kind="read"} is 0`)
	if c := m.sum("gateway_queue_corrupt_records_total"); c != 0 {
		r.res.problem("%d records are taken for damaged", c)
	}
	if files, _ := filepath.Glob(filepath.Join(r.queuePath(), "corrupt", "*")); len(files) > 0 { // the pattern is valid
		r.res.problem("%d files are quarantined", len(files))
	}
	const shards = 4 // each says it once a minute
	if logged := r.gw.Logged("queue cannot be read"); logged < 1 || logged > shards {
		r.res.problem("the fault was logged %d times, not once for each of %d shards that met it", logged, shards)
	}
	r.res.detail("%d reads failed", m.sum("gateway_queue_faults_total", `kind="read"`))
	abort.Must(err)
	return r.untilReady(ctx, rowLimit, "the gateway is ready")
}

// waitFor lets time go by.
func waitFor(ctx context.Context, r *rig, d time.Duration) error {
	until := time.Now().Add(d)
	return r.until(ctx, 2*d, fmt.Sprintf("%v are over", d), func() bool { return time.Now().After(until) })
}
