// Package durable changes files so that a crash or a power cut at any moment leaves the
// old content or the new one, never a part. What the files hold is its callers' matter.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLocked says that another process has the lock.
var ErrLocked = errors.New("locked by another process")

// WriteFile replaces the file by data, with the given permissions from its first byte
// on. When it returns nil, content and name are on stable storage.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	temp, err := Beside(path, data, perm)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return SyncDir(filepath.Dir(path))
}

// Beside writes data to stable storage in a new file in the folder of path, and returns
// its name: a dot, the name of path, a dot, something random and ".tmp". The caller
// renames or removes it.
func Beside(path string, data []byte, perm fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	err = f.Chmod(perm)
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// MkdirAll makes a folder and those above it that are missing. When it returns nil, the names
// of those that it has made are on stable storage.
func MkdirAll(path string, perm fs.FileMode) error {
	var changed []string // folders that get a name
	for at := filepath.Clean(path); at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		changed = append(changed, filepath.Dir(at))
	}
	err := os.MkdirAll(path, perm)
	for _, dir := range changed {
		if err == nil {
			err = SyncDir(dir)
		}
	}
	return err
}
