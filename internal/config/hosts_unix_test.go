//go:build unix

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe is refused before it is opened, which would wait for a writer.
func TestHostsFileIsNoPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Metadata{HostsFile: fifo}).Hosts(); err == nil || !strings.Contains(err.Error(), fifo) {
		t.Errorf("%s: %v", fifo, err)
	}
}
