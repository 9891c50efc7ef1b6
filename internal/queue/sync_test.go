package queue

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// A sync failed: the segment is written again, to a new file, and all goes on with it.
func TestFailedSyncIsAFaultThatHeals(t *testing.T) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 5, 1000)
	testkit.Must(t, s.syncAll())
	appendN(t, q, 5, 5, 1000)
	rec, _ := tryNext(t, q)
	testkit.Must(t, q.win.state.last().file.Close()) // whatever makes fdatasync fail
	if err := s.syncAll(); err == nil || s.Healthy() == nil || q.Accepting() {
		t.Fatalf("sync: %v, healthy %v", err, s.Healthy())
	}
	if n := q.Stats().Faults; n.Sync != 1 || n.Write != 0 {
		t.Fatalf("faults %+v", n)
	}
	if seg := q.win.state.last(); !seg.unsynced || seg.synced == seg.size {
		t.Fatalf("unsynced %v, synced %d of %d", seg.unsynced, seg.synced, seg.size)
	}
	q.win.state.last().file = nil
	before := testkit.Try(os.Stat(q.win.state.last().path))(t)
	content := testkit.Try(os.ReadFile(q.win.state.last().path))(t)
	testkit.Must(t, s.syncAll())
	testkit.Must(t, s.Healthy())
	after := testkit.Try(os.Stat(q.win.state.last().path))(t)
	if os.SameFile(before, after) {
		t.Fatal("the file is the old one")
	}
	if again, err := os.ReadFile(q.win.state.last().path); err != nil || !slices.Equal(again, content) {
		t.Fatalf("the copy differs, %v", err)
	}
	if seg := q.win.state.last(); seg.unsynced || seg.synced != seg.size {
		t.Fatalf("unsynced %v, synced %d", seg.unsynced, seg.synced)
	}
	q.Nack(rec.Seq)
	appendN(t, q, 10, 5, 1000)
	equal(t, "records", drainAll(t, q), sequence(0, 15))
	testkit.Must(t, s.syncAll())
	testkit.Must(t, shut(s))
}

// While all shards append and deliver, syncs fail now and then.
func TestFailedSyncsUnderLoad(t *testing.T) {
	o := quietOptions(t)
	s, q := openOne(t, o)
	const n = 400
	ended := make(chan []int)
	go func() {
		var got []int
		for len(got) < n {
			rec, err := q.Next(t.Context(), nil)
			if err != nil {
				t.Error(err)
				break
			}
			got = append(got, number(t, rec))
			q.Ack(rec.Seq)
			q.advance(16)
		}
		ended <- got
	}()
	for i := range n {
		for q.Append(record(i, 700)) != nil {
			testkit.Must(t, s.syncAll())
		}
		if i%40 == 20 {
			q.win.mu.Lock()
			q.win.state.last().unsynced = true
			q.win.mu.Unlock()
			q.faults.sync.set(errors.New("as if a sync had failed"))
		}
	}
	testkit.Must(t, s.syncAll())
	equal(t, "records", <-ended, sequence(0, n))
	testkit.Must(t, s.Healthy())
}

// Pages that cannot be read stay empty, and all others are copied.
func TestCopyPassesOverWhatIsLost(t *testing.T) {
	o := options(fastDir(t))
	s, q := openFilled(t, o, 4, 900)
	from := q.win.state.last().size
	appendN(t, q, 4, 60, 9000)
	to := q.win.state.segs[0].size
	path := q.win.state.segs[0].path
	testkit.Must(t, shut(s))
	whole := testkit.Try(os.ReadFile(path))(t)
	f := testkit.Try(os.Create(filepath.Join(t.TempDir(), "copy")))(t)
	defer f.Close()
	for _, bad := range []int64{-1, 0, from + 5000, to - 1} {
		testkit.Must(t, f.Truncate(0))
		empty, err := segment.Copy(badPage{whole, pageOf(bad)}, f, 0, to)
		if testkit.Must(t, err); (empty > 0) != (bad >= 0) || empty > segment.Page {
			t.Fatalf("bad %d: %d bytes stay empty", bad, empty)
		}
		got := testkit.Try(os.ReadFile(f.Name()))(t)
		if int64(len(got)) != to {
			t.Fatalf("%d bytes, want %d", len(got), to)
		}
		for off := int64(0); off < to; off += segment.Page {
			end := min(off+segment.Page, to)
			if same := slices.Equal(got[off:end], whole[off:end]); same != (bad < 0 || off != bad/segment.Page*segment.Page) {
				t.Errorf("bad %d: the page at %d is the same: %v", bad, off, same)
			}
		}
		good, err := segment.GoodBytes(f, from, to)
		testkit.Must(t, err)
		lost := to - from - good
		if (lost > 0) != (bad >= 0) || lost > to-from {
			t.Errorf("bad %d: %d of %d to %d bytes are lost", bad, lost, from, to)
		}
		_, err = segment.Copy(badPage{whole, pageOf(bad)}, f, to, to)
		if (err != nil) != (bad >= 0) {
			t.Errorf("bad %d, all of it on stable storage: %v", bad, err)
		}
	}
}

func pageOf(off int64) int64 {
	if off < 0 {
		return -1
	}
	return off / segment.Page
}

// bytesAt is a file in memory.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if n := copy(p, b[off:]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

// badPage is a file with one page that cannot be read.
type badPage struct {
	data []byte
	bad  int64
}

func (b badPage) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, b.data[off:])
	if at := b.bad * segment.Page; off <= at && at < off+int64(n) {
		return int(at - off), syscall.EIO
	}
	return n, nil
}

// A process that was killed may have left records that are in memory only: the next one
// syncs them.
func TestStartSyncsWhatItFinds(t *testing.T) {
	o := options(fastDir(t))
	o.SegmentSize = minSegment
	openFilled(t, o, 300, 2000)
	o.Path = copyQueue(t, o.Path)
	q := open(t, o).Shards()[0]
	if n := len(q.win.state.segs); n <= maxSyncs {
		t.Fatalf("only %d segments", n)
	}
	syncs := 0
	for more := true; more; syncs++ {
		var err error
		more, err = q.syncer.sync(records | acknowledged)
		testkit.Must(t, err)
		files := 0
		for _, seg := range q.win.state.segs {
			if seg.file != nil {
				files++
			}
		}
		if files > maxSyncs {
			t.Fatalf("%d files are open", files)
		}
	}
	if syncs < 3 {
		t.Errorf("%d syncs", syncs)
	}
	for _, seg := range q.win.state.segs {
		if seg.synced != seg.size {
			t.Errorf("%s: %d of %d", seg.path, seg.synced, seg.size)
		}
	}
	equal(t, "records", drainAll(t, q), sequence(0, 300))
}

func TestUnsyncedSegmentsAreSynced(t *testing.T) {
	o := options(fastDir(t))
	s, q := openFilled(t, o, 100, 1000)
	testkit.Must(t, s.syncAll())
	for _, seg := range q.win.state.segs {
		if seg.synced != seg.size {
			t.Fatalf("%s: %d of %d bytes are synced", seg.path, seg.synced, seg.size)
		}
		if read := seg == q.win.state.cur; (seg.file != nil) != (read || seg == q.win.state.last()) {
			t.Fatalf("%s: open is %v", seg.path, seg.file != nil)
		}
	}
	if worked, err := q.syncer.sync(records | acknowledged); worked || err != nil {
		t.Fatalf("nothing is left to sync: %v %v", worked, err)
	}
}
