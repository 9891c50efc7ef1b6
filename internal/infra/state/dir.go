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

// Dir is the folder.
type Dir struct{ path string }

// Open makes the folder if it is not there.
func Open(path string) (*Dir, error) {
	if path == "" {
		return nil, errors.New("state: no folder given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state: folder %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, dirMode); err != nil {
		return nil, fmt.Errorf("state: make the folder: %w", err)
	}
	return &Dir{path: abs}, nil
}

// Path is the folder's.
func (d *Dir) Path() string { return d.path }

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

// replace writes a file so that after a crash at any moment it is the old or the new
// one, whole.
func replace(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
