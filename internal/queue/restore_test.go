package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// quarantined is a queue of which all was delivered, or quarantined by a version that took
// an error of reading for damage.
type quarantined struct {
	o    Options
	data []byte  // the first segment
	offs []int64 // of its records
	path string  // of the first segment, which is gone
}

const quarantinedRecords = 60

func damagedQueue(t *testing.T) *quarantined {
	t.Helper()
	z := &quarantined{o: options(fastDir(t))}
	z.o.Logger = quiet()
	s, q := openFilled(t, z.o, quarantinedRecords, 1500)
	z.path = q.win.state.segs[0].path
	var err error
	z.data, err = os.ReadFile(z.path)
	testkit.Must(t, err)
	z.offs = append(offsets(t, z.path), int64(len(z.data)))
	drainAll(t, q)
	settleDown(q)
	testkit.Must(t, shut(s))
	z.o.Ledger = ledger.New()
	testkit.Must(t, os.MkdirAll(filepath.Join(z.o.Path, quarantine.Folder), segment.DirMode))
	return z
}

func (z *quarantined) put(t *testing.T, name string, data []byte) {
	t.Helper()
	testkit.Must(t, os.WriteFile(filepath.Join(z.o.Path, quarantine.Folder, name), data, segment.FileMode))
}

// copied is what a copy of the records from..to has where some pages could not be read.
func (z *quarantined) copied(from, to int, unread ...int64) (b []byte) {
	for pos := z.offs[from]; pos < z.offs[to]; {
		end := min(pos/segment.Page*segment.Page+segment.Page, z.offs[to])
		if !slices.Contains(unread, pos/segment.Page) {
			b = append(b, z.data[pos:end]...)
		}
		pos = end
	}
	return b
}

func (z *quarantined) at(record int) string {
	return fmt.Sprintf("shard-00-000000@%d", z.offs[record])
}

const wholeName = "shard-00-000000"

// Quarantined records that are whole come back, once, over any number of starts; what was
// delivered does not.
func TestRestore(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(t *testing.T, z *quarantined)
		want  []int
		files []string // names in the corrupt folder, afterwards
	}{
		"nothing": {func(*testing.T, *quarantined) {}, nil, nil},
		"copies that are whole": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(3), z.copied(3, 4))
			z.put(t, z.at(5), z.copied(5, 8))
		}, []int{3, 5, 6, 7}, nil},
		"two copies of the same": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(3), z.copied(3, 4))
			z.put(t, z.at(3)+".1", z.copied(3, 4))
		}, []int{3}, nil},
		"all was unreadable up to the end": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(4), nil)
			z.put(t, wholeName, z.data)
		}, sequence(4, 6), nil},
		"one was, and a later one": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(2), z.copied(2, 3))
			z.put(t, z.at(8), nil)
			z.put(t, wholeName, z.data)
		}, []int{2, 8, 9}, nil},
		"the first page of a range": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(3), z.copied(3, 7, z.offs[3]/segment.Page))
			z.put(t, wholeName, z.data)
		}, sequence(3, 4), nil},
		"the page in the middle": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(1), z.copied(1, 9, z.offs[4]/segment.Page))
			z.put(t, wholeName, z.data)
		}, sequence(1, 8), nil},
		"the last page, so its end is not known": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(1), z.copied(1, 5, (z.offs[5]-1)/segment.Page))
			z.put(t, z.at(7), nil)
			z.put(t, wholeName, z.data)
		}, sequence(1, 9), nil}, // 5 and 6 come twice, since 7 is where it must have ended
		"pages that a copy of the segment has lost": {func(t *testing.T, z *quarantined) {
			b := z.copied(3, 6)
			first := int(segment.Page - z.offs[3]%segment.Page)
			clear(b[:first])
			z.put(t, z.at(3), b)
			z.put(t, wholeName, z.data)
		}, sequence(3, 3), nil},
		"damage": {func(t *testing.T, z *quarantined) {
			b := z.copied(3, 4)
			b[200] ^= 1
			z.put(t, z.at(3), b)
		}, nil, []string{"@3"}},
		"damage in both": {func(t *testing.T, z *quarantined) {
			b := z.copied(3, 4)
			b[200] ^= 1
			z.put(t, z.at(3), b)
			z.data[z.offs[3]+200] ^= 1
			z.put(t, wholeName, z.data)
		}, nil, []string{wholeName, "@3"}},
		"damage among good ones": {func(t *testing.T, z *quarantined) {
			b := z.copied(3, 6)
			b[z.offs[4]-z.offs[3]+200] ^= 1
			z.put(t, z.at(3), b)
		}, []int{3, 5}, []string{"@3" + quarantine.RestoredSuffix}},
		"a whole segment alone": {func(t *testing.T, z *quarantined) {
			z.put(t, wholeName, z.data)
		}, nil, []string{wholeName}},
		"a whole segment of another time": {func(t *testing.T, z *quarantined) {
			z.put(t, z.at(3), nil)
			z.put(t, wholeName, z.data[50:])
		}, nil, []string{wholeName, "@3"}},
		"of a shard that is no more": {func(t *testing.T, z *quarantined) {
			z.put(t, strings.Replace(z.at(3), "shard-00", "shard-07", 1), z.copied(3, 4))
		}, []int{3}, nil},
		"files of others": {func(t *testing.T, z *quarantined) {
			z.put(t, "notes.txt", []byte("x"))
			z.put(t, "shard-00-000000@x", z.copied(3, 4))
			testkit.Must(t, os.Mkdir(filepath.Join(z.o.Path, quarantine.Folder, "shard-00-000000@77"), segment.DirMode))
		}, nil, []string{"notes.txt", "shard-00-000000@77", "shard-00-000000@x"}},
	} {
		for _, way := range []string{"start", "verb"} {
			t.Run(name+", "+way, func(t *testing.T) {
				z := damagedQueue(t)
				c.set(t, z)
				if way == "verb" {
					done := testkit.Try(Restore(t.Context(), z.o.Path, quiet()))(t)
					equal(t, "records", done.Records, len(c.want))
					equal(t, "events", done.Events, eventsOf(c.want...))
				}
				for life := range 3 {
					z.o.Ledger = ledger.New()
					s := open(t, z.o)
					runRestore(t, s)
					q := s.Shards()[0]
					got := drainAll(t, q)
					recovered, queued, _ := balance(z.o.Ledger)
					want := c.want
					if life > 0 {
						want = nil
					}
					equal(t, fmt.Sprintf("records of life %d", life), got, append([]int{}, want...))
					if int(recovered) != eventsOf(want...) || int(queued) != eventsOf(want...) {
						t.Errorf("%d recovered, %d queued", recovered, queued)
					}
					settleDown(q)
					testkit.Must(t, shut(s))
				}
				var found []string
				for _, f := range quarantinedFiles(t, z.o.Path) {
					name := filepath.Base(f)
					for i := range len(z.offs) - 1 {
						if after, is := strings.CutPrefix(name, z.at(i)); is && (after == "" || after[0] == '.') {
							name = fmt.Sprintf("@%d%s", i, after)
						}
					}
					found = append(found, name)
				}
				equal(t, "files in the folder", found, append([]string(nil), c.files...))
			})
		}
	}
}

// Where the segment still is in the queue, what is queued of it does not come twice, and
// what lies before that comes out of it.
func TestRestoreOfASegmentThatIsQueued(t *testing.T) {
	for _, copied := range []bool{false, true} {
		o := quietOptions(t)
		s, q := openFilled(t, o, 20, 600)
		path := q.win.state.segs[0].path
		offs := offsets(t, path)
		drain(t, q, 8)
		testkit.Must(t, shut(s))
		testkit.Must(t, os.Mkdir(filepath.Join(o.Path, quarantine.Folder), segment.DirMode))
		data := testkit.Try(os.ReadFile(path))(t)
		for _, i := range []int{2, 3, 12} { // 2 and 3 were given up before, and 12 by a reader whose acknowledgements are lost
			var b []byte
			if copied {
				b = data[offs[i]:offs[i+1]]
			}
			testkit.Must(t, os.WriteFile(filepath.Join(o.Path, quarantine.Folder, fmt.Sprintf("shard-00-000000@%d", offs[i])), b, segment.FileMode))
		}
		want := append([]int{2, 3}, sequence(8, 12)...)
		if !copied { // where 3 ended is not known: at 12 at the latest
			want = append(sequence(2, 6), sequence(8, 12)...)
		}
		for life := range 2 {
			s = reopen(t, &o)
			runRestore(t, s)
			got := drainAll(t, s.Shards()[0])
			slices.Sort(got)
			if life == 1 {
				want = nil
			}
			equal(t, "records", got, append([]int{}, want...))
			settleDown(s.Shards()[0])
			testkit.Must(t, shut(s))
		}
	}
}

// All that is queued was delivered, and the last segment is there still: what was given up
// of it comes out of it, though the start removes it.
func TestRestoreOfTheLastSegment(t *testing.T) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 20, 600)
	offs := offsets(t, q.win.state.segs[0].path)
	drainAll(t, q)
	testkit.Must(t, shut(s))
	testkit.Must(t, os.Mkdir(filepath.Join(o.Path, quarantine.Folder), segment.DirMode))
	for _, i := range []int{3, 17} {
		testkit.Must(t, os.WriteFile(filepath.Join(o.Path, quarantine.Folder, fmt.Sprintf("shard-00-000000@%d", offs[i])), nil, segment.FileMode))
	}
	s = open(t, o)
	runRestore(t, s)
	equal(t, "records", drainAll(t, s.Shards()[0]), sequence(3, 17)) // up to the end: it is not known
	testkit.Must(t, shut(s))
	equal(t, "files in the folder", len(quarantinedFiles(t, o.Path)), 0)
}

// A planned stop in the middle, for want of room, repeats nothing; neither does it lose
// anything. A kill may repeat.
func TestRestoreIsInterrupted(t *testing.T) {
	for _, kill := range []bool{false, true} {
		z := damagedQueue(t)
		z.put(t, z.at(0), nil)
		z.put(t, wholeName, z.data)
		z.o.MaxSize, z.o.SegmentSize = 4*minSegment, minSegment
		var got []int
		for life := 0; life < 20 && len(quarantinedFiles(t, z.o.Path)) > 0; life++ {
			z.o.Ledger = ledger.New()
			s, q := openOne(t, z.o)
			stop := run(t, s)
			testkit.Eventually(t, "it is full, or done", func() bool { return s.Full() || q.Stats().Appended > 0 && len(quarantinedFiles(t, z.o.Path)) == 0 })
			testkit.Must(t, s.syncAll())
			image := z.o.Path
			if kill {
				image = copyQueue(t, z.o.Path)
			}
			got = append(got, drain(t, q, 2)...) // which makes no room yet
			stop()
			if !kill {
				got = append(got, drainAll(t, q)...)
				settleDown(q)
			}
			testkit.Must(t, shut(s))
			if kill {
				z.o.Path, z.o.MaxSize, kill = image, 64<<20, false
				got = nil
			}
		}
		z.o.Ledger = ledger.New()
		s := open(t, z.o)
		runRestore(t, s)
		got = append(got, drainAll(t, s.Shards()[0])...)
		slices.Sort(got)
		equal(t, "records", slices.Compact(slices.Clone(got)), sequence(0, len(z.offs)-1))
		if z.o.MaxSize < 1<<20 && len(got) != len(z.offs)-1 {
			t.Errorf("after planned stops: %v", got)
		}
	}
}

// What cannot be read is left out by hand, all else is delivered, and what of the kept
// file can be read by then comes back.
func TestSkip(t *testing.T) {
	o, segs := stopped(t, 60, 5)
	if all, err := inspect.Skip(context.Background(), o.Path, nil); err != nil || len(all) != 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	before := tree(t, o.Path)
	whole := testkit.Try(os.ReadFile(segs[1]))(t)
	offs := offsets(t, segs[1])
	kept := filepath.Join(o.Path, quarantine.Folder, "shard-00-000001")
	// As Skip leaves it where one page cannot be read.
	f := testkit.Try(os.Create(segs[1] + segment.TempSuffix))(t)
	empty := testkit.Try(segment.Copy(badPage{whole, 1}, f, 0, int64(len(whole))))(t)
	equal(t, "bytes", empty, segment.Page)
	testkit.Must(t, f.Close())
	testkit.Must(t, os.Mkdir(filepath.Dir(kept), segment.DirMode))
	testkit.Must(t, os.Rename(segs[1], kept))
	testkit.Must(t, os.Rename(segs[1]+segment.TempSuffix, segs[1]))
	if tree(t, o.Path) == before {
		t.Fatal("nothing has changed")
	}
	missing := 0
	for i, off := range offs {
		end := int64(len(whole))
		if i+1 < len(offs) {
			end = offs[i+1]
		}
		if off < 2*segment.Page && end > segment.Page {
			missing++
		}
	}
	s := open(t, o)
	got := drainAll(t, s.Shards()[0])
	equal(t, "records of the first life", len(got), 55-missing)
	settleDown(s.Shards()[0])
	testkit.Must(t, shut(s))
	s = reopen(t, &o)
	runRestore(t, s)
	got = append(got, drainAll(t, s.Shards()[0])...)
	slices.Sort(got)
	equal(t, "records", got, sequence(5, 55))
	testkit.Must(t, shut(s))
	equal(t, "files in the folder", len(quarantinedFiles(t, o.Path)), 0)
}

func TestRestoreEndsWithItsContext(t *testing.T) {
	z := damagedQueue(t)
	z.put(t, z.at(3), z.copied(3, 4))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Restore(ctx, z.o.Path, quiet()); err == nil {
		t.Fatal("no error")
	}
	s := open(t, z.o)
	runRestore(t, s)
	equal(t, "records", drainAll(t, s.Shards()[0]), []int{3})
}
