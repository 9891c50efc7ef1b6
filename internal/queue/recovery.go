package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/durable"

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

// segmentScan is one file of a shard.
type segmentScan struct {
	num      int64
	path     string // its own name; the file bears it, or has .bad behind it
	bad      bool
	twin     bool // both names exist: the .bad one will be set aside
	fileSize int64
	from     int64 // where what is not consumed begins
	marked   bool  // a sync of it has failed, and was not made good
	synced   int64 // where marked: what was on stable storage before
	done     spans // what is acknowledged of it
	skip     int64 // how many of the records that were found
	since    int64 // when it was written last, Unix nanoseconds
	size     int64 // what repair has left of it
	keep     bool  // repair wants the file kept in the corrupt folder when it is consumed
	// failed is why it could not be read: nothing is known of its records then.
	failed error
	walked
}

func (s *segmentScan) file() string {
	if s.bad {
		return s.path + badSuffix
	}
	return s.path
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

// walkSegment decides where seg is to be read from and walks it from there. Where that
// fails nothing is known of it.
func (sc *shardScan) walkSegment(seg *segmentScan) error {
	f, err := os.Open(seg.file())
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	seg.fileSize, seg.since = st.Size(), st.ModTime().UnixNano()
	if sc.known && seg.num == sc.meta.read.num {
		if seg.from, err = boundary(f, seg.fileSize, sc.meta.read.off); err != nil {
			return err
		}
	}
	if err := seg.read(f, sc.acked.of(seg.num)); err != nil {
		return err
	}
	if last := seg.num == sc.segs[len(sc.segs)-1].num; !last && seg.tornAt >= 0 {
		seg.damage = append(seg.damage, damage{from: seg.tornAt, to: seg.fileSize, what: "the last record is cut off"})
		seg.tornAt = -1
	}
	if seg.lastSeq == 0 { // the numbers go on behind what was consumed
		consumed, err := walk(f, seg.from, 0, nil)
		if err != nil {
			return err
		}
		seg.lastSeq = consumed.lastSeq
	}
	return nil
}

// boundary returns off where a record begins at it, or one ends there and what follows
// is torn or damaged. Anywhere else the metadata is wrong, and the segment is read from
// its start: records may come twice that way, but none is lost.
func boundary(f *os.File, size, off int64) (int64, error) {
	if off == size {
		return off, nil
	}
	if off > size {
		return 0, nil
	}
	w := &window{r: f, size: size}
	_, _, v, err := w.record(off, 0)
	if v == valid && err == nil {
		return off, nil
	}
	if notRead(err) {
		return 0, err
	}
	before, err := walk(f, off, 0, nil)
	if err != nil {
		return 0, err
	}
	if before.end == off {
		return off, nil
	}
	return 0, nil
}

// mayHold is how many records the parts that were not read may hold at most. Their numbers are not
// given out again: a disk that cannot be read at this start may be read at the next.
func (s *segmentScan) mayHold() (n uint64) {
	if s.failed != nil { // not even its size need be known
		return 1 << 32
	}
	for _, d := range s.damage {
		n += uint64(d.to-d.from)/(prefixLen+fixedHeader) + 1
	}
	return n
}

// consumed says that nothing is left in the segment.
func (s *segmentScan) consumed() bool {
	return s.records == 0 && len(s.damage) == 0 && s.failed == nil
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

// read walks the segment and takes what is acknowledged out of what is left in it. It
// goes by the records that the walk has found and counted: a header may be whole where
// the record is not, since the file ends inside of it.
func (s *segmentScan) read(r io.ReaderAt, done spans) error {
	var known tally
	s.done, s.skip = done, 0
	found, err := walk(r, s.fileSize, s.from, func(_ int64, h *header) error {
		if done.has(h.seq) {
			s.skip++
			known.add(h.source, int64(h.events), h.size())
		}
		return nil
	})
	s.walked = found
	s.subtract(&known)
	return err
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

// fits says that the numbers of a segment's records lie between two others, and grow.
func (s *segmentScan) fits(above, below uint64) bool {
	return s.firstSeq == 0 || !s.disorder && above < s.firstSeq && s.lastSeq < below
}

// sortOut takes the segments out of the shard that do not belong there: the window needs
// numbers that grow from each record to the next, and a copy repeats them. As many
// segments as can stay do: the longest chain in which each begins behind the end of the
// one before (patience sorting). Segments without a record, or not read yet, stay.
func (sc *shardScan) sortOut() {
	type link struct {
		seg    *segmentScan
		before *link
	}
	var tails []*link // by length, the chain of that length which ends lowest
	for _, s := range sc.segs {
		if s.failed != nil || s.firstSeq == 0 || s.disorder {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, s.firstSeq, func(l *link, first uint64) int {
			if l.seg.lastSeq < first {
				return -1
			}
			return 1
		})
		one := &link{seg: s}
		if n > 0 {
			one.before = tails[n-1]
		}
		switch {
		case n == len(tails):
			tails = append(tails, one)
		case s.lastSeq < tails[n].seg.lastSeq:
			tails[n] = one
		}
	}
	stay := make(map[*segmentScan]bool)
	if n := len(tails); n > 0 {
		for l := tails[n-1]; l != nil; l = l.before {
			stay[l.seg] = true
		}
	}
	sc.segs = slices.DeleteFunc(sc.segs, func(s *segmentScan) bool {
		if s.failed != nil || s.firstSeq == 0 || stay[s] {
			return false
		}
		sc.misplaced = append(sc.misplaced, s)
		return true
	})
}

// between returns the numbers that the records of a late segment must lie between, by its
// neighbours that could be read. seq is the highest that may be on disk.
func (sc *shardScan) between(late *segmentScan, seq uint64) (above, below uint64) {
	below = math.MaxUint64
	for _, s := range sc.segs {
		switch {
		case s.failed != nil || s.firstSeq == 0:
		case s.num < late.num:
			above = max(above, s.lastSeq)
		case s.num > late.num:
			below = min(below, s.firstSeq)
		}
	}
	return above, min(below, seq+1)
}

// mark tells records of the same number apart.
type mark struct {
	bodyCRC  uint32
	received int64
}

// good says that a whole record begins at off.
func (s *segmentScan) good(off int64) bool {
	f, err := os.Open(s.path)
	if err != nil {
		return false
	}
	defer f.Close()
	h, _, v, err := (&window{r: f, size: s.fileSize}).record(off, 0)
	if err != nil || v != valid {
		return false
	}
	_, err = readRecord(f, h.at(off), nil)
	return err == nil
}

// marks enters the records of the segment from an offset on into known.
func (s *segmentScan) marks(from int64, known map[uint64]mark) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = walk(f, s.fileSize, from, func(_ int64, h *header) error {
		known[h.seq] = mark{h.bodyCRC, h.received}
		return nil
	})
	return err
}

// repeated enters the records of the shard that a misplaced segment may repeat into known,
// those included that are consumed and still in a file: they were delivered.
func (sc *shardScan) repeated(path string, known map[uint64]mark) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	its := make(map[uint64]mark)
	if err := (&segmentScan{path: path, fileSize: st.Size()}).marks(0, its); err != nil {
		return err
	}
	for _, s := range sc.segs {
		if s.failed != nil {
			return s.failed
		}
		all := make(map[uint64]mark)
		if err := s.marks(0, all); err != nil {
			return err
		}
		for seq, m := range all {
			if _, may := its[seq]; may {
				known[seq] = m
			}
		}
	}
	return nil
}

// The pauses between attempts to read what could not be read.
const (
	minReadPause = 50 * time.Millisecond
	maxReadPause = 2 * time.Second
)

// insist does something that reads until it works, for about five seconds: what start-up
// must know to begin at all. It returns the last error, or that of ctx.
func insist(ctx context.Context, do func() error) error {
	for wait := minReadPause; ; wait = min(2*wait, maxReadPause) {
		err := do()
		if err == nil {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errors.Join(err, ctx.Err())
		}
		if wait == maxReadPause {
			return do()
		}
	}
}

// again is the scan of a segment before anything was read of it. diskqueue may have given
// it up meanwhile.
func (s *segmentScan) again(bad bool) *segmentScan {
	return &segmentScan{num: s.num, path: s.path, bad: bad, marked: s.marked, synced: s.synced}
}
