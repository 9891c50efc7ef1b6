package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"syslog-gateway/internal/durable"
)

// memory says which streams this gateway has seen, so that one that is gone is not made anew
// in silence.
type memory struct {
	path string

	mu   sync.Mutex
	seen map[string]time.Time // when each was made, by the servers' clock
}

func readMemory(path string) (*memory, error) {
	m := &memory{path: path, seen: map[string]time.Time{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &m.seen)
	}
	if err != nil {
		return nil, fmt.Errorf("read which streams were seen: %w; remove %s if all streams of the cluster are there", err, path)
	}
	return m, nil
}

// has reports whether a stream was seen.
func (m *memory) has(stream string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.seen[stream]
	return ok
}

// note stores that a stream was seen.
func (m *memory) note(stream string, made time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.seen[stream]; ok {
		return nil
	}
	m.seen[stream] = made
	data, err := json.MarshalIndent(m.seen, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o750)
	}
	if err == nil {
		err = durable.WriteFile(m.path, append(data, '\n'), 0o640)
	}
	if err != nil {
		delete(m.seen, stream)
		return fmt.Errorf("store that stream %s was seen: %w", stream, err)
	}
	return nil
}
