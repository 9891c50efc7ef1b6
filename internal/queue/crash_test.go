package queue

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// copyQueue copies the folder of a running queue, as a crash of the process would
// leave it. A file may vanish meanwhile: then it is copied anew.
func copyQueue(t testing.TB, from string) string {
	t.Helper()
	for {
		to := fastDir(t)
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// crashed is one simulated life of a shard: what was accepted, and what of it was
// acknowledged.
type crashed struct {
	rnd      *rand.Rand
	next     int
	acked    map[int]bool
	flying   map[int]uint64
	oldMeta  []byte
	oldSeg   string // name of a segment as it was once, and its bytes
	oldBytes []byte
	accepted []int
}

// live appends, hands out, acknowledges and gives back at random.
func (c *crashed) live(t *testing.T, q *Shard) {
	for range 20 + c.rnd.IntN(150) {
		switch c.rnd.IntN(10) {
		case 0, 1, 2, 3:
			appendN(t, q, c.next, 1, 20+c.rnd.IntN(3000))
			c.accepted = append(c.accepted, c.next)
			c.next++
		case 4, 5, 6:
			if int(q.Stats().Records) > len(c.flying) {
				rec := next(t, q)
				c.flying[number(t, rec)] = rec.Seq
			}
		case 7, 8:
			for n, seq := range c.flying {
				if !q.Ack(seq) {
					t.Fatalf("ack of %d is refused", n)
				}
				c.acked[n] = true
				delete(c.flying, n)
				break
			}
			settleDown(q)
		case 9:
			for n, seq := range c.flying {
				q.Nack(seq)
				delete(c.flying, n)
				break
			}
		}
		if c.rnd.IntN(20) == 0 {
			c.oldMeta, _ = os.ReadFile(filepath.Join(q.folder.path, segment.MetaName))
			c.oldSeg = filepath.Base(q.win.state.segs[0].path)
			c.oldBytes, _ = os.ReadFile(q.win.state.segs[0].path)
		}
	}
}

// hurt does to the copy what a crash can do.
func (c *crashed) hurt(t *testing.T, dir string) {
	metaPath := filepath.Join(dir, "shard-00", segment.MetaName)
	switch c.rnd.IntN(5) {
	case 0:
		testkit.Must(t, os.Remove(metaPath))
	case 1:
		testkit.Must(t, os.WriteFile(metaPath, nil, segment.FileMode))
	case 2:
		if c.oldMeta != nil {
			testkit.Must(t, os.WriteFile(metaPath, c.oldMeta, segment.FileMode))
		}
	}
	c.resurrect(t, dir)
	names := files(t, dir, segment.Prefix+"0*")
	slices.Sort(names)
	last := filepath.Join(dir, "shard-00", names[len(names)-1])
	if c.rnd.IntN(2) == 0 { // a record that was being written
		torn := segment.AppendRecord([]byte{0, 0, 1, 200}, 1<<40, record(1<<20, 400))
		f, err := os.OpenFile(last, os.O_WRONLY|os.O_APPEND, 0)
		testkit.Must(t, err)
		_, err = f.Write(torn[:1+c.rnd.IntN(len(torn)-1)])
		testkit.Must(t, errors.Join(err, f.Close()))
	}
	if c.rnd.IntN(3) == 0 { // diskqueue gave a segment up just before
		name := filepath.Join(dir, "shard-00", names[c.rnd.IntN(len(names))])
		testkit.Must(t, os.Rename(name, name+segment.BadSuffix))
	}
	if c.rnd.IntN(2) == 0 {
		testkit.Must(t, os.WriteFile(metaPath+".123.tmp", []byte("1\n2"), segment.FileMode))
	}
}

// resurrect brings a segment back whose removal was not stored: one that was complete.
func (c *crashed) resurrect(t *testing.T, dir string) {
	names := files(t, dir, segment.Prefix+"0*")
	if c.oldSeg == "" || c.rnd.IntN(2) == 0 || slices.Min(names) <= c.oldSeg {
		return
	}
	testkit.Must(t, os.WriteFile(filepath.Join(dir, "shard-00", c.oldSeg), c.oldBytes, segment.FileMode))
}

// check opens the copy and compares.
func (c *crashed) check(t *testing.T, dir string) {
	o := options(dir)
	ledger := o.Ledger
	rep := testkit.Try(inspect.Verify(context.Background(), dir, nil))(t)
	s := testkit.Try(start(o))(t)
	q := s.Shards()[0]
	st := q.Stats()
	if st.Records != rep.Records || st.Events != rep.Events || st.Bytes != rep.Bytes || rep.Damaged() {
		t.Fatalf("inspect says %+v, open %+v", rep, st)
	}
	counted := int64(0)
	for _, a := range ledger.Accounts() {
		counted += a.Balance().Queued
	}
	equal(t, "recovered events", counted, st.Events)
	appendN(t, q, c.next, 3, 500) // it goes on
	got := drainAll(t, q)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("order: %v", got)
	}
	equal(t, "counted records", len(got), int(st.Records)+3)
	for _, n := range c.accepted {
		if _, found := slices.BinarySearch(got, n); !found && !c.acked[n] {
			t.Fatalf("record %d is lost; %v came", n, got)
		}
	}
	settleDown(q)
	testkit.Must(t, shut(s))
	if len(files(t, dir, "*.bad")) != 0 || len(files(t, dir, "*.tmp")) != 0 {
		t.Fatalf("litter: %v", files(t, dir, "*"))
	}
	if st.Corrupt != 0 {
		t.Fatal("a crash is taken for damage")
	}
}

// seeds is how many seeds a loop of crashes goes through: CRASH_SEEDS, or else what
// keeps the tests short.
func seeds(t *testing.T, short uint64) uint64 {
	t.Helper()
	text := os.Getenv("CRASH_SEEDS")
	if text == "" {
		return short
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("CRASH_SEEDS: %v", err)
	}
	return n
}

// eachSeed runs a test for one seed after the other, and names that with which it fails.
func eachSeed(t *testing.T, short uint64, test func(t *testing.T, seed uint64)) {
	t.Helper()
	for seed := range seeds(t, short) {
		if !t.Run("", func(t *testing.T) { test(t, seed) }) {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestCrashAtAnyPoint(t *testing.T) {
	eachSeed(t, 80, func(t *testing.T, seed uint64) {
		c := &crashed{
			rnd:   rand.New(rand.NewPCG(seed, 1)),
			acked: map[int]bool{}, flying: map[int]uint64{},
		}
		dir := fastDir(t)
		s := open(t, options(dir))
		for range 1 + c.rnd.IntN(3) { // the queue goes on after the copy
			c.live(t, s.Shards()[0])
			state := *c
			state.accepted = slices.Clone(c.accepted)
			image := copyQueue(t, dir)
			state.hurt(t, image)
			state.check(t, image)
		}
	})
}

// A power loss keeps what was synced and may shorten or blank what was not.
func TestPowerLossCutsOnlyWhatWasNotSynced(t *testing.T) {
	eachSeed(t, 40, func(t *testing.T, seed uint64) { losePower(t, rand.New(rand.NewPCG(seed, 2))) })
}

func losePower(t *testing.T, rnd *rand.Rand) {
	o := options(fastDir(t))
	s, q := openOne(t, o)
	synced := 20 + rnd.IntN(60)
	appendN(t, q, 0, synced, 600)
	testkit.Must(t, s.syncAll())
	appendN(t, q, synced, rnd.IntN(20), 600)
	image := copyQueue(t, o.Path)
	q.win.mu.Lock()
	for _, seg := range q.win.state.segs {
		lose := seg.size - seg.synced
		if lose == 0 {
			continue
		}
		path := filepath.Join(image, "shard-00", filepath.Base(seg.path))
		keep := seg.synced + rnd.Int64N(lose+1)
		testkit.Must(t, os.Truncate(path, keep))
		if rnd.IntN(2) == 0 {
			testkit.Must(t, os.Truncate(path, seg.size)) // zeros
		}
	}
	q.win.mu.Unlock()
	o.Path, o.Ledger = image, ledger.New()
	after := testkit.Try(start(o))(t)
	got := drainAll(t, after.Shards()[0])
	if len(got) < synced || !slices.Equal(got[:synced], sequence(0, synced)) {
		t.Fatalf("synced %d, got %v", synced, got)
	}
	testkit.Must(t, shut(after))
}

func TestMetadataOfAnOldReadPosition(t *testing.T) {
	for _, text := range []string{"", "x", "1\n2,3\n", "5\n0,17\n0,20\n", "5\n0,99999999\n0,20\n", "5\n-1,0\n0,20\n", "0\n9,9\n9,9\n"} {
		o := options(fastDir(t))
		s, _ := openFilled(t, o, 60, 700)
		testkit.Must(t, shut(s))
		testkit.Must(t, os.WriteFile(filepath.Join(o.Path, "shard-00", segment.MetaName), []byte(text), segment.FileMode))
		o.Logger = slog.New(slog.DiscardHandler)
		rep := testkit.Try(inspect.Status(context.Background(), o.Path))(t)
		if rep.Records != 60 {
			t.Fatalf("metadata %q: %d records", text, rep.Records)
		}
		if odd := strings.Join(rep.Shards[0].Actions, "; "); odd == "" && !strings.HasPrefix(text, "0\n9") {
			t.Fatalf("metadata %q: nothing is said", text)
		}
		q := open(t, o).Shards()[0]
		equal(t, text, drainAll(t, q), sequence(0, 60))
	}
}

// A segment whose removal was not stored lies before the read position. It is read from
// its start, and the one that was read from there on: nothing of it was counted before.
func TestSegmentBeforeTheReadPosition(t *testing.T) {
	for _, hurt := range []bool{false, true} { // then it is detached as well
		for _, drop := range []bool{false, true} {
			o := quietOptions(t)
			s, q := openFilled(t, o, 60, 700)
			first := q.win.state.segs[0]
			n := int(first.ahead.Records)
			old := testkit.Try(os.ReadFile(first.path))(t)
			drain(t, q, n+5)
			settleDown(q)
			testkit.Must(t, shut(s))
			testkit.Must(t, os.WriteFile(first.path, old, segment.FileMode))
			want := append(sequence(0, n), sequence(n+5, 60-n-5)...)
			if hurt {
				scribble(t, first.path, offsets(t, first.path)[2]+20, 0xff)
				want = slices.Delete(want, 2, 3)
			}
			s, q = reopenOne(t, &o)
			recovered, _, _ := balance(o.Ledger)
			equal(t, "recovered events", recovered, eventsOf(want...))
			if m, _, _, err := segment.ReadMeta(q.folder.path); err != nil || hurt && m.Read.Off == 0 {
				t.Fatalf("diskqueue begins at %+v, %v", m, err)
			}
			if drop {
				q.dropHead()
				want = sequence(n+5, 60-n-5)
			}
			if st := q.Stats(); !st.Oldest.Equal(record(want[0], 1).Received) {
				t.Fatalf("the oldest is of %v", st.Oldest)
			}
			var got []int
			for range want {
				got = append(got, drain(t, q, 1)...)
				settleDown(q)
			}
			equal(t, "records", got, want)
			if st := q.Stats(); st.Records != 0 || st.Events != 0 || st.Bytes != 0 || st.Segments > 2 {
				t.Fatalf("%+v", st)
			}
			if rec, more := nextNow(t, q); more {
				t.Fatalf("record %d comes too", number(t, rec))
			}
			testkit.Must(t, shut(s))
		}
	}
}

// Damage, or a torn record, right at the read position: what lies before it was consumed
// nevertheless, since a record ends there.
func TestDamageAtTheReadPosition(t *testing.T) {
	for _, n := range []int{5, 20} { // consumed of 20
		o := quietOptions(t)
		s, q := openFilled(t, o, 20, 600)
		drain(t, q, n)
		path := q.win.state.last().path
		testkit.Must(t, shut(s))
		want := sequence(n, 20-n)
		if n == 20 {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			testkit.Must(t, err)
			_, err = f.Write(segment.AppendRecord([]byte{0, 0, 1, 200}, 21, record(20, 400))[:100])
			testkit.Must(t, errors.Join(err, f.Close()))
		} else {
			scribble(t, path, offsets(t, path)[n]+20, 0xff)
			want = want[1:]
		}
		equal(t, "records", drainAll(t, reopen(t, &o).Shards()[0]), want)
	}
}
