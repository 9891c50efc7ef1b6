package quarantine

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

	"syslog-gateway/internal/queue/segment"
)

// File is a file of the corrupt folder, by its name:
//
//	shard-00-000012@34567  the bytes of segment 12 from 34567 on, as far as they could be
//	                       copied; nothing of that range was delivered
//	shard-00-000012        the whole segment: of it the ranges that begin with one of the
//	                       copies were not delivered, all else was
//	….misplaced            a whole segment that somebody had copied into the shard
//	…+789                  the first 789 bytes of it were put back
//	….restored             its whole records were put back; all else is damaged
//	….duplicate            misplaced, and all its records are in the queue, or were
type File struct {
	Path  string
	Index int // of the shard
	Num   int64
	Off   int64  // where the range begins; -1: a whole segment
	Done  int64  // bytes that were put back
	Kind  string // MisplacedSuffix, RestoredSuffix, DuplicateSuffix or none
}

const (
	RestoredSuffix  = ".restored"
	DuplicateSuffix = ".duplicate"
)

// List reads the names in the corrupt folder, ordered by shard, segment and offset.
func List(root string) ([]File, error) {
	dir := filepath.Join(root, Folder)
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
	var all []File
	for _, e := range entries {
		m := name.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		f := File{Path: filepath.Join(dir, e.Name()), Index: int(number(m[1])), Num: number(m[2]),
			Off: -1, Done: number(m[5]), Kind: cmp.Or(m[6], m[4])}
		if m[3] != "" {
			f.Off = number(m[3])
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Num, b.Num), cmp.Compare(a.Off, b.Off))
	})
	return all, nil
}

// Whole says that the file is a segment that was kept because ranges of it are damaged.
func (f *File) Whole() bool { return f.Off < 0 && f.Kind == "" }

// IsRange says that the file is a copy of a range, of which nothing was put back for good.
func (f *File) IsRange() bool { return f.Off >= 0 && f.Kind == "" }

// Same says that both are of one segment.
func (f *File) Same(o *File) bool { return f.Index == o.Index && f.Num == o.Num }

// Base is the path of the file without how much of it was put back.
func (f *File) Base() string {
	if f.Done == 0 {
		return f.Path
	}
	return f.Path[:strings.LastIndexByte(f.Path, '+')]
}

// Source is where records are read from: a range of a file.
type Source struct {
	Path     string
	From, To int64
}

// RangeEnd is where a range ends that begins at off and was copied without the pages that
// could not be read then. If the last bytes of the copy lie within a page, they are the end:
// a page that was left out, or is all zeros because the page cache lost it, is a whole page.
// Otherwise the end is not known, and the range goes up to the next one, which ends at limit:
// records may come twice that way, but none is lost.
func RangeEnd(copied io.ReaderAt, size int64, r io.ReaderAt, off, limit int64) (int64, error) {
	a, b := make([]byte, segment.Page), make([]byte, segment.Page)
	for pos, at := off, int64(0); pos < limit && at < size; {
		n := min(segment.Page-pos%segment.Page, limit-pos)
		m := min(n, size-at)
		if _, err := segment.ReadAt(copied, a[:m], at); err != nil {
			return 0, err
		}
		if _, err := segment.ReadAt(r, b[:m], pos); err != nil {
			return 0, err
		}
		if !bytes.Equal(a[:m], b[:m]) && bytes.ContainsFunc(a[:m], func(c rune) bool { return c != 0 }) {
			pos += n
			continue
		}
		pos, at = pos+m, at+m
		if at == size && pos%segment.Page != 0 {
			return pos, nil
		}
	}
	return limit, nil
}

const (
	// MisplacedSuffix is put behind the name of a misplaced segment.
	MisplacedSuffix = ".misplaced"
)

// Source finds the records of a file: in the copy itself if all of it is records, else in
// the segment that was kept, which is one of all the files, else what there is in the
// copy. The path is empty if there are none.
func (f *File) Source(all []File) (Source, error) {
	copied, err := os.Open(f.Path)
	if err != nil {
		return Source{}, err
	}
	defer copied.Close()
	st, err := copied.Stat()
	if err != nil {
		return Source{}, err
	}
	own := Source{f.Path, 0, st.Size()}
	good, err := segment.GoodBytes(copied, 0, own.To)
	if err != nil || f.Kind == MisplacedSuffix || good > 0 && good == own.To {
		return own, err
	}
	for i := range all {
		w := &all[i]
		if !w.Whole() || !w.Same(f) {
			continue
		}
		if src, err := w.within(all, f.Off, copied, own.To); err != nil || src.Path != "" {
			return src, err
		}
	}
	if good == 0 {
		return Source{}, nil
	}
	return own, nil
}

// within is the range of a kept segment that a copy was made of. It is empty if no good
// record begins there.
func (f *File) within(all []File, off int64, copied io.ReaderAt, size int64) (Source, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return Source{}, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return Source{}, err
	}
	limit := st.Size()
	for _, other := range all {
		if other.Off > off && other.Same(f) {
			limit = min(limit, other.Off)
		}
	}
	if off >= limit {
		return Source{}, nil
	}
	if _, _, v, err := (&segment.HeaderReader{File: file, Size: st.Size()}).Read(off, 0); err != nil || v != segment.Valid {
		return Source{}, err
	}
	to, err := RangeEnd(copied, size, file, off, limit)
	if err != nil {
		return Source{}, err
	}
	if good, err := segment.GoodBytes(file, off, to); err != nil || good == 0 {
		return Source{}, err
	}
	return Source{f.Path, off, to}, nil
}
