package deadletter

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// eventCount counts the events in the files of a store. It reads only what is new in them.
type eventCount struct {
	reading sync.Mutex
	files   map[int64]countedFile // by number
	last    atomic.Uint64
}

// countedFile is how far a file has been counted.
type countedFile struct {
	info   os.FileInfo
	offset int64
	events uint64
	groups groups
}

// Events is how many events are in the store now, whichever process put them there. The
// first call reads the whole store, later ones only what is new in it. While another call
// reads, it returns the last count.
func (s *Store) Events() uint64 {
	c := &s.count
	if !c.reading.TryLock() {
		return c.last.Load()
	}
	defer c.reading.Unlock()
	files, err := s.files()
	if err != nil {
		return c.last.Load()
	}
	counted := make(map[int64]countedFile, len(files))
	var total uint64
	for _, f := range files {
		one := c.files[f.number()].count(filepath.Join(s.path, f.name))
		counted[f.number()] = one
		total += one.events
	}
	c.files = counted
	c.last.Store(total)
	return total
}

// count continues where the last count ended. It counts a file that was replaced or cut
// from its beginning; for one that cannot be read it returns the last count.
func (c countedFile) count(path string) countedFile {
	f, err := os.Open(path)
	if err != nil {
		return c
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c
	}
	if c.info == nil || !os.SameFile(c.info, info) || info.Size() < c.offset {
		c = countedFile{}
	}
	c.info = info
	if info.Size() == c.offset {
		return c
	}
	c.groups = c.groups.clone() // the old count may be read meanwhile
	events, read := countEvents(io.NewSectionReader(f, c.offset, info.Size()-c.offset), c.groups)
	c.offset += read
	c.events += events
	return c
}

// countEvents counts the events of whole lines, and the bytes of these lines. A line without
// its end is still being written.
func countEvents(r io.Reader, into groups) (events uint64, read int64) {
	lines := bufio.NewReaderSize(r, 256<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return events, read
		}
		read += int64(len(line))
		n := eventsOf(line)
		into.add(line, n)
		events += n
	}
}

// eventsOf reads how many events a line holds, 0 when it is not a letter. It does not parse
// the line, so that a store of 1 GB takes about a second: the texts before the key have
// their quotes escaped, and the event, which may be long, comes after it.
func eventsOf(line []byte) (n uint64) {
	if !bytes.HasPrefix(line, []byte(`{"id":"`)) {
		return 0
	}
	_, digits, _ := bytes.Cut(line, []byte(`,"events":`))
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}
