package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"
)

// slowSync is a sync that takes so long that it is worth a warning.
const slowSync = time.Second

// maxSyncs is how many segments one sync covers, newest first. After a start all segments
// need a sync, and each is opened for it.
const maxSyncs = 64

// syncer brings appended records to stable storage through its own files, because
// diskqueue's sync hides its errors. After a failed sync it is used under Shard.io.
type syncer struct {
	disk     *diskLog
	win      *window
	folder   *folder
	acks     *ackStore
	fault    *fault
	interval time.Duration
	log      *slog.Logger
	slow     throttle.Throttle // of the warning that a sync took long

	// again is when a segment whose sync has failed may be copied again, after wait.
	again time.Time
	wait  time.Duration
}

// dirtySegment is a segment with bytes that may not be on stable storage.
type dirtySegment struct {
	seg      *segmentState
	file     *os.File
	from, to int64
	unsynced bool // its last sync has failed
}

// unsynced reports whether a segment is unsynced: its sync failed and no resync has worked.
func (y *syncer) unsynced() (failed bool) {
	y.win.with(func(s *windowState) {
		failed = slices.ContainsFunc(s.segs, func(seg *segmentState) bool { return seg.unsynced })
	})
	return failed
}

// once syncs and makes the outcome visible. began is when the caller began to wait for
// Shard.io. observe gets the duration of a sync that had anything to do.
func (y *syncer) once(what scope, began time.Time, observe func(time.Duration)) error {
	worked, err := y.sync(what)
	if err != nil {
		return y.fault.set(err)
	}
	y.fault.clear()
	if !worked {
		return nil
	}
	took := time.Since(began)
	observe(took)
	if took > slowSync {
		if n, ok := y.slow.Ready(time.Now(), alarmEvery); ok {
			y.log.Warn("queue: the disk is slow to sync", "took", took, "slow_before", n)
		}
	}
	return nil
}

// waits returns the fault while it is too early to resync an unsynced segment again.
func (y *syncer) waits(now time.Time) error {
	if err := y.fault.err(); err != nil && now.Before(y.again) {
		return err
	}
	return nil
}

// scope says what a sync covers.
type scope uint8

const (
	records      scope = 1 << iota // the segments, and the names of files
	acknowledged                   // the list of acknowledged records
)

// sync syncs the segments, then the list of acknowledged records, then the folder. worked
// reports whether there was anything to do. There may be more then.
func (y *syncer) sync(what scope) (worked bool, err error) {
	if y.folder.gone.Load() {
		return false, nil
	}
	names := y.folder.beginSync()
	var dirty []dirtySegment
	y.win.with(func(s *windowState) { dirty, err = s.dirty() })
	for _, d := range dirty {
		if e := y.syncSegment(d); e != nil {
			err = errors.Join(err, e)
		}
	}
	if what&acknowledged != 0 {
		y.acks.sync()
	}
	if names {
		forgotten, e := y.folder.sync()
		if forgotten { // what the next list leaves out
			y.acks.changed.set()
		}
		err = errors.Join(err, e)
	}
	return names || len(dirty) > 0, err
}

// syncAll syncs until there is nothing left to sync.
func (y *syncer) syncAll(ctx context.Context) error {
	for {
		if more, err := y.sync(records | acknowledged); !more || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// dirty returns the segments to sync. It closes files that are not needed.
func (s *windowState) dirty() (all []dirtySegment, err error) {
	for _, seg := range slices.Backward(s.segs) {
		if seg.size <= seg.synced {
			err = errors.Join(err, s.shelve(seg))
			continue
		}
		if len(all) == maxSyncs {
			break
		}
		f, e := seg.open()
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		all = append(all, dirtySegment{seg, f, seg.synced, seg.size, seg.unsynced})
	}
	return all, err
}

func (y *syncer) syncSegment(d dirtySegment) error {
	if d.unsynced {
		return y.resync(d)
	}
	err := dataSync(d.file)
	if err != nil {
		err = errors.Join(err, segment.WriteUnsynced(d.seg.path, d.from))
	}
	y.win.with(func(s *windowState) {
		switch {
		case d.seg.file != d.file: // consumed meanwhile: remove the .doubt file too
			err = segment.Remove(d.seg.path + segment.UnsyncedSuffix)
		case err == nil:
			d.seg.synced = d.to
			err = s.shelve(d.seg)
		default:
			d.seg.unsynced = true
			err = fmt.Errorf("sync %s: %w", d.seg.path, err)
		}
	})
	return err
}
