package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// segment is one file of a shard, as far as it is not consumed. Its fields are
// guarded by the shard's mu.
type segment struct {
	num   int64
	path  string
	size  int64 // bytes, up to the end of the last whole record
	from  int64 // what lies before it was consumed by the process before
	since int64 // when its first event was received, Unix nanoseconds
	left  tally // not handed out yet
	// done are its records that are acknowledged, those before the start included.
	done spans
	// skip is how many of them the start has found, as far as they are not in the window
	// yet. Those that are lost to damage before the reader comes to them stay counted.
	skip int64
	// The smallest and the largest number of its records, from the start on; 0: none.
	first, last uint64
	// held is the number of its records in the shard's window.
	held int
	// flying is the number of those that are not done.
	flying int
	// detached segments are not read by diskqueue any more: it stumbled over
	// them, or would. They are read and removed by us alone.
	detached bool
	// keep moves the file to the corrupt folder instead of removing it, because
	// it could not be read.
	keep bool
	// damage is what the scan at start-up has found and counted.
	damage []damage
	// late is what start-up could not read of the segment; nil: nothing. Until it is
	// read nothing is handed out of it.
	late   *late
	synced int64    // bytes known to be on stable storage
	doubt  bool     // a sync has failed: the page cache may hold more than the disk
	tries  int      // how often copying it has found a page that cannot be read; of resolve alone
	file   *os.File // nil: not open
}

// open returns the segment's file. The caller holds the shard's mu.
func (s *segment) open() (*os.File, error) {
	if s.file != nil {
		return s.file, nil
	}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(s.path + badSuffix)
	}
	if err != nil {
		return nil, &readError{0, err}
	}
	s.file = f
	return f, nil
}

// unlink removes the file, whatever diskqueue has made of its name meanwhile. The
// order of the two matters: a rename can come between them, but only this way.
func (s *segment) unlink() error {
	return errors.Join(remove(s.path), remove(s.path+badSuffix), remove(s.path+doubtSuffix))
}

// located is where the file is: diskqueue may have put .bad behind its name.
func (s *segment) located() string {
	if _, lost := os.Lstat(s.path); lost != nil {
		return s.path + badSuffix
	}
	return s.path
}

// syncDir makes what was made, renamed or removed in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("queue: sync folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("queue: sync folder %s: %w", path, err)
	}
	return nil
}

// writeDurably replaces the file by data, which is on stable storage afterwards.
func writeDurably(path string, data []byte) error {
	tmp := path + ".new" + tmpSuffix
	if err := writeAndSync(tmp, data); err != nil {
		return errors.Join(err, remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("queue: replace %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func writeAndSync(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("queue: write: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("queue: write %s: %w", path, err)
	}
	return nil
}
