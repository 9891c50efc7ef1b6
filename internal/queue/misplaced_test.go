package queue

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// runRestore runs the store until all that is to be put back is.
func runRestore(t *testing.T, s *Store) {
	t.Helper()
	stop := run(t, s)
	testkit.Eventually(t, "what is quarantined is put back", func() bool {
		select {
		case <-s.restorer.ended:
			return true
		default:
			return false
		}
	})
	stop()
}

// copySegmentFile copies a segment's file to another number.
func copySegmentFile(t *testing.T, from string, num int64) {
	t.Helper()
	data := testkit.Try(os.ReadFile(from))(t)
	testkit.Must(t, os.WriteFile(filepath.Join(filepath.Dir(from), segment.Name(num)), data, segment.FileMode))
}

// A human copies segments about: each record that is queued comes once, none pends, and
// what was copied is quarantined with a line of the log.
func TestCopiedSegments(t *testing.T) {
	for name, c := range map[string]struct {
		acked     int
		copy      func(t *testing.T, segs []string)
		again     []int // records that come though they were acknowledged: their copies cannot be known
		misplaced int
	}{
		"the first to the end":          {0, func(t *testing.T, segs []string) { copySegmentFile(t, segs[0], 9) }, nil, 1},
		"the first, partly delivered":   {10, func(t *testing.T, segs []string) { copySegmentFile(t, segs[0], 9) }, nil, 1},
		"the middle to the end":         {0, func(t *testing.T, segs []string) { copySegmentFile(t, segs[1], 4) }, nil, 1},
		"the last to the end":           {0, func(t *testing.T, segs []string) { copySegmentFile(t, segs[2], 3) }, nil, 1},
		"the last to before the others": {30, func(t *testing.T, segs []string) { copySegmentFile(t, segs[1], 0) }, nil, 1},
		"all to the end": {0, func(t *testing.T, segs []string) {
			for i, s := range segs {
				copySegmentFile(t, s, int64(10+i))
			}
		}, nil, 3},
		"one behind the other in a file": {0, func(t *testing.T, segs []string) {
			a := testkit.Try(os.ReadFile(segs[0]))(t)
			b := testkit.Try(os.ReadFile(segs[1]))(t)
			testkit.Must(t, os.WriteFile(filepath.Join(filepath.Dir(segs[0]), segment.Name(9)), slices.Concat(b, a), segment.FileMode))
		}, nil, 1},
		"a part of the first": {0, func(t *testing.T, segs []string) {
			data := testkit.Try(os.ReadFile(segs[0]))(t)
			testkit.Must(t, os.WriteFile(filepath.Join(filepath.Dir(segs[0]), segment.Name(9)), data[:len(data)/2], segment.FileMode))
		}, nil, 1},
		"given up by diskqueue, too": {0, func(t *testing.T, segs []string) {
			data := testkit.Try(os.ReadFile(segs[0]))(t)
			testkit.Must(t, os.WriteFile(filepath.Join(filepath.Dir(segs[0]), segment.Name(9))+segment.BadSuffix, data, segment.FileMode))
		}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o, segs := stopped(t, 60, c.acked)
			c.copy(t, segs)
			log, text := logged()
			o.Logger = log
			before := tree(t, o.Path)
			rep := testkit.Try(inspect.Verify(context.Background(), o.Path, nil))(t)
			if tree(t, o.Path) != before || int(rep.Records) != 60-c.acked {
				t.Errorf("verify: %+v", rep)
			}
			s := open(t, o)
			runRestore(t, s)
			q := s.Shards()[0]
			appendN(t, q, 60, 3, 700)
			got := drainAll(t, q)
			slices.Sort(got)
			equal(t, "records", got, sequence(c.acked, 63-c.acked))
			settleDown(q)
			if st := q.Stats(); st.Records != 0 || st.Segments > 1 || len(q.win.state.out.entries) != 0 {
				t.Errorf("%+v, %d are in the window", st, len(q.win.state.out.entries))
			}
			if n := strings.Count(text.String(), "somebody has copied it here"); n != c.misplaced {
				t.Errorf("logged %d times:\n%s", n, text)
			}
			testkit.Must(t, shut(s))
			kept := quarantinedFiles(t, o.Path)
			for _, f := range kept {
				if !strings.HasSuffix(f, quarantine.DuplicateSuffix) && !strings.HasSuffix(f, quarantine.RestoredSuffix) {
					t.Errorf("%s is left", f)
				}
			}
			s = reopen(t, &o)
			runRestore(t, s)
			equal(t, "records of the next life", len(drainAll(t, s.Shards()[0])), 0)
			equal(t, "files", quarantinedFiles(t, o.Path), kept)
		})
	}
}

// An old backup of a segment that is long delivered: whether its records were cannot be
// known, so they come again, once, and do not pend.
func TestBackupOfADeliveredSegment(t *testing.T) {
	for _, num := range []int64{0, 9} {
		o := quietOptions(t)
		s, q := openFilled(t, o, 60, 700)
		n := int(q.win.state.segs[0].ahead.Records)
		old := testkit.Try(os.ReadFile(q.win.state.segs[0].path))(t)
		drain(t, q, n+2)
		settleDown(q)
		testkit.Must(t, shut(s))
		testkit.Must(t, os.WriteFile(filepath.Join(o.Path, "shard-00", segment.Name(num)), old, segment.FileMode))
		for life := range 2 {
			s = reopen(t, &o)
			runRestore(t, s)
			q = s.Shards()[0]
			got := drainAll(t, q)
			slices.Sort(got)
			want := append(sequence(0, n), sequence(n+2, 60-n-2)...)
			if life == 1 {
				want = nil
			}
			equal(t, "records", len(got), len(want))
			if life == 0 {
				equal(t, "records", got, want)
				recovered, queued, _ := balance(o.Ledger)
				if int(recovered) != eventsOf(want...) || int64(recovered) != queued {
					t.Errorf("%d recovered, %d queued", recovered, queued)
				}
			}
			settleDown(q)
			if st := q.Stats(); st.Records != 0 || st.Segments > 1 {
				t.Errorf("%+v", st)
			}
			testkit.Must(t, shut(s))
		}
	}
}
