package segment

import (
	"fmt"
	"os"
	"strconv"
)

// UnsyncedSuffix is put behind the name of a segment whose last sync has failed. That file
// says up to where the segment was synced before. Without it a restart would trust the page
// cache.
const UnsyncedSuffix = ".doubt"

// WriteUnsynced leaves the mark. It needs no sync: a power loss also takes the page cache,
// which the mark is about.
func WriteUnsynced(path string, synced int64) error {
	if err := os.WriteFile(path+UnsyncedSuffix, strconv.AppendInt(nil, synced, 10), FileMode); err != nil {
		return fmt.Errorf("queue: remember that a sync has failed: %w", err)
	}
	return nil
}

// ReadUnsynced returns up to where a segment is synced by its mark; 0 if the mark does
// not say so.
func ReadUnsynced(path string) (int64, error) {
	data, err := os.ReadFile(path + UnsyncedSuffix)
	if err != nil {
		return 0, fmt.Errorf("queue: read whether a sync has failed: %w", err)
	}
	synced, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil || synced < 0 {
		return 0, nil
	}
	return synced, nil
}
