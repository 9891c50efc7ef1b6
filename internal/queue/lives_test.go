package queue

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// lives is a shard that goes from crash to crash. A crash leaves any state of a file
// that can be on the disk then.
type lives struct {
	rnd    *rand.Rand
	next   int
	acked  map[int]bool // in any life
	stored map[int]bool // and on stable storage since then
	list   [][]byte     // the file of acknowledged records, as it was since it was last synced
	meta   [][]byte     // the metadata likewise
}

// live works on the queue at random, and returns with records that are open.
func (l *lives) live(t *testing.T, s *Store) {
	q := s.Shards()[0]
	flying, acked := make(map[int]uint64), make(map[int]bool)
	l.list, l.meta = nil, nil
	l.keep(q.folder.path)
	eager := l.rnd.IntN(2) == 0 // the newest record is answered too
	for range 10 + l.rnd.IntN(120) {
		switch l.rnd.IntN(12) {
		case 0, 1, 2:
			appendN(t, q, l.next, 1, 20+l.rnd.IntN(3000))
			l.next++
		case 3, 4, 5:
			for rec, ok := nextNow(t, q); ok; rec, ok = nextNow(t, q) {
				flying[number(t, rec)] = rec.Seq
				if !eager {
					break
				}
			}
		case 6, 7, 8:
			for n, seq := range flying {
				if q.Ack(seq) {
					l.acked[n], acked[n] = true, true
				}
				delete(flying, n)
				if !eager || l.rnd.IntN(10) == 0 {
					break
				}
			}
			settleDown(q)
		case 9:
			if l.rnd.IntN(4) == 0 {
				q.io.Lock()
				testkit.Must(t, q.disk.retire())
				q.io.Unlock()
			}
		case 10:
			q.acks.write() // before the records themselves are synced
			l.keep(q.folder.path)
		case 11:
			testkit.Must(t, s.syncAll())
			l.list, l.meta = nil, nil
			l.keep(q.folder.path)
			for n := range acked {
				l.stored[n] = true
			}
		}
	}
}

func (l *lives) keep(dir string) {
	for name, to := range map[string]*[][]byte{segment.AckedName: &l.list, segment.MetaName: &l.meta} {
		data, _ := os.ReadFile(filepath.Join(dir, name))
		*to = append(*to, data)
	}
}

// crash copies the queue as a power loss may leave it: of the segments, what was synced
// and any part of the other bytes; of the other files, any state since they were synced.
func (l *lives) crash(t *testing.T, s *Store) (image string) {
	q := s.Shards()[0]
	image = copyQueue(t, s.opts.Path)
	dir := filepath.Join(image, "shard-00")
	if l.rnd.IntN(3) > 0 {
		q.win.mu.Lock()
		for _, seg := range q.win.state.segs {
			if lose := seg.size - seg.synced; lose > 0 {
				testkit.Must(t, os.Truncate(filepath.Join(dir, filepath.Base(seg.path)), seg.synced+l.rnd.Int64N(lose+1)))
			}
		}
		q.win.mu.Unlock()
		l.put(t, filepath.Join(dir, segment.AckedName), l.list)
		l.put(t, filepath.Join(dir, segment.MetaName), l.meta)
	}
	return image
}

func (l *lives) put(t *testing.T, path string, states [][]byte) {
	data := states[l.rnd.IntN(len(states))]
	if data == nil {
		testkit.Must(t, segment.Remove(path))
		return
	}
	testkit.Must(t, os.WriteFile(path, data, segment.FileMode))
}

// present are the records in the segments of an image, whatever is said of them.
func present(t *testing.T, image string) (all []int) {
	for _, name := range files(t, image, segment.Prefix+"0*") {
		path := filepath.Join(image, "shard-00", name)
		f := testkit.Try(os.Open(path))(t)
		st, err := f.Stat()
		testkit.Must(t, err)
		_, err = segment.Headers(f, st.Size(), 0, func(off int64, h *segment.Header) error {
			rec, err := segment.ReadRecord(f, h.At(off), nil)
			all = append(all, number(t, rec))
			return err
		})
		testkit.Must(t, err)
		testkit.Must(t, f.Close())
	}
	return all
}

// However often a shard crashes, no list of acknowledged records keeps back one that is
// not: none that was stored later, under a number that a power loss has set free. And
// what was acknowledged before the last sync does not come again.
func TestNoListEatsARecord(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, seed uint64) {
		l := &lives{rnd: rand.New(rand.NewPCG(seed, 31)), acked: map[int]bool{}, stored: map[int]bool{}}
		o := options(fastDir(t))
		for range 8 {
			o.Ledger = ledger.New()
			o.Logger = quiet() // a power loss that takes the metadata is worth a warning
			s := open(t, o)
			l.live(t, s)
			o.Path = l.crash(t, s)
			here := present(t, o.Path)
			after := o
			after.Path, after.Ledger = copyQueue(t, o.Path), ledger.New()
			got := drainAll(t, open(t, after).Shards()[0])
			for _, n := range here {
				if came := slices.Contains(got, n); !came && !l.acked[n] {
					t.Fatalf("record %d is there and does not come: %v of %v", n, got, here)
				} else if came && l.stored[n] {
					t.Fatalf("record %d was acknowledged before the last sync, and comes again", n)
				}
			}
			testkit.Must(t, shut(s))
		}
	})
}
