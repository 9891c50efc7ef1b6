package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

// unsynced is a segment with bytes that may not be on stable storage.
type unsynced struct {
	seg      *segmentState
	file     *os.File
	from, to int64
	doubt    bool
}

// maxSyncs is how many segments one sync takes, newest first: after a start all that
// were found are to be synced, and each is opened for that.
const maxSyncs = 64

// inDoubt says whether a sync has failed that is not made good.
func (q *Shard) inDoubt() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.segs, func(s *segmentState) bool { return s.doubt })
}

// sync brings what was appended to stable storage, through files of our own:
// diskqueue's sync hides its errors. It says whether there was anything to do: then
// there may be more.
func (q *Shard) sync() (worked bool, err error) {
	now, _ := os.Lstat(filepath.Join(q.dir, segment.MetaName))
	q.mu.Lock()
	if q.dissolved {
		q.mu.Unlock()
		return false, nil
	}
	dir := q.metaMoved(now) || q.dirDirty
	q.dirDirty = false
	for _, s := range q.removed {
		q.removing = segment.Join(q.removing, s)
	}
	q.removed = nil
	var dirty []unsynced
	for _, s := range slices.Backward(q.segs) {
		if s.size <= s.synced {
			err = errors.Join(err, q.shelve(s))
			continue
		}
		if len(dirty) == maxSyncs {
			break
		}
		f, e := s.open()
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		dirty = append(dirty, unsynced{s, f, s.synced, s.size, s.doubt})
	}
	q.mu.Unlock()
	for _, d := range dirty {
		if e := q.syncSegment(d); e != nil {
			err = errors.Join(err, e)
		}
	}
	q.syncAcked()
	if dir {
		e := durable.SyncDir(q.dir)
		q.mu.Lock()
		switch {
		case q.dissolved:
			e = nil
		case e == nil: // what the next list leaves out
			q.unnoted = q.unnoted || len(q.removing) > 0
			q.removing = nil
		default:
			q.dirDirty = true
		}
		q.mu.Unlock()
		err = errors.Join(err, e)
	}
	return dir || len(dirty) > 0, err
}

// metaMoved says that diskqueue has stored its metadata since the last call: it renames
// the file, and does not sync the folder. now is the file, nil where there is none. The
// caller holds mu.
func (q *Shard) metaMoved(now os.FileInfo) bool {
	before := q.metaFile
	q.metaFile = now
	return now != nil && (before == nil || !os.SameFile(before, now) || !before.ModTime().Equal(now.ModTime()))
}

func (q *Shard) syncSegment(d unsynced) error {
	if d.doubt {
		return q.resolve(d)
	}
	err := dataSync(d.file)
	if err != nil {
		err = errors.Join(err, segment.MarkUnsynced(d.seg.path, d.from))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if d.seg.file != d.file { // consumed meanwhile, and so is the mark
		return segment.Remove(d.seg.path + segment.UnsyncedSuffix)
	}
	if err == nil {
		d.seg.synced = d.to
		return q.shelve(d.seg)
	}
	d.seg.doubt = true
	return fmt.Errorf("sync %s: %w", d.seg.path, err)
}

// shelve closes the file of a segment that is complete and synced where nobody needs
// it soon: the reader is elsewhere, and none of its records is handed out. The caller
// holds mu.
func (q *Shard) shelve(s *segmentState) error {
	if s.file == nil || s == q.last() || s == q.cur || s.flying > 0 || s.synced < s.size {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}
