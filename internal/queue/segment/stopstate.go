package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// StopName is the file that Close leaves beside the metadata: what is left in each
// segment. The next start compares it with what it finds, and removes it.
const StopName = Prefix + "stop.json"

// StopState is the content of the file. It holds for the metadata that it names.
type StopState struct {
	Meta     string        `json:"meta"`
	Segments []StopSegment `json:"segments"`
}

// StopSegment is what a stop has left in a segment.
type StopSegment struct {
	Segment int64            `json:"segment"`
	Size    int64            `json:"size"`
	First   uint64           `json:"first"` // sequence numbers of its records, those that
	Last    uint64           `json:"last"`  // were acknowledged included
	Records int64            `json:"records"`
	Events  map[string]int64 `json:"events"` // by source
}

// ReadStopState returns what the last stop has left. It returns nothing if the file is
// missing or belongs to other metadata. An error is one of reading.
func ReadStopState(dir string, m Meta) ([]StopSegment, error) {
	data, err := os.ReadFile(filepath.Join(dir, StopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read what the last stop has left: %w", err)
	}
	var f StopState
	if json.Unmarshal(data, &f) != nil || f.Meta != string(m.Encode()) {
		return nil, nil
	}
	return f.Segments, nil
}
