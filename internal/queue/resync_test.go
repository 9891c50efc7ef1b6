package queue

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// failedSync appends records, of which some are synced, and lets the sync of the others fail.
func failedSync(t *testing.T, o Options, synced, more int) (*Store, *Shard) {
	t.Helper()
	s, q := openFilled(t, o, synced, 1000)
	testkit.Must(t, s.syncAll())
	appendN(t, q, synced, more, 1000)
	failSync(t, s)
	return s, q
}

// failSync makes the next sync of the last segment fail, whatever makes fdatasync fail.
func failSync(t *testing.T, s *Store) {
	t.Helper()
	q := s.Shards()[0]
	q.win.mu.Lock()
	f, err := q.win.state.last().open()
	q.win.mu.Unlock()
	testkit.Must(t, err)
	testkit.Must(t, f.Close())
	if s.syncAll() == nil || !q.syncer.unsynced() {
		t.Fatal("the sync did not fail")
	}
	q.win.mu.Lock()
	q.win.state.last().file = nil
	q.win.mu.Unlock()
}

// What is on stable storage is not given up for a read that fails, nor for an error that
// may pass.
func TestCopyKeepsWhatWasSynced(t *testing.T) {
	o := quietOptions(t)
	s, q := failedSync(t, o, 8, 2)
	seg := q.win.state.last()
	want, err := os.ReadFile(seg.path)
	testkit.Must(t, err)
	for range 2 * copyTries {
		seg.file, err = os.OpenFile(seg.path, os.O_WRONLY, 0) // every read fails
		testkit.Must(t, err)
		q.syncer.again = time.Time{}
		if s.syncAll() == nil || s.Healthy() == nil {
			t.Fatal("a segment that cannot be read is written again")
		}
		testkit.Must(t, seg.file.Close())
	}
	if now, err := os.ReadFile(seg.path); err != nil || !bytes.Equal(now, want) {
		t.Fatalf("the segment has changed, %v", err)
	}
	seg.file, q.syncer.again = nil, time.Time{}
	testkit.Must(t, s.syncAll())
	equal(t, "records", drainAll(t, q), sequence(0, 10))
}

// What memory has forgotten is given up after some tries, and the old file is kept.
func TestLostPagesAreQuarantined(t *testing.T) {
	o := quietOptions(t)
	s, q := failedSync(t, o, 8, 4)
	seg := q.win.state.last()
	testkit.Must(t, os.Truncate(seg.path, seg.synced+1)) // reading ends there
	old := testkit.Try(os.Stat(seg.path))(t)
	for try := 1; try <= copyTries; try++ {
		q.syncer.again = time.Time{}
		if err := s.syncAll(); (err == nil) != (try == copyTries) {
			t.Fatalf("try %d: %v", try, err)
		}
	}
	kept, err := os.Stat(filepath.Join(o.Path, quarantine.Folder, "shard-00-000000"))
	if err != nil || !os.SameFile(old, kept) {
		t.Fatalf("the old file is not kept: %v", err)
	}
	equal(t, "records", drainAll(t, q)[:8], sequence(0, 8))
	appendN(t, q, 12, 3, 1000)
	equal(t, "records", drainAll(t, q), sequence(12, 3))
}

// Two segments are unsynced. When one is written again the other one is consumed by that,
// and stays away.
func TestConsumedSegmentIsNotWrittenAgain(t *testing.T) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 30, 1000)
	old := q.win.state.segs[0]
	q.win.mu.Lock()
	for _, seg := range q.win.state.segs {
		testkit.Try(seg.open())(t)
		seg.unsynced = true
	}
	q.win.mu.Unlock()
	got := drain(t, q, int(old.ahead.Records)) // diskqueue does not know yet
	testkit.Must(t, s.syncAll())
	if _, err := os.Stat(old.path); err == nil || old.file != nil {
		t.Fatalf("%s is back, open is %v", old.path, old.file != nil)
	}
	if used := s.budget.used.Load(); used != diskUse(t, o.Path) {
		t.Fatalf("%d bytes are counted, %d used", used, diskUse(t, o.Path))
	}
	equal(t, "records", append(got, drainAll(t, q)...), sequence(0, 30))
	testkit.Must(t, shut(s))
	rep, err := inspect.Verify(context.Background(), o.Path, nil)
	if err != nil || rep.Damaged() {
		t.Fatalf("%+v, %v", rep, err)
	}
}

// There is no room for a copy. It is not tried at every tick, and not needed when all is
// delivered.
func TestFailedSyncEndsWhenAllIsConsumed(t *testing.T) {
	o := options(fastDir(t))
	o.Logger, o.SyncInterval = quiet(), time.Hour
	s, q := failedSync(t, o, 3, 2)
	block := q.win.state.last().path + segment.TempSuffix
	testkit.Must(t, os.Mkdir(block, segment.DirMode))
	for range 5 {
		if s.syncAll() == nil || q.Accepting() {
			t.Fatal("written again without room")
		}
	}
	if n := q.Stats().Faults.Sync; n != 2 {
		t.Fatalf("%d failures, want one of the sync and one of the copy", n)
	}
	equal(t, "records", drainAll(t, q), sequence(0, 5))
	q.syncer.again = time.Time{}
	testkit.Must(t, s.syncAll())
	testkit.Must(t, s.Healthy())
	testkit.Must(t, os.Remove(block))
	appendN(t, q, 5, 3, 1000)
	testkit.Must(t, s.syncAll())
	equal(t, "files", files(t, o.Path, segment.Prefix+"0*"), []string{segment.Name(1)})
	equal(t, "records", drainAll(t, q), sequence(5, 3))
}

// A restart does not take for synced what only the page cache has.
func TestRestartRemembersFailedSync(t *testing.T) {
	o := quietOptions(t)
	s, q := failedSync(t, o, 3, 2)
	synced := q.win.state.last().synced
	o.Path, o.Ledger = copyQueue(t, o.Path), ledger.New() // the process was killed
	rep := testkit.Try(inspect.Status(context.Background(), o.Path))(t)
	if said := strings.Join(rep.Shards[0].Actions, "\n"); !strings.Contains(said, "write") {
		t.Errorf("the report says %q", said)
	}
	testkit.Must(t, os.WriteFile(filepath.Join(o.Path, "shard-00", segment.Name(77)+segment.UnsyncedSuffix), nil, segment.FileMode)) // of a segment that is gone
	killed, q := openOne(t, o)
	if seg := q.win.state.last(); !seg.unsynced || seg.synced != synced {
		t.Fatalf("unsynced %v, synced up to %d, want %d", seg.unsynced, seg.synced, synced)
	}
	before := testkit.Try(os.Stat(q.win.state.last().path))(t)
	testkit.Must(t, killed.syncAll())
	after, err := os.Stat(q.win.state.last().path)
	if testkit.Must(t, err); os.SameFile(before, after) {
		t.Fatal("the old file is trusted")
	}
	equal(t, ".doubt files", files(t, o.Path, "*"+segment.UnsyncedSuffix), []string{})
	equal(t, "records", drainAll(t, q), sequence(0, 5))
	testkit.Must(t, shut(s))
}

// One record that gets no answer does not keep the files of all segments behind it open.
func TestStuckRecordKeepsFewFilesOpen(t *testing.T) {
	o := options(fastDir(t))
	s, q := openFilled(t, o, 600, 1000)
	stuck := next(t, q)
	late := next(t, q)
	drain(t, q, 590)
	other := next(t, q)
	testkit.Must(t, s.syncAll())
	testkit.Must(t, s.syncAll())
	if n, segs := openFiles(t, o.Path), len(q.win.state.segs); n > 8 || segs < 30 {
		t.Fatalf("%d files are open, of %d segments", n, segs)
	}
	for _, rec := range []event.Record{stuck, late, other} {
		q.Nack(rec.Seq)
	}
	q.Ack(next(t, q).Seq)
	testkit.Must(t, s.syncAll())
	settleDown(q)
	equal(t, "records", drainAll(t, q), append([]int{1, 592}, sequence(593, 7)...))
}

// openFiles counts the files under dir that this process has open.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	fds := testkit.Try(os.ReadDir("/proc/self/fd"))(t)
	for _, fd := range fds {
		if path, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(path, dir+"/") {
			n++
		}
	}
	return n
}

// While the disk of one shard hangs the others are healed, and space is measured.
func TestHungShardHoldsOnlyItself(t *testing.T) {
	o := quietOptions(t)
	o.Shards, o.MinFree = 2, 1
	s := open(t, o)
	var measured atomic.Int64
	free := s.budget.free
	s.budget.free = func(path string) (int64, error) { measured.Add(1); return free(path) }
	hung, other := s.Shards()[0], s.Shards()[1]
	for _, q := range s.Shards() {
		q.faults.write.set(errNoDisk)
	}
	run(t, s)
	hung.io.Lock()
	defer hung.io.Unlock()
	s.budget.remove(0) // so it is tried soon
	testkit.Eventually(t, "the other shard is healed", other.Accepting)
	n := measured.Load()
	testkit.Eventually(t, "space is measured", func() bool { return measured.Load() > n })
}
