package queue

import (
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
)

func (q *Shard) path(num int64) string { return filepath.Join(q.dir, segmentName(num)) }

// attach starts diskqueue, or starts it anew, at the place where we are. What is
// done is consumed by that. The caller holds io.
func (q *Shard) attach() error {
	q.detachDisk()
	q.consumeDone()
	if err := q.restore(); err != nil {
		return err
	}
	m := q.attachPoint()
	if err := writeDurably(filepath.Join(q.dir, metaName), m.encode()); err != nil {
		return err
	}
	// Never sync by count: the syncer does it by time. diskqueue's own sync stores
	// its metadata.
	q.dq = diskqueue.New(queueName, q.dir, q.segSize, 1, maxRecord, math.MaxInt64, q.interval, q.logf)
	q.skipTo, q.stale = m.read.num, false
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

// restore makes the files what we say they are: diskqueue's renaming undone, and
// what an append has left that failed cut off.
func (q *Shard) restore() error {
	q.mu.Lock()
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	for i, s := range segs {
		st, err := os.Stat(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.Rename(s.path+badSuffix, s.path); err == nil {
				st, err = os.Stat(s.path)
			}
		}
		if err != nil {
			return fmt.Errorf("queue: restore a segment: %w", err)
		}
		if i == len(segs)-1 && st.Size() > s.size {
			if err := truncate(s.path, s.size); err != nil {
				return err
			}
		}
	}
	return q.removeLitter()
}

// removeLitter removes the temporary metadata files that diskqueue leaves when
// the disk is full.
func (q *Shard) removeLitter() error {
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), metaName) && strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := os.Remove(filepath.Join(q.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("queue: remove a temporary file: %w", err)
			}
		}
	}
	return nil
}

// place is the first record that is not consumed. The caller holds mu.
func (q *Shard) place() (*segment, int64) {
	if len(q.held) > 0 {
		return q.held[0].seg, q.held[0].off
	}
	return q.cur, q.off
}

// exact is the metadata by our own books.
func (q *Shard) exact() meta {
	q.mu.Lock()
	defer q.mu.Unlock()
	s, off := q.place()
	w := q.last()
	m := meta{depth: int64(len(q.held)), read: position{s.num, off}, write: position{w.num, w.size}}
	for _, s := range q.segs {
		m.depth += s.left.records + int64(len(s.skip))
	}
	return m
}

// attachPoint is the metadata to start diskqueue with: it begins behind the
// detached segments that come first.
func (q *Shard) attachPoint() meta {
	m := q.exact()
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.segs, func(s *segment) bool { return s.num >= m.read.num })
	for ; q.segs[i].detached; i++ { // the last one never is
		m.read = position{q.segs[i+1].num, q.segs[i+1].from}
	}
	for _, s := range q.segs {
		if s.detached {
			m.depth -= int64(s.held) + s.left.records + int64(len(s.skip))
		}
	}
	return m
}

// logf is diskqueue's log. Its errors are known to us in other ways, and most are
// none, so it is for debugging, but for one: metadata that can not be stored.
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
func (q *Shard) heal() {
	if q.diskqueueFailed.Swap(false) {
		if n, ok := q.metaFails.allow(time.Now()); ok {
			q.log.Warn("queue: diskqueue can not store its metadata; after a crash more is delivered again",
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
	if q.writeFault.Load() == nil {
		return
	}
	err := q.attach()
	if err == nil {
		err = q.probe()
	}
	if err != nil {
		q.setFault(&q.writeFault, err)
		return
	}
	q.clearFault(&q.writeFault)
}

// probe writes a file of the size of a small record and removes it.
func (q *Shard) probe() error {
	path := filepath.Join(q.dir, segPrefix+"probe"+tmpSuffix)
	if err := writeAndSync(path, make([]byte, wide)); err != nil {
		return errors.Join(err, remove(path))
	}
	return remove(path)
}
