package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syslog-gateway/internal/testkit/abort"
	"time"
)

const (
	diskRate     = 4000
	diskMessages = 40_000
	quickDisk    = 12_000
)

func diskRows() []Row {
	rows := []Row{
		smallDisk("disk below queue.min_free, then room", "size=24m", "min_free: 12MB, segment_size: 1MiB", pressed),
		smallDisk("disk below queue.min_free, large segments", "size=24m", "min_free: 12MB", pressed),
		smallDisk("disk full (ENOSPC), then room", "size=24m", "min_free: 0B, segment_size: 1MiB", noSpace),
		smallDisk("disk out of inodes, then room", "size=64m,nr_inodes=24", "min_free: 0B, segment_size: 64KiB", pressed),
	}
	for _, c := range []struct{ name, calls, errno string }{
		{"fsync fails (EIO)", "fsync,fdatasync", "EIO"},
		{"write fails (EIO)", "write,pwrite64", "EIO"},
		{"write fails (ENOSPC)", "write,pwrite64", "ENOSPC"},
		{"write fails (EDQUOT)", "write,pwrite64", "EDQUOT"},
		{"write fails (EROFS)", "write,pwrite64,fsync,fdatasync", "EROFS"},
	} {
		rows = append(rows, on(c.name, func(o *Options) layout {
			return layout{numbers: o.pick(quickDisk, diskMessages)}
		}, func(ctx context.Context, r *rig) error { return diskFails(ctx, r, c.calls, c.errno) }))
	}
	return append(rows, on("removing fails (EROFS), SIGTERM, restart", func(o *Options) layout {
		return layout{numbers: o.pick(quickDisk, diskMessages), queue: "min_free: 1MB, segment_size: 64KiB", hec: ", compression: none"}
	}, unremoved))
}

// smallDisk puts the queue on a small tmpfs of the gateway's own mount namespace.
// Bodies are not compressed, so that it fills.
func smallDisk(name, mount, queue string, happen func(context.Context, *rig) error) Row {
	return on(name, func(*Options) layout {
		return layout{numbers: diskMessages, queue: queue, hec: ", compression: none"}
	}, func(ctx context.Context, r *rig) error {
		unshare := abort.Value(tool("unshare", "util-linux"))
		abort.Value(tool("mount", "mount"))
		if err := os.Mkdir(r.queuePath(), 0o750); err != nil {
			return fmt.Errorf("make the queue's folder: %w", err)
		}
		err := r.start(ctx, unshare, "-m", "sh", "-c",
			`mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"`, "sh", mount, r.queuePath())
		if err != nil {
			return fmt.Errorf("start with a tmpfs of its own (which needs root): %w", err)
		}
		return happen(ctx, r)
	})
}

// inside is a path as the gateway sees it.
func (r *rig) inside(path string) string {
	return filepath.Join("/proc", strconv.Itoa(r.gw.PID()), "root", path)
}

// pressed sends while nothing can be delivered, until the queue refuses more because of
// queue.min_free or missing inodes. Then deliveries free space again.
func pressed(ctx context.Context, r *rig) error {
	return pressDisk(ctx, r, func() error { return nil })
}

// pressDisk is pressed with something to release before the endpoint comes back.
func pressDisk(ctx context.Context, r *rig, release func() error) error {
	r.hec[0].SetDown(true)
	s := r.newSender(0, diskMessages)
	ended := s.begin(ctx)
	abort.Must(senderStalls(ctx, r, s))
	abort.Must(release())
	r.hec[0].SetDown(false)
	return untilRecovered(ctx, r, s, ended)
}

// noSpace takes the last byte away from under the queue, and gives it back.
func noSpace(ctx context.Context, r *rig) error {
	r.hec[0].SetDown(true)
	filler := r.inside(filepath.Join(r.queuePath(), "filler"))
	abort.Must(fill(filler))
	return pressDisk(ctx, r, func() error {
		if err := os.Remove(filler); err != nil {
			return fmt.Errorf("free space: %w", err)
		}
		return nil
	})
}

// fill writes until the file system is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	return nil // it is full
}

// senderStalls waits until the gateway says that it is not ready and the sender feels it.
func senderStalls(ctx context.Context, r *rig, s *sender) error {
	abort.Must(untilUnready(ctx, r))
	last, since := -1, time.Now()
	return r.until(ctx, rowLimit, "the sender is blocked", func() bool {
		if n := s.stuck(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

// stuck is how many were written, also while a write is blocked.
func (s *sender) stuck() int {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		return s.next
	}
	return -2
}

// untilUnready waits until /readyz says why.
func untilUnready(ctx context.Context, r *rig) error {
	return r.until(ctx, rowLimit, "/readyz shows the fault", func() bool {
		ok, text := r.web.ready(ctx)
		return !ok && text != ""
	})
}

// untilRecovered wants that all goes on without a restart and that nothing is lost.
func untilRecovered(ctx context.Context, r *rig, s *sender, ended <-chan error) error {
	began := time.Now()
	abort.Must(r.untilReady(ctx, rowLimit, "the gateway is ready again"))
	r.res.detail("ready again after %.1f s", time.Since(began).Seconds())
	select {
	case err := <-ended:
		abort.Must(err)
	case <-time.After(rowLimit):
		return fmt.Errorf("the sender is still blocked: %d of %d messages are sent", s.stuck(), s.limit)
	}
	return r.settleStrictly(ctx, s.limit, rowLimit)
}

// diskFails lets system calls on the queue's files fail for a while, by strace.
func diskFails(ctx context.Context, r *rig, calls, errno string) error {
	strace := abort.Value(tool("strace", "strace"))
	s, ended := startLoad(ctx, r)
	syncing := strings.HasPrefix(calls, "fsync")
	r.hec[0].SetDown(syncing) // what is delivered needs no sync any more
	stop := abort.Value(r.inject(ctx, strace, calls, errno, r.shardFiles()...))
	defer stop()
	abort.Must(untilUnready(ctx, r))
	stop()
	if syncing { // the next fsync works, and proves nothing
		abort.Must(r.untilLogged(ctx, "what could not be synced is written again"))
		r.hec[0].SetDown(false)
	}
	abort.Must(untilRecovered(ctx, r, s, ended))
	abort.Must(countsFaults(ctx, r, syncing))
	const shards = 4 // each says it once a minute
	if n := r.gw.Logged("queue cannot be written"); n < 1 || n > shards {
		r.res.problem("the fault was logged %d times, not once for each of %d shards that met it", n, shards)
	}
	return nil
}

// countsFaults wants the fault on /metrics.
func countsFaults(ctx context.Context, r *rig, syncing bool) error {
	kind := `kind="write"`
	if syncing {
		kind = `kind="sync"`
	}
	m, err := r.web.scrape(ctx)
	if err == nil && m.sum("gateway_queue_faults_total", kind) == 0 {
		r.res.problem("gateway_queue_faults_total{%s} is 0", kind)
	}
	return err
}

// unremoved lets no file be removed for a while, as when the file system was remounted
// read-only. What was delivered meanwhile may not come again after a stop.
func unremoved(ctx context.Context, r *rig) error {
	strace := abort.Value(tool("strace", "strace"))
	s, ended := startLoad(ctx, r)
	stop := abort.Value(r.inject(ctx, strace, "unlink,unlinkat", "EROFS"))
	defer stop()
	abort.Must(r.untilLogged(ctx, "a consumed segment cannot be removed"))
	stop()
	abort.Must(untilRecovered(ctx, r, s, ended))
	r.stop(time.Minute)
	abort.Must(r.start(ctx))
	return r.settleStrictly(ctx, s.limit, rowLimit)
}

// startLoad starts the gateway and a sender, and waits until messages arrive.
func startLoad(ctx context.Context, r *rig) (*sender, <-chan error) {
	abort.Must(r.start(ctx))
	s := r.newSender(diskRate, r.opts.pick(quickDisk, diskMessages))
	ended := s.begin(ctx)
	abort.Must(r.until(ctx, rowLimit, "it is under load", func() bool { return r.tally.unique.Load() > 1000 }))
	return s, ended
}

// shardFiles are the files of the queue's shards.
func (r *rig) shardFiles() []string {
	files, _ := filepath.Glob(filepath.Join(r.queuePath(), "shard-*", "*")) // the pattern is valid
	return files
}
