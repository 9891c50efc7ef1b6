package queue

import (
	"context"
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

// listed is a queue that was closed in order, with acknowledged records behind open ones.
type listed struct {
	o     Options
	acked map[int]bool
	n     int // records appended
}

func closedWithList(t *testing.T, rnd *rand.Rand) *listed {
	l := &listed{o: options(fastDir(t)), acked: make(map[int]bool), n: 60 + rnd.IntN(60)}
	l.o.Logger = quiet()
	s, q := openFilled(t, l.o, l.n, 300+rnd.IntN(900))
	for range rnd.IntN(l.n) + 1 {
		if rec := next(t, q); rnd.IntN(4) > 0 && q.Ack(rec.Seq) {
			l.acked[number(t, rec)] = true
		}
	}
	testkit.Must(t, shut(s))
	l.o.Ledger = ledger.New()
	return l
}

// toSkip is how many records are remembered as acknowledged before the start.
func toSkip(q *Shard) (n int) {
	for _, seg := range q.win.state.segs {
		n += int(seg.skip)
	}
	return n
}

// hurt damages a record that is not consumed, or truncates a segment there.
func (l *listed) hurt(t *testing.T, rnd *rand.Rand) {
	dir := filepath.Join(l.o.Path, "shard-00")
	m, _, _, err := segment.ReadMeta(dir)
	testkit.Must(t, err)
	segs := files(t, l.o.Path, segment.Prefix+"0*"+segment.Suffix)
	name := segs[rnd.IntN(len(segs))]
	if rnd.IntN(2) == 0 {
		name = segs[len(segs)-1]
	}
	path := filepath.Join(dir, name)
	offs := offsets(t, path)
	if num, _, _ := segment.Number(name); num == m.Read.Num {
		offs = slices.DeleteFunc(offs, func(off int64) bool { return off < m.Read.Off })
	}
	if len(offs) == 0 {
		return
	}
	off := offs[rnd.IntN(len(offs))]
	switch rnd.IntN(3) {
	case 0:
		scribble(t, path, off+20, 0xff, 0xff)
	case 1: // behind its header
		testkit.Must(t, os.Truncate(path, off+segment.PrefixLen+100))
	case 2:
		testkit.Must(t, os.Truncate(path, off+rnd.Int64N(segment.PrefixLen+segment.MinHeader)))
	}
}

// check drains what is left: nothing of the list, each of the others once at most, and
// all that is new.
func (l *listed) check(t *testing.T, s *Store) (old int) {
	t.Helper()
	q := s.Shards()[0]
	appendN(t, q, l.n, 40, 600)
	got := drainAll(t, q)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("order: %v", got)
	}
	if i := slices.IndexFunc(got, func(n int) bool { return l.acked[n] }); i >= 0 {
		t.Fatalf("record %d came again", got[i])
	}
	equal(t, "new records", got[max(0, len(got)-40):], sequence(l.n, 40))
	settleDown(q)
	_, queued, dropped := balance(l.o.Ledger)
	if st := q.Stats(); st.Records != 0 || st.Events != 0 || st.Bytes != 0 || int(queued) != eventsOf(got...) {
		t.Fatalf("%+v, %d queued, %v dropped", st, queued, dropped)
	}
	equal(t, "records stay in memory", toSkip(q), 0)
	return len(got) - 40
}

// What a list says of records that are damaged by the next start is not counted, and
// does not keep a later record of the same number back.
func TestListBehindDamageAtStart(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		l := closedWithList(t, rnd)
		for range 1 + rnd.IntN(3) {
			l.hurt(t, rnd)
		}
		rep := testkit.Try(inspect.Status(context.Background(), l.o.Path))(t)
		s := open(t, l.o)
		recovered, _, dropped := balance(l.o.Ledger) // what the stop has left is dropped where it is missing
		if st := s.Stats(); st.Records != rep.Records || st.Records < 0 || int64(recovered-dropped["corrupt"]) != st.Events || st.Events != rep.Events {
			t.Fatalf("%d recovered, %+v, reported %+v", recovered, st, rep)
		}
		equal(t, "recovered records", l.check(t, s), rep.Records)
	})
}

// Damage that comes after the start, before the reader does.
func TestListBehindDamageWhileRunning(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 22))
		l := closedWithList(t, rnd)
		s := open(t, l.o)
		for range 1 + rnd.IntN(3) {
			l.hurt(t, rnd)
		}
		l.check(t, s)
	})
}

// A stretch that cannot be read at one start and can at the next: what was appended in
// between bears other numbers, so an acknowledgement means one record only.
func TestNumbersBehindDamageAreNotUsedAgain(t *testing.T) {
	for _, all := range []bool{false, true} { // of the last segment is unreadable
		o := quietOptions(t)
		s, _ := openFilled(t, o, 30, 600)
		testkit.Must(t, shut(s))
		segs := files(t, o.Path, segment.Prefix+"0*"+segment.Suffix)
		path := filepath.Join(o.Path, "shard-00", segs[len(segs)-1])
		whole := testkit.Try(os.ReadFile(path))(t)
		for i, off := range offsets(t, path) {
			if all || i > 0 {
				scribble(t, path, off+4, 0)
			}
		}
		s = reopen(t, &o)
		appendN(t, s.Shards()[0], 30, 10, 600)
		testkit.Must(t, shut(s))
		testkit.Must(t, os.WriteFile(path, whole, segment.FileMode))
		q := reopen(t, &o).Shards()[0]
		var got []int
		seqs := make(map[uint64]bool)
		for rec := range remaining(t, q) {
			got = append(got, number(t, rec))
			if seqs[rec.Seq] {
				t.Fatalf("number %d is used twice", rec.Seq)
			}
			seqs[rec.Seq] = true
		}
		equal(t, "records", got, sequence(0, 40))
		for seq := range seqs {
			if !q.Ack(seq) {
				t.Fatalf("ack of %d is refused", seq)
			}
		}
		settleDown(q)
		if st := q.Stats(); st.Records != 0 || st.Segments > 2 {
			t.Fatalf("%+v", st)
		}
	}
}
