package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/durable"
)

// repair does to the files what the scan has found necessary, and returns the segments
// that are left to read, oldest first. Every step may be the last before a crash: the
// next scan finds the same again or less.
func (sc *shardScan) repair(root string, found func(*segmentScan, damage, string)) ([]*segmentScan, error) {
	for _, path := range sc.litter {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("queue: remove a temporary file: %w", err)
		}
	}
	if sc.missing { // attaching makes the folder
		return nil, nil
	}
	if !sc.acked.found && sc.acked.unread == nil { // else it holds until the next list is written
		if err := dropAcked(sc.dir); err != nil {
			return nil, err
		}
	}
	var left []*segmentScan
	for i, s := range sc.segs {
		last := i == len(sc.segs)-1
		if err := sc.restoreName(root, s); noRoom(err) {
			s.keep = true // with the segment, until there is room in the corrupt folder
		} else if err != nil {
			return nil, err
		}
		s.size = s.fileSize
		if s.failed == nil {
			err := sc.setDamageAside(root, s, found)
			if err != nil && !notRead(err) {
				return nil, err
			}
			s.failed = err
		}
		if s.failed != nil {
			sc.forget(s)
		}
		if s.consumed() && !last {
			if err := unlink(s.path); err != nil {
				return nil, err
			}
			continue
		}
		if last && s.sound() && s.tornAt >= 0 && s.failed == nil {
			s.size = s.tornAt
			if err := truncate(s.path, s.tornAt); err != nil && !noRoom(err) { // attaching does it again
				return nil, err
			}
		}
		left = append(left, s)
	}
	return left, durable.SyncDir(sc.dir)
}

// forget makes the scan of a segment that could not be read say no more than the
// metadata and the list of acknowledged records do: where it begins, and what of it is
// acknowledged. So an end of the process before it is read changes nothing.
func (sc *shardScan) forget(s *segmentScan) {
	s.from, s.walked = 0, walked{tornAt: -1, firstSeq: s.firstSeq, lastSeq: s.lastSeq}
	if sc.known && s.num == sc.meta.read.num {
		s.from = sc.meta.read.off
	}
	s.done, s.skip = sc.acked.of(s.num), 0
}

// setDamageAside copies what is damaged in a segment into the corrupt folder.
func (sc *shardScan) setDamageAside(root string, s *segmentScan, found func(*segmentScan, damage, string)) error {
	if len(s.damage) == 0 {
		return nil
	}
	f, err := os.Open(s.file())
	if err != nil {
		return &readError{err: err}
	}
	defer f.Close()
	for _, d := range s.damage {
		copied, err := setAside(root, sc.name, s.num, f, d.from, d.to)
		if notRead(err) {
			return err
		}
		if err != nil {
			s.keep = true // there is no room for a copy, so the segment itself stays
			copied = err.Error()
		}
		found(s, d, copied)
	}
	return nil
}

// restoreName takes back diskqueue's renaming of a segment that it could not read.
func (sc *shardScan) restoreName(root string, scan *segmentScan) error {
	switch {
	case scan.twin:
		_, err := moveAside(root, sc.name, scan.num, scan.path+badSuffix, "")
		return err
	case scan.bad:
		if err := os.Rename(scan.path+badSuffix, scan.path); err != nil {
			return fmt.Errorf("queue: restore a segment's name: %w", err)
		}
		scan.bad = false
	}
	return nil
}

// truncate cuts a torn tail off, durably.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("queue: cut a torn tail: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("queue: cut a torn tail off %s at %d: %w", path, size, err)
	}
	return nil
}

// dropAcked removes the file, durably.
func dropAcked(dir string) error {
	err := os.Remove(filepath.Join(dir, ackedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove the list of acknowledged records: %w", err)
	}
	return durable.SyncDir(dir)
}

// dropStop removes the file, durably.
func dropStop(dir string) error {
	err := os.Remove(filepath.Join(dir, stopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove what the last stop has noted: %w", err)
	}
	return durable.SyncDir(dir)
}

// removeAll removes the shard with all that is in it, segments first: a crash in
// between leaves the metadata, which keeps segment numbers from coming again, and what
// says that the records are delivered.
func (sc *shardScan) removeAll() error {
	paths := slices.Clone(sc.litter)
	for _, s := range slices.Concat(sc.segs, sc.misplaced) {
		paths = append(paths, s.path, s.path+badSuffix, s.path+doubtSuffix)
	}
	for _, paths := range [][]string{paths, {filepath.Join(sc.dir, ackedName), filepath.Join(sc.dir, stopName), filepath.Join(sc.dir, metaName)}} {
		for _, path := range paths {
			if err := remove(path); err != nil {
				return err
			}
		}
		if err := durable.SyncDir(sc.dir); err != nil {
			return err
		}
	}
	// A file of somebody else keeps the folder, which does no harm.
	if err := os.Remove(sc.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("queue: remove %s: %w", sc.dir, err)
	}
	return nil
}
