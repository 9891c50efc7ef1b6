package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// blind lets every read of a segment fail, until it is seen again.
func blind(t *testing.T, q *Shard, s *segmentState) {
	t.Helper()
	f := testkit.Try(os.OpenFile(s.path, os.O_WRONLY, 0))(t)
	q.win.mu.Lock()
	defer q.win.mu.Unlock()
	if s.file != nil {
		testkit.Must(t, s.file.Close())
	}
	s.file, q.reader.of = f, nil
}

func see(t *testing.T, q *Shard, s *segmentState) {
	t.Helper()
	q.win.mu.Lock()
	defer q.win.mu.Unlock()
	testkit.Must(t, s.file.Close())
	s.file = nil
}

// logged is a logger and what it has written.
func logged() (*slog.Logger, *bytes.Buffer) {
	b := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(b, nil)), b
}

// A header that cannot be read holds the shard: visible, and until it can be read.
func TestUnreadableHeaderHoldsTheShard(t *testing.T) {
	o := options(fastDir(t))
	log, text := logged()
	o.Logger = log
	s, q := openFilled(t, o, 60, 700)
	drain(t, q, 3)
	first := q.win.state.segs[0]
	blind(t, q, first)
	got := make(chan []int)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		var all []int
		for len(all) < 57 {
			rec, err := q.Next(ctx, nil)
			if err != nil {
				break
			}
			all = append(all, number(t, rec))
			q.Ack(rec.Seq)
			o.Ledger.Account(rec.Source).Deliver(rec.Events)
		}
		got <- all
	}()
	testkit.Eventually(t, "it is tried again", func() bool { return q.Stats().Faults.Read >= 3 })
	st := s.Stats()
	if s.Healthy() == nil || !strings.Contains(st.ReadFault, first.path) || !st.Shards[0].Stalled || st.Fault != "" {
		t.Errorf("healthy %v, %+v", s.Healthy(), st)
	}
	if want := record(0, 1).Received; !st.Oldest.Equal(want) {
		t.Errorf("the oldest is of %v, want that of the segment, %v", st.Oldest, want)
	}
	if !q.Accepting() {
		t.Error("what comes is refused, although it can be written")
	}
	see(t, q, first)
	equal(t, "records", <-got, sequence(3, 57))
	if st := s.Stats(); s.Healthy() != nil || st.ReadFault != "" || st.Shards[0].Corrupt != 0 {
		t.Errorf("healthy %v, %+v", s.Healthy(), st)
	}
	_, queued, dropped := balance(o.Ledger)
	if queued != int64(eventsOf(0, 1, 2)) || len(dropped) != 0 { // those that drain has taken are not counted
		t.Errorf("%d queued, %v dropped", queued, dropped)
	}
	for _, once := range []string{"queue cannot be read;", "queue can be read again"} {
		if n := strings.Count(text.String(), once); n != 1 {
			t.Errorf("%q is logged %d times:\n%s", once, n, text)
		}
	}
	if len(quarantinedFiles(t, o.Path)) != 0 {
		t.Errorf("quarantined: %v", quarantinedFiles(t, o.Path))
	}
}

// A body that cannot be read waits alone.
func TestUnreadableRecordLetsOthersPass(t *testing.T) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 10, 700)
	var sick []entry
	for range 3 {
		e := testkit.Try(q.reader.take())(t)
		blind(t, q, e.seg)
		if _, err := q.reader.load(e, nil); !errors.Is(err, errGone) {
			t.Fatalf("load: %v", err)
		}
		see(t, q, e.seg)
		sick = append(sick, e)
	}
	if st := q.Stats(); st.ReadFault == "" || st.Stalled || s.Healthy() != nil || st.Records != 10 {
		t.Fatalf("%+v, healthy %v", st, s.Healthy())
	}
	if !q.Ack(sick[1].Seq) { // as drop_oldest would end it
		t.Fatal("it is not queued any more")
	}
	q.win.mu.Lock()
	q.win.state.out.retry = pause{at: time.Now().Add(time.Hour), wait: time.Hour}
	q.win.mu.Unlock()
	equal(t, "those behind", drain(t, q, 7), sequence(3, 7))
	q.win.mu.Lock()
	q.win.state.out.retry.at = time.Now()
	q.win.mu.Unlock()
	equal(t, "those that could not be read", drain(t, q, 2), []int{0, 2})
	if st := q.Stats(); st.ReadFault != "" || st.Records != 0 || st.Corrupt != 0 || st.Faults.Read != 3 {
		t.Fatalf("%+v", st)
	}
}

// Where nothing can be read the reader does not run through the backlog.
func TestFewRecordsAreUnreadable(t *testing.T) {
	o := options(fastDir(t))
	o.Logger, o.SegmentSize = quiet(), 1<<20
	s, q := openFilled(t, o, maxUnreadable+50, 100)
	q.win.mu.Lock()
	q.win.state.out.retry = pause{at: time.Now().Add(time.Hour), wait: time.Hour}
	q.win.mu.Unlock()
	for n := 0; ; n++ {
		e, err := q.reader.take()
		if errors.Is(err, errNothing) && n == maxUnreadable {
			break
		}
		testkit.Must(t, err)
		q.reader.unread(e, syscall.EIO)
	}
	if s.Healthy() == nil {
		t.Error("that nothing is handed out is not reported")
	}
	q.win.mu.Lock()
	q.win.state.out.retry = pause{}
	q.win.mu.Unlock()
	equal(t, "records", len(drainAll(t, q)), maxUnreadable+50)
	testkit.Must(t, s.Healthy())
}

// fails is a file of which the reads fail that bad says.
type fails struct {
	bytesAt
	n   int
	bad func(n int, off int64) bool
}

func (f *fails) ReadAt(p []byte, off int64) (int, error) {
	if f.n++; f.bad(f.n, off) {
		return 0, syscall.EIO
	}
	return f.bytesAt.ReadAt(p, off)
}

// Whatever reads a segment says that it could not, and takes nothing for damage, whichever
// of its reads fails.
func TestNoReadErrorIsDamage(t *testing.T) {
	o := options(fastDir(t))
	s, _ := openFilled(t, o, 12, 5000)
	path := s.Shards()[0].win.state.segs[0].path
	testkit.Must(t, shut(s))
	data := testkit.Try(os.ReadFile(path))(t)
	offs := offsets(t, path)
	hurt := slices.Clone(data)
	hurt[offs[1]+20] ^= 0xff
	zeros := slices.Concat(data, make([]byte, 300<<10))
	copied := func(r io.ReaderAt) error {
		root := t.TempDir()
		_, err := quarantine.CopyRange(root, "shard-00", 1, r, 7, int64(len(data)))
		if files := quarantinedFiles(t, root); err != nil && len(files) > 0 {
			t.Errorf("left behind: %v", files)
		}
		return err
	}
	for name, c := range map[string]struct {
		data []byte
		do   func(io.ReaderAt) error
	}{
		"headers":         {data, func(r io.ReaderAt) error { _, err := segment.Headers(r, int64(len(data)), 0, nil); return err }},
		"headers, damage": {hurt, func(r io.ReaderAt) error { _, err := segment.Headers(r, int64(len(hurt)), 0, nil); return err }},
		"headers, zeros":  {zeros, func(r io.ReaderAt) error { _, err := segment.Headers(r, int64(len(zeros)), 0, nil); return err }},
		"copy":            {data, copied},
		"record": {data, func(r io.ReaderAt) error {
			_, err := segment.ReadRecord(r, segment.Place{Seq: 1, Size: offs[1], Source: "palo_alto"}, nil)
			return err
		}},
		"good bytes": {data, func(r io.ReaderAt) error { _, err := segment.GoodBytes(r, 0, int64(len(data))); return err }},
		"range's end": {data, func(r io.ReaderAt) error {
			_, err := quarantine.RangeEnd(bytesAt(data[:5000]), 5000, r, 0, int64(len(data)))
			return err
		}},
	} {
		whole := &fails{bytesAt: c.data, bad: func(int, int64) bool { return false }}
		testkit.Must(t, c.do(whole))
		if whole.n == 0 {
			t.Errorf("%s reads nothing", name)
		}
		for nth := 1; nth <= whole.n; nth++ {
			err := c.do(&fails{bytesAt: c.data, bad: func(n int, _ int64) bool { return n == nth }})
			var failed *segment.ReadError
			if !errors.As(err, &failed) || !errors.Is(err, syscall.EIO) {
				t.Errorf("%s, read %d of %d fails: %v", name, nth, whole.n, err)
			}
		}
	}
}

// hide makes a segment unreadable for a start: what is at its place opens and cannot be
// read. It returns what brings it back.
func hide(t *testing.T, path string) (back func()) {
	t.Helper()
	testkit.Must(t, os.Rename(path, path+"-hidden"))
	testkit.Must(t, os.Mkdir(path, segment.DirMode))
	return func() {
		t.Helper()
		testkit.Must(t, os.Remove(path))
		testkit.Must(t, os.Rename(path+"-hidden", path))
	}
}

// A segment that cannot be read at the start is read when the disk answers: what is
// before it is delivered, nothing is counted as lost or quarantined, and an end of the
// process in between, planned or not, changes nothing.
func TestUnreadableAtStart(t *testing.T) {
	for where, i := range map[string]int{"first": 0, "middle": 1, "last": 2} {
		for _, end := range []string{"none", "stop", "kill"} {
			t.Run(where+", "+end, func(t *testing.T) {
				o := quietOptions(t)
				s, q := openFilled(t, o, 60, 700)
				var queued []int
				for n := range 30 {
					if rec := next(t, q); n%5 == 4 {
						queued = append(queued, n)
					} else {
						q.Ack(rec.Seq)
					}
				}
				queued = append(queued, sequence(30, 30)...)
				testkit.Must(t, shut(s))
				segs := files(t, o.Path, segment.Prefix+"0*"+segment.Suffix)
				equal(t, "segments", len(segs), 3)
				back := hide(t, filepath.Join(o.Path, "shard-00", segs[i]))
				before := tree(t, o.Path)
				if rep, err := inspect.Verify(context.Background(), o.Path, nil); err != nil || !rep.Unread() || rep.Damaged() || tree(t, o.Path) != before {
					t.Fatalf("verify: %+v, %v", rep, err)
				}
				if err := inspect.Export(context.Background(), o.Path, io.Discard, nil); err == nil || !strings.Contains(err.Error(), segs[i]) {
					t.Fatalf("export: %v", err)
				}
				s, q = reopenOne(t, &o)
				q.heal(context.Background())
				if st := s.Stats(); st.ReadFault == "" || st.Shards[0].Faults.Read == 0 || st.Shards[0].Corrupt != 0 {
					t.Fatalf("%+v", st)
				}
				if (s.Healthy() == nil) != (i > 0) {
					t.Fatalf("%v", s.Healthy())
				}
				appendN(t, q, 60, 5, 700)
				first := drainAll(t, q)
				if (len(first) == 0) != (i == 0) || s.Healthy() == nil {
					t.Fatalf("handed out meanwhile: %v, healthy %v", first, s.Healthy())
				}
				switch end {
				case "stop":
					testkit.Must(t, shut(s))
				case "kill":
					to := copyQueueWith(t, o.Path, segs[i])
					testkit.Must(t, shut(s))
					o.Path = to
				}
				if end != "none" {
					path := filepath.Join(o.Path, "shard-00", segs[i])
					back = func() { testkit.Must(t, os.Remove(path)); testkit.Must(t, os.Rename(path+"-hidden", path)) }
					s, q = reopenOne(t, &o)
				}
				back()
				testkit.Eventually(t, "the segment is read", func() bool { q.heal(context.Background()); return q.Stats().ReadFault == "" })
				testkit.Must(t, s.Healthy())
				got := append(first, drainAll(t, q)...)
				settleDown(q)
				want := append(slices.Clone(queued), sequence(60, 5)...)
				if end == "kill" { // it may repeat
					slices.Sort(got)
					got = slices.Compact(got)
					got = slices.DeleteFunc(got, func(n int) bool { return !slices.Contains(want, n) })
				}
				equal(t, "records", got, want)
				_, _, dropped := balance(o.Ledger)
				if st := q.Stats(); st.Records != 0 || st.Events != 0 || st.Bytes != 0 || len(dropped) != 0 || st.Corrupt != 0 || st.Segments > 2 {
					t.Fatalf("%+v, %v dropped", st, dropped)
				}
				if used := s.budget.used.Load(); used != diskUse(t, o.Path) {
					t.Fatalf("%d bytes are counted, %d used", used, diskUse(t, o.Path))
				}
				if n := quarantinedFiles(t, o.Path); len(n) != 0 {
					t.Fatalf("quarantined: %v", n)
				}
			})
		}
	}
}

// copyQueueWith is copyQueue of a queue with a hidden segment.
func copyQueueWith(t *testing.T, from, name string) string {
	to := copyQueue(t, from)
	if st, err := os.Stat(filepath.Join(to, "shard-00", name)); err != nil || !st.IsDir() {
		t.Fatalf("%v", err)
	}
	return to
}

// What start-up found of it is a copy of another one: it is still taken out.
func TestLateSegmentIsMisplaced(t *testing.T) {
	o := quietOptions(t)
	s, _ := openFilled(t, o, 60, 700)
	testkit.Must(t, shut(s))
	segs := files(t, o.Path, segment.Prefix+"0*"+segment.Suffix)
	dir := filepath.Join(o.Path, "shard-00")
	data := testkit.Try(os.ReadFile(filepath.Join(dir, segs[0])))(t)
	copied := filepath.Join(dir, segment.Name(9))
	testkit.Must(t, os.WriteFile(copied, data, segment.FileMode))
	back := hide(t, copied)
	_, q := reopenOne(t, &o)
	appendN(t, q, 60, 5, 700)
	equal(t, "records before it", drainAll(t, q), sequence(0, 60))
	back()
	testkit.Eventually(t, "it is read", func() bool { q.heal(context.Background()); return q.Stats().ReadFault == "" })
	equal(t, "records behind it", drainAll(t, q), sequence(60, 5))
	settleDown(q)
	if st := q.Stats(); st.Records != 0 || st.Segments > 1 {
		t.Fatalf("%+v", st)
	}
	if got := quarantinedFiles(t, o.Path); len(got) != 1 || !strings.HasSuffix(got[0], quarantine.MisplacedSuffix) {
		t.Fatalf("quarantined: %v", got)
	}
}
