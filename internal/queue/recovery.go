package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// shardScan is what is on disk of one shard, and by that what start-up does.
// Making it changes nothing.
type shardScan struct {
	name    string // of the folder, such as shard-00
	index   int
	dir     string
	missing bool     // there is no folder yet
	litter  []string // temporary files, and marks of segments that are gone
	doubt   string   // what is wrong with the metadata; "": nothing
	meta    meta
	known   bool // meta is to go by
	acked   answers
	segs    []*segmentScan
	// misplaced are segments whose records' numbers do not fit between those of the
	// others: somebody has copied them here.
	misplaced []*segmentScan
	stop      []stopSegment // what the last stop has left, where that is known
}

const (
	shardPrefix = "shard-"
	// scanners bounds how many segments are walked at the same time: disks answer
	// many small reads faster side by side.
	scanners = 16
)

func shardName(index int) string { return fmt.Sprintf("%s%02d", shardPrefix, index) }

// scanAll looks at every shard folder in root, and walks all segments.
func scanAll(ctx context.Context, root string) ([]*shardScan, error) {
	entries, err := listFolder(ctx, root)
	if err != nil {
		return nil, err
	}
	var all []*shardScan
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), shardPrefix)
		index, err := strconv.Atoi(digits)
		if !ok || err != nil || index < 0 || shardName(index) != e.Name() || !e.IsDir() {
			continue
		}
		sc, err := listShard(ctx, root, index)
		if err != nil {
			return nil, err
		}
		all = append(all, sc)
	}
	slices.SortFunc(all, func(a, b *shardScan) int { return a.index - b.index })
	var g errgroup.Group
	g.SetLimit(scanners)
	for _, sc := range all {
		for _, seg := range sc.segs {
			g.Go(func() error {
				seg.failed = sc.walkSegment(seg)
				return nil
			})
		}
	}
	_ = g.Wait() // what could not be read is the segment's to tell
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

// listShard reads the folder and the metadata of one shard.
func listShard(ctx context.Context, root string, index int) (*shardScan, error) {
	sc := &shardScan{name: shardName(index), index: index}
	sc.dir = filepath.Join(root, sc.name)
	entries, err := listFolder(ctx, sc.dir)
	if err != nil {
		return nil, err
	}
	byNum := make(map[int64]*segmentScan)
	var marks []string
	for _, e := range entries {
		path := filepath.Join(sc.dir, e.Name())
		if isTemp(e.Name(), segPrefix) {
			sc.litter = append(sc.litter, path)
			continue
		}
		if strings.HasSuffix(e.Name(), segSuffix+doubtSuffix) {
			marks = append(marks, path)
		}
		num, bad, ok := segmentNumber(e.Name())
		if !ok {
			continue
		}
		if other := byNum[num]; other != nil {
			other.bad, other.twin = false, true
			continue
		}
		byNum[num] = &segmentScan{num: num, path: filepath.Join(sc.dir, segmentName(num)), bad: bad}
	}
	for _, seg := range byNum {
		sc.segs = append(sc.segs, seg)
	}
	sc.readMarks(ctx, byNum, marks)
	slices.SortFunc(sc.segs, func(a, b *segmentScan) int { return int(min(1, max(-1, a.num-b.num))) })
	err = insist(ctx, func() error {
		sc.meta, sc.doubt, sc.known, err = readMeta(sc.dir)
		return err
	})
	if err != nil { // like metadata that is lost: records come twice, and it is written anew
		sc.doubt = err.Error()
	}
	if len(sc.segs) == 0 && !sc.known {
		sc.doubt = "" // a new shard
	}
	err = insist(ctx, func() error {
		sc.acked = readAcked(sc.dir, sc.meta, sc.known)
		return sc.acked.unread
	})
	if err != nil {
		sc.doubt = err.Error()
	}
	if sc.known {
		_ = insist(ctx, func() (err error) { // without it nobody can tell whether something is missing
			sc.stop, err = readStop(sc.dir, sc.meta)
			return err
		})
	}
	return sc, nil
}

// readMarks reads which segments could not be synced.
func (sc *shardScan) readMarks(ctx context.Context, byNum map[int64]*segmentScan, marks []string) {
	for _, mark := range marks {
		path := strings.TrimSuffix(mark, doubtSuffix)
		num, _, ok := segmentNumber(filepath.Base(path))
		seg := byNum[num]
		if !ok || seg == nil {
			sc.litter = append(sc.litter, mark)
			continue
		}
		_ = insist(ctx, func() (err error) { // nothing of it is trusted where the mark cannot be read
			seg.synced, err = readDoubt(path)
			return err
		})
		seg.marked = true
	}
}

// writable says that diskqueue may go on writing at the end of the last segment.
func (sc *shardScan) writable() bool {
	n := len(sc.segs)
	return n > 0 && sc.segs[n-1].sound() && sc.segs[n-1].failed == nil
}

// next is the number of a new segment behind all that there are.
func (sc *shardScan) next() int64 {
	if n := len(sc.segs); n > 0 {
		return sc.segs[n-1].num + 1
	}
	return 0
}

// empty says that no record is queued in the shard.
func (sc *shardScan) empty() bool {
	return len(sc.misplaced) == 0 && !slices.ContainsFunc(sc.segs, func(s *segmentScan) bool { return !s.consumed() })
}
