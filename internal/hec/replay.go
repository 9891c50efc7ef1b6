package hec

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/status"
)

// ErrNoLetter says that the store holds no letter of that ID.
var ErrNoLetter = errors.New("no dead letter of that ID")

// ErrReplaying says that another process replays the same store.
var ErrReplaying = errors.New("another replay of these dead letters is under way")

// All reads the letters, oldest first. Lines that are no letters are passed over
// and reported as one error at the end; they stay in their file.
func (s *DeadLetters) All() iter.Seq2[Letter, error] {
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
			yield(Letter{}, fmt.Errorf("%d damaged lines in %s were passed over", damaged, s.path))
		}
	}
}

// List returns all letters, oldest first. With an error come the letters that
// could be read.
func (s *DeadLetters) List() ([]Letter, error) {
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
func (s *DeadLetters) Latest(n int) ([]status.DeadLetter, error) {
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
	if err != nil && err != io.EOF {
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
			letters = append(letters, status.DeadLetter{
				ID: l.ID, Time: l.Time, Reason: l.Reason, Status: l.Status, Text: l.Text,
				Source: l.Source, Endpoint: l.Endpoint, Events: l.Events, Event: l.Event,
			})
		}
		data = data[:begin]
	}
	return letters, nil
}

// Show returns one letter, or ErrNoLetter.
func (s *DeadLetters) Show(id string) (Letter, error) {
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

// read calls f with each letter of a file until f returns false. A last line
// without its end is still being written, and left out.
func (s *DeadLetters) read(name string, f func(Letter) bool, damaged *int) error {
	file, err := os.Open(filepath.Join(s.path, name))
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
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

// parseLetter reads one line of the store.
func parseLetter(line []byte) (Letter, error) {
	var l Letter
	if err := json.Unmarshal(line, &l); err != nil {
		return Letter{}, fmt.Errorf("not a dead letter: %w", err)
	}
	if l.ID == "" || l.Events < 1 {
		return Letter{}, errors.New("not a dead letter: no ID or no events")
	}
	return l, nil
}

// record is the letter as it will be posted again.
func (l Letter) record(seq uint64) event.Record {
	rec := event.Record{Seq: seq, Source: l.Source, Events: l.Events, Body: l.Body, Encoding: l.Encoding}
	if len(l.Event) > 0 {
		rec.Body = append(bytes.Clone(l.Event), '\n')
		rec.Encoding = event.Identity
	}
	rec.Raw = len(rec.Body)
	return rec
}

// ReplayResult counts what became of replayed events.
type ReplayResult struct {
	Delivered int // and gone from the store
	Refused   int // again, and in the store under new IDs
	Kept      int // not tried, or without an answer when ctx was done
	Damaged   int // lines that are no letters; they stay in the store
}

// Replay posts letters of the client's store again, one by one, by the way that
// records go: those that want chooses, or all when it is nil. What HEC refuses
// again is a new letter. It tries for as long as no endpoint answers, until ctx is
// done; no letter is lost then, nor by a crash, after which some may be sent
// twice. The ledger's books are not touched: the events left them as dead letters.
func (c *Client) Replay(ctx context.Context, want func(Letter) bool) (ReplayResult, error) {
	s := c.opts.DeadLetter
	var total ReplayResult
	lock, err := flock(filepath.Join(s.path, replayLock), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return total, ErrReplaying
	}
	if err != nil {
		return total, fmt.Errorf("lock the dead letters for a replay: %w", err)
	}
	defer lock.Close()
	c.refused.forget() // a replay is to ask
	names, err := s.claim()
	if err != nil {
		return total, err
	}
	var unread []error
	for _, name := range names {
		err := c.replayFile(ctx, name, want, &total)
		if errors.Is(err, errUnread) {
			unread = append(unread, err)
		} else if err != nil {
			return total, errors.Join(append(unread, err)...)
		}
	}
	return total, errors.Join(unread...)
}

// errUnread says that a file stays as it was: it holds up no other.
var errUnread = errors.New("dead letters cannot be read")

// claim takes all files out of the way of Append and returns their names.
func (s *DeadLetters) claim() ([]string, error) {
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
func (c *Client) replayFile(ctx context.Context, name string, want func(Letter) bool, total *ReplayResult) error {
	s := c.opts.DeadLetter
	path := filepath.Join(s.path, name)
	data, err := os.ReadFile(path)
	if err != nil {
		back := os.Rename(path, strings.TrimSuffix(path, claimedSuffix)+letterSuffix)
		return errors.Join(fmt.Errorf("%w: %w", errUnread, err), back)
	}
	src := &letterSource{given: make(map[uint64]Letter)}
	var stay bytes.Buffer
	for line := range bytes.Lines(data) {
		l, err := parseLetter(line)
		if err == nil && (want == nil || want(l)) {
			src.todo = append(src.todo, l)
			continue
		}
		if err != nil {
			total.Damaged++
		} else {
			total.Kept += l.Events
		}
		stay.Write(bytes.TrimSuffix(line, []byte{'\n'}))
		stay.WriteByte('\n')
	}
	books := ledger.New()
	c.deliver(ctx, src, 1, books)
	for _, a := range books.Accounts() {
		b := a.Balance()
		total.Delivered += int(b.Delivered)
		total.Refused += int(b.Deadlettered)
	}
	for _, l := range src.todo {
		total.Kept += l.Events
	}
	if err := encodeLetters(&stay, src.todo); err != nil {
		return err
	}
	return s.putBack(name, stay.Bytes())
}

// putBack ends the claim of a file, of which these lines stay. It changes places
// by renaming, so that a crash leaves the one or the other.
func (s *DeadLetters) putBack(name string, lines []byte) error {
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
	base := strings.TrimSuffix(path, claimedSuffix)
	_ = os.Remove(base + ".tmp") // of a crash, perhaps another user's; else there is none
	err = writeFile(base+".tmp", lines)
	if err == nil {
		err = os.Rename(base+".tmp", path)
	}
	if err != nil { // on a full disk it is in the way
		_ = os.Remove(base + ".tmp") // the first error says it all
	} else {
		err = os.Rename(path, base+letterSuffix)
	}
	if err == nil {
		err = syncFolder(s.path)
	}
	if err != nil {
		return fmt.Errorf("put dead letters back: %w", err)
	}
	return nil
}

func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// letterSource gives letters out as records of one event each.
type letterSource struct {
	mu    sync.Mutex
	todo  []Letter // not given out, or given back
	given map[uint64]Letter
	seq   uint64
}

// Next implements Source.
func (s *letterSource) Next(ctx context.Context, _ []byte) (event.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.todo) == 0 {
		return event.Record{}, ErrEnd
	}
	if err := ctx.Err(); err != nil {
		return event.Record{}, err
	}
	l := s.todo[0]
	s.todo = s.todo[1:]
	s.seq++
	s.given[s.seq] = l
	return l.record(s.seq), nil
}

// Ack implements Source.
func (s *letterSource) Ack(seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.given[seq]
	delete(s.given, seq)
	return ok
}

// Nack implements Source.
func (s *letterSource) Nack(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.given[seq]; ok {
		delete(s.given, seq)
		s.todo = append(s.todo, l)
	}
}

// Abandoned implements Source.
func (s *letterSource) Abandoned(uint64) bool { return false }
