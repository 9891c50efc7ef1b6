package queue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// setAsideFile is a file of the corrupt folder, by its name:
//
//	shard-00-000012@34567  the bytes of segment 12 from 34567 on, as far as they could be
//	                       copied; nothing of that range was delivered
//	shard-00-000012        the whole segment: of it the ranges that begin with one of the
//	                       copies were not delivered, and the rest was
//	….misplaced            a whole segment that somebody had copied into the shard
//	…+789                  the first 789 bytes of it were put back
//	….restored             what could be put back was; the rest is damaged
//	….duplicate            misplaced, and all its records are in the queue, or were
type setAsideFile struct {
	path  string
	index int // of the shard
	num   int64
	off   int64  // where the range begins; -1: a whole segment
	done  int64  // bytes that were put back
	kind  string // misplacedSuffix, restoredSuffix, duplicateSuffix or none
}

const (
	restoredSuffix  = ".restored"
	duplicateSuffix = ".duplicate"
)

// listAside reads the names in the corrupt folder, ordered by shard, segment and offset.
func listAside(root string) ([]setAsideFile, error) {
	dir := filepath.Join(root, corruptFolder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	name := regexp.MustCompile(`^shard-(\d{2})-(\d{6,18})(?:@(\d{1,18}))?(?:\.\d+)?(\.misplaced)?(?:\+(\d{1,18}))?(\.restored|\.duplicate)?$`)
	number := func(digits string) int64 {
		n, _ := strconv.ParseInt(digits, 10, 64) // at most 18 of them, or none
		return n
	}
	var all []setAsideFile
	for _, e := range entries {
		m := name.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		f := setAsideFile{path: filepath.Join(dir, e.Name()), index: int(number(m[1])), num: number(m[2]),
			off: -1, done: number(m[5]), kind: cmp.Or(m[6], m[4])}
		if m[3] != "" {
			f.off = number(m[3])
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b setAsideFile) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.num, b.num), cmp.Compare(a.off, b.off))
	})
	return all, nil
}

// whole says that the file is a segment that was kept since parts of it were set aside.
func (f *setAsideFile) whole() bool { return f.off < 0 && f.kind == "" }

// isRange says that the file is a copy of a range of which nothing was put back for good.
func (f *setAsideFile) isRange() bool { return f.off >= 0 && f.kind == "" }

// same says that both are of one segment.
func (f *setAsideFile) same(o *setAsideFile) bool { return f.index == o.index && f.num == o.num }

// base is the path of the file without how much of it was put back.
func (f *setAsideFile) base() string {
	if f.done == 0 {
		return f.path
	}
	return f.path[:strings.LastIndexByte(f.path, '+')]
}

// source is where records are read from: a range of a file.
type source struct {
	path     string
	from, to int64
}

// rangeEnd is where a range ends that begins at off and was copied without the pages that
// could not be read then. Where the last bytes of the copy lie within a page, they are
// the end: a page that is left out, or that is all zeros since memory has forgotten it,
// is a whole one. Else it is not known, and the range goes up to the next one: records
// may come twice that way, but none is lost.
func rangeEnd(copied io.ReaderAt, size int64, r io.ReaderAt, off, limit int64) (int64, error) {
	a, b := make([]byte, page), make([]byte, page)
	for pos, at := off, int64(0); pos < limit && at < size; {
		n := min(page-pos%page, limit-pos)
		m := min(n, size-at)
		if _, err := readAt(copied, a[:m], at); err != nil {
			return 0, err
		}
		if _, err := readAt(r, b[:m], pos); err != nil {
			return 0, err
		}
		if !bytes.Equal(a[:m], b[:m]) && bytes.ContainsFunc(a[:m], func(c rune) bool { return c != 0 }) {
			pos += n
			continue
		}
		pos, at = pos+m, at+m
		if at == size && pos%page != 0 {
			return pos, nil
		}
	}
	return limit, nil
}

const (
	// misplacedSuffix is put behind the name of a misplaced segment in the corrupt folder.
	misplacedSuffix = ".misplaced"
	saysMisplaced   = "queue: the records of a segment do not follow those before it, so somebody has copied it here; " +
		"it is moved to the corrupt folder, and those of its records that are not queued are put back"
)

// source finds the records of a file: in the copy itself if all of it is records, else in
// the segment that was kept, which is one of all the files, else what there is in the
// copy. The path is empty if there are none.
func (file *setAsideFile) source(all []setAsideFile) (source, error) {
	copied, err := os.Open(file.path)
	if err != nil {
		return source{}, err
	}
	defer copied.Close()
	st, err := copied.Stat()
	if err != nil {
		return source{}, err
	}
	own := source{file.path, 0, st.Size()}
	good, err := goodBytes(copied, 0, own.to)
	if err != nil || file.kind == misplacedSuffix || good > 0 && good == own.to {
		return own, err
	}
	for i := range all {
		w := &all[i]
		if !w.whole() || !w.same(file) {
			continue
		}
		if src, err := w.within(all, file.off, copied, own.to); err != nil || src.path != "" {
			return src, err
		}
	}
	if good == 0 {
		return source{}, nil
	}
	return own, nil
}

// within is the range of a kept segment that a copy was made of; nothing where no good
// record begins there.
func (w *setAsideFile) within(all []setAsideFile, off int64, copied io.ReaderAt, size int64) (source, error) {
	f, err := os.Open(w.path)
	if err != nil {
		return source{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return source{}, err
	}
	limit := st.Size()
	for _, other := range all {
		if other.off > off && other.same(w) {
			limit = min(limit, other.off)
		}
	}
	if off >= limit {
		return source{}, nil
	}
	if _, _, v, err := (&window{r: f, size: st.Size()}).record(off, 0); err != nil || v != valid {
		return source{}, err
	}
	to, err := rangeEnd(copied, size, f, off, limit)
	if err != nil {
		return source{}, err
	}
	if good, err := goodBytes(f, off, to); err != nil || good == 0 {
		return source{}, err
	}
	return source{w.path, off, to}, nil
}
