package queue

import (
	"errors"
	"io/fs"
	"os"
)

// segmentState is one file of a shard, as far as it is not consumed. Its fields are
// guarded by the shard's mu.
type segmentState struct {
	num   int64
	path  string
	size  int64 // bytes, up to the end of the last whole record
	from  int64 // what lies before it was consumed by the process before
	since int64 // when its first event was received, Unix nanoseconds
	left  tally // not handed out yet
	// done are its records that are acknowledged, those before the start included.
	done spans
	// skip is how many of them the start has found, as far as they are not in the window
	// yet. Those that are lost to damage before the reader comes to them stay counted.
	skip int64
	// The smallest and the largest number of its records, from the start on; 0: none.
	first, last uint64
	// held is the number of its records in the shard's window.
	held int
	// flying is the number of those that are not done.
	flying int
	// detached segments are not read by diskqueue any more: it stumbled over
	// them, or would. They are read and removed by us alone.
	detached bool
	// keep moves the file to the corrupt folder instead of removing it, because
	// it could not be read.
	keep bool
	// damage is what the scan at start-up has found and counted.
	damage []damage
	// late is what start-up could not read of the segment; nil: nothing. Until it is
	// read nothing is handed out of it.
	late   *late
	synced int64    // bytes known to be on stable storage
	doubt  bool     // a sync has failed: the page cache may hold more than the disk
	tries  int      // how often copying it has found a page that cannot be read; of resolve alone
	file   *os.File // nil: not open
}

// open returns the segment's file. The caller holds the shard's mu.
func (s *segmentState) open() (*os.File, error) {
	if s.file != nil {
		return s.file, nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(s.path + badSuffix)
	}
	if err != nil {
		return nil, &readError{err: err}
	}
	s.file = f
	return f, nil
}

// taken is the state of a segment that the process before has left, by its scan.
func taken(sc *shardScan, scan *segmentScan) *segmentState {
	s := &segmentState{num: scan.num, path: scan.path, size: scan.size, from: scan.from, left: scan.tally, since: scan.oldest,
		first: scan.firstSeq, last: scan.lastSeq, detached: !scan.sound(), damage: scan.damage, done: scan.done, skip: scan.skip, keep: scan.keep}
	if scan.failed != nil {
		s.late, s.since, s.detached = &late{sc: sc, scan: scan}, scan.since, true
	}
	if scan.marked && scan.synced < scan.size {
		s.doubt, s.synced = true, scan.synced
	}
	return s
}

// located is where the file is: diskqueue may have put .bad behind its name.
func (s *segmentState) located() string {
	if _, lost := os.Lstat(s.path); lost != nil {
		return s.path + badSuffix
	}
	return s.path
}
