package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// AckedName is the file beside the metadata that lists the acknowledged records.
// A start takes these for done, whatever the read position of the metadata is.
const AckedName = Prefix + "acked.json"

const (
	// SlotSize is the most bytes that one list takes.
	SlotSize = 64 << 10
	// Slots is how many lists the file has room for: the one on stable storage, the one
	// that is being synced, and the one that is written meanwhile.
	Slots = 3
	// MaxStretches fit into a slot, whatever their numbers are.
	MaxStretches = 700
)

// AckedList is one state of what is acknowledged. It is one line of JSON.
type AckedList struct {
	// Generation grows by one with each list: the newest whole one of a file holds.
	Generation uint64 `json:"generation"`
	// Seq is the highest sequence number that was given when the list was made. The
	// shard goes on above it, also where a power loss has taken records below: so no
	// record that is appended later can have a number that is listed.
	Seq uint64 `json:"seq"`
	// Acked are the stretches: first segment, last segment, first seq, last seq.
	Acked [][4]uint64 `json:"acked"`
	// Checksum is the CRC-32C of the line in which it is 0. A wrong digit would make
	// a start pass over a record that was not delivered.
	Checksum uint32 `json:"crc32c"`
}

func (l AckedList) Encode() []byte {
	l.Checksum = 0
	for {
		line, err := json.Marshal(l)
		if err != nil {
			panic(err) // there are only numbers in it
		}
		if l.Checksum != 0 {
			return append(line, '\n')
		}
		l.Checksum = max(1, Checksum(line))
	}
}

// DecodeAckedList reads the list that a slot begins with.
func DecodeAckedList(slot []byte) (l AckedList, ok bool) {
	if json.NewDecoder(bytes.NewReader(slot)).Decode(&l) != nil {
		return AckedList{}, false
	}
	return l, bytes.HasPrefix(slot, l.Encode())
}

// NewAckedList makes a list of the stretches. If there are too many, it keeps those with
// the most records: the others may be delivered again. omitted is how many it leaves out.
func NewAckedList(seq uint64, all []Stretch) (l AckedList, omitted int) {
	if omitted = max(0, len(all)-MaxStretches); omitted > 0 {
		slices.SortFunc(all, func(a, b Stretch) int { return int(min(1, max(-1, int64(b.To-b.From)-int64(a.To-a.From)))) })
		all = all[:MaxStretches]
		slices.SortFunc(all, func(a, b Stretch) int { return int(min(1, max(-1, int64(a.From)-int64(b.From)))) })
	}
	l = AckedList{Seq: seq, Acked: make([][4]uint64, 0, len(all))}
	for _, s := range all {
		l.Acked = append(l.Acked, [4]uint64{uint64(s.First), uint64(s.Last), s.From, s.To})
	}
	return l, omitted
}

// Acked is what a start knows of the acknowledged records of a shard.
type Acked struct {
	Found bool // there is a file that holds
	Seq   uint64
	List  []Stretch
	// Slot is the slot of the newest list; -1 if the file has the form of an older version,
	// which holds for one state of the metadata only.
	Slot       int
	Generation uint64
	// Unread is why the file could not be read.
	Unread error
}

// Of returns what is acknowledged of a segment.
func (a *Acked) Of(num int64) (done Seqs) {
	for _, s := range a.List {
		if s.First <= num && num <= s.Last {
			done = append(done, s.SeqRange)
		}
	}
	return done
}

// ReadAcked reads the file of the shard in dir, whose metadata is m, if known.
func ReadAcked(dir string, m Meta, known bool) Acked {
	f, err := os.Open(filepath.Join(dir, AckedName))
	if errors.Is(err, fs.ErrNotExist) {
		return Acked{}
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(f)
		f.Close()
	}
	if err != nil {
		return Acked{Unread: fmt.Errorf("queue: read which records are acknowledged: %w", err)}
	}
	if a, ok := oldAcked(data, m, known); ok {
		return a
	}
	var newest AckedList
	slot := -1
	for off := 0; off < min(len(data), Slots*SlotSize); off += SlotSize {
		l, ok := DecodeAckedList(data[off:min(off+SlotSize, len(data))])
		if ok && (slot < 0 || l.Generation > newest.Generation) {
			newest, slot = l, off/SlotSize
		}
	}
	if slot < 0 {
		return Acked{}
	}
	a := Acked{Found: true, Seq: newest.Seq, Slot: slot, Generation: newest.Generation}
	for _, s := range newest.Acked {
		a.List = append(a.List, Stretch{int64(s[0]), int64(s[1]), SeqRange{s[2], s[3]}})
	}
	return a
}

// oldAcked reads the form of older versions, which holds only for the metadata that it
// names.
func oldAcked(data []byte, m Meta, known bool) (Acked, bool) {
	var f struct {
		Meta  string `json:"meta"`
		Acked []struct {
			Seq     uint64 `json:"seq"`
			Segment int64  `json:"segment"`
		} `json:"acked"`
	}
	if json.Unmarshal(data, &f) != nil || f.Meta == "" {
		return Acked{}, false
	}
	if !known || f.Meta != string(m.Encode()) {
		return Acked{}, true
	}
	a := Acked{Found: true, Slot: -1}
	bySegment := make(map[int64]*Seqs)
	for _, at := range f.Acked {
		if bySegment[at.Segment] == nil {
			bySegment[at.Segment] = new(Seqs)
		}
		bySegment[at.Segment].Add(at.Seq)
		a.Seq = max(a.Seq, at.Seq)
	}
	for num, done := range bySegment {
		a.List = Extend(a.List, num, *done)
	}
	return a, true
}
