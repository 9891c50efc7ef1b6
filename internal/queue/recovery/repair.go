package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
)

// Repair repairs the files according to the scan, and returns the segments that remain,
// oldest first. A crash may follow any step: the next scan finds the same or less to do. found is called for each damage that was copied.
func (sc *Shard) Repair(root string, found func(*Segment, segment.Damage, string)) ([]*Segment, error) {
	for _, path := range sc.Litter {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("queue: remove a temporary file: %w", err)
		}
	}
	if sc.Missing { // attaching makes the folder
		return nil, nil
	}
	if !sc.Acked.Found && sc.Acked.Unread == nil { // else it holds until the next list is written
		if err := DropAcked(sc.Dir); err != nil {
			return nil, err
		}
	}
	var kept []*Segment
	for i, s := range sc.Segments {
		last := i == len(sc.Segments)-1
		if err := sc.RestoreName(root, s); NoRoom(err) {
			s.Keep = true // with the segment, until there is room in the corrupt folder
		} else if err != nil {
			return nil, err
		}
		s.Size = s.FileSize
		if s.Failed == nil {
			err := sc.QuarantineDamage(root, s, found)
			if err != nil && !segment.NotRead(err) {
				return nil, err
			}
			s.Failed = err
		}
		if s.Failed != nil {
			sc.forget(s)
		}
		if s.Consumed() && !last {
			if err := segment.RemoveAll(s.Path); err != nil {
				return nil, err
			}
			continue
		}
		if last && s.Sound() && s.TornAt >= 0 && s.Failed == nil {
			s.Size = s.TornAt
			if err := Truncate(s.Path, s.TornAt); err != nil && !NoRoom(err) { // attaching does it again
				return nil, err
			}
		}
		kept = append(kept, s)
	}
	return kept, durable.SyncDir(sc.Dir)
}

// forget makes the scan of an unreadable segment say only what the metadata and the list of
// acknowledged records say: where it begins, and what of it is acknowledged. So a restart
// before it is read changes nothing.
func (sc *Shard) forget(s *Segment) {
	s.From, s.Contents = 0, segment.Contents{TornAt: -1, FirstSeq: s.FirstSeq, LastSeq: s.LastSeq}
	if sc.MetaKnown && s.Num == sc.Meta.Read.Num {
		s.From = sc.Meta.Read.Off
	}
	s.Done, s.Skip = sc.Acked.Of(s.Num), 0
}

// QuarantineDamage copies the damaged ranges of a segment into the corrupt folder.
func (sc *Shard) QuarantineDamage(root string, s *Segment, found func(*Segment, segment.Damage, string)) error {
	if len(s.Damage) == 0 {
		return nil
	}
	f, err := os.Open(s.File())
	if err != nil {
		return &segment.ReadError{Err: err}
	}
	defer f.Close()
	for _, d := range s.Damage {
		copied, err := quarantine.CopyRange(root, sc.Name, s.Num, f, d.From, d.To)
		if segment.NotRead(err) {
			return err
		}
		if err != nil {
			s.Keep = true // there is no room for a copy, so the segment itself stays
			copied = err.Error()
		}
		found(s, d, copied)
	}
	return nil
}

// RestoreName undoes diskqueue's renaming of a segment that it could not read.
func (sc *Shard) RestoreName(root string, scan *Segment) error {
	switch {
	case scan.Twin:
		_, err := quarantine.Move(root, sc.Name, scan.Num, scan.Path+segment.BadSuffix, "")
		return err
	case scan.Bad:
		if err := os.Rename(scan.Path+segment.BadSuffix, scan.Path); err != nil {
			return fmt.Errorf("queue: restore a segment's name: %w", err)
		}
		scan.Bad = false
	}
	return nil
}

// Truncate cuts a torn tail off, durably.
func Truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("queue: cut a torn tail: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("queue: cut a torn tail off %s at %d: %w", path, size, err)
	}
	return nil
}

// DropAcked removes the list of acknowledged records, durably.
func DropAcked(dir string) error {
	err := os.Remove(filepath.Join(dir, segment.AckedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove the list of acknowledged records: %w", err)
	}
	return durable.SyncDir(dir)
}

// RemoveStopState removes the stop state of the last stop, durably.
func RemoveStopState(dir string) error {
	err := os.Remove(filepath.Join(dir, segment.StopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove the stop state: %w", err)
	}
	return durable.SyncDir(dir)
}

// RemoveAll removes the shard with all that is in it, segments first. After a crash in
// between the metadata is left, which keeps segment numbers from coming again, and the list
// of acknowledged records.
func (sc *Shard) RemoveAll() error {
	paths := slices.Clone(sc.Litter)
	for _, s := range slices.Concat(sc.Segments, sc.Misplaced) {
		paths = append(paths, s.Path, s.Path+segment.BadSuffix, s.Path+segment.UnsyncedSuffix)
	}
	for _, paths := range [][]string{paths, {filepath.Join(sc.Dir, segment.AckedName), filepath.Join(sc.Dir, segment.StopName), filepath.Join(sc.Dir, segment.MetaName)}} {
		for _, path := range paths {
			if err := segment.Remove(path); err != nil {
				return err
			}
		}
		if err := durable.SyncDir(sc.Dir); err != nil {
			return err
		}
	}
	// A file of somebody else keeps the folder, which does no harm.
	if err := os.Remove(sc.Dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("queue: remove %s: %w", sc.Dir, err)
	}
	return nil
}

// RemoveShard removes a shard that is drained, with all that is in its folder.
func RemoveShard(ctx context.Context, root string, index int) error {
	sc, err := ScanShard(ctx, root, index)
	if err != nil {
		return err
	}
	return sc.RemoveAll()
}
