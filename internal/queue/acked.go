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
	"sync"
	"time"
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
func (a *answers) of(segment int64) (done spans) {
	for _, s := range a.list {
		if s.first <= segment && segment <= s.last {
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
	for segment, done := range bySegment {
		a.list = extend(a.list, segment, *done)
	}
	return a, true
}

// dropAcked removes the file, durably.
func dropAcked(dir string) error {
	err := os.Remove(filepath.Join(dir, ackedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: remove the list of acknowledged records: %w", err)
	}
	return syncDir(dir)
}

// ackedFile writes the file. A list is written in place, which a crash of the process
// does not undo, and synced with the segments. So a new one costs a sync, but neither a
// new file nor a sync of the folder. The list that is on stable storage is not touched
// meanwhile: a torn one is not whole, and that one holds.
type ackedFile struct {
	path string

	mu         sync.Mutex
	file       *os.File // nil: begun by the next list
	generation uint64
	written    int // slot of the newest list
	durable    int // slot of the newest list on stable storage
	syncing    int // slot that is being synced, -1: none
}

// resume goes on with the file of the process before, whose newest list is that of the
// slot. It is synced first: of what a killed process has written nobody knows.
func (f *ackedFile) resume(slot int, generation uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("queue: open the list of acknowledged records: %w", err)
	}
	if err := dataSync(file); err != nil {
		file.Close()
		return fmt.Errorf("queue: sync the list of acknowledged records: %w", err)
	}
	f.file, f.generation, f.written, f.durable, f.syncing = file, generation, slot, slot, -1
	return nil
}

// write makes l the newest list.
func (f *ackedFile) write(l ackedList) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	l.Generation = f.generation
	if f.file == nil {
		return f.begin(l)
	}
	slot := f.written
	for slot == f.durable || slot == f.syncing {
		slot = (slot + 1) % slots
	}
	if _, err := f.file.WriteAt(l.encode(), int64(slot)*slotSize); err != nil {
		f.giveUp()
		return fmt.Errorf("queue: write which records are acknowledged: %w", err)
	}
	f.written = slot
	return nil
}

// begin puts a new file in the place of what is there: that may be of an older version,
// or of a disk that has failed. The caller holds mu.
func (f *ackedFile) begin(l ackedList) error {
	if err := writeDurably(f.path, l.encode()); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("queue: open the list of acknowledged records: %w", err)
	}
	f.file, f.written, f.durable, f.syncing = file, 0, 0, -1
	return nil
}

// sync brings the newest list to stable storage.
func (f *ackedFile) sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil || f.written == f.durable {
		return nil
	}
	file, slot := f.file, f.written
	f.syncing = slot
	f.mu.Unlock()
	err := dataSync(file)
	f.mu.Lock()
	f.syncing = -1
	switch {
	case f.file != file: // given up meanwhile
		return nil
	case err != nil: // a further sync would prove nothing
		f.giveUp()
		return fmt.Errorf("queue: sync which records are acknowledged: %w", err)
	}
	f.durable = slot
	return nil
}

// giveUp closes the file. The caller holds mu.
func (f *ackedFile) giveUp() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

func (f *ackedFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.giveUp()
}

// openAcked makes the file ready, so that to write a list waits for no sync later.
func (q *Shard) openAcked(a answers) {
	if a.found && a.slot >= 0 && q.ackedFile.resume(a.slot, a.generation) == nil {
		return
	}
	q.mu.Lock()
	q.unnoted = true // the first list makes it
	q.mu.Unlock()
	q.noteAcked()
}

// noteAcked writes which records are acknowledged, unless that is written. It does not
// sync.
func (q *Shard) noteAcked() {
	q.note.Lock()
	defer q.note.Unlock()
	q.mu.Lock()
	if !q.unnoted || q.dissolved || time.Now().Before(q.noteAt) {
		q.mu.Unlock()
		return
	}
	q.unnoted = false
	list, left := listOf(q.seq, q.stretches())
	q.mu.Unlock()
	if left > 0 {
		if n, ok := q.noteFails.Ready(time.Now(), alarmEvery); ok {
			q.log.Warn("queue: too many gaps between the records that are delivered; after a crash some are delivered again",
				"shard", q.index, "left_out", left, "times_before", n)
		}
	}
	q.noted(q.ackedFile.write(list))
}

// syncAcked writes which records are acknowledged and brings that to stable storage.
func (q *Shard) syncAcked() {
	q.noteAcked()
	q.noted(q.ackedFile.sync())
}

// noted takes note of the outcome. An error stops nobody: it is tried again, and what
// is not written is delivered again after a crash.
func (q *Shard) noted(err error) {
	if err == nil {
		return
	}
	q.mu.Lock()
	q.unnoted, q.noteAt = true, time.Now().Add(healInterval)
	q.mu.Unlock()
	if n, ok := q.noteFails.Ready(time.Now(), alarmEvery); ok {
		q.log.Warn("queue: which records are delivered cannot be stored; it is tried again until it works, "+
			"but after a crash more is delivered again", "shard", q.index, "error", err, "times_before", n)
	}
}

// stretches is what is acknowledged and may still be on disk. The caller holds mu.
func (q *Shard) stretches() []stretch {
	list := slices.Concat(q.removing, q.removed)
	for _, s := range slices.Concat(q.consumed, q.segs) {
		list = extend(list, s.num, s.done)
	}
	return list
}

// read walks the segment and takes what is acknowledged out of what is left in it. It
// goes by the records that the walk has found and counted: a header may be whole where
// the record is not, since the file ends inside of it.
func (s *segmentScan) read(r io.ReaderAt, done spans) error {
	var known tally
	s.done, s.skip = done, 0
	found, err := walk(r, s.fileSize, s.from, func(_ int64, h *header) error {
		if done.has(h.seq) {
			s.skip++
			known.add(h.source, int64(h.events), h.size())
		}
		return nil
	})
	s.walked = found
	s.subtract(&known)
	return err
}
