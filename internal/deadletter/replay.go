package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"syslog-gateway/internal/durable"
)

// ErrReplaying says that another process replays the same store.
var ErrReplaying = errors.New("another replay of these dead letters is under way")

// errUnread says that a file was not replayed and is unchanged. The others are replayed.
var errUnread = errors.New("dead letters cannot be read")

// Kept counts what a replay left in the store without posting it.
type Kept struct {
	Events  int // not chosen, or returned by post
	Damaged int // lines that are not letters
}

// Replay takes all letters out of the way of Append, and calls post with the chosen ones
// of each file. Those that post returns stay in the store, like the others. A nil choose
// chooses all.
func (s *Store) Replay(choose func(Letter) bool, post func([]Letter) (unsent []Letter)) (kept Kept, err error) {
	lock, err := openLocked(filepath.Join(s.path, replayLock), durable.TryLock)
	if errors.Is(err, durable.ErrLocked) {
		return kept, ErrReplaying
	}
	if err != nil {
		return kept, fmt.Errorf("lock the dead letters for a replay: %w", err)
	}
	defer lock.Close()
	names, err := s.claim()
	if err != nil {
		return kept, err
	}
	var unread []error
	for _, name := range names {
		err := s.replayFile(name, choose, post, &kept)
		if errors.Is(err, errUnread) {
			unread = append(unread, err)
		} else if err != nil {
			return kept, errors.Join(append(unread, err)...)
		}
	}
	return kept, errors.Join(unread...)
}

// claim takes all files out of the way of Append and returns their names.
func (s *Store) claim() ([]string, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name := strings.TrimSuffix(f.name, letterSuffix)
		if name != f.name {
			name += claimedSuffix
			if err := os.Rename(filepath.Join(s.path, f.name), filepath.Join(s.path, name)); err != nil {
				return nil, fmt.Errorf("take dead letters for a replay: %w", err)
			}
		}
		names = append(names, name)
	}
	return names, nil
}

// replayFile replays one claimed file and puts back what stays.
func (s *Store) replayFile(name string, choose func(Letter) bool, post func([]Letter) []Letter, kept *Kept) error {
	path := filepath.Join(s.path, name)
	data, err := os.ReadFile(path)
	if err != nil {
		back := os.Rename(path, strings.TrimSuffix(path, claimedSuffix)+letterSuffix)
		return errors.Join(fmt.Errorf("%w: %w", errUnread, err), back)
	}
	var chosen []Letter
	var stay bytes.Buffer
	for line := range bytes.Lines(data) {
		l, err := parseLetter(line)
		if err == nil && (choose == nil || choose(l)) {
			chosen = append(chosen, l)
			continue
		}
		if err != nil {
			kept.Damaged++
		} else {
			kept.Events += l.Events
		}
		stay.Write(bytes.TrimSuffix(line, []byte{'\n'}))
		stay.WriteByte('\n')
	}
	var unsent []Letter
	if len(chosen) > 0 {
		unsent = post(chosen)
	}
	for _, l := range unsent {
		kept.Events += l.Events
	}
	if err := encodeLetters(&stay, unsent); err != nil {
		return err
	}
	return s.putBack(name, stay.Bytes())
}

// putBack ends the claim of a file, of which these lines stay. It renames, so that after a
// crash the old file or the new one is there.
func (s *Store) putBack(name string, lines []byte) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(s.path, name)
	if len(lines) == 0 {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove replayed dead letters: %w", err)
		}
		return nil
	}
	err = durable.WriteFile(path, lines, 0o640)
	if err == nil {
		err = os.Rename(path, strings.TrimSuffix(path, claimedSuffix)+letterSuffix)
	}
	if err == nil {
		err = durable.SyncDir(s.path)
	}
	if err != nil {
		return fmt.Errorf("put dead letters back: %w", err)
	}
	return nil
}
