package queue

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/segment"
)

// folder knows which names in a shard's folder a power loss may undo, and which consumed
// segments are still there. It is safe for concurrent use.
type folder struct {
	path string
	gone atomic.Bool // the shard is drained and left over: the folder goes, or is gone
	busy mark        // set when there is something to sync

	mu    sync.Mutex
	dirty bool        // a file was made, renamed or removed since the last sync
	meta  os.FileInfo // diskqueue's metadata at the last sync
	// removed is what was acknowledged of segments that are removed, as long as a power
	// loss may bring them back; removing is that of which the folder is being synced.
	removed, removing []segment.Stretch
	stayed            []*segmentState // consumed, and could not be removed yet
}

// changed says that a file was made, renamed or removed.
func (f *folder) changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty = true
	f.busy.set()
}

// remove says that a segment is consumed, and its file is about to be removed.
func (f *folder) remove(num int64, done segment.Seqs) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = segment.Extend(f.removed, num, done)
	f.dirty = true
	f.busy.set()
}

// stays says that the file of a consumed segment could not be removed.
func (f *folder) stays(seg *segmentState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stayed = append(f.stayed, seg)
}

// retry returns the segments whose files stayed, to be removed now. The caller calls
// changed afterwards.
func (f *folder) retry() []*segmentState {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.stayed
	f.stayed = nil
	return all
}

// clean says that no consumed segment is left.
func (f *folder) clean() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stayed) == 0
}

// acknowledged is what is acknowledged of consumed segments that may still be on disk.
func (f *folder) acknowledged() []segment.Stretch {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.Concat(f.removing, f.removed)
	for _, seg := range f.stayed {
		list = segment.Extend(list, seg.num, seg.done)
	}
	return list
}

// beginSync says whether there is anything to sync: something was changed, or diskqueue
// has stored its metadata, which renames a file and does not sync the folder.
func (f *folder) beginSync() bool {
	meta, _ := os.Lstat(filepath.Join(f.path, segment.MetaName)) // nil if there is none
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.meta
	f.meta = meta
	renamed := meta != nil && (before == nil || !os.SameFile(before, meta) || !before.ModTime().Equal(meta.ModTime()))
	dirty := f.dirty || renamed
	f.dirty = false
	for _, s := range f.removed {
		f.removing = segment.Join(f.removing, s)
	}
	f.removed = nil
	return dirty
}

// sync brings the names to stable storage. forgotten says that removed segments cannot
// come back any more: the next list of what is acknowledged leaves them out.
func (f *folder) sync() (forgotten bool, err error) {
	err = durable.SyncDir(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.dirty = true
		if f.gone.Load() {
			err = nil
		}
		return false, err
	}
	forgotten = len(f.removing) > 0
	f.removing = nil
	return forgotten, nil
}
