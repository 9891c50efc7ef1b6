package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// position is a place in a shard: a segment and an offset in it.
type position struct{ num, off int64 }

// meta is diskqueue's metadata file.
type meta struct {
	depth       int64
	read, write position
}

func (m meta) encode() []byte {
	return fmt.Appendf(nil, "%d\n%d,%d\n%d,%d\n", m.depth, m.read.num, m.read.off, m.write.num, m.write.off)
}

// readMeta reads the metadata of the shard in dir. note says what is wrong with
// it, ok whether there is any to go by.
func readMeta(dir string) (m meta, note string, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(dir, metaName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, "metadata is missing", false, nil
	}
	if err != nil {
		return m, "", false, fmt.Errorf("queue: read metadata: %w", err)
	}
	var again meta
	_, err = fmt.Sscanf(string(data), "%d\n%d,%d\n%d,%d\n", &again.depth,
		&again.read.num, &again.read.off, &again.write.num, &again.write.off)
	if err != nil || again.read.num < 0 || again.read.off < 0 || again.write.num < 0 || string(again.encode()) != string(data) {
		return m, "metadata is unreadable", false, nil
	}
	return again, "", true, nil
}
