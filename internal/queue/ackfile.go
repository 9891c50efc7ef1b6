package queue

import (
	"fmt"
	"os"
	"sync"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

// ackFile writes the file. A list is written in place, which a crash of the process
// does not undo, and synced with the segments. So a new one costs a sync, but neither a
// new file nor a sync of the folder. The list on stable storage is not overwritten
// meanwhile, so it remains valid if the new one is torn.
type ackFile struct {
	path string

	mu         sync.Mutex
	file       *os.File // nil: begun by the next list
	generation uint64
	written    int // slot of the newest list
	durable    int // slot of the newest list on stable storage
	syncing    int // slot that is being synced, -1: none
}

// resume goes on with the file of the process before, whose newest list is that of the
// slot. It is synced first, because a killed process may have written it without a sync.
func (f *ackFile) resume(slot int, generation uint64) error {
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
func (f *ackFile) write(l segment.AckedList) error {
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
func (f *ackFile) begin(l segment.AckedList) error {
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
func (f *ackFile) sync() error {
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
func (f *ackFile) giveUp() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

func (f *ackFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.giveUp()
}
