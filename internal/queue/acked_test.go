package queue

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/event"
)

// holes opens a queue of n records, hands out some and acknowledges all of these but
// every seventh. It returns what a planned restart is to deliver.
func holes(t *testing.T, o Options, n, handed int) (s *Store, left []int) {
	s = open(t, o)
	q := s.Shards()[0]
	appendN(t, q, 0, n, 700)
	for i := range handed {
		rec := next(t, q)
		if i%7 == 5 {
			left = append(left, i)
		} else {
			q.Ack(rec.Seq)
		}
	}
	return s, append(left, sequence(handed, n-handed)...)
}

func TestPlannedRestartRepeatsOnlyWhatIsOpen(t *testing.T) {
	o := options(t.TempDir())
	s, left := holes(t, o, 100, 60)
	must(t, s.Close())
	rep, err := Inspect(o.Path)
	must(t, err)
	if int(rep.Records) != len(left) {
		t.Fatalf("%d records are reported, want %d", rep.Records, len(left))
	}
	o.Ledger = event.NewLedger()
	s = open(t, o)
	q := s.Shards()[0]
	if st := q.Stats(); int(st.Records) != len(left) {
		t.Fatalf("%d records, want %d", st.Records, len(left))
	}
	if _, err := os.Stat(filepath.Join(q.dir, ackedName)); err == nil {
		t.Fatal("the list is still there")
	}
	// A second restart, before the reader has come to all of them.
	for range 4 {
		rec := next(t, q)
		if number(t, rec) != left[0] {
			t.Fatalf("got %d, want %d", number(t, rec), left[0])
		}
		q.Ack(rec.Seq)
		left = left[1:]
	}
	must(t, s.Close())
	o.Ledger = event.NewLedger()
	s = open(t, o)
	q = s.Shards()[0]
	appendN(t, q, 100, 5, 700)
	equal(t, "records", drainAll(t, q), append(left, sequence(100, 5)...))
	if n := q.Stats(); n.Records != 0 || n.Bytes != 0 || n.Events != 0 || toSkip(q) != 0 {
		t.Fatalf("%+v, %d to skip", n, toSkip(q))
	}
	must(t, s.Close())
}

// A crash, or a list that is not of this state, repeats: nothing may be lost for a list.
func TestOldListSaysNothing(t *testing.T) {
	o := options(t.TempDir())
	s, _ := holes(t, o, 50, 30)
	crash := copyQueue(t, o.Path)
	must(t, s.Close())
	path := filepath.Join("shard-00", ackedName)
	list, err := os.ReadFile(filepath.Join(o.Path, path))
	must(t, err)
	o.Path, o.Ledger = crash, event.NewLedger()
	all := drainAll(t, open(t, o).Shards()[0])
	if len(all) < 45 {
		t.Fatalf("after a crash: %v", all)
	}
	for name, change := range map[string]func(dir string, m meta) error{
		"other metadata": func(dir string, m meta) error {
			m.depth++
			return os.WriteFile(filepath.Join(dir, metaName), m.encode(), fileMode)
		},
		"not JSON": func(dir string, _ meta) error {
			return os.WriteFile(filepath.Join(dir, ackedName), list[:len(list)/2], fileMode)
		},
		"no metadata": func(dir string, _ meta) error { return os.Remove(filepath.Join(dir, metaName)) },
	} {
		o := options(t.TempDir())
		o.Logger = quiet()
		s, left := holes(t, o, 50, 30)
		must(t, s.Close())
		dir := filepath.Join(o.Path, "shard-00")
		m, _, _, err := readMeta(dir)
		must(t, err)
		must(t, change(dir, m))
		o.Ledger = event.NewLedger()
		if got := drainAll(t, open(t, o).Shards()[0]); len(got) <= len(left) {
			t.Errorf("%s: %d records, a list was believed", name, len(got))
		}
	}
}

// Many lives with orderly ends: each record comes once, whatever is open at an end.
func TestPlannedRestartsRepeatNothing(t *testing.T) {
	for seed := range seeds(t, 30) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		o := options(fastDir(t))
		accepted, seen := 0, make(map[int]bool)
		for range 8 {
			o.Ledger = event.NewLedger()
			s := open(t, o)
			q := s.Shards()[0]
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
					q.io.Lock()
					q.advance(8)
					q.io.Unlock()
				}
			}
			must(t, s.Close())
			if b := o.Ledger.Account("linux").Balance(); b.Difference() != 0 {
				t.Fatalf("seed %d: books %+v", seed, b)
			}
		}
		o.Ledger = event.NewLedger()
		for _, i := range drainAll(t, open(t, o).Shards()[0]) {
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
		s, left := holes(t, o, 100, 60)
		must(t, s.Close())
		block := filepath.Join(o.Path, "shard-01", metaName+".1"+tmpSuffix)
		if where == "attaching" {
			block = filepath.Join(o.Path, "shard-01", metaName+".new"+tmpSuffix)
		}
		must(t, os.MkdirAll(filepath.Join(block, "full"), dirMode))
		if _, err := Open(o); err == nil {
			t.Fatalf("%s: opened", where)
		}
		must(t, os.RemoveAll(block))
		o.Ledger = event.NewLedger()
		equal(t, where, drainAll(t, open(t, o).Shards()[0]), left)
	}
}

// counted counts the reads of a file.
type counted struct {
	bytesAt
	reads int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.bytesAt.ReadAt(p, off)
}

// A long list, in any order, costs one pass over the segment.
func TestLongListIsReadOnce(t *testing.T) {
	const n = 50_000
	list := make(acked)
	var data []byte
	for i := range uint64(n) {
		list[int64(len(data))] = i + 1
		start := len(data)
		data = append(data, 0, 0, 0, 0)
		data = appendRecord(data, i+1, &event.Record{Source: "linux", Events: 1, Body: []byte("{}")})
		binary.BigEndian.PutUint32(data[start:], uint32(len(data)-start-prefixLen))
	}
	r := &counted{bytesAt: data}
	s := &segmentScan{fileSize: int64(len(data))}
	must(t, s.read(r, list))
	if most := 2*len(data)/wide + 1; len(s.acked) != n || s.records != 0 || r.reads > most {
		t.Fatalf("%d of %d records, %d reads, want at most %d", len(s.acked), n, r.reads, most)
	}
}

func FuzzReadAcked(f *testing.F) {
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","acked":[{"seq":2,"segment":0,"offset":762}]}`))
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","acked":[{"seq":1,"segment":-1,"offset":-5},{"seq":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, ackedName), data, fileMode))
		all, err := readAcked(dir, meta{})
		must(t, err)
		for _, list := range all {
			s := &segmentScan{fileSize: 100}
			must(t, s.read(bytesAt(make([]byte, 100)), list))
			if len(s.acked) != 0 {
				t.Fatalf("zeros are records: %v", s.acked)
			}
		}
	})
}
