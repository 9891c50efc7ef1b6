package segment

import (
	"fmt"
	"os"
	"strconv"
)

// UnsyncedSuffix names the file beside an unsynced segment: one whose last sync failed. The
// file holds how many bytes were synced before. Without it a restart would trust the page
// cache.
const UnsyncedSuffix = ".doubt"

// WriteUnsynced writes that file. It needs no sync: a power loss also clears the page cache,
// and with it the reason for the file.
func WriteUnsynced(path string, synced int64) error {
	if err := os.WriteFile(path+UnsyncedSuffix, strconv.AppendInt(nil, synced, 10), FileMode); err != nil {
		return fmt.Errorf("queue: record that a sync has failed: %w", err)
	}
	return nil
}

// ReadUnsynced returns how many bytes of a segment are synced, by that file; 0 if it is not
// valid.
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
