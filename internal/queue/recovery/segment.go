package recovery

import (
	"errors"
	"io"
	"os"

	"syslog-gateway/internal/queue/segment"
)

// Segment is what a scan has found of one segment.
type Segment struct {
	Num      int64
	Path     string // its own name; the file bears it, or has .bad behind it
	Bad      bool
	Twin     bool // both names exist: the .bad one goes to the corrupt folder
	FileSize int64
	From     int64        // where what is not consumed begins
	Unsynced bool         // its sync failed and no resync has worked
	Synced   int64        // if unsynced: what was on stable storage before
	Done     segment.Seqs // what is acknowledged of it
	Skip     int64        // how many of the records that were found
	Since    int64        // when it was written last, Unix nanoseconds
	Size     int64        // what repair has left of it
	Keep     bool         // repair wants the file kept in the corrupt folder when it is consumed
	// Failed is why it could not be read: nothing is known of its records then.
	Failed error
	segment.Contents
}

func (s *Segment) File() string {
	if s.Bad {
		return s.Path + segment.BadSuffix
	}
	return s.Path
}

// ReadSegment decides where seg is to be read from and reads its headers from there. After
// an error nothing is known of it.
func (sc *Shard) ReadSegment(seg *Segment) error {
	f, err := os.Open(seg.File())
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	seg.FileSize, seg.Since = st.Size(), st.ModTime().UnixNano()
	r := again{f}
	if sc.MetaKnown && seg.Num == sc.Meta.Read.Num {
		if seg.From, err = boundary(r, seg.FileSize, sc.Meta.Read.Off); err != nil {
			return err
		}
	}
	if err := seg.Read(r, sc.Acked.Of(seg.Num)); err != nil {
		return err
	}
	if last := seg.Num == sc.Segments[len(sc.Segments)-1].Num; !last && seg.TornAt >= 0 {
		seg.Damage = append(seg.Damage, segment.Damage{From: seg.TornAt, To: seg.FileSize, What: "the last record is cut off"})
		seg.TornAt = -1
	}
	if seg.LastSeq == 0 { // the numbers go on behind what was consumed
		consumed, err := segment.Headers(r, seg.From, 0, nil)
		if err != nil {
			return err
		}
		seg.LastSeq = consumed.LastSeq
	}
	return nil
}

// again reads once more, at once, what could not be read. A segment counts as read only
// when all of it was: each failure costs what was read before it.
type again struct{ io.ReaderAt }

func (a again) ReadAt(p []byte, off int64) (int, error) {
	n, err := a.ReaderAt.ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return a.ReaderAt.ReadAt(p, off)
}

// boundary returns off if a record begins there, or if one ends there and what follows is
// torn or damaged. Otherwise the metadata is wrong, and the segment is read from its start:
// records may come twice that way, but none is lost.
func boundary(r io.ReaderAt, size, off int64) (int64, error) {
	if off == size {
		return off, nil
	}
	if off > size {
		return 0, nil
	}
	w := &segment.HeaderReader{File: r, Size: size}
	_, _, v, err := w.Read(off, 0)
	if v == segment.Valid && err == nil {
		return off, nil
	}
	if segment.NotRead(err) {
		return 0, err
	}
	before, err := segment.Headers(r, off, 0, nil)
	if err != nil {
		return 0, err
	}
	if before.End == off {
		return off, nil
	}
	return 0, nil
}

// MayHold is the largest number of records that the unread ranges may hold. Their sequence
// numbers are not used again: the next start may be able to read them.
func (s *Segment) MayHold() (n uint64) {
	if s.Failed != nil { // not even its size need be known
		return 1 << 32
	}
	for _, d := range s.Damage {
		n += uint64(d.To-d.From)/(segment.PrefixLen+segment.MinHeader) + 1
	}
	return n
}

// Consumed reports that nothing in the segment is queued.
func (s *Segment) Consumed() bool {
	return s.Records == 0 && len(s.Damage) == 0 && s.Failed == nil
}

// Read reads the headers of the segment and leaves out what is acknowledged. It goes by the
// records that were counted: a header may be whole although its record is not, since the
// file ends inside of it.
func (s *Segment) Read(r io.ReaderAt, done segment.Seqs) error {
	var known segment.Tally
	s.Done, s.Skip = done, 0
	found, err := segment.Headers(r, s.FileSize, s.From, func(_ int64, h *segment.Header) error {
		if done.Has(h.Seq) {
			s.Skip++
			known.Add(h.Source, int64(h.Events), h.Size())
		}
		return nil
	})
	s.Contents = found
	s.Subtract(&known)
	return err
}

// Again is the scan of a segment before anything was read of it. diskqueue may have renamed
// the file meanwhile: bad.
func (s *Segment) Again(bad bool) *Segment {
	return &Segment{Num: s.Num, Path: s.Path, Bad: bad, Unsynced: s.Unsynced, Synced: s.Synced}
}

// Holds reports that the segment holds the records of a stop state, also if the file was
// given another number.
func (s *Segment) Holds(stop *segment.StopSegment) bool {
	return s.Failed == nil && s.FirstSeq != 0 && s.FirstSeq <= stop.Last && stop.First <= s.LastSeq
}
