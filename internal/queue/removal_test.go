package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// block puts a folder in the place of a file, which so cannot be removed, and returns
// what undoes that.
func block(t *testing.T, path string) (undo func()) {
	t.Helper()
	testkit.Must(t, os.Rename(path, path+".there"))
	testkit.Must(t, os.MkdirAll(filepath.Join(path, "full"), segment.DirMode))
	return func() {
		testkit.Must(t, os.RemoveAll(path))
		testkit.Must(t, os.Rename(path+".there", path))
	}
}

// A file system that takes no removal for a while, such as one that is read-only: the
// segment goes as soon as it can, at the latest with the stop. Else the next start would
// deliver all of it again.
func TestRemovalIsTriedAgain(t *testing.T) {
	unremoved(t, func(q *Shard, first *segmentState) {
		if q.win.state.segs[0] == first {
			t.Fatal("the segment is not consumed")
		}
		q.heal(context.Background())
		if _, err := os.Stat(first.path); err == nil {
			t.Fatal("the file is there still")
		}
	})
}

// The last try is that of the stop.
func TestStopRemovesWhatStayed(t *testing.T) { unremoved(t, func(*Shard, *segmentState) {}) }

// unremoved consumes a segment while its file cannot be removed, lets the test check when it
// can be removed again, and requires that a restart repeats nothing.
func unremoved(t *testing.T, then func(q *Shard, first *segmentState)) {
	o := quietOptions(t)
	s, q := openFilled(t, o, 60, 700)
	first := q.win.state.segs[0]
	n := int(first.ahead.Records)
	equal(t, "records", drain(t, q, n-1), sequence(0, n-1))
	rec := next(t, q)
	settleDown(q)
	undo := block(t, first.path)
	q.Ack(rec.Seq)
	settleDown(q)
	undo()
	then(q, first)
	testkit.Must(t, shut(s))
	equal(t, "records after a restart", drainAll(t, reopen(t, &o).Shards()[0]), sequence(n, 60-n))
}

// A segment that is consumed before its sync has begun leaves no .doubt file.
func TestConsumedSegmentLeavesNoUnsyncedFile(t *testing.T) {
	o := options(fastDir(t))
	_, q := openFilled(t, o, 60, 700)
	first := q.win.state.segs[0]
	d := dirtySegment{seg: first, file: first.file, to: first.size}
	drainAll(t, q)
	settleDown(q)
	if q.win.state.segs[0] == first {
		t.Fatal("the segment is not consumed")
	}
	testkit.Must(t, q.syncer.syncSegment(d))
	if found := files(t, o.Path, "*"+segment.UnsyncedSuffix); len(found) > 0 {
		t.Fatalf("left behind: %v", found)
	}
}

// What is closed meanwhile is not taken for unreadable: the copy would be empty.
func TestNothingIsQuarantinedOfAClosedFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "segment"))
	testkit.Must(t, err)
	_, err = f.Write(make([]byte, 3*segment.Page))
	testkit.Must(t, errors.Join(err, f.Close()))
	root := t.TempDir()
	if copied, err := quarantine.CopyRange(root, "shard-00", 1, f, 0, 3*segment.Page); err == nil {
		t.Fatalf("copied to %s", copied)
	}
	equal(t, "quarantined files", len(quarantinedFiles(t, root)), 0)
}
