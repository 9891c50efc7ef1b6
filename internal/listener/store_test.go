package listener

import (
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// store keeps duplicates of sockets as systemd does.
type store struct {
	mu    sync.Mutex
	names []string
	fds   []int
}

func (s *store) Keep(name string, fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		s.names, s.fds = append(s.names, name), append(s.fds, dup)
	}
	return err
}

func (s *store) Forget(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.names) - 1; i >= 0; i-- {
		if s.names[i] == name {
			unix.Close(s.fds[i])
			s.names, s.fds = append(s.names[:i], s.names[i+1:]...), append(s.fds[:i], s.fds[i+1:]...)
		}
	}
	return nil
}

func (s *store) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.names...)
}

// files passes what is stored to the next process; it stays stored.
func (s *store) files(t *testing.T) (files []*os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, fd := range s.fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, os.NewFile(uintptr(dup), s.names[i]))
	}
	return files
}

func (s *store) close() {
	for _, fd := range s.fds {
		unix.Close(fd)
	}
}
