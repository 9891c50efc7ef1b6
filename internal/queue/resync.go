package queue

import (
	"errors"
	"fmt"
	"os"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

const (
	// copyTries is how often a page must be unreadable, while the disk accepts the other
	// pages of the copy, before the copy leaves it out: half a minute.
	copyTries = 10
	// maxCopyWait is the longest pause after a copy that failed.
	maxCopyWait = 4 * time.Second
)

// resync repairs a failed sync. It is used under Shard.io.
func (y *syncer) resync(d dirtySegment) error {
	var gone, consumed bool
	y.win.with(func(s *windowState) {
		gone = d.seg.file != d.file
		consumed = d.seg == s.last() && s.cur == d.seg && s.off >= d.seg.size && s.out.allDone()
	})
	switch {
	case gone: // consumed meanwhile: attaching for another segment does that
		return nil
	case consumed: // nothing of it is needed, and there may be no room for a copy
		err := y.disk.renew()
		if err == nil {
			y.log.Warn("queue: what could not be synced is delivered; a new segment is begun in its place", "file", d.seg.path)
		}
		return err
	}
	if err := y.rewrite(d); err != nil {
		y.wait = min(max(2*y.wait, y.interval), maxCopyWait)
		y.again = time.Now().Add(y.wait)
		return fmt.Errorf("write %s again: %w", d.seg.path, err)
	}
	y.wait, y.again = 0, time.Time{}
	return nil
}

// rewrite replaces an unsynced segment by a copy. Linux treats pages that it could not write
// as clean: the next fsync succeeds and proves nothing. The pages can usually still be read
// from memory, so the segment is copied from there into a new file. Writing into the old
// file again is not enough: ext4 may put the data where a read does not find it. Pages that
// can no longer be read count as damage when the reader reaches them; the old file is then
// kept.
func (y *syncer) rewrite(d dirtySegment) error {
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
		kept, err = y.giveUpPages(d.seg, empty)
	}
	if err == nil {
		err = os.Rename(tmp, d.seg.path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), segment.Remove(tmp))
	}
	y.win.with(func(*windowState) { d.seg.file, d.seg.unsynced, d.seg.synced, d.seg.tries = f, false, d.to, 0 })
	y.folder.changed()
	good, _ := segment.GoodBytes(f, 0, d.to) // a figure for the log alone
	y.log.Warn("queue: what could not be synced is written again", "file", d.seg.path,
		"offset", d.from, "bytes", d.to-d.from, "damaged_bytes", d.to-good, "copy", kept)
	err = errors.Join(d.file.Close(), segment.Remove(d.seg.path+segment.BadSuffix),
		segment.Remove(d.seg.path+segment.UnsyncedSuffix), durable.SyncDir(y.folder.path))
	if !y.disk.dq.running() { // the store is being closed
		return err
	}
	return errors.Join(err, y.disk.reattach()) // diskqueue has the old file open
}

// giveUpPages allows a copy to replace a segment although a part of it could not be read:
// only after several tries, and only if the old file is kept in the corrupt folder, under
// the returned name.
func (y *syncer) giveUpPages(seg *segmentState, empty int64) (string, error) {
	if seg.tries++; seg.tries < copyTries {
		return "", fmt.Errorf("%d bytes cannot be read", empty)
	}
	return quarantine.Link(y.disk.root, y.disk.name, seg.num, seg.located(), "")
}
