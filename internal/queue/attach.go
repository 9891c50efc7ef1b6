package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nsqio/go-diskqueue"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// metaInterval is how often diskqueue stores its metadata where nothing else makes it,
// and how much more than we an older version may deliver again after a crash.
const metaInterval = 5 * time.Second

func (q *Shard) path(num int64) string { return filepath.Join(q.dir, segment.Name(num)) }

// attach starts diskqueue, or starts it anew, at the place where we are. What is
// done is consumed by that. The caller holds io.
func (q *Shard) attach() error {
	q.detachDisk()
	q.consumeDone()
	if err := q.restore(); err != nil {
		return err
	}
	m := q.attachPoint()
	if err := q.storeMeta(m); err != nil {
		return err
	}
	// Never sync by count: the syncer does it by time. diskqueue's own sync stores its
	// metadata. That may be old: a start goes by what is acknowledged.
	q.dq = diskqueue.New(segment.QueueName, q.dir, q.segSize, 1, segment.MaxRecord, math.MaxInt64, max(q.interval, metaInterval), q.logf)
	q.skipTo, q.stale = m.Read.Num, false
	return nil
}

// detachDisk stops diskqueue. The metadata that it stores is replaced by ours.
func (q *Shard) detachDisk() {
	if q.dq == nil {
		return
	}
	if err := q.dq.Close(); err != nil {
		q.log.Debug("diskqueue: close", "shard", q.index, "error", err)
	}
	q.dq = nil
}

// consumeDone consumes what is done without diskqueue, which must be stopped.
func (q *Shard) consumeDone() {
	q.mu.Lock()
	for len(q.held) > 0 && q.held[0].state == done {
		q.pop()
	}
	q.mu.Unlock()
	q.reap()
}

// restore makes the files what we say they are: the folder and the segment to write to
// are there, diskqueue's renaming is undone, and what an append has left that failed is
// cut off. A start with a full disk has left all of that to do.
func (q *Shard) restore() error {
	if err := q.makeFolder(); err != nil {
		return err
	}
	q.mu.Lock()
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	for i, s := range segs {
		st, err := os.Stat(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.Rename(s.path+segment.BadSuffix, s.path); err == nil {
				st, err = os.Stat(s.path)
			} else if errors.Is(err, fs.ErrNotExist) && i == len(segs)-1 && s.size == 0 {
				st, err = q.makeSegment(s)
			}
		}
		if err != nil {
			return fmt.Errorf("queue: restore a segment: %w", err)
		}
		if i == len(segs)-1 && st.Size() > s.size {
			if err := recovery.Truncate(s.path, s.size); err != nil {
				return err
			}
		}
	}
	return q.removeLitter()
}

// makeFolder makes the shard's folder where it is missing.
func (q *Shard) makeFolder() error {
	err := os.Mkdir(q.dir, segment.DirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: make the folder of a shard: %w", err)
	}
	return durable.SyncDir(q.root)
}

// makeSegment makes the file of a segment that has begun in memory only.
func (q *Shard) makeSegment(s *segmentState) (fs.FileInfo, error) {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, segment.FileMode)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	s.file, q.dirDirty = f, true
	q.mu.Unlock()
	return f.Stat()
}

// removeLitter removes the temporary metadata files that diskqueue leaves when the disk
// is full.
func (q *Shard) removeLitter() error {
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	for _, e := range entries {
		if segment.IsTemp(e.Name(), segment.MetaName) {
			if err := os.Remove(filepath.Join(q.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("queue: remove a temporary file: %w", err)
			}
		}
	}
	return nil
}

// consumedTo is the first record that is not consumed. The caller holds mu.
func (q *Shard) consumedTo() (*segmentState, int64) {
	if len(q.held) > 0 {
		return q.held[0].seg, q.held[0].Off
	}
	return q.cur, q.off
}

// exact is the metadata by our own books.
func (q *Shard) exact() segment.Meta {
	q.mu.Lock()
	defer q.mu.Unlock()
	s, off := q.consumedTo()
	w := q.last()
	m := segment.Meta{Depth: int64(len(q.held)), Read: segment.Position{Num: s.num, Off: off}, Write: segment.Position{Num: w.num, Off: w.size}}
	for _, s := range q.segs {
		m.Depth += s.left.Records + s.skip
	}
	return m
}

// attachPoint is the metadata to start diskqueue with: it begins behind the
// detached segments that come first.
func (q *Shard) attachPoint() segment.Meta {
	m := q.exact()
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.segs, func(s *segmentState) bool { return s.num >= m.Read.Num })
	for ; q.segs[i].detached; i++ { // the last one never is
		m.Read = segment.Position{Num: q.segs[i+1].num, Off: q.segs[i+1].from}
	}
	for _, s := range q.segs {
		if s.detached {
			m.Depth -= int64(s.held) + s.left.Records + s.skip
		}
	}
	return m
}

// logf is diskqueue's log. Its errors are known to us in other ways, and most are
// none, so it is for debugging, but for one: metadata that cannot be stored.
func (q *Shard) logf(_ diskqueue.LogLevel, format string, args ...any) {
	if strings.Contains(format, "failed to sync") {
		q.diskqueueFailed.Store(true)
	}
	q.log.Debug("diskqueue", "shard", q.index, "message", logLine{format, args})
}

// logLine is formatted only when it is logged.
type logLine struct {
	format string
	args   []any
}

// LogValue implements slog.LogValuer.
func (l logLine) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(l.format, l.args...)) }

// heal tries again what has failed. It removes segments that stayed, and tries to end a
// fault of writing: it attaches diskqueue anew, which cuts what the failed append has
// left, and writes a file.
func (q *Shard) heal(ctx context.Context) {
	if q.diskqueueFailed.Swap(false) {
		if n, ok := q.metaFails.Ready(time.Now(), alarmEvery); ok {
			q.log.Warn("queue: diskqueue cannot store its metadata; after a crash more is delivered again",
				"shard", q.index, "times_before", n)
		}
		if err := q.removeLitter(); err != nil {
			q.log.Debug("queue: litter", "shard", q.index, "error", err)
		}
	}
	q.readLate()
	q.io.Lock()
	defer q.io.Unlock()
	if q.shut.Load() {
		return
	}
	q.settleReads()
	q.removeRest()
	if q.dissolved || q.dissolve(ctx) || q.writeFault.Load() == nil {
		return
	}
	err := q.resume()
	if recovery.NoRoom(err) && q.vacate() {
		err = q.resume()
	}
	if err != nil {
		q.setFault(&q.writeFault, err)
		return
	}
	q.clearFault(&q.writeFault)
}

// resume attaches diskqueue and tries to write.
func (q *Shard) resume() error {
	if err := q.attach(); err != nil {
		return err
	}
	return q.probe()
}

// probe writes as much as a small record: into a file of its own, or where there is no
// room for a file, behind the end of the last segment.
func (q *Shard) probe() error {
	path, err := durable.Beside(filepath.Join(q.dir, segment.Prefix+"probe"), make([]byte, segment.ReadSize), segment.FileMode)
	if err == nil {
		err = segment.Remove(path)
	}
	q.mu.Lock()
	w := q.last()
	q.mu.Unlock()
	if !recovery.NoRoom(err) || w.size+segment.ReadSize > q.segSize {
		return err
	}
	f, err := os.OpenFile(w.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("queue: try to write: %w", err)
	}
	_, err = f.WriteAt(make([]byte, segment.ReadSize), w.size)
	if err == nil {
		err = dataSync(f)
	}
	if err = errors.Join(err, f.Truncate(w.size), f.Close()); err != nil {
		return fmt.Errorf("queue: try to write to %s: %w", w.path, err)
	}
	return nil
}
