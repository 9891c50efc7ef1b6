package deadletter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"syslog-gateway/internal/status"
)

// ErrNoLetter says that the store holds no letter of that ID.
var ErrNoLetter = errors.New("no dead letter of that ID")

// All reads the letters, oldest first. It skips lines that are not letters and reports
// them as one error at the end; they stay in their file.
func (s *Store) All() iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		files, err := s.files()
		if err != nil {
			yield(Letter{}, err)
			return
		}
		var damaged int
		for _, f := range files {
			more := true
			err := s.read(f.name, func(l Letter) bool {
				more = yield(l, nil)
				return more
			}, &damaged)
			if !more {
				return
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) && !yield(Letter{}, err) {
				return
			}
		}
		if damaged > 0 {
			yield(Letter{}, fmt.Errorf("%d damaged lines in %s were skipped", damaged, s.path))
		}
	}
}

// List returns all letters, oldest first. With an error come the letters that
// could be read.
func (s *Store) List() ([]Letter, error) {
	var all []Letter
	var errs []error
	for l, err := range s.All() {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, l)
	}
	return all, errors.Join(errs...)
}

// tailBytes is how much of the newest file Latest reads.
const tailBytes = 4 << 20

// Latest returns the n newest letters, newest first, of the last 4 MiB of the store's
// newest file. It costs the same however much is stored.
func (s *Store) Latest(n int) ([]status.DeadLetter, error) {
	files, err := s.files()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	f, err := os.Open(filepath.Join(s.path, files[len(files)-1].name))
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	defer f.Close()
	size := files[len(files)-1].size
	data := make([]byte, min(size, tailBytes))
	read, err := f.ReadAt(data, size-int64(len(data)))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	data = data[:read]
	var letters []status.DeadLetter
	for len(letters) < n && len(data) > 0 {
		end := bytes.LastIndexByte(data, '\n')
		if end < 0 {
			break
		}
		begin := bytes.LastIndexByte(data[:end], '\n') + 1
		if l, err := parseLetter(data[begin:end]); err == nil {
			one := status.DeadLetter{
				ID: l.ID, Time: l.Time, Reason: l.Reason, Status: l.Status, Text: l.Text,
				Source: l.Source, Endpoint: l.Endpoint, Events: l.Events, Event: l.Event,
			}
			var event struct{ Host, Sourcetype, Index string }
			if json.Unmarshal(l.Event, &event) == nil { // a body that is no object has none
				one.Host, one.Sourcetype, one.Index = event.Host, event.Sourcetype, event.Index
			}
			letters = append(letters, one)
		}
		data = data[:begin]
	}
	return letters, nil
}

// Show returns one letter, or ErrNoLetter.
func (s *Store) Show(id string) (Letter, error) {
	var trouble error
	for l, err := range s.All() {
		if err != nil {
			trouble = err
		} else if l.ID == id {
			return l, nil
		}
	}
	if trouble != nil {
		return Letter{}, fmt.Errorf("%w, but not all could be read: %w", ErrNoLetter, trouble)
	}
	return Letter{}, fmt.Errorf("%w: %s", ErrNoLetter, id)
}

// read calls f with each letter of a file until f returns false. It leaves out a last line
// without its end, which is still being written.
func (s *Store) read(name string, f func(Letter) bool, damaged *int) error {
	file, err := os.Open(filepath.Join(s.path, name))
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read dead letters of %s: %w", name, err)
		}
		l, err := parseLetter(line)
		if err != nil {
			*damaged++
			continue
		}
		if !f(l) {
			return nil
		}
	}
}
