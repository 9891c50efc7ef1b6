package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// holes opens a queue of n records, hands out some and acknowledges all of these but
// every seventh. It returns what a planned restart is to deliver.
func holes(t *testing.T, o Options, n, handed int) (s *Store, queued []int) {
	s = open(t, o)
	q := s.Shards()[0]
	appendN(t, q, 0, n, 700)
	for i := range handed {
		rec := next(t, q)
		if i%7 == 5 {
			queued = append(queued, i)
		} else {
			q.Ack(rec.Seq)
		}
	}
	return s, append(queued, sequence(handed, n-handed)...)
}

func TestPlannedRestartRepeatsOnlyWhatIsOpen(t *testing.T) {
	o := options(t.TempDir())
	s, queued := holes(t, o, 100, 60)
	testkit.Must(t, shut(s))
	rep := testkit.Try(inspect.Status(context.Background(), o.Path))(t)
	if int(rep.Records) != len(queued) {
		t.Fatalf("%d records are reported, want %d", rep.Records, len(queued))
	}
	s, q := reopenOne(t, &o)
	if st := q.Stats(); int(st.Records) != len(queued) {
		t.Fatalf("%d records, want %d", st.Records, len(queued))
	}
	// A second restart, before the reader has come to all of them.
	for range 4 {
		rec := next(t, q)
		if number(t, rec) != queued[0] {
			t.Fatalf("got %d, want %d", number(t, rec), queued[0])
		}
		q.Ack(rec.Seq)
		queued = queued[1:]
	}
	testkit.Must(t, shut(s))
	s, q = reopenOne(t, &o)
	appendN(t, q, 100, 5, 700)
	equal(t, "records", drainAll(t, q), append(queued, sequence(100, 5)...))
	if n := q.Stats(); n.Records != 0 || n.Bytes != 0 || n.Events != 0 || toSkip(q) != 0 {
		t.Fatalf("%+v, %d to skip", n, toSkip(q))
	}
	testkit.Must(t, shut(s))
}

// A list that is damaged is not believed: nothing may be lost for a list.
func TestDamagedListSaysNothing(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string, list []byte){
		"cut":         func(t *testing.T, path string, list []byte) { testkit.Must(t, os.Truncate(path, int64(len(list)/2))) },
		"empty":       func(t *testing.T, path string, _ []byte) { testkit.Must(t, os.Truncate(path, 0)) },
		"other digit": func(t *testing.T, path string, list []byte) { otherDigit(t, path, list) },
		"none":        func(t *testing.T, path string, _ []byte) { testkit.Must(t, os.Remove(path)) },
	} {
		o := quietOptions(t)
		s, queued := holes(t, o, 50, 30)
		testkit.Must(t, shut(s))
		path := filepath.Join(o.Path, "shard-00", segment.AckedName)
		list := testkit.Try(os.ReadFile(path))(t)
		change(t, path, list)
		if got := drainAll(t, reopen(t, &o).Shards()[0]); len(got) <= len(queued) {
			t.Errorf("%s: %d records, the list was believed", name, len(got))
		}
	}
}

// otherDigit changes the last digit before the checksum, of each list in the file.
func otherDigit(t *testing.T, path string, list []byte) {
	t.Helper()
	for off := 0; off < len(list); off += segment.SlotSize {
		slot := list[off:min(off+segment.SlotSize, len(list))]
		if end := bytes.Index(slot, []byte("crc32c")); end >= 0 {
			i := bytes.LastIndexAny(slot[:end], "0123456789")
			slot[i] = '0' + (slot[i]-'0'+1)%10
		}
	}
	testkit.Must(t, os.WriteFile(path, list, segment.FileMode))
}

// A list holds whatever the metadata says: it is of sequence numbers.
func TestListHoldsForOtherMetadata(t *testing.T) {
	for name, change := range map[string]func(dir string, m segment.Meta) error{
		"other": func(dir string, m segment.Meta) error {
			m.Depth++
			return os.WriteFile(filepath.Join(dir, segment.MetaName), m.Encode(), segment.FileMode)
		},
		"from the start": func(dir string, m segment.Meta) error {
			m.Read = segment.Position{}
			return os.WriteFile(filepath.Join(dir, segment.MetaName), m.Encode(), segment.FileMode)
		},
		"none": func(dir string, _ segment.Meta) error { return os.Remove(filepath.Join(dir, segment.MetaName)) },
	} {
		o := quietOptions(t)
		s, queued := holes(t, o, 50, 30)
		testkit.Must(t, shut(s))
		dir := filepath.Join(o.Path, "shard-00")
		m, _, _, err := segment.ReadMeta(dir)
		testkit.Must(t, err)
		testkit.Must(t, change(dir, m))
		rep := testkit.Try(inspect.Status(context.Background(), o.Path))(t)
		equal(t, name+": reported", int(rep.Records), len(queued))
		s = reopen(t, &o)
		recovered, _, _ := balance(o.Ledger)
		equal(t, name+": recovered", recovered, eventsOf(queued...))
		equal(t, name, drainAll(t, s.Shards()[0]), queued)
	}
}

// After a crash only what was acknowledged since the list was last stored comes again, however far
// it lies behind a record without an answer.
func TestCrashRepeatsOnlyWhatIsNotNoted(t *testing.T) {
	o := options(fastDir(t))
	s, queued := holes(t, o, 300, 200)
	q := s.Shards()[0]
	settleDown(q)
	testkit.Must(t, s.syncAll())
	more := drain(t, q, 3) // of those that were never handed out
	o.Path, o.Ledger = copyQueue(t, o.Path), ledger.New()
	got := drainAll(t, open(t, o).Shards()[0])
	equal(t, "after the crash", got, queued)
	if len(queued) < 100 || !slices.Contains(got, more[0]) {
		t.Fatal("the test shows nothing")
	}
}

// The list of an older version holds for the metadata that it names, and the first list
// that is written takes its place.
func TestOldList(t *testing.T) {
	for _, other := range []bool{false, true} {
		o := options(fastDir(t))
		s, q := openFilled(t, o, 20, 700)
		testkit.Must(t, shut(s))
		m, _, _, err := segment.ReadMeta(q.folder.path)
		testkit.Must(t, err)
		path := filepath.Join(q.folder.path, segment.AckedName)
		testkit.Must(t, os.Remove(filepath.Join(q.folder.path, segment.StopName))) // these versions do not know it
		if other {
			m.Depth++
		}
		text, err := json.Marshal(map[string]any{"meta": string(m.Encode()), "acked": []map[string]any{
			{"seq": 3, "segment": 0, "offset": 0}, {"seq": 5, "segment": 0, "offset": 0}}})
		testkit.Must(t, err)
		testkit.Must(t, os.WriteFile(path, text, segment.FileMode))
		want := sequence(0, 20)
		if !other {
			want = append([]int{0, 1, 3}, sequence(5, 15)...)
		}
		s = reopen(t, &o)
		testkit.Must(t, s.syncAll())
		list := testkit.Try(os.ReadFile(path))(t)
		if _, whole := segment.DecodeAckedList(list); !whole {
			t.Fatalf("of other metadata %t: %s", other, list)
		}
		o.Path, o.Ledger = copyQueue(t, o.Path), ledger.New()
		equal(t, "records", drainAll(t, open(t, o).Shards()[0]), want)
	}
}

// Numbers go on above those of the list when no segment holds a record any more, and
// when a power loss has taken the newest: a new record with a number that is listed
// would never be delivered.
func TestNumbersGoOnAboveTheList(t *testing.T) {
	lose := map[string]func(t *testing.T, dir string){
		"no segment": func(t *testing.T, dir string) { removeAllSegments(t, dir) },
		"no segment and no metadata": func(t *testing.T, dir string) {
			removeAllSegments(t, dir)
			testkit.Must(t, os.Remove(filepath.Join(dir, segment.MetaName)))
		},
		"all that was not synced": func(t *testing.T, dir string) {
			for _, name := range files(t, filepath.Dir(dir), segment.Prefix+"0*") {
				testkit.Must(t, os.Truncate(filepath.Join(dir, name), 0))
			}
		},
		"list unreadable": func(t *testing.T, dir string) {
			removeAllSegments(t, dir)
			list := filepath.Join(dir, segment.AckedName)
			testkit.Must(t, os.Rename(list, list+".there"))
			testkit.Must(t, os.Mkdir(list, segment.DirMode)) // reading a folder fails
		},
	}
	for name, lost := range lose {
		o := quietOptions(t)
		s, _ := openFilled(t, o, 10, 700)
		equal(t, "records", len(drainAll(t, s.Shards()[0])), 10)
		testkit.Must(t, s.syncAll())
		image := copyQueue(t, o.Path)
		dir := filepath.Join(image, "shard-00")
		lost(t, dir)
		o.Path, o.Ledger = image, ledger.New()
		s = open(t, o)
		appendN(t, s.Shards()[0], 100, 5, 700)
		again := copyQueue(t, image) // before a new list is written
		if list := filepath.Join(again, "shard-00", segment.AckedName); name == "list unreadable" {
			testkit.Must(t, os.Remove(list))
			testkit.Must(t, os.Rename(list+".there", list))
		}
		o.Path, o.Ledger = again, ledger.New()
		equal(t, name, drainAll(t, open(t, o).Shards()[0]), sequence(100, 5))
	}
}

func removeAllSegments(t *testing.T, dir string) {
	t.Helper()
	for _, name := range files(t, filepath.Dir(dir), segment.Prefix+"0*") {
		testkit.Must(t, os.Remove(filepath.Join(dir, name)))
	}
}

// A torn list, or one whose sync failed, leaves the one before.
func TestTornListLeavesTheOneBefore(t *testing.T) {
	f := ackFile{path: filepath.Join(t.TempDir(), segment.AckedName)}
	defer f.close()
	var synced, seq uint64
	rnd := rand.New(rand.NewPCG(1, 8))
	for range 500 {
		seq++
		testkit.Must(t, f.write(segment.AckedList{Seq: seq, Acked: [][4]uint64{{1, 1, 1, seq}}}))
		if seq == 1 || rnd.IntN(3) == 0 {
			testkit.Must(t, f.sync())
			synced = seq
		}
		data := testkit.Try(os.ReadFile(f.path))(t)
		torn := filepath.Join(t.TempDir(), segment.AckedName)
		if off := f.written * segment.SlotSize; f.written != f.durable {
			data[off+rnd.IntN(20)] ^= 1
		}
		testkit.Must(t, os.WriteFile(torn, data, segment.FileMode))
		if a := segment.ReadAcked(filepath.Dir(torn), segment.Meta{}, true); !a.Found || a.Seq < synced {
			t.Fatalf("%d was synced, %+v is found", synced, a)
		}
		a := segment.ReadAcked(filepath.Dir(f.path), segment.Meta{}, true)
		if a.Seq != seq {
			t.Fatalf("%d was written, %+v is found", seq, a)
		}
		if rnd.IntN(10) == 0 { // a restart
			f.close()
			testkit.Must(t, f.resume(a.Slot, a.Generation))
			synced = seq
		}
	}
}

// Nothing is written where nothing was acknowledged.
func TestNothingNewIsNotWritten(t *testing.T) {
	o := options(fastDir(t))
	s, _ := holes(t, o, 50, 30)
	testkit.Must(t, s.syncAll())
	q := s.Shards()[0]
	before := q.acks.file.generation
	appendN(t, q, 50, 5, 700)
	for range 3 {
		testkit.Must(t, s.syncAll())
		q.acks.write()
	}
	equal(t, "lists", q.acks.file.generation, before)
}

// Many lives with orderly ends: each record comes once, whatever is open at an end.
func TestPlannedRestartsRepeatNothing(t *testing.T) {
	for seed := range seeds(t, 30) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		o := options(fastDir(t))
		accepted, seen := 0, make(map[int]bool)
		for range 8 {
			s, q := reopenOne(t, &o)
			n := rnd.IntN(40)
			appendN(t, q, accepted, n, 300+rnd.IntN(900))
			accepted += n
			for range rnd.IntN(50) {
				rec, ok := nextNow(t, q)
				if !ok {
					break
				}
				if rnd.IntN(4) == 0 {
					continue // no answer until the end
				}
				i := number(t, rec)
				if seen[i] || !q.Ack(rec.Seq) {
					t.Fatalf("seed %d: record %d came twice", seed, i)
				}
				seen[i] = true
				if rnd.IntN(3) == 0 {
					q.advance(8)
				}
			}
			testkit.Must(t, shut(s))
			if b := o.Ledger.Account("linux").Balance(); b.Difference() != 0 {
				t.Fatalf("seed %d: counts %+v", seed, b)
			}
		}
		for _, i := range drainAll(t, reopen(t, &o).Shards()[0]) {
			if seen[i] {
				t.Fatalf("seed %d: record %d came twice", seed, i)
			}
			seen[i] = true
		}
		if len(seen) != accepted {
			t.Fatalf("seed %d: %d of %d came", seed, len(seen), accepted)
		}
	}
}

// A start that fails, here at the second shard, leaves the list to the next.
func TestFailedStartKeepsTheList(t *testing.T) {
	for _, where := range []string{"repairing", "attaching"} {
		o := options(fastDir(t))
		o.Shards, o.Logger = 2, quiet()
		s, queued := holes(t, o, 100, 60)
		testkit.Must(t, shut(s))
		block := filepath.Join(o.Path, "shard-01", segment.MetaName+".1"+segment.TempSuffix)
		if where == "attaching" {
			block = filepath.Join(o.Path, "shard-01", segment.MetaName+".new"+segment.TempSuffix)
		}
		testkit.Must(t, os.MkdirAll(filepath.Join(block, "full"), segment.DirMode))
		if _, err := start(o); err == nil {
			t.Fatalf("%s: opened", where)
		}
		testkit.Must(t, os.RemoveAll(block))
		equal(t, where, drainAll(t, reopen(t, &o).Shards()[0]), queued)
	}
}
