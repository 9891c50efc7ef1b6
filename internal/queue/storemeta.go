package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// storeMeta replaces the metadata. Where there is no room for a new file the old one is
// written over: should a power loss tear it, it is unreadable, and every segment is read
// from its start. The caller holds io.
func (q *Shard) storeMeta(m segment.Meta) error {
	path := filepath.Join(q.dir, segment.MetaName)
	err := durable.WriteFile(path, m.Encode(), segment.FileMode)
	q.tight = nil
	if !recovery.NoRoom(err) {
		return err
	}
	q.tight = err
	f, e := os.OpenFile(path, os.O_WRONLY, 0)
	if e != nil {
		return err
	}
	data := m.Encode()
	_, e = f.WriteAt(data, 0)
	if e = errors.Join(e, f.Truncate(int64(len(data))), f.Sync(), f.Close()); e != nil {
		return fmt.Errorf("queue: write over %s: %w", path, e)
	}
	return nil
}
