package queue

import (
	"errors"
	"io/fs"
	"os"

	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// segmentState is one file of a shard, as far as it is not consumed. The lock of the
// window guards its fields; those that only the holder of Shard.io changes may be read
// under Shard.io as well.
type segmentState struct {
	num   int64
	path  string
	size  int64         // bytes, up to the end of the last whole record
	from  int64         // what lies before it was consumed by the process before
	since int64         // when its first event was received, Unix nanoseconds
	ahead segment.Tally // of the cursor: not handed out yet
	// done are its records that are acknowledged, those before the start included.
	done segment.Seqs
	// skip is how many of them the start has found, as far as they are not in the window
	// yet. Those that are lost to damage before the reader comes to them stay counted.
	skip int64
	// The smallest and the largest number of its records, from the start on; 0: none.
	first, last uint64
	// inWindow is the number of its records in the shard's window.
	inWindow int
	// flying is the number of those that are not done.
	flying int
	// detached segments are not read by diskqueue any more: it stumbled over
	// them, or would. They are read and removed by us alone.
	detached bool
	// keep moves the file to the corrupt folder instead of removing it, because
	// it could not be read.
	keep bool
	// damage is what the scan at start-up has found and counted.
	damage []segment.Damage
	// late is set while the segment is one that start-up could not read: nothing of it is
	// handed out.
	late     *late
	synced   int64    // bytes known to be on stable storage
	unsynced bool     // a sync has failed: the page cache may hold more than the disk
	tries    int      // how often the syncer has found a page that cannot be copied
	file     *os.File // nil: not open
}

// open returns the segment's file.
func (s *segmentState) open() (*os.File, error) {
	if s.file != nil {
		return s.file, nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(s.path + segment.BadSuffix)
	}
	if err != nil {
		return nil, &segment.ReadError{Err: err}
	}
	s.file = f
	return f, nil
}

// close closes the segment's file, if it is open.
func (s *segmentState) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// taken is the state of a segment that the process before has left, by its scan.
func taken(sc *recovery.Shard, scan *recovery.Segment) *segmentState {
	s := &segmentState{num: scan.Num, path: scan.Path, size: scan.Size, from: scan.From, ahead: scan.Tally, since: scan.Oldest,
		first: scan.FirstSeq, last: scan.LastSeq, detached: !scan.Sound(), damage: scan.Damage, done: scan.Done, skip: scan.Skip, keep: scan.Keep}
	if scan.Failed != nil {
		s.late, s.since, s.detached = &late{sc: sc, scan: scan}, scan.Since, true
	}
	if scan.Unsynced && scan.Synced < scan.Size {
		s.unsynced, s.synced = true, scan.Synced
	}
	return s
}

// located is where the file is: diskqueue may have put .bad behind its name.
func (s *segmentState) located() string {
	if _, lost := os.Lstat(s.path); lost != nil {
		return s.path + segment.BadSuffix
	}
	return s.path
}
