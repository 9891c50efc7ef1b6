package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"syslog-gateway/internal/hec/hectest"
)

// shardSteps are the numbers of shards of one life after the other.
var shardSteps = []int{4, 2, 8, 1}

func restartRows() []Row {
	return []Row{
		shardsRow("shards 4, 2, 8, 1 under load, SIGTERM", stopShards),
		shardsRow("shards 4, 2, 8, 1 under load, kill -9", killShards),
		hangRow("a post hangs, the backlog drains, kill -9", false),
		hangRow("a post hangs, kill -9 amid the drain", true),
		ackKillRow(),
		fullStart("start on a full disk", "size=24m", "min_free: 0B, segment_size: 1MiB", fill),
		fullStart("start without inodes", "size=64m,nr_inodes=200", "min_free: 0B, segment_size: 64KiB", fillInodes),
	}
}

// noneLate wants that nothing comes twice which was answered more than the tally's grace
// before a kill.
func (b *bed) noneLate() {
	late := b.tally.late.Load()
	worst := time.Duration(b.tally.worst.Load()) * time.Microsecond
	b.res.note("%d of %d that came twice were answered more than %v before the kill; the first %v before it",
		late, b.tally.twice.Load(), b.tally.grace, worst.Round(time.Millisecond))
	if late > 0 {
		b.res.problem("%d came twice though they were answered more than %v before the kill", late, b.tally.grace)
	}
}

func shardLayout(o *Options, f *fault, shards int) layout {
	l := layout{numbers: o.pick(60_000, 200_000), queue: "min_free: 1MB, segment_size: 1MiB", hec: ", compression: none",
		endpoints: []hectest.Options{{Script: f.script}}}
	if shards > 0 {
		l.rest = fmt.Sprintf("balancer: {shards: %d}\n", shards)
	}
	return l
}

// shardsRow changes the number of shards with each restart. The endpoint is busy before
// each, so that there is a backlog in all of them.
func shardsRow(name string, happen func(context.Context, *bed, *fault) error) Row {
	f := &fault{answer: hectest.Busy()}
	return on(name, func(o *Options) layout { return shardLayout(o, f, shardSteps[0]) },
		func(ctx context.Context, b *bed) error {
			err := happen(ctx, b, f)
			folders, globErr := filepath.Glob(filepath.Join(b.queuePath(), "shard-*"))
			if want := shardSteps[len(shardSteps)-1]; len(folders) != want {
				b.res.problem("%d folders of shards are left, want %d", len(folders), want)
			}
			if b.res.Books.Dropped != 0 {
				b.res.problem("%d are dropped", b.res.Books.Dropped)
			}
			return errors.Join(err, globErr)
		})
}

func stopShards(ctx context.Context, b *bed, f *fault) error {
	n := len(b.tally.seen)
	if err := b.start(ctx); err != nil {
		return err
	}
	s := b.newSender(streamRate, n)
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	for i, shards := range shardSteps[1:] {
		f.on.Store(true)
		part := n * (i + 1) / len(shardSteps)
		if err := b.until(ctx, rowLimit, "its part is sent", func() bool { return s.written() >= part }); err != nil {
			return err
		}
		if code := b.gw.Stop(time.Minute); code != 0 {
			b.res.problem("exit code %d", code)
		}
		if err := b.configure(shardLayout(b.opts, f, shards)); err != nil {
			return err
		}
		f.on.Store(i%2 == 1) // at every other start delivering goes on at once
		if err := b.start(ctx); err != nil {
			return err
		}
	}
	f.on.Store(false)
	if err := <-ended; err != nil {
		return err
	}
	err := b.settle(ctx, n, 2*rowLimit)
	b.strict()
	return errors.Join(err, dissolveShards(ctx, b))
}

func killShards(ctx context.Context, b *bed, f *fault) error {
	c := &crash{rnd: rand.New(rand.NewPCG(1, 5)), kills: len(shardSteps) - 1, accepted: make(numbers)}
	c.change = func(life int) error { return b.configure(shardLayout(b.opts, f, shardSteps[life])) }
	err := c.run(ctx, b, f)
	return errors.Join(err, dissolveShards(ctx, b))
}

// dissolveShards waits until the folders of the shards that are left over are gone.
func dissolveShards(ctx context.Context, b *bed) error {
	return b.until(ctx, rowLimit, "the folders of left-over shards are gone", func() bool {
		folders, _ := filepath.Glob(filepath.Join(b.queuePath(), "shard-*")) // the pattern is valid
		return len(folders) == shardSteps[len(shardSteps)-1]
	})
}

// hangRow lets one post hang while all that is queued behind it is delivered, and kills
// the gateway: after a minute, or when half of it is delivered. Only what the hanging
// post carries comes then, or what was answered just before.
func hangRow(name string, amid bool) Row {
	var hung atomic.Int64
	var hanging atomic.Bool
	script := func(r *hectest.Request) hectest.Answer {
		if hanging.Load() && hung.CompareAndSwap(0, int64(len(r.Events))) {
			return hectest.Answer{Fault: hectest.Hang}
		}
		return hectest.Answer{}
	}
	return on(name, func(o *Options) layout {
		return layout{numbers: o.pick(100_000, 1_000_000), hec: ", timeout: 2m", endpoints: []hectest.Options{{Script: script}},
			queue: "min_free: 1MB, segment_size: 1MiB"}
	}, func(ctx context.Context, b *bed) error {
		n := len(b.tally.seen)
		hung.Store(0)
		hanging.Store(true)
		b.hec[0].SetDown(true)
		if err := b.start(ctx); err != nil {
			return err
		}
		if err := b.sendAll(ctx, n, false); err != nil {
			return err
		}
		if err := b.untilBooks(ctx, 2*rowLimit, "all is queued", func(k Books) bool { return k.Queued == int64(n) }); err != nil {
			return err
		}
		b.hec[0].SetDown(false)
		began := time.Now()
		most := int64(n)
		if amid {
			most /= 2
		}
		err := b.until(ctx, 2*rowLimit, "what is behind it is delivered", func() bool {
			return hung.Load() > 0 && b.tally.unique.Load() >= most-hung.Load()
		})
		if err != nil {
			return err
		}
		if !amid {
			hang := time.Duration(b.opts.pick(5, 60)) * time.Second
			if err := b.until(ctx, 2*rowLimit, "it has hung", func() bool { return time.Since(began) > hang }); err != nil {
				return err
			}
		}
		b.tally.killed()
		b.gw.Kill()
		hanging.Store(false)
		if err := b.start(ctx); err != nil {
			return err
		}
		recovered, err := b.page.scrape(ctx)
		if err != nil {
			return err
		}
		b.res.note("the post carried %d; %d were found in the queue", hung.Load(), recovered.books().Recovered)
		err = b.settle(ctx, n, 2*rowLimit)
		b.noneLost()
		b.noneLate()
		if !amid {
			b.strict()
		}
		return err
	})
}

// ackKillRow is a series of kills where an event is answered when the indexer says so.
func ackKillRow() Row {
	const poll = 100 * time.Millisecond
	f := &fault{answer: hectest.Busy()}
	return on("acks under load, kill -9", func(o *Options) layout {
		return layout{numbers: (o.pick(3, 8) + 1) * perLife, queue: "min_free: 1MB, segment_size: 1MiB",
			hec:       fmt.Sprintf(", ack: {enabled: true, poll_interval: %v, timeout: 1m}", poll),
			endpoints: []hectest.Options{{Acks: true, Script: f.script}}}
	}, func(ctx context.Context, b *bed) error {
		// An arrival is asked for at the next poll, and that may have just begun.
		b.tally.grace += 2 * poll
		c := &crash{rnd: rand.New(rand.NewPCG(3, 5)), kills: b.opts.pick(3, 8), accepted: make(numbers)}
		return c.run(ctx, b, f)
	})
}

// fullStart starts a gateway with a backlog on a file system that takes nothing more.
// What takes the room stays: delivering must make what is needed.
func fullStart(name, mount, queue string, take func(string) error) Row {
	const n = 8000
	return on(name, func(*Options) layout {
		return layout{numbers: 2 * n, queue: queue, hec: ", compression: none"}
	}, func(ctx context.Context, b *bed) error {
		inside, wrapper, end, err := mountSmall(ctx, b, mount)
		if err != nil {
			return err
		}
		defer end()
		b.hec[0].SetDown(true)
		if err := b.start(ctx, wrapper...); err != nil {
			return fmt.Errorf("start with a tmpfs of its own (which needs root): %w", err)
		}
		if err := b.sendAll(ctx, n, false); err != nil {
			return err
		}
		if err := b.untilBooks(ctx, rowLimit, "all is queued", func(k Books) bool { return k.Queued == n }); err != nil {
			return err
		}
		b.gw.Kill()
		if err := take(filepath.Join(inside, "filler")); err != nil {
			return err
		}
		if err := b.launch(wrapper...); err != nil {
			return err
		}
		if err := untilUnready(ctx, b); err != nil {
			return err
		}
		b.hec[0].SetDown(false)
		if err := b.until(ctx, rowLimit, "the backlog is delivered", func() bool { return b.tally.unique.Load() == n }); err != nil {
			return err
		}
		s := b.newSender(diskRate, 2*n)
		s.next = n
		ended := make(chan error, 1)
		go func() { ended <- s.run(ctx) }()
		return untilRecovered(ctx, b, s, ended)
	})
}

// mountSmall makes a mount namespace with a small tmpfs in the place of the queue, which
// lives until end. inside is the queue's folder as seen from outside; the wrapper starts
// a program in there.
func mountSmall(ctx context.Context, b *bed, mount string) (inside string, wrapper []string, end func(), err error) {
	unshare, err := tool("unshare", "util-linux")
	if err != nil {
		return "", nil, nil, err
	}
	nsenter, err := tool("nsenter", "util-linux")
	if err != nil {
		return "", nil, nil, err
	}
	if err := os.Mkdir(b.queuePath(), 0o750); err != nil {
		return "", nil, nil, fmt.Errorf("make the queue's folder: %w", err)
	}
	cmd := exec.CommandContext(ctx, unshare, "-m", "sh", "-c", `mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec sleep infinity`,
		"sh", mount, b.queuePath())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", nil, nil, fmt.Errorf("make a mount namespace: %w", err)
	}
	end = func() {
		b.gw.Kill() // it is in there
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	said := make([]byte, 8)
	if _, err := out.Read(said); err != nil {
		_ = cmd.Process.Kill()
		return "", nil, nil, fmt.Errorf("mount a tmpfs (which needs root): %w", errors.Join(err, cmd.Wait()))
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	return filepath.Join("/proc", pid, "root", b.queuePath()), []string{nsenter, "-t", pid, "-m"}, end, ctx.Err()
}

// fillInodes makes files until the file system takes no more.
func fillInodes(path string) error {
	if err := os.Mkdir(path, 0o750); err != nil {
		return fmt.Errorf("take the inodes: %w", err)
	}
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(path, strconv.Itoa(i)))
		if errors.Is(err, syscall.ENOSPC) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the inodes: %w", err)
		}
		f.Close()
	}
}
