package segment

import (
	"fmt"
	"os"
	"strconv"
)

// doubtSuffix is put behind the name of a segment whose last sync has failed: that file
// says up to where it was synced before. A restart within the life of the page cache
// would take the segment for good otherwise.
const UnsyncedSuffix = ".doubt"

// markDoubt leaves the mark. It needs no sync: a power loss takes the page cache, which
// the doubt is about, as well.
func MarkUnsynced(path string, synced int64) error {
	if err := os.WriteFile(path+UnsyncedSuffix, strconv.AppendInt(nil, synced, 10), FileMode); err != nil {
		return fmt.Errorf("queue: remember that a sync has failed: %w", err)
	}
	return nil
}

// readDoubt returns up to where a segment is synced by its mark; 0 where the mark does
// not say so.
func ReadUnsyncedMark(path string) (int64, error) {
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
