package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stopName is what Close leaves beside the metadata: what is left in each segment. The
// next start compares it with what it finds. Like the list of acknowledged records it
// holds for the state that Close has left, and the start removes it.
const stopName = segPrefix + "stop.json"

// stopFile is the content of the file.
type stopFile struct {
	Meta     string        `json:"meta"`
	Segments []stopSegment `json:"segments"`
}

// stopSegment is what a stop has left in a segment.
type stopSegment struct {
	Segment int64            `json:"segment"`
	Size    int64            `json:"size"`
	First   uint64           `json:"first"` // sequence numbers of its records, those that
	Last    uint64           `json:"last"`  // were acknowledged included
	Records int64            `json:"records"`
	Events  map[string]int64 `json:"events"` // by source
}

// readStop returns what the last stop has left; nothing where the file is missing or not
// of the present state. An error is one of reading.
func readStop(dir string, m meta) ([]stopSegment, error) {
	data, err := os.ReadFile(filepath.Join(dir, stopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read what the last stop has left: %w", err)
	}
	var f stopFile
	if json.Unmarshal(data, &f) != nil || f.Meta != string(m.encode()) {
		return nil, nil
	}
	return f.Segments, nil
}
