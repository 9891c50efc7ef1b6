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
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit/abort"
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

// noneLate checks that no message is duplicated that was answered more than the tally's
// grace before a kill.
func (r *rig) noneLate() {
	late := r.tally.late.Load()
	worst := time.Duration(r.tally.worst.Load()) * time.Microsecond
	r.res.detail("%d of %d that came twice were answered more than %v before the kill; the first %v before it",
		late, r.tally.twice.Load(), r.tally.grace, worst.Round(time.Millisecond))
	r.res.problemIf(late > 0, "%d came twice though they were answered more than %v before the kill", late, r.tally.grace)
}

func shardLayout(o *Options, f *fault, shards int) layout {
	l := layout{numbers: o.pick(60_000, 200_000), queue: "min_free: 1MB, segment_size: 1MiB", hec: ", compression: none",
		endpoints: []hectest.Options{{Script: f.script}}}
	if shards > 0 {
		l.sections = fmt.Sprintf("balancer: {shards: %d}\n", shards)
	}
	return l
}

// shardsRow changes the number of shards with each restart. The endpoint is busy before
// each, so that there is a backlog in all of them.
func shardsRow(name string, happen func(context.Context, *rig, *fault) error) Row {
	f := &fault{answer: hectest.Busy()}
	return on(name, func(o *Options) layout { return shardLayout(o, f, shardSteps[0]) },
		func(ctx context.Context, r *rig) error {
			err := happen(ctx, r, f)
			folders, globErr := filepath.Glob(filepath.Join(r.queuePath(), "shard-*"))
			if want := shardSteps[len(shardSteps)-1]; len(folders) != want {
				r.res.problem("%d folders of shards remain, want %d", len(folders), want)
			}
			r.res.problemIf(r.res.Counts.Dropped != 0, "%d are dropped", r.res.Counts.Dropped)
			return errors.Join(err, globErr)
		})
}

func stopShards(ctx context.Context, r *rig, f *fault) error {
	n := len(r.tally.seen)
	abort.Must(r.start(ctx))
	s := r.newSender(streamRate, n)
	ended := s.begin(ctx)
	for i, shards := range shardSteps[1:] {
		f.on.Store(true)
		part := n * (i + 1) / len(shardSteps)
		abort.Must(r.until(ctx, rowLimit, "its part is sent", func() bool { return s.written() >= part }))
		r.stop(time.Minute)
		abort.Must(r.configure(shardLayout(r.opts, f, shards)))
		f.on.Store(i%2 == 1) // at every other start delivering goes on at once
		abort.Must(r.start(ctx))
	}
	f.on.Store(false)
	abort.Must(<-ended)
	err := r.settleStrictly(ctx, n, 2*rowLimit)
	return errors.Join(err, dissolveShards(ctx, r))
}

func killShards(ctx context.Context, r *rig, f *fault) error {
	c := &crash{rnd: rand.New(rand.NewPCG(1, 5)), kills: len(shardSteps) - 1, accepted: make(numbers)}
	c.change = func(life int) error { return r.configure(shardLayout(r.opts, f, shardSteps[life])) }
	err := c.run(ctx, r, f)
	return errors.Join(err, dissolveShards(ctx, r))
}

// dissolveShards waits until the folders of superfluous shards are gone.
func dissolveShards(ctx context.Context, r *rig) error {
	return r.until(ctx, rowLimit, "the folders of superfluous shards are gone", func() bool {
		folders, _ := filepath.Glob(filepath.Join(r.queuePath(), "shard-*")) // the pattern is valid
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
	}, func(ctx context.Context, r *rig) error {
		n := len(r.tally.seen)
		hung.Store(0)
		hanging.Store(true)
		fillQueue(ctx, r, n)
		r.hec[0].SetDown(false)
		began := time.Now()
		most := int64(n)
		if amid {
			most /= 2
		}
		abort.Must(r.until(ctx, 2*rowLimit, "what is behind it is delivered", func() bool {
			return hung.Load() > 0 && r.tally.unique.Load() >= most-hung.Load()
		}))
		if !amid {
			hang := time.Duration(r.opts.pick(5, 60)) * time.Second
			abort.Must(r.until(ctx, 2*rowLimit, "it has hung", func() bool { return time.Since(began) > hang }))
		}
		r.tally.killed()
		r.gw.Kill()
		hanging.Store(false)
		abort.Must(r.start(ctx))
		recovered := abort.Value(r.web.scrape(ctx))
		r.res.detail("the post carried %d; %d were found in the queue", hung.Load(), recovered.counts().Recovered)
		err := r.settle(ctx, n, 2*rowLimit)
		r.noneLost()
		r.noneLate()
		if !amid {
			r.strict()
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
	}, func(ctx context.Context, r *rig) error {
		// An arrival is asked for at the next poll, and that may have just begun.
		r.tally.grace += 2 * poll
		c := &crash{rnd: rand.New(rand.NewPCG(3, 5)), kills: r.opts.pick(3, 8), accepted: make(numbers)}
		return c.run(ctx, r, f)
	})
}

// fullStart starts a gateway with a backlog on a file system that takes nothing more.
// The filler stays: delivering must free the space that is needed.
func fullStart(name, mount, queue string, take func(string) error) Row {
	const n = 8000
	return on(name, func(*Options) layout {
		return layout{numbers: 2 * n, queue: queue, hec: ", compression: none"}
	}, func(ctx context.Context, r *rig) error {
		inside, wrapper, end := mountSmall(ctx, r, mount)
		defer end()
		r.hec[0].SetDown(true)
		if err := r.start(ctx, wrapper...); err != nil {
			return fmt.Errorf("start with a tmpfs of its own (which needs root): %w", err)
		}
		abort.Must(r.sendAll(ctx, n, false))
		abort.Must(r.untilQueued(ctx, rowLimit, n))
		r.gw.Kill()
		abort.Must(take(filepath.Join(inside, "filler")))
		abort.Must(r.launch(wrapper...))
		abort.Must(untilUnready(ctx, r))
		r.hec[0].SetDown(false)
		abort.Must(r.untilArrived(ctx, "the backlog is delivered", n))
		s := r.newSender(diskRate, 2*n)
		s.next = n
		return untilRecovered(ctx, r, s, s.begin(ctx))
	})
}

// mountSmall makes a mount namespace with a small tmpfs at the queue's path, which
// lives until end. inside is the queue's folder as seen from outside; the wrapper starts
// a program in there.
func mountSmall(ctx context.Context, r *rig, mount string) (inside string, wrapper []string, end func()) {
	inside, wrapper, unmount := mountApart(ctx, r.queuePath(), "-t", "tmpfs", "-o", mount, "tmpfs")
	return inside, wrapper, func() {
		r.gw.Kill() // it is in there
		unmount()
	}
}

// mountApart makes a folder and a mount namespace with something mounted there, by the
// arguments of mount(8). It lives until end, which needs that no program is in there.
func mountApart(ctx context.Context, path string, mount ...string) (inside string, wrapper []string, end func()) {
	unshare, nsenter := abort.Value(tool("unshare", "util-linux")), abort.Value(tool("nsenter", "util-linux"))
	abort.Value(tool("mount", "mount"))
	if err := os.MkdirAll(path, 0o750); err != nil {
		abort.Must(fmt.Errorf("make a folder: %w", err))
	}
	args := append([]string{"-m", "sh", "-c", `mount "$@" && echo mounted && exec sleep infinity`, "sh"}, mount...)
	cmd := exec.CommandContext(ctx, unshare, append(args, path)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		abort.Must(fmt.Errorf("make a mount namespace: %w", err))
	}
	end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	said := make([]byte, 8)
	if _, err := out.Read(said); err != nil {
		_ = cmd.Process.Kill()
		abort.Must(fmt.Errorf("mount %s (which needs root): %w", strings.Join(mount, " "), errors.Join(err, cmd.Wait())))
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	return filepath.Join("/proc", pid, "root", path), []string{nsenter, "-t", pid, "-m"}, end
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
