package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"syslog-gateway/internal/testkit/abort"
)

// powerRows cut the power of all nodes at once. With the interval of NATS's default what was
// acknowledged must be lost: else the row could not see a loss.
func powerRows() []Row {
	return []Row{
		powerRow("power cut of all nodes", "", func(f *fleet, secured int64) {
			f.res.problemIf(f.res.Lost != 0, "%d messages are lost, %d were secured", f.res.Lost, secured)
			f.res.problemIf(f.res.Duplicated > f.underWay(), "%d came twice, at most %d may", f.res.Duplicated, f.underWay())
		}),
		powerRow("power cut of all nodes, sync_interval 2m, which loses", "2m", func(f *fleet, secured int64) {
			f.res.problemIf(f.res.Lost == 0, "nothing is lost of %d that were secured: the row cannot see a loss", secured)
		}),
	}
}

// powerRow keeps the stores of all nodes on one ext4 image behind a loop device. A power cut
// is a copy of the image, taken while the nodes are frozen: it holds what was written back to
// the disk, and nothing else. The nodes begin again with the copy.
func powerRow(name, sync string, judge func(f *fleet, secured int64)) Row {
	onDisk := func(f *fleet, n *node, text string) string {
		store := filepath.Join(f.disk(), fmt.Sprint("node", n.number))
		return strings.Replace(text, `store_dir: "store"`, fmt.Sprintf("store_dir: %q", store), 1)
	}
	row := clustered(name, cluster{each: 20_000, streams: 1, sync: sync, receives: [2]bool{true, false}, conf: onDisk}, func(ctx context.Context, f *fleet) error {
		first := f.gws[0]
		image, copied := filepath.Join(first.dir, "disk.img"), filepath.Join(first.dir, "copy.img")
		abort.Must(makeImage(ctx, image))
		unmount := f.mount(ctx, image)
		defer func() { f.crash(unmount) }()
		f.startAll(ctx, f.nodes...)
		abort.Must(first.launch())
		abort.Must(f.wait(ctx, "the streams can be used", func() bool { return f.up(ctx, first) }))
		s := first.newSender(2*fleetRate, 2*f.each)
		ended := s.begin(ctx)
		abort.Must(f.wait(ctx, "most is secured", func() bool { return f.sum(ctx, "gateway_secured_events_total") > int64(3*f.each/2) }))
		for _, n := range f.nodes {
			abort.Must(n.proc.Freeze())
		}
		secured := f.sum(ctx, "gateway_secured_events_total")
		if out, err := exec.CommandContext(ctx, "cp", "--sparse=always", image, copied).CombinedOutput(); err != nil {
			return fmt.Errorf("copy the image: %w: %s", err, out)
		}
		f.crash(unmount)
		unmount = f.mount(ctx, copied)
		began := time.Now()
		for _, n := range f.nodes {
			abort.Must(n.start())
		}
		abort.Must(<-ended)
		abort.Must(f.gws[1].launch())
		arrived := func() bool { return first.tally.unique.Load() == int64(2*f.each) }
		if sync == "" {
			abort.Must(f.wait(ctx, "all has arrived", arrived))
			f.res.detail("all had arrived %.1f s after the cut", time.Since(began).Seconds())
			f.settle(ctx, 2*f.each)
		} else { // the stream may never have a leader again
			for last := int64(-1); last != first.tally.unique.Load() && !arrived(); pass(ctx, 15*time.Second) {
				last = first.tally.unique.Load()
			}
			f.count(Counts{})
		}
		f.res.detail("%d were secured before it", secured)
		judge(f, secured)
		return nil
	})
	run := row.run
	row.run = func(ctx context.Context, o *Options, res *Result) error {
		if out, err := exec.CommandContext(ctx, "losetup", "-f").CombinedOutput(); err != nil || os.Geteuid() != 0 {
			res.Skipped = strings.TrimSpace(fmt.Sprintf("it needs root and a loop device: %v %s", err, out))
			return nil
		}
		return run(ctx, o, res)
	}
	return row
}

// disk is where the file system of all nodes is mounted.
func (f *fleet) disk() string { return filepath.Join(f.gws[0].dir, "disk") }

// mount mounts an image in a namespace in which the nodes will run.
func (f *fleet) mount(ctx context.Context, image string) (end func()) {
	_, wrapper, end := mountApart(ctx, f.disk(), "-o", "loop", image)
	for _, n := range f.nodes {
		n.wrapper = wrapper
	}
	return end
}

// crash kills the nodes, and unmounts their disk.
func (f *fleet) crash(unmount func()) {
	for _, n := range f.nodes {
		n.kill()
	}
	unmount()
}

// makeImage makes a file with an ext4 file system.
func makeImage(ctx context.Context, path string) error {
	mkfs, err := tool("mkfs.ext4", "e2fsprogs")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return fmt.Errorf("make an image: %w", err)
	}
	if err := syscall.Truncate(path, 400<<20); err != nil {
		return fmt.Errorf("make an image: %w", err)
	}
	if out, err := exec.CommandContext(ctx, mkfs, "-q", "-F", path).CombinedOutput(); err != nil {
		return fmt.Errorf("make a file system: %w: %s", err, out)
	}
	return nil
}
