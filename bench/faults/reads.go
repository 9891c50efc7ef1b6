package faults

import (
	"context"
	"fmt"
	"path/filepath"
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
		on("read fails (EIO) for 3 s while a backlog drains", backlog, func(ctx context.Context, b *bed) error {
			return readsFail(ctx, b, "pread64", "", true, false)
		}),
		on("read fails (EIO) for 3 s, of diskqueue too", backlog, func(ctx context.Context, b *bed) error {
			return readsFail(ctx, b, "pread64,read", "", true, true)
		}),
		on("every fifth read fails (EIO)", backlog, func(ctx context.Context, b *bed) error {
			return readsFail(ctx, b, "pread64", ":when=5+5", false, false)
		}),
		on("read fails (EIO) for 3 s at the start", backlog, func(ctx context.Context, b *bed) error {
			return readsFailAtStart(ctx, b, "", false)
		}),
		on("every fifth read fails (EIO) at the start", backlog, func(ctx context.Context, b *bed) error {
			return readsFailAtStart(ctx, b, ":when=5+5", false)
		}),
		on("read fails (EIO) for 3 s at the start after kill -9", backlog, func(ctx context.Context, b *bed) error {
			return readsFailAtStart(ctx, b, "", true)
		}),
	}
}

func (o *Options) backlog() int { return o.pick(20_000, 200_000) }

// fillQueue starts the gateway and lets its queue hold a backlog.
func fillQueue(ctx context.Context, b *bed) (n int, err error) {
	n = b.opts.backlog()
	b.hec[0].SetDown(true)
	if err := b.start(ctx); err != nil {
		return n, err
	}
	if err := b.sendAll(ctx, n, false); err != nil {
		return n, err
	}
	return n, b.untilBooks(ctx, rowLimit, "all is queued", func(k Books) bool { return k.Queued == int64(n) })
}

// readsFail lets reads fail while a backlog drains: for a while, until which nothing can
// be handed out, or now and then until all is delivered.
func readsFail(ctx context.Context, b *bed, calls, when string, outage, segments bool) error {
	strace, err := tool("strace", "strace")
	if err != nil {
		return err
	}
	n, err := fillQueue(ctx, b)
	if err != nil {
		return err
	}
	var files []string // all, or where sockets are read by the same call, those of the queue
	if segments {
		files = b.shardFiles()
	}
	stop, err := b.inject(ctx, strace, calls, "EIO"+when, files...)
	if err != nil {
		return err
	}
	defer stop()
	if err := b.until(ctx, rowLimit, "strace is at work", b.traced); err != nil {
		return err
	}
	b.hec[0].SetDown(false)
	if outage {
		if err := untilReadFault(ctx, b); err != nil {
			return err
		}
		if err := waitFor(ctx, b, readOutage); err != nil {
			return err
		}
		stop()
	}
	return untilAllRead(ctx, b, n)
}

// readsFailAtStart lets reads fail from the first moment of a start on.
func readsFailAtStart(ctx context.Context, b *bed, when string, kill bool) error {
	strace, err := tool("strace", "strace")
	if err != nil {
		return err
	}
	n, err := fillQueue(ctx, b)
	if err != nil {
		return err
	}
	if kill {
		b.gw.Kill()
	} else if code := b.gw.Stop(time.Minute); code != 0 {
		b.res.problem("exit code %d", code)
	}
	b.hec[0].SetDown(false)
	// -D: the gateway is our child, and strace its child. -I2: a signal ends strace.
	if err := b.launch(strace, "-D", "-I2", "-f", "-qq", "-o", filepath.Join(b.dir, "strace.log"),
		"-e", "trace=pread64", "-e", "inject=pread64:error=EIO"+when); err != nil {
		return err
	}
	if when == "" {
		if err := untilReadFault(ctx, b); err != nil {
			return err
		}
		if err := waitFor(ctx, b, readOutage); err != nil {
			return err
		}
		b.untrace()
	}
	err = untilAllRead(ctx, b, n)
	b.untrace()
	if b.res.Books.Recovered != int64(n) {
		b.res.problem("%d of %d were found in the queue", b.res.Books.Recovered, n)
	}
	return err
}

// untilReadFault waits until /readyz and the log say that the queue cannot be read.
func untilReadFault(ctx context.Context, b *bed) error {
	if err := untilUnready(ctx, b); err != nil {
		return err
	}
	const said = "queue cannot be read"
	return b.until(ctx, rowLimit, said, func() bool { return b.gw.Logged(said) > 0 })
}

// untilAllRead wants all of the backlog delivered once, nothing dropped or set aside, and the
// errors counted.
func untilAllRead(ctx context.Context, b *bed, n int) error {
	err := b.settle(ctx, n, 2*rowLimit)
	b.strict()
	if k := b.res.Books; b.res.Lost != 0 || k.Dropped != 0 {
		b.res.problem("%d lost, %d dropped", b.res.Lost, k.Dropped)
	}
	m, serr := b.page.scrape(ctx)
	if serr != nil {
		return serr
	}
	if m.sum("gateway_queue_faults_total", `kind="read"`) == 0 {
		b.res.problem(`gateway_queue_faults_total{kind="read"} is 0`)
	}
	if c := m.sum("gateway_queue_corrupt_records_total"); c != 0 {
		b.res.problem("%d records are taken for damaged", c)
	}
	if files, _ := filepath.Glob(filepath.Join(b.queuePath(), "corrupt", "*")); len(files) > 0 { // the pattern is valid
		b.res.problem("%d files are set aside", len(files))
	}
	const shards = 4 // each says it once a minute
	if logged := b.gw.Logged("queue cannot be read"); logged < 1 || logged > shards {
		b.res.problem("the fault was logged %d times, not once for each of %d shards that met it", logged, shards)
	}
	b.res.note("%d reads failed", m.sum("gateway_queue_faults_total", `kind="read"`))
	if err != nil {
		return err
	}
	return b.until(ctx, rowLimit, "the gateway is ready", func() bool {
		ok, _ := b.page.ready(ctx)
		return ok
	})
}

// waitFor lets time go by.
func waitFor(ctx context.Context, b *bed, d time.Duration) error {
	until := time.Now().Add(d)
	return b.until(ctx, 2*d, fmt.Sprintf("%v are over", d), func() bool { return time.Now().After(until) })
}
