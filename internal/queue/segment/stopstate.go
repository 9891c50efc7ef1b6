package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// StopName is the file that Close writes beside the metadata: what is queued in each
// segment. The next start compares it with the segments, and removes it.
const StopName = Prefix + "stop.json"

// StopState is the content of the file. It holds for the metadata that it names.
type StopState struct {
	Meta     string        `json:"meta"`
	Segments []StopSegment `json:"segments"`
}

// StopSegment is what was queued in a segment at the stop.
type StopSegment struct {
	Segment int64            `json:"segment"`
	Size    int64            `json:"size"`
	First   uint64           `json:"first"` // sequence numbers of its records, those that
	Last    uint64           `json:"last"`  // were acknowledged included
	Records int64            `json:"records"`
	Events  map[string]int64 `json:"events"` // by source
}

// ReadStopState reads the stop state of the last stop. It returns nothing if the file is
// missing or belongs to other metadata. An error is one of reading.
func ReadStopState(dir string, m Meta) ([]StopSegment, error) {
	data, err := os.ReadFile(filepath.Join(dir, StopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read the stop state: %w", err)
	}
	var f StopState
	if json.Unmarshal(data, &f) != nil || f.Meta != string(m.Encode()) {
		return nil, nil
	}
	return f.Segments, nil
}
