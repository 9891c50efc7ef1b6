package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// smallDisk mounts a file system of 1 MiB and 40 files.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	testkit.Must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=40"))
	t.Cleanup(func() { testkit.Must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fillDisk takes the last byte, or the last inode, and returns what gives it back.
func fillDisk(t *testing.T, dir, what string) (free func()) {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	testkit.Must(t, os.Mkdir(filler, segment.DirMode))
	var err error
	for i := 0; err == nil; i++ {
		var f *os.File
		f, err = os.Create(filepath.Join(filler, fmt.Sprint(i)))
		for n := 0; err == nil && what == "bytes" && n < 1<<10; n++ {
			_, err = f.Write(make([]byte, segment.Page))
		}
		f.Close()
	}
	if !recovery.NoRoom(err) {
		t.Fatal(err)
	}
	return func() { testkit.Must(t, os.RemoveAll(filler)) }
}

// A start with a full disk: delivering begins, makes room, and then all goes on.
func TestStartOnAFullDisk(t *testing.T) {
	if !testkit.Mounts(t) {
		return
	}
	cases := []struct {
		name    string
		shards  int  // at the start; 2 before
		records int  // of each shard
		whole   bool // in one segment
		hurt    func(t *testing.T, dir string)
		lost    int // of each shard, by that
		// stays is that delivering makes no room; new, that it makes too little of it for
		// the new shards where inodes are missing.
		stays, new bool
	}{
		{name: "many segments", shards: 2, records: 280},
		{name: "one segment", shards: 2, records: 280, whole: true},
		{name: "nothing queued", shards: 2, stays: true},
		{name: "more shards", shards: 4, records: 280},
		{name: "more shards, one segment", shards: 4, records: 280, whole: true, new: true},
		{name: "fewer shards", shards: 1, records: 280},
		{name: "no metadata", shards: 2, records: 280, hurt: func(t *testing.T, dir string) { testkit.Must(t, os.Remove(filepath.Join(dir, segment.MetaName))) }},
		{name: "torn tail", shards: 2, records: 280, hurt: func(t *testing.T, dir string) {
			name := lastSegment(t, dir)
			st := testkit.Try(os.Stat(name))(t)
			testkit.Must(t, os.Truncate(name, st.Size()-50))
		}, lost: 1},
		{name: "damage at the end", shards: 2, records: 280, hurt: func(t *testing.T, dir string) {
			name := lastSegment(t, dir)
			offs := offsets(t, name)
			scribble(t, name, offs[len(offs)-1]+20, 0xff)
		}, lost: 1},
		{name: "damage", shards: 2, records: 280, hurt: func(t *testing.T, dir string) {
			scribble(t, filepath.Join(dir, segment.Name(0)), offsets(t, filepath.Join(dir, segment.Name(0)))[2]+20, 0xff)
		}, lost: 1},
		{name: "renamed by diskqueue", shards: 2, records: 280, hurt: func(t *testing.T, dir string) {
			testkit.Must(t, os.Rename(filepath.Join(dir, segment.Name(0)), filepath.Join(dir, segment.Name(0)+segment.BadSuffix)))
		}},
	}
	for _, what := range []string{"bytes", "inodes"} {
		for _, c := range cases {
			t.Run(what+", "+c.name, func(t *testing.T) {
				root := smallDisk(t)
				o := options(filepath.Join(root, "queue"))
				o.Shards, o.Logger = 2, quiet()
				if c.whole {
					o.SegmentSize = 1 << 20
				}
				s := open(t, o)
				for _, q := range s.Shards() {
					appendN(t, q, 0, c.records, 700)
				}
				testkit.Must(t, shut(s))
				for _, q := range s.Shards() {
					if c.hurt != nil {
						c.hurt(t, q.folder.path)
					}
				}
				free := fillDisk(t, root, what)
				o.Shards, o.Ledger = c.shards, ledger.New()
				s = open(t, o)
				if s.Healthy() == nil || s.Shards()[0].Accepting() {
					t.Fatal("nothing can be written, and nothing says so")
				}
				if err := s.Shards()[0].Append(record(1, 700)); err == nil {
					t.Fatal("an append is taken")
				}
				run(t, s)
				for i, q := range s.Shards() {
					want := c.records - c.lost
					if i >= 2 {
						want = 0
					}
					equal(t, fmt.Sprintf("records of shard %d", i), len(drainAll(t, q)), want)
				}
				if c.stays {
					free()
				}
				testkit.Eventually(t, "the shards that were there take appends again", func() bool {
					return !slices.ContainsFunc(s.Shards()[:min(2, c.shards)], func(q *Shard) bool { return !q.Accepting() })
				})
				if c.new && what == "inodes" {
					if s.Healthy() == nil {
						t.Fatal("a shard has no folder, and nothing says so")
					}
					free()
				}
				testkit.Eventually(t, "all is well", func() bool { return s.Healthy() == nil })
				for _, q := range s.Shards()[:c.shards] {
					for i := range 3 {
						testkit.Must(t, appendSoon(t, q, record(1000+i, 700)))
					}
					equal(t, "new records", drainAll(t, q), sequence(1000, 3))
				}
				b := o.Ledger.Account("linux").Balance()
				equal(t, "difference", b.Difference(), 0)
			})
		}
	}
}

// appendSoon appends when the shard takes it.
func appendSoon(t *testing.T, q *Shard, rec *event.Record) (err error) {
	testkit.Eventually(t, "the shard takes a record", func() bool {
		err = q.Append(rec)
		return !errors.Is(err, event.ErrFull) && (err == nil || q.faults.writing() == nil)
	})
	return err
}

func lastSegment(t *testing.T, dir string) string {
	t.Helper()
	all := testkit.Try(filepath.Glob(filepath.Join(dir, segment.Prefix+"0*")))(t)
	return all[len(all)-1]
}
