package queue

import (
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/throttle"
)

// ackStore stores which records of a shard are acknowledged. It is safe for concurrent
// use. An error stops nothing: writing is tried again, and records that are not stored as
// acknowledged are delivered again after a crash.
type ackStore struct {
	file     ackFile
	log      *slog.Logger
	snapshot func() (seq uint64, acked []segment.Stretch)

	changed mark // acknowledged since the file was written

	mu       sync.Mutex // one writer of the file at a time; taken before the lock of the window
	notUntil time.Time  // since writing has failed
	ended    bool       // the shard's folder goes

	failing throttle.Throttle
}

// newAckStore returns the store of the shard in dir. snapshot returns the highest sequence
// number that was given, and what is acknowledged and may still be on disk.
func newAckStore(dir string, log *slog.Logger, snapshot func() (uint64, []segment.Stretch)) *ackStore {
	return &ackStore{file: ackFile{path: filepath.Join(dir, segment.AckedName)}, log: log, snapshot: snapshot, changed: newMark()}
}

// open makes the file ready, so that to write a list waits for no sync later.
func (s *ackStore) open(a segment.Acked) {
	if a.Found && a.Slot >= 0 && s.file.resume(a.Slot, a.Generation) == nil {
		return
	}
	s.changed.set() // the first list makes the file
	s.write()
}

// write writes which records are acknowledged, unless that is written. It does not sync.
func (s *ackStore) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || !s.changed.is.Load() || time.Now().Before(s.notUntil) {
		return
	}
	s.changed.is.Store(false) // before the snapshot: what comes meanwhile is written next time
	list, omitted := segment.NewAckedList(s.snapshot())
	if omitted > 0 {
		if n, ok := s.failing.Ready(time.Now(), alarmEvery); ok {
			s.log.Warn("queue: too many gaps between the records that are delivered; after a crash some are delivered again",
				"left_out", omitted, "times_before", n)
		}
	}
	if err := s.file.write(list); err != nil {
		s.failed(err)
	}
}

// sync writes which records are acknowledged and brings that to stable storage.
func (s *ackStore) sync() {
	s.write()
	if err := s.file.sync(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed(err)
	}
}

// failed lets the list be written again later. The caller holds mu.
func (s *ackStore) failed(err error) {
	s.changed.set()
	s.notUntil = time.Now().Add(healInterval)
	if n, ok := s.failing.Ready(time.Now(), alarmEvery); ok {
		s.log.Warn("queue: which records are delivered cannot be stored; it is tried again until it works, "+
			"but after a crash more is delivered again", "error", err, "times_before", n)
	}
}

// retryNow lets a failed list be written again at once.
func (s *ackStore) retryNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notUntil = time.Time{}
}

// end stops writing and closes the file while remove removes it. When that fails, writing
// goes on, with a new file.
func (s *ackStore) end(remove func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.file.close()
	err := remove()
	s.ended = err == nil
	return err
}
