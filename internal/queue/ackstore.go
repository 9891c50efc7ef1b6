package queue

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

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
func (f *ackedFile) write(l segment.AckedList) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	l.Generation = f.generation
	if f.file == nil {
		return f.begin(l)
	}
	slot := f.written
	for slot == f.durable || slot == f.syncing {
		slot = (slot + 1) % segment.Slots
	}
	if _, err := f.file.WriteAt(l.Encode(), int64(slot)*segment.SlotSize); err != nil {
		f.giveUp()
		return fmt.Errorf("queue: write which records are acknowledged: %w", err)
	}
	f.written = slot
	return nil
}

// begin puts a new file in the place of what is there: that may be of an older version,
// or of a disk that has failed. The caller holds mu.
func (f *ackedFile) begin(l segment.AckedList) error {
	if err := durable.WriteFile(f.path, l.Encode(), segment.FileMode); err != nil {
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
func (q *Shard) openAcked(a segment.Acked) {
	if a.Found && a.Slot >= 0 && q.ackedFile.resume(a.Slot, a.Generation) == nil {
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
	list, left := segment.NewAckedList(q.seq, q.stretches())
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
func (q *Shard) stretches() []segment.Stretch {
	list := slices.Concat(q.removing, q.removed)
	for _, s := range slices.Concat(q.consumed, q.segs) {
		list = segment.Extend(list, s.num, s.done)
	}
	return list
}
