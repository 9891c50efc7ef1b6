// Package recovery checks the folder of a queue that is not in use: it locks the folder,
// scans all files, reports what is queued in them, and repairs them. What does not belong here:
// anything of a running queue, and reports for people (package inspect).
//
// A scan changes nothing. Repair may be cut short by a crash at any step: the next scan
// finds the same or less to do. What a scan may find:
//
//	metadata is missing, empty, unreadable   every segment is read from its start
//	its read position is not at a record,    that segment is read from its start
//	and not where one ends
//	its read segment is gone                 it was consumed, and removed before the
//	                                         metadata was stored: the first one that
//	                                         exists is the next
//	a segment before the read position       its removal was not stored, or it was
//	                                         detached: read from its start
//	it is older than the segments            records that are listed as acknowledged are
//	                                         passed over
//	acked.json is damaged                    ignored and removed: records behind the read
//	                                         position come again
//	acked.json of an older version           holds only for the metadata that it names;
//	                                         of other metadata it is ignored and removed
//	stop.json of this metadata               compared with what is found, and removed when
//	                                         all shards are ready; of other metadata ignored
//	a segment whose numbers do not fit       somebody has copied it here: moved to the
//	between those of its neighbours          corrupt folder, and put back from there; the
//	                                         longest chain of growing numbers stays
//	segment.doubt                            the segment is copied by the first sync;
//	                                         without a segment it is removed
//	segment.bad                              diskqueue gave it up: a segment like any
//	                                         other, it gets its name back
//	the last segment ends inside a record,   the process was killed in Append: cut
//	or in zeros                              at the last whole record
//	no record where one should begin         damage: the bytes up to the next valid header
//	                                         are copied to the corrupt folder, the segment
//	                                         is detached; if it is the last, a new one is
//	                                         begun
//	another segment ends inside a record     likewise
//	diskqueue's length differs from ours     the record is good; the segment is detached
//	a file, or a part, that cannot be read   no damage: it is read later
//	a wrong checksum of a body               not checked here: found when the record is read,
//	                                         then copied to the corrupt folder and counted
//	                                         as dropped, reason "corrupt"
//	events.diskqueue.*.tmp                   removed: metadata, the copy of a segment
//	a segment that is consumed               removed, unless it is the last
//	numbers of segments are missing          no matter
//	a shard beyond Options.Shards            a new segment is begun behind the others, so
//	                                         that all of them go when they are drained,
//	                                         and then the folder
package recovery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"syslog-gateway/internal/queue/segment"
)

// Shard is what a scan has found of one shard, and so what start-up has to do.
type Shard struct {
	Name      string // of the folder, such as shard-00
	Index     int
	Dir       string
	Missing   bool     // there is no folder yet
	Litter    []string // temporary files, and .doubt files without a segment
	Problem   string   // what is wrong with the metadata; "": nothing
	Meta      segment.Meta
	MetaKnown bool // meta is to go by
	Acked     segment.Acked
	Segments  []*Segment
	// Misplaced are segments whose numbers do not fit between those of the others: somebody
	// has copied them here.
	Misplaced []*Segment
	Stop      []segment.StopSegment // what was queued at the last stop, if known
}

const (
	ShardPrefix = "shard-"
	// scanners is how many segments are read at the same time: disks answer many small reads
	// faster side by side.
	scanners = 16
)

func ShardName(index int) string { return fmt.Sprintf("%s%02d", ShardPrefix, index) }

// Scan reads every shard folder in root, and the headers of all segments.
func Scan(ctx context.Context, root string) ([]*Shard, error) {
	entries, err := listFolder(ctx, root)
	if err != nil {
		return nil, err
	}
	var all []*Shard
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), ShardPrefix)
		index, err := strconv.Atoi(digits)
		if !ok || err != nil || index < 0 || ShardName(index) != e.Name() || !e.IsDir() {
			continue
		}
		sc, err := ScanShard(ctx, root, index)
		if err != nil {
			return nil, err
		}
		all = append(all, sc)
	}
	slices.SortFunc(all, func(a, b *Shard) int { return a.Index - b.Index })
	var g errgroup.Group
	g.SetLimit(scanners)
	for _, sc := range all {
		for _, seg := range sc.Segments {
			g.Go(func() error {
				seg.Failed = sc.ReadSegment(seg)
				return nil
			})
		}
	}
	_ = g.Wait() // each segment holds its own error
	for _, sc := range all {
		sc.sortOut()
	}
	return all, ctx.Err()
}

// listFolder reads a folder.
func listFolder(ctx context.Context, path string) (entries []os.DirEntry, err error) {
	err = insist(ctx, func() error {
		entries, err = os.ReadDir(path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return entries, nil
}

// ScanShard reads the folder and the metadata of one shard, but no segment.
func ScanShard(ctx context.Context, root string, index int) (*Shard, error) {
	sc := &Shard{Name: ShardName(index), Index: index}
	sc.Dir = filepath.Join(root, sc.Name)
	entries, err := listFolder(ctx, sc.Dir)
	if err != nil {
		return nil, err
	}
	byNum := make(map[int64]*Segment)
	var unsynced []string
	for _, e := range entries {
		path := filepath.Join(sc.Dir, e.Name())
		if segment.IsTemp(e.Name(), segment.Prefix) {
			sc.Litter = append(sc.Litter, path)
			continue
		}
		if strings.HasSuffix(e.Name(), segment.Suffix+segment.UnsyncedSuffix) {
			unsynced = append(unsynced, path)
		}
		num, bad, ok := segment.Number(e.Name())
		if !ok {
			continue
		}
		if other := byNum[num]; other != nil {
			other.Bad, other.Twin = false, true
			continue
		}
		byNum[num] = &Segment{Num: num, Path: filepath.Join(sc.Dir, segment.Name(num)), Bad: bad}
	}
	for _, seg := range byNum {
		sc.Segments = append(sc.Segments, seg)
	}
	sc.readUnsynced(ctx, byNum, unsynced)
	slices.SortFunc(sc.Segments, func(a, b *Segment) int { return int(min(1, max(-1, a.Num-b.Num))) })
	err = insist(ctx, func() error {
		sc.Meta, sc.Problem, sc.MetaKnown, err = segment.ReadMeta(sc.Dir)
		return err
	})
	if err != nil { // like metadata that is lost: records come twice, and it is written anew
		sc.Problem = err.Error()
	}
	if len(sc.Segments) == 0 && !sc.MetaKnown {
		sc.Problem = "" // a new shard
	}
	err = insist(ctx, func() error {
		sc.Acked = segment.ReadAcked(sc.Dir, sc.Meta, sc.MetaKnown)
		return sc.Acked.Unread
	})
	if err != nil {
		sc.Problem = err.Error()
	}
	if sc.MetaKnown {
		_ = insist(ctx, func() (err error) { // without it missing records are not noticed
			sc.Stop, err = segment.ReadStopState(sc.Dir, sc.Meta)
			return err
		})
	}
	return sc, nil
}

// readUnsynced reads the .doubt files of unsynced segments.
func (sc *Shard) readUnsynced(ctx context.Context, byNum map[int64]*Segment, files []string) {
	for _, file := range files {
		path := strings.TrimSuffix(file, segment.UnsyncedSuffix)
		num, _, ok := segment.Number(filepath.Base(path))
		seg := byNum[num]
		if !ok || seg == nil {
			sc.Litter = append(sc.Litter, file)
			continue
		}
		_ = insist(ctx, func() (err error) { // if the file cannot be read, no byte of the segment counts as synced
			seg.Synced, err = segment.ReadUnsynced(path)
			return err
		})
		seg.Unsynced = true
	}
}

// Writable says that diskqueue may go on writing at the end of the last segment.
func (sc *Shard) Writable() bool {
	n := len(sc.Segments)
	return n > 0 && sc.Segments[n-1].Sound() && sc.Segments[n-1].Failed == nil
}

// Next is the number of a new segment behind all that there are.
func (sc *Shard) Next() int64 {
	if n := len(sc.Segments); n > 0 {
		return sc.Segments[n-1].Num + 1
	}
	return 0
}

// Empty says that no record is queued in the shard.
func (sc *Shard) Empty() bool {
	return len(sc.Misplaced) == 0 && !slices.ContainsFunc(sc.Segments, func(s *Segment) bool { return !s.Consumed() })
}
