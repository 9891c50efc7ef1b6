package queue

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

// ackedName is the file beside the metadata that says which records are acknowledged.
// A start takes these for done, wherever the read position of the metadata is. An older
// version finds a list that is not of its metadata, and removes the file.
const ackedName = segPrefix + "acked.json"

const (
	// slotSize bounds what is written at a time.
	slotSize = 64 << 10
	// slots is how many lists the file has room for: the one on stable storage, the
	// one that is being synced, and the one that is written meanwhile.
	slots = 3
	// maxStretches fit into a slot, whatever their numbers are.
	maxStretches = 700
)

// ackedList is one state of what is acknowledged. It is one line of JSON.
type ackedList struct {
	// Generation grows by one with each list: the newest whole one of a file holds.
	Generation uint64 `json:"generation"`
	// Seq is the highest sequence number that was given when the list was made. The
	// shard goes on above it, also where a power loss has taken records below: so no
	// record that is appended later can have a number that is listed.
	Seq uint64 `json:"seq"`
	// Acked are the stretches: first segment, last segment, first seq, last seq.
	Acked [][4]uint64 `json:"acked"`
	// Checksum is the CRC-32C of the line in which it is 0. A wrong digit would make
	// a start pass over a record that nobody has got.
	Checksum uint32 `json:"crc32c"`
}

func (l ackedList) encode() []byte {
	l.Checksum = 0
	for {
		line, err := json.Marshal(l)
		if err != nil {
			panic(err) // there are only numbers in it
		}
		if l.Checksum != 0 {
			return append(line, '\n')
		}
		l.Checksum = max(1, checksum(line))
	}
}

// decodeList reads the list that a slot begins with.
func decodeList(slot []byte) (l ackedList, ok bool) {
	if json.NewDecoder(bytes.NewReader(slot)).Decode(&l) != nil {
		return ackedList{}, false
	}
	return l, bytes.HasPrefix(slot, l.encode())
}

// listOf makes a list of the stretches. Where there are too many, those with the most
// records stay: the others may come again. It returns how many are left out.
func listOf(seq uint64, all []stretch) (l ackedList, left int) {
	if left = max(0, len(all)-maxStretches); left > 0 {
		slices.SortFunc(all, func(a, b stretch) int { return int(min(1, max(-1, int64(b.to-b.from)-int64(a.to-a.from)))) })
		all = all[:maxStretches]
		slices.SortFunc(all, func(a, b stretch) int { return int(min(1, max(-1, int64(a.from)-int64(b.from)))) })
	}
	l = ackedList{Seq: seq, Acked: make([][4]uint64, 0, len(all))}
	for _, s := range all {
		l.Acked = append(l.Acked, [4]uint64{uint64(s.first), uint64(s.last), s.from, s.to})
	}
	return l, left
}

// answers is what a start knows of the acknowledged records of a shard.
type answers struct {
	found bool // there is a file that holds
	seq   uint64
	list  []stretch
	// slot is where the newest list stands, -1 where the file has the form of an older
	// version: that holds for one state of the metadata only.
	slot       int
	generation uint64
	// unread is why the file could not be read.
	unread error
}

// of returns what is acknowledged of a segment.
func (a *answers) of(num int64) (done spans) {
	for _, s := range a.list {
		if s.first <= num && num <= s.last {
			done = append(done, s.seqRange)
		}
	}
	return done
}

// readAcked reads the file of the shard in dir, whose metadata is m, if known.
func readAcked(dir string, m meta, known bool) answers {
	f, err := os.Open(filepath.Join(dir, ackedName))
	if errors.Is(err, fs.ErrNotExist) {
		return answers{}
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(f)
		f.Close()
	}
	if err != nil {
		return answers{unread: fmt.Errorf("queue: read which records are acknowledged: %w", err)}
	}
	if a, ok := oldAcked(data, m, known); ok {
		return a
	}
	var newest ackedList
	slot := -1
	for off := 0; off < min(len(data), slots*slotSize); off += slotSize {
		l, ok := decodeList(data[off:min(off+slotSize, len(data))])
		if ok && (slot < 0 || l.Generation > newest.Generation) {
			newest, slot = l, off/slotSize
		}
	}
	if slot < 0 {
		return answers{}
	}
	a := answers{found: true, seq: newest.Seq, slot: slot, generation: newest.Generation}
	for _, s := range newest.Acked {
		a.list = append(a.list, stretch{int64(s[0]), int64(s[1]), seqRange{s[2], s[3]}})
	}
	return a
}

// oldAcked reads the form of older versions, which Close has left: it holds for exactly
// the metadata that it names.
func oldAcked(data []byte, m meta, known bool) (answers, bool) {
	var f struct {
		Meta  string `json:"meta"`
		Acked []struct {
			Seq     uint64 `json:"seq"`
			Segment int64  `json:"segment"`
		} `json:"acked"`
	}
	if json.Unmarshal(data, &f) != nil || f.Meta == "" {
		return answers{}, false
	}
	if !known || f.Meta != string(m.encode()) {
		return answers{}, true
	}
	a := answers{found: true, slot: -1}
	bySegment := make(map[int64]*spans)
	for _, at := range f.Acked {
		if bySegment[at.Segment] == nil {
			bySegment[at.Segment] = new(spans)
		}
		bySegment[at.Segment].add(at.Seq)
		a.seq = max(a.seq, at.Seq)
	}
	for num, done := range bySegment {
		a.list = extend(a.list, num, *done)
	}
	return a, true
}
