package queue

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

const (
	// copyTries is how often a page must be unreadable, while the disk takes the rest of
	// the copy, before the copy goes without it: half a minute.
	copyTries = 10
	// maxCopyWait is the longest pause after a copy that failed.
	maxCopyWait = 4 * time.Second
)

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
	tmp := d.seg.path + segment.TempSuffix
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, segment.FileMode)
	if err != nil {
		return err
	}
	empty, err := segment.Copy(d.file, f, d.from, d.to)
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
		return errors.Join(err, f.Close(), segment.Remove(tmp))
	}
	q.mu.Lock()
	d.seg.file, d.seg.doubt, d.seg.synced, d.seg.tries = f, false, d.to, 0
	q.dirDirty = true
	q.mu.Unlock()
	good, _ := segment.GoodBytes(f, 0, d.to) // a figure for the log alone
	q.log.Warn("queue: what could not be synced is written again", "shard", q.index, "file", d.seg.path,
		"offset", d.from, "bytes", d.to-d.from, "damaged_bytes", d.to-good, "copy", kept)
	err = errors.Join(d.file.Close(), segment.Remove(d.seg.path+segment.BadSuffix), segment.Remove(d.seg.path+segment.UnsyncedSuffix), durable.SyncDir(q.dir))
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
func (q *Shard) giveUpPages(s *segmentState, empty int64) (string, error) {
	if s.tries++; s.tries < copyTries {
		return "", fmt.Errorf("%d bytes cannot be read", empty)
	}
	return quarantine.Link(q.root, q.name, s.num, s.located(), "")
}
