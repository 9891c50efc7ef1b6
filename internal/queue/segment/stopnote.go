package segment

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
const StopName = Prefix + "stop.json"

// stopFile is the content of the file.
type StopNote struct {
	Meta     string        `json:"meta"`
	Segments []StopSegment `json:"segments"`
}

// stopSegment is what a stop has left in a segment.
type StopSegment struct {
	Segment int64            `json:"segment"`
	Size    int64            `json:"size"`
	First   uint64           `json:"first"` // sequence numbers of its records, those that
	Last    uint64           `json:"last"`  // were acknowledged included
	Records int64            `json:"records"`
	Events  map[string]int64 `json:"events"` // by source
}

// readStop returns what the last stop has left; nothing where the file is missing or not
// of the present state. An error is one of reading.
func ReadStopNote(dir string, m Meta) ([]StopSegment, error) {
	data, err := os.ReadFile(filepath.Join(dir, StopName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read what the last stop has left: %w", err)
	}
	var f StopNote
	if json.Unmarshal(data, &f) != nil || f.Meta != string(m.Encode()) {
		return nil, nil
	}
	return f.Segments, nil
}
