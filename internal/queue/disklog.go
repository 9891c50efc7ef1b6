package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"
)

var (
	// errAstray says that diskqueue wrote at a position that we do not expect.
	errAstray = errors.New("queue: diskqueue has lost its position and was attached again; try again")
	errNoDisk = errors.New("queue: diskqueue is not attached")
)

// diskLog keeps the segment files, diskqueue and the window in step: it begins segments,
// lets diskqueue go through what is done, and removes what is consumed. It is used under
// Shard.io.
type diskLog struct {
	root, name, dir string
	log             *slog.Logger
	dq              *backend
	win             *window
	folder          *folder
	budget          *budget
	faults          *faults
	totals          *totals

	closed     bool
	stale      bool  // diskqueue reads where we do not: attach before receiving
	attachedAt int64 // number of the segment at which diskqueue was started
	removals   throttle.Throttle
}

func (l *diskLog) path(num int64) string { return filepath.Join(l.dir, segment.Name(num)) }

// last is the segment that is written to.
func (l *diskLog) last() (last *segmentState) {
	l.win.with(func(s *windowState) { last = s.last() })
	return last
}

// attach starts diskqueue, or starts it anew, at the place where we are. What is done is
// consumed by that.
func (l *diskLog) attach() error {
	l.dq.stop()
	l.consumeDone()
	if err := l.restoreFiles(); err != nil {
		return err
	}
	var m segment.Meta
	l.win.with(func(s *windowState) { m = s.attachPoint() })
	if err := l.dq.start(m); err != nil {
		return err
	}
	l.attachedAt, l.stale = m.Read.Num, false
	return nil
}

// reattach is attach after a change. Its failure is a fault.
func (l *diskLog) reattach() error {
	if err := l.attach(); err != nil {
		return l.faults.write.set(fmt.Errorf("attach: %w", err))
	}
	return nil
}

// consumeDone consumes what is done without diskqueue, which must be stopped.
func (l *diskLog) consumeDone() {
	l.win.with(func(s *windowState) {
		for _, ok := s.out.oldestDone(); ok; _, ok = s.out.oldestDone() {
			s.out.pop()
		}
	})
	l.reap()
}

// restoreFiles brings the files to the state of the window: it creates the folder and the
// segment to write to, undoes diskqueue's renaming, and truncates the remains of a failed
// append. A start with a full disk has done none of it.
func (l *diskLog) restoreFiles() error {
	if err := l.makeFolder(); err != nil {
		return err
	}
	var segs []*segmentState
	l.win.with(func(s *windowState) { segs = slices.Clone(s.segs) })
	for i, seg := range segs {
		last := i == len(segs)-1
		st, err := os.Stat(seg.path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.Rename(seg.path+segment.BadSuffix, seg.path); err == nil {
				st, err = os.Stat(seg.path)
			} else if errors.Is(err, fs.ErrNotExist) && last && seg.size == 0 {
				st, err = l.makeFile(seg)
			}
		}
		if err != nil {
			return fmt.Errorf("queue: restore a segment: %w", err)
		}
		if last && st.Size() > seg.size {
			if err := recovery.Truncate(seg.path, seg.size); err != nil {
				return err
			}
		}
	}
	return l.dq.removeLitter()
}

// makeFolder makes the shard's folder if it is missing.
func (l *diskLog) makeFolder() error {
	err := os.Mkdir(l.dir, segment.DirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: make the folder of a shard: %w", err)
	}
	return durable.SyncDir(l.root)
}

// makeFile makes the file of a segment that has begun in memory only.
func (l *diskLog) makeFile(seg *segmentState) (fs.FileInfo, error) {
	f, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, segment.FileMode)
	if err != nil {
		return nil, err
	}
	l.win.with(func(*windowState) { seg.file = f })
	l.folder.changed()
	return f.Stat()
}

// inMemory is a segment without a file: restoreFiles makes that.
func (l *diskLog) inMemory(num int64) *segmentState {
	return &segmentState{num: num, path: l.path(num)}
}

// begin begins the segment behind the last one. Remains of a failed append are truncated.
func (l *diskLog) begin() error {
	seg := l.inMemory(l.last().num + 1)
	f, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, segment.FileMode)
	if err != nil {
		return fmt.Errorf("queue: begin a segment: %w", err)
	}
	seg.file = f
	l.win.with(func(s *windowState) { s.segs = append(s.segs, seg) })
	l.folder.changed()
	return nil
}

// endSegment begins a new segment if that of the number is the last one.
func (l *diskLog) endSegment(num int64) error {
	if l.last().num != num {
		return nil
	}
	if err := l.begin(); err != nil {
		return err
	}
	return l.attach()
}

// renew begins a segment in place of the last one, all of which is done.
func (l *diskLog) renew() error {
	err := l.begin()
	switch {
	case err != nil:
	case !l.dq.running(): // the store is being closed
		l.consumeDone()
	default:
		err = l.attach() // behind the old segment, which goes by that
	}
	if err != nil {
		return l.faults.write.set(fmt.Errorf("begin a segment in place of one that is consumed: %w", err))
	}
	return l.budget.measure()
}

// retire gives the space of the last segment back if all of it is consumed. On a file
// system that is nearly full no segment may ever grow to its full size, and space comes
// free by whole segments only.
func (l *diskLog) retire() error {
	var consumed bool
	l.win.with(func(s *windowState) { consumed = s.consumedAll() })
	if !consumed {
		return nil
	}
	return l.renew()
}

// removeLast removes the last segment if all of it is consumed and there is no room for
// another: its file is removed first, and attaching creates the next one.
func (l *diskLog) removeLast() (removed bool) {
	l.win.with(func(s *windowState) {
		if removed = s.consumedAll(); removed {
			s.segs = append(s.segs, l.inMemory(s.last().num+1))
		}
	})
	if removed {
		l.dq.stop() // which has the file open
		l.reap()
	}
	return removed
}

// detach takes a segment away from diskqueue, which cannot read it: from here on its
// records are read and consumed by us alone, and the file goes when all are.
func (l *diskLog) detach(seg *segmentState, why string) error {
	l.log.Warn("queue: a segment is read without diskqueue from here on", "file", seg.path, "reason", why)
	if seg == l.last() {
		if err := l.begin(); err != nil {
			return l.faults.write.set(err)
		}
	}
	seg.detached = true
	return l.reattach()
}

// advance consumes up to n records that are done, from the oldest on, and stops at the
// first that is not. It says whether there may be more.
func (l *diskLog) advance(n int) (more bool) {
	for range n {
		l.reap() // before receiving: it knows of segments that diskqueue must not enter
		var e entry
		var ok bool
		l.win.with(func(s *windowState) { e, ok = s.out.oldestDone() })
		if !ok || l.receive(e) != nil {
			return false
		}
	}
	l.reap()
	return true
}

// receive consumes the record of e, which is done and the oldest.
func (l *diskLog) receive(e entry) error {
	switch {
	case l.closed:
		return errNoDisk
	case !l.dq.running(): // it will be attached behind this record
	case l.stale: // attaching consumes what is done
		return l.reattach()
	case !e.seg.detached && !l.dq.offers(e.Seq, e.seg.path):
		return l.detach(e.seg, "diskqueue skipped records of it")
	}
	l.win.with(func(s *windowState) { s.out.pop() })
	return nil
}

// reap removes the segments that are consumed.
//
// diskqueue removes a segment by itself only when it reaches the end after the next one
// was begun. When it has caught up, it reads to the end of a segment that is then closed
// behind its back, takes that for damage, and renames the segment to .bad. So we delete
// the file before diskqueue sees its end, and the renaming fails.
func (l *diskLog) reap() {
	freed := int64(0)
	for {
		var seg *segmentState
		var file *os.File
		var idle bool
		l.win.with(func(s *windowState) {
			if seg, file, idle = s.takeConsumed(); seg != nil {
				l.folder.remove(seg.num, seg.done)
			}
		})
		if seg == nil {
			switch {
			case freed > 0:
				l.budget.remove(freed)
			case idle:
				l.budget.retry()
			}
			return
		}
		if seg.detached && seg.num >= l.attachedAt {
			l.stale = true
		}
		if file != nil {
			file.Close() // an error does not matter: all of it is consumed
		}
		l.remove(seg)
		freed += seg.size
		l.totals.allocated.Add(-seg.size)
	}
}

// remove removes the file of a consumed segment. One that stays, since the file system is
// read-only for a while, would be delivered again after a restart, so removeStayed tries
// it again. Its bytes count as free although the file remains: else drop_oldest would drop
// one segment after another for them.
func (l *diskLog) remove(seg *segmentState) {
	err := l.discard(seg)
	if err == nil {
		return
	}
	l.folder.stays(seg)
	if n, ok := l.removals.Ready(time.Now(), alarmEvery); ok {
		l.log.Error("queue: a consumed segment cannot be removed; it is tried again until it works",
			"file", seg.path, "error", err, "times_before", n)
	}
}

// removeStayed tries again to remove what remove could not.
func (l *diskLog) removeStayed() {
	all := l.folder.retry()
	for _, seg := range all {
		l.remove(seg)
	}
	if len(all) > 0 {
		l.folder.changed()
	}
}

func (l *diskLog) discard(seg *segmentState) error {
	if !seg.keep {
		return segment.RemoveAll(seg.path)
	}
	_, err := quarantine.Move(l.root, l.name, seg.num, seg.located(), "")
	if errors.Is(err, fs.ErrNotExist) { // an earlier attempt has moved it
		err = nil
	}
	return errors.Join(err, segment.Remove(seg.path+segment.UnsyncedSuffix))
}

// resume tries to write again after a failure. It attaches diskqueue anew, which truncates
// the remains of the failed append, and writes a file. If there is no room, it first removes
// the last segment, if that is consumed.
func (l *diskLog) resume() error {
	try := func() error {
		if err := l.attach(); err != nil {
			return err
		}
		return l.probe()
	}
	err := try()
	if recovery.NoRoom(err) && l.removeLast() {
		err = try()
	}
	return err
}

// probe writes as much as a small record: into a file of its own, or if there is no room
// for a file, behind the end of the last segment.
func (l *diskLog) probe() error {
	data := make([]byte, segment.ReadSize)
	path, err := durable.Beside(filepath.Join(l.dir, segment.Prefix+"probe"), data, segment.FileMode)
	if err == nil {
		err = segment.Remove(path)
	}
	last := l.last()
	if !recovery.NoRoom(err) || last.size+segment.ReadSize > l.dq.segSize {
		return err
	}
	f, err := os.OpenFile(last.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("queue: try to write: %w", err)
	}
	_, err = f.WriteAt(data, last.size)
	if err == nil {
		err = dataSync(f)
	}
	if err = errors.Join(err, f.Truncate(last.size), f.Close()); err != nil {
		return fmt.Errorf("queue: try to write to %s: %w", last.path, err)
	}
	return nil
}

// storePosition stores the exact metadata and the stop state when the store is closed. If
// there is no room, the next start uses the list of acknowledged records.
func (l *diskLog) storePosition() error {
	err := l.restoreFiles()
	if err == nil {
		var m segment.Meta
		l.win.with(func(s *windowState) { m = s.exact() })
		if err = l.dq.storeMeta(m); err == nil {
			l.storeStopState(m)
		}
	}
	if recovery.NoRoom(err) {
		l.log.Warn("queue: no room to store the read position; the next start finds it by the list of delivered records", "error", err)
		return nil
	}
	return err
}
