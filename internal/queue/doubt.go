package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// doubtSuffix is put behind the name of a segment whose last sync has failed: that file
// says up to where it was synced before. A restart within the life of the page cache
// would take the segment for good otherwise.
const doubtSuffix = ".doubt"

const (
	// copyTries is how often a page must be unreadable, while the disk takes the rest of
	// the copy, before the copy goes without it: half a minute.
	copyTries = 10
	// maxCopyWait is the longest pause after a copy that failed.
	maxCopyWait = 4 * time.Second
)

// markDoubt leaves the mark. It needs no sync: a power loss takes the page cache, which
// the doubt is about, as well.
func markDoubt(path string, synced int64) error {
	if err := os.WriteFile(path+doubtSuffix, strconv.AppendInt(nil, synced, 10), fileMode); err != nil {
		return fmt.Errorf("queue: remember that a sync has failed: %w", err)
	}
	return nil
}

// readDoubt returns up to where a segment is synced by its mark; 0 where the mark does
// not say so.
func readDoubt(path string) (int64, error) {
	data, err := os.ReadFile(path + doubtSuffix)
	if err != nil {
		return 0, fmt.Errorf("queue: read whether a sync has failed: %w", err)
	}
	synced, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil || synced < 0 {
		return 0, nil
	}
	return synced, nil
}

// resolve makes a failed sync good. The caller holds io.
func (q *Shard) resolve(d unsynced) error {
	q.mu.Lock()
	gone := d.seg.file != d.file
	spent := d.seg == q.last() && q.cur == d.seg && q.off >= d.seg.size &&
		!slices.ContainsFunc(q.held, func(e entry) bool { return e.state != done })
	q.mu.Unlock()
	switch {
	case gone: // consumed meanwhile: attaching for another segment does that
		return nil
	case spent: // nothing of it is needed, and there may be no room for a copy
		err := q.renew(d.seg)
		if err == nil {
			q.log.Warn("queue: what could not be synced is delivered; a new segment is begun in its place",
				"shard", q.index, "file", d.seg.path)
		}
		return err
	}
	if err := q.writeAgain(d); err != nil {
		q.copyWait = min(max(2*q.copyWait, q.interval), maxCopyWait)
		q.copyAt = time.Now().Add(q.copyWait)
		return fmt.Errorf("write %s again: %w", d.seg.path, err)
	}
	q.copyWait, q.copyAt = 0, time.Time{}
	return nil
}

// writeAgain syncs a segment whose last sync has failed. Linux then takes the pages
// that it could not write for clean: the next fsync works, and proves nothing. As a rule
// they still can be read from memory, so the segment is copied from there into a new
// file that takes its place. Writing into the old one again is not enough: ext4 then
// puts the data where it does not look for it. What cannot be read any more is damage
// like any other when its turn comes; the old file is kept then. The caller holds io.
func (q *Shard) writeAgain(d unsynced) error {
	tmp := d.seg.path + tmpSuffix
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	empty, err := copySegment(d.file, f, d.from, d.to)
	if err == nil {
		err = dataSync(f)
	}
	kept := ""
	if err == nil && empty > 0 {
		kept, err = q.giveUpPages(d.seg, empty)
	}
	if err == nil {
		err = os.Rename(tmp, d.seg.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), remove(tmp))
	}
	q.mu.Lock()
	d.seg.file, d.seg.doubt, d.seg.synced, d.seg.tries = f, false, d.to, 0
	q.dirDirty = true
	q.mu.Unlock()
	good, _ := goodBytes(f, 0, d.to) // a figure for the log alone
	q.log.Warn("queue: what could not be synced is written again", "shard", q.index, "file", d.seg.path,
		"offset", d.from, "bytes", d.to-d.from, "damaged_bytes", d.to-good, "copy", kept)
	err = errors.Join(d.file.Close(), remove(d.seg.path+badSuffix), remove(d.seg.path+doubtSuffix), syncDir(q.dir))
	if q.dq == nil { // the store is being closed
		return err
	}
	if e := q.attach(); e != nil { // diskqueue has the old file open
		err = errors.Join(err, q.setFault(&q.writeFault, fmt.Errorf("attach: %w", e)))
	}
	return err
}

// giveUpPages says that a copy may replace a segment though a part of it could not be
// read: not before some tries, and only where the old file stays in the corrupt folder,
// under the name that is returned.
func (q *Shard) giveUpPages(s *segment, empty int64) (string, error) {
	if s.tries++; s.tries < copyTries {
		return "", fmt.Errorf("%d bytes cannot be read", empty)
	}
	return linkAside(q.root, q.name, s.num, s.located(), "")
}

// copySegment copies size bytes. Pages from the offset from on that cannot be read stay
// empty: it returns how many bytes that are. Any other error ends the copy, in particular
// one of reading what is on stable storage already, up to from.
func copySegment(r io.ReaderAt, w *os.File, from, size int64) (empty int64, err error) {
	if err := w.Truncate(size); err != nil {
		return 0, err
	}
	buf := make([]byte, wide)
	for off := int64(0); off < size; {
		b := buf[:min(int64(len(buf)), size-off)]
		n, err := r.ReadAt(b, off)
		if n < len(b) && err != nil && len(b) > page {
			b = b[:page] // one by one, as far as it goes
			n, err = r.ReadAt(b, off)
		}
		if n < len(b) && (off+int64(len(b)) <= from || !gap(err)) {
			return 0, fmt.Errorf("read at %d: %w", off, err)
		}
		empty += int64(len(b) - n)
		if _, err := w.WriteAt(b[:n], off); err != nil {
			return 0, err
		}
		off += int64(len(b))
	}
	return empty, nil
}

// gap says that a page could not be read for what may be wrong with it alone: it was
// never written, or its file is short.
func gap(err error) bool { return errors.Is(err, unix.EIO) || errors.Is(err, io.EOF) }
