//go:build !linux

package queue

import (
	"fmt"
	"os"
	"runtime"
)

// freeSpace is not needed where no gateway runs.
func freeSpace(string) (int64, error) {
	return 0, fmt.Errorf("queue: min_free cannot be measured on %s", runtime.GOOS)
}

// dataSync brings the bytes of a file and its size to stable storage.
func dataSync(f *os.File) error { return f.Sync() }
