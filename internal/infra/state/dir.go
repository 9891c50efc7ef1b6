package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	recordName  = "record.json"
	lockName    = "lock.json"
	guardName   = "lock.guard"
	journalName = "journal.jsonl"

	fileMode = 0o600
	dirMode  = 0o700
)

// Dir is the folder of record, lock and journal.
type Dir struct{ path string }

// Open creates the folder if it does not exist.
func Open(path string) (*Dir, error) {
	if path == "" {
		return nil, errors.New("state: no folder given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state: folder %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, dirMode); err != nil {
		return nil, fmt.Errorf("state: create the folder: %w", err)
	}
	return &Dir{path: abs}, nil
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
