package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"

	"github.com/nsqio/go-diskqueue"
)

// metaInterval is how often diskqueue stores its metadata if nothing else triggers it. An
// older version of the gateway may deliver that much more again after a crash.
const metaInterval = 5 * time.Second

// patience is how long a receive from diskqueue may take: longer than any sync.
const patience = 30 * time.Second

// backend is go-diskqueue in the folder of a shard. It is used under Shard.io.
type backend struct {
	dir      string
	segSize  int64
	interval time.Duration // of syncing
	log      *slog.Logger
	dq       diskqueue.Interface // nil: stopped
	timer    *time.Timer
	// tight is the error of the last metadata for which there was no room in a new file.
	tight  error
	failed atomic.Bool       // diskqueue could not store its metadata
	fails  throttle.Throttle // of the warning that says so
}

func newBackend(dir string, segSize int64, interval time.Duration, log *slog.Logger) *backend {
	b := &backend{dir: dir, segSize: segSize, interval: interval, log: log, timer: time.NewTimer(time.Hour)}
	b.timer.Stop()
	return b
}

// start starts diskqueue with the metadata m.
func (b *backend) start(m segment.Meta) error {
	if err := b.storeMeta(m); err != nil {
		return err
	}
	// Never sync by count: the syncer does it by time. diskqueue's own sync stores its
	// metadata. That may be old: a start goes by what is acknowledged.
	b.dq = diskqueue.New(segment.QueueName, b.dir, b.segSize, 1, segment.MaxRecord, math.MaxInt64,
		max(b.interval, metaInterval), b.logf)
	return nil
}

// running says that diskqueue is started.
func (b *backend) running() bool { return b.dq != nil }

// stop stops diskqueue. The metadata that it stores is to be replaced by ours.
func (b *backend) stop() {
	if b.dq == nil {
		return
	}
	if err := b.dq.Close(); err != nil {
		b.log.Debug("diskqueue: close", "error", err)
	}
	b.dq = nil
}

// offers receives record seq, which is in the segment at path, from diskqueue. It returns
// false if diskqueue offers another record: it has lost its position.
func (b *backend) offers(seq uint64, path string) bool {
	// diskqueue answers after it has read ahead, or failed to. It then offers this
	// record, unless it has renamed the segment and gone on to the next, from which
	// nothing may be received yet.
	b.dq.Depth()
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	b.timer.Reset(patience)
	defer b.timer.Stop()
	for {
		select {
		case msg := <-b.dq.ReadChan():
			h, v := segment.DecodeHeader(msg)
			if v == segment.Valid && h.Seq < seq {
				continue // consumed already
			}
			return v == segment.Valid && h.Seq == seq
		case <-b.timer.C:
			return false
		}
	}
}

// storeMeta replaces the metadata. If there is no room for a new file the old one is
// written over: should a power loss tear it, it is unreadable, and every segment is read
// from its start.
func (b *backend) storeMeta(m segment.Meta) error {
	path := filepath.Join(b.dir, segment.MetaName)
	err := durable.WriteFile(path, m.Encode(), segment.FileMode)
	b.tight = nil
	if !recovery.NoRoom(err) {
		return err
	}
	b.tight = err
	f, e := os.OpenFile(path, os.O_WRONLY, 0)
	if e != nil {
		return err
	}
	data := m.Encode()
	_, e = f.WriteAt(data, 0)
	if e = errors.Join(e, f.Truncate(int64(len(data))), f.Sync(), f.Close()); e != nil {
		return fmt.Errorf("queue: write over %s: %w", path, e)
	}
	return nil
}

// removeLitter removes the temporary metadata files that diskqueue leaves when the disk
// is full.
func (b *backend) removeLitter() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	for _, e := range entries {
		if !segment.IsTemp(e.Name(), segment.MetaName) {
			continue
		}
		if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("queue: remove a temporary file: %w", err)
		}
	}
	return nil
}

// warnFailure warns that diskqueue could not store its metadata since the last call.
func (b *backend) warnFailure() {
	if !b.failed.Swap(false) {
		return
	}
	if n, ok := b.fails.Ready(time.Now(), alarmEvery); ok {
		b.log.Warn("queue: diskqueue cannot store its metadata; after a crash more is delivered again", "times_before", n)
	}
	if err := b.removeLitter(); err != nil {
		b.log.Debug("queue: temporary files stay", "error", err)
	}
}

// logf is diskqueue's log. It is for debugging: we notice its errors in other ways, and most
// are harmless. The exception is metadata that cannot be stored.
func (b *backend) logf(_ diskqueue.LogLevel, format string, args ...any) {
	if strings.Contains(format, "failed to sync") {
		b.failed.Store(true)
	}
	b.log.Debug("diskqueue", "message", logLine{format, args})
}

// logLine is formatted only when it is logged.
type logLine struct {
	format string
	args   []any
}

// LogValue implements slog.LogValuer.
func (l logLine) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(l.format, l.args...)) }
