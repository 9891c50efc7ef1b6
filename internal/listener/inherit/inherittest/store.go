// Package inherittest has a store of sockets for tests.
package inherittest

import (
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/testkit"
)

// Store keeps duplicates of sockets as systemd does. It is an inherit.Store.
type Store struct {
	mu    sync.Mutex
	names []string
	fds   []int
}

// Keep implements inherit.Store.
func (s *Store) Keep(name string, fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		s.names, s.fds = append(s.names, name), append(s.fds, dup)
	}
	return err
}

// Forget implements inherit.Store.
func (s *Store) Forget(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.names) - 1; i >= 0; i-- {
		if s.names[i] == name {
			unix.Close(s.fds[i])
			s.names, s.fds = slices.Delete(s.names, i, i+1), slices.Delete(s.fds, i, i+1)
		}
	}
	return nil
}

// Names are those of the stored sockets.
func (s *Store) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// Files passes what is stored to the next process; it stays stored.
func (s *Store) Files(t *testing.T) (files []*os.File) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, fd := range s.fds {
		dup := testkit.Try(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0))(t)
		files = append(files, os.NewFile(uintptr(dup), s.names[i]))
	}
	return files
}

// Close closes what is stored.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fd := range s.fds {
		unix.Close(fd)
	}
}
