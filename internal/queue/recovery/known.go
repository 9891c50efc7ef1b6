package recovery

import (
	"os"

	"syslog-gateway/internal/queue/segment"
)

// Fingerprint distinguishes records with the same sequence number.
type Fingerprint struct {
	BodyCRC  uint32
	Received int64
}

// WholeRecordAt says that a whole record begins at off.
func (s *Segment) WholeRecordAt(off int64) bool {
	f, err := os.Open(s.Path)
	if err != nil {
		return false
	}
	defer f.Close()
	h, _, v, err := (&segment.HeaderReader{File: f, Size: s.FileSize}).Read(off, 0)
	if err != nil || v != segment.Valid {
		return false
	}
	_, err = segment.ReadRecord(f, h.At(off), nil)
	return err == nil
}

// Fingerprints adds the records of the segment from an offset on to known.
func (s *Segment) Fingerprints(from int64, known map[uint64]Fingerprint) error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = segment.Headers(f, s.FileSize, from, func(_ int64, h *segment.Header) error {
		known[h.Seq] = Fingerprint{h.BodyCRC, h.Received}
		return nil
	})
	return err
}

// Repeated adds to known the records of the shard that a misplaced segment may repeat. It
// includes consumed records that are still in a file: they were delivered.
func (sc *Shard) Repeated(path string, known map[uint64]Fingerprint) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	its := make(map[uint64]Fingerprint)
	if err := (&Segment{Path: path, FileSize: st.Size()}).Fingerprints(0, its); err != nil {
		return err
	}
	for _, s := range sc.Segments {
		if s.Failed != nil {
			return s.Failed
		}
		all := make(map[uint64]Fingerprint)
		if err := s.Fingerprints(0, all); err != nil {
			return err
		}
		for seq, m := range all {
			if _, may := its[seq]; may {
				known[seq] = m
			}
		}
	}
	return nil
}
