package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// unsynced is a segment with bytes that may not be on stable storage.
type unsynced struct {
	seg      *segment
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
	return slices.ContainsFunc(q.segs, func(s *segment) bool { return s.doubt })
}

// sync brings what was appended to stable storage, through files of our own:
// diskqueue's sync hides its errors. It says whether there was anything to do: then
// there may be more.
func (q *Shard) sync() (worked bool, err error) {
	q.mu.Lock()
	dir := q.dirDirty
	q.dirDirty = false
	var dirty []unsynced
	for _, s := range slices.Backward(q.segs) {
		if s.size <= s.synced {
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
	if dir {
		if e := syncDir(q.dir); e != nil {
			q.mu.Lock()
			q.dirDirty = true
			q.mu.Unlock()
			err = errors.Join(err, e)
		}
	}
	return dir || len(dirty) > 0, err
}

func (q *Shard) syncSegment(d unsynced) error {
	if d.doubt {
		if err := q.writeAgain(d); err != nil {
			return fmt.Errorf("write %s again: %w", d.seg.path, err)
		}
		return nil
	}
	err := dataSync(d.file)
	q.mu.Lock()
	defer q.mu.Unlock()
	if d.seg.file != d.file {
		return nil // consumed meanwhile
	}
	d.seg.doubt = err != nil
	if err != nil {
		return fmt.Errorf("sync %s: %w", d.seg.path, err)
	}
	d.seg.synced = d.to
	if d.seg != q.last() && d.seg.num > q.cur.num { // complete, and not read yet
		d.seg.file = nil
		return d.file.Close()
	}
	return nil
}

func dataSync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.Fdatasync(int(fd)) })
	return errors.Join(err, failed)
}

// writeAgain syncs a segment whose last sync has failed. Linux then takes the pages
// that it could not write for clean: the next fsync works, and proves nothing. As a rule
// they still can be read from memory, so the segment is copied from there into a new
// file that takes its place. Writing into the old one again is not enough: ext4 then
// puts the data where it does not look for it. What can not be read any more is damage
// like any other when its turn comes. The caller holds io.
func (q *Shard) writeAgain(d unsynced) error {
	tmp := d.seg.path + tmpSuffix
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	err = copySegment(d.file, f, d.to)
	if err == nil {
		err = dataSync(f)
	}
	if err == nil {
		err = os.Rename(tmp, d.seg.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), remove(tmp))
	}
	q.mu.Lock()
	d.seg.file, d.seg.doubt, d.seg.synced = f, false, d.to
	q.dirDirty = true
	q.mu.Unlock()
	lost := notRecords(f, d.from, d.to)
	q.log.Warn("queue: what could not be synced is written again", "shard", q.index, "file", d.seg.path,
		"offset", d.from, "bytes", d.to-d.from-lost, "damaged_bytes", lost)
	err = errors.Join(d.file.Close(), remove(d.seg.path+badSuffix), syncDir(q.dir))
	if q.dq == nil { // the store is being closed
		return err
	}
	if e := q.attach(); e != nil { // diskqueue has the old file open
		err = errors.Join(err, q.setFault(&q.writeFault, fmt.Errorf("attach: %w", e)))
	}
	return err
}

// copySegment copies size bytes. Pages that can not be read stay empty; the error is one
// of writing.
func copySegment(r io.ReaderAt, w *os.File, size int64) error {
	if err := w.Truncate(size); err != nil {
		return err
	}
	buf := make([]byte, wide)
	for off := int64(0); off < size; {
		b := buf[:min(int64(len(buf)), size-off)]
		n, err := r.ReadAt(b, off)
		if n < len(b) && err != nil && len(b) > page {
			b = b[:page] // one by one, as far as it goes
			n, _ = r.ReadAt(b, off)
		}
		if _, err := w.WriteAt(b[:n], off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

// notRecords is how many bytes of a range are no good records.
func notRecords(r io.ReaderAt, from, to int64) int64 {
	var buf []byte
	lost := to - from
	_, _ = walk(r, to, from, func(off int64, h *header) error {
		if size := int(h.bodyLen); cap(buf) < size {
			buf = make([]byte, size)
		}
		buf = buf[:h.bodyLen]
		if _, err := r.ReadAt(buf, off+prefixLen+h.headerLen()); err == nil && checksum(buf) == h.bodyCRC {
			lost -= h.size()
		}
		return nil
	})
	return lost
}
