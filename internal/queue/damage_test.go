package queue

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// quiet is a logger for tests in which warnings are due.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func quietOptions(t testing.TB) Options {
	o := options(fastDir(t))
	o.Logger = quiet()
	return o
}

// offsets returns where the records of a segment begin.
func offsets(t testing.TB, path string) []int64 {
	t.Helper()
	f := testkit.Try(os.Open(path))(t)
	defer f.Close()
	st, err := f.Stat()
	testkit.Must(t, err)
	var all []int64
	_, err = segment.Headers(f, st.Size(), 0, func(off int64, _ *segment.Header) error { all = append(all, off); return nil })
	testkit.Must(t, err)
	return all
}

// scribble overwrites bytes of a file.
func scribble(t testing.TB, path string, off int64, b ...byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	testkit.Must(t, err)
	_, err = f.WriteAt(b, off)
	testkit.Must(t, err)
	testkit.Must(t, f.Close())
}

func balance(l *ledger.Ledger) (recovered uint64, queued int64, dropped map[string]uint64) {
	dropped = map[string]uint64{}
	for _, a := range l.Accounts() {
		b := a.Balance()
		recovered += b.Recovered
		queued += b.Queued
		for why, n := range b.DropReasons {
			dropped[why] += n
		}
	}
	return recovered, queued, dropped
}

func eventsOf(numbers ...int) (n int) {
	for _, i := range numbers {
		n += record(i, 1).Events
	}
	return n
}

func quarantinedFiles(t testing.TB, dir string) []string {
	t.Helper()
	return testkit.Try(filepath.Glob(filepath.Join(dir, quarantine.Folder, "*")))(t)
}

// damage breaks a record, and says how many records are lost.
type damage struct {
	name string
	hurt func(t *testing.T, path string, offs []int64, i int)
	lost int
}

// hurtSegment breaks the third record of the first, middle or last segment, and returns
// the number of the first one in it.
func (d *damage) hurtSegment(t *testing.T, dir, where string) (first int) {
	t.Helper()
	segs := files(t, dir, segment.Prefix+"0*.dat")
	i := map[string]int{"first": 0, "middle": len(segs) / 2, "last": len(segs) - 1}[where]
	for _, name := range segs[:i] {
		first += len(offsets(t, filepath.Join(dir, "shard-00", name)))
	}
	path := filepath.Join(dir, "shard-00", segs[i])
	d.hurt(t, path, offsets(t, path), 2)
	return first
}

var damages = []damage{
	{"body", func(t *testing.T, path string, offs []int64, i int) { scribble(t, path, offs[i]+200, 0xff) }, 1},
	{"header", func(t *testing.T, path string, offs []int64, i int) { scribble(t, path, offs[i]+20, 0xff) }, 1},
	{"magic", func(t *testing.T, path string, offs []int64, i int) { scribble(t, path, offs[i]+4, 0) }, 1},
	{"length too large", func(t *testing.T, path string, offs []int64, i int) { scribble(t, path, offs[i], 0x7f) }, 0},
	{"length off by one", func(t *testing.T, path string, offs []int64, i int) { scribble(t, path, offs[i]+3, 1) }, 0},
	{"three records", func(t *testing.T, path string, offs []int64, i int) {
		scribble(t, path, offs[i], make([]byte, offs[i+2]-offs[i]+100)...)
	}, 3},
}

// Damage that is there at start-up costs the damaged records and nothing else.
func TestDamageFoundAtStart(t *testing.T) {
	for _, d := range damages {
		for _, where := range []string{"first", "middle", "last"} {
			t.Run(d.name+" in the "+where+" segment", func(t *testing.T) {
				o := quietOptions(t)
				s, _ := openFilled(t, o, 112, 600)
				testkit.Must(t, shut(s))
				first := d.hurtSegment(t, o.Path, where)
				rep := testkit.Try(inspect.Verify(context.Background(), o.Path, nil))(t)
				if rep.Damaged() != (d.lost > 0) {
					t.Fatalf("verify: %+v", rep)
				}
				want := slices.Delete(sequence(0, 112), first+2, first+2+d.lost)
				checkDamaged(t, o, want, d.lost)
			})
		}
	}
}

// checkDamaged opens a damaged queue twice: the first process is interrupted.
func checkDamaged(t *testing.T, o Options, want []int, lost int) {
	t.Helper()
	half := len(want) / 2
	for round, from := range []int{0, half} {
		o.Ledger = ledger.New()
		s := testkit.Try(start(o))(t)
		q := s.Shards()[0]
		n := len(want) - from
		if round == 0 {
			n = half
		}
		for i := range n {
			rec, ok := nextNow(t, q)
			if !ok {
				t.Fatalf("round %d ends after %d records", round, i)
			}
			equal(t, "record", number(t, rec), want[from+i])
			q.Ack(rec.Seq)
			o.Ledger.Account(rec.Source).Deliver(rec.Events)
			settleDown(q)
		}
		if round == 1 {
			if rec, more := nextNow(t, q); more {
				t.Fatalf("record %d comes too", number(t, rec))
			}
			settleDown(q)
			appendN(t, q, 1000, 30, 600) // with rolling
			equal(t, "new records", drainAll(t, q), sequence(1000, 30))
			settleDown(q)
			equal(t, "segments", q.Stats().Segments, int64(1))
			st := q.Stats()
			if recovered, _, dropped := balance(o.Ledger); recovered == 0 || st.Records != 0 || st.Events != 0 || st.Bytes != 0 {
				t.Fatalf("counts: %d recovered, %v dropped, %+v", recovered, dropped, st)
			}
		}
		testkit.Must(t, shut(s))
	}
	if n := len(quarantinedFiles(t, o.Path)); lost > 0 && n != 1 || lost == 0 && n != 0 {
		t.Fatalf("quarantined: %v", quarantinedFiles(t, o.Path))
	}
	if rep, err := inspect.Status(context.Background(), o.Path); err != nil || rep.Records != 0 || rep.Damaged() {
		t.Fatalf("in the end: %+v %v", rep, err)
	}
}

// Damage that comes while the queue runs: our reader and diskqueue stumble at
// different times, and the counts still balance.
func TestDamageWhileRunning(t *testing.T) {
	for _, d := range damages {
		for _, where := range []string{"first", "middle", "last"} {
			t.Run(d.name+" in the "+where+" segment", func(t *testing.T) {
				o := quietOptions(t)
				_, q := openFilled(t, o, 112, 600)
				first := d.hurtSegment(t, o.Path, where)
				want := slices.Delete(sequence(0, 112), first+2, first+2+d.lost)
				lost := sequence(first+2, d.lost)
				appendN(t, q, 112, 40, 600)
				want = append(want, sequence(112, 40)...)
				var got []int
				for rec := range remaining(t, q) {
					got = append(got, number(t, rec))
					q.Ack(rec.Seq)
					o.Ledger.Account(rec.Source).Deliver(rec.Events)
					settleDown(q)
				}
				equal(t, "records", got, want)
				_, queued, dropped := balance(o.Ledger)
				if queued != 0 || int(dropped["corrupt"]) != eventsOf(lost...) {
					t.Fatalf("counts: %d queued, %v dropped, want %d", queued, dropped, eventsOf(lost...))
				}
				st := q.Stats()
				if st.Records != 0 || st.Events != 0 || st.Bytes != 0 || st.Segments > 2 || (st.Corrupt > 0) != (d.lost > 0) {
					t.Fatalf("%+v", st)
				}
				if n := len(quarantinedFiles(t, o.Path)); (n > 0) != (d.lost > 0) {
					t.Fatalf("quarantined: %v", quarantinedFiles(t, o.Path))
				}
			})
		}
	}
}

// Any bytes may be wrong anywhere: start-up never fails, order is kept, and what
// is whole is found.
func TestRandomDamage(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		o := quietOptions(t)
		s, _ := openFilled(t, o, 120, 100+rnd.IntN(900))
		testkit.Must(t, shut(s))
		segs := files(t, o.Path, segment.Prefix+"0*.dat")
		for range 1 + rnd.IntN(6) {
			path := filepath.Join(o.Path, "shard-00", segs[rnd.IntN(len(segs))])
			st := testkit.Try(os.Stat(path))(t)
			if rnd.IntN(5) == 0 {
				testkit.Must(t, os.Truncate(path, rnd.Int64N(st.Size())))
			} else if st.Size() > 0 {
				scribble(t, path, rnd.Int64N(st.Size()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()))
			}
		}
		o.Ledger = ledger.New()
		s, err := start(o)
		testkit.Must(t, err)
		q := s.Shards()[0]
		got := drainAll(t, q)
		if !slices.IsSorted(got) || len(got) < 20 {
			t.Fatalf("seed %d: %v", seed, got)
		}
		settleDown(q)
		_, queued, dropped := balance(o.Ledger)
		if st := q.Stats(); st.Records != 0 || st.Segments > 2 || int(queued) != eventsOf(got...) {
			t.Fatalf("seed %d: %+v, %d queued, %v dropped", seed, st, queued, dropped)
		}
		testkit.Must(t, shut(s))
	}
}

func TestMissingSegments(t *testing.T) {
	for _, far := range []int64{1, 1 << 40} {
		o := options(fastDir(t))
		s, q := openFilled(t, o, 112, 600)
		testkit.Must(t, shut(s))
		segs := files(t, o.Path, segment.Prefix+"0*")
		middle := segs[len(segs)/2]
		gone := len(offsets(t, filepath.Join(q.folder.path, middle)))
		testkit.Must(t, os.Remove(filepath.Join(q.folder.path, middle)))
		num, _, _ := segment.Number(segs[len(segs)-1])
		testkit.Must(t, os.Rename(q.disk.path(num), q.disk.path(num+far)))
		o.Logger = quiet()
		_, q = openOne(t, o)
		equal(t, "records", len(drainAll(t, q)), 112-gone)
		settleDown(q)
		appendN(t, q, 112, 40, 600)
		equal(t, "new records", drainAll(t, q), sequence(112, 40))
		settleDown(q)
		equal(t, "segments", q.Stats().Segments, int64(1))
	}
}
