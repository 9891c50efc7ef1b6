package hec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
)

// Letter is one event that HEC refused, with why. It is one line of JSON in the
// store.
type Letter struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"` // when it was refused
	Reason   string    `json:"reason"`
	Status   int       `json:"http_status"`
	Code     int       `json:"hec_code"` // -1 when HEC gave none
	Text     string    `json:"text"`     // what HEC said
	Source   string    `json:"source"`
	Endpoint string    `json:"endpoint"`
	// Events is 1 but for a whole body that could not be taken apart.
	Events int `json:"events"`
	// Event is the event object as it was sent.
	Event json.RawMessage `json:"event,omitempty"`
	// Body holds the bytes instead, where they are no JSON object.
	Body     []byte         `json:"body,omitempty"`
	Encoding event.Encoding `json:"body_encoding,omitempty"`
}

// DeadLetterOptions configure a store.
type DeadLetterOptions struct {
	Path string
	// MaxSize bounds all files together, in bytes; 1 GB. When it is reached the
	// oldest file goes, counted and logged: the newest refusals are those that
	// somebody will look for, and refusing to store them would stop delivery. During
	// a replay it is half as much again.
	MaxSize int64
	Logger  *slog.Logger
}

// DeadLetters is a bounded store of Letters: files of JSON lines in a folder.
// Append has written to the disk when it returns. Several processes may use one
// store at a time, so the verbs work beside a running gateway: each change holds
// a lock file, and no file stays open between changes.
type DeadLetters struct {
	path    string
	maxSize int64
	segment int64
	log     *slog.Logger
	evicted atomic.Uint64
	held    heldCount

	unreadable atomic.Int64 // files

	mu   sync.Mutex // one change at a time in this process
	made bool       // the folder
}

const (
	letterSuffix = ".jsonl"
	// claimedSuffix marks a file that a replay has taken.
	claimedSuffix = ".replay"
	lockName      = "lock"
	replayLock    = "replay.lock"
)

// OpenDeadLetters opens the store in a folder and makes the folder when it is not
// there. A last line that a power loss has torn is cut off: its event was never
// confirmed as stored, so its record is still in the queue. A file that cannot be read
// is logged and left alone. With an error comes a store all the same: each change tries
// again what has failed.
func OpenDeadLetters(o DeadLetterOptions) (*DeadLetters, error) {
	def(&o.MaxSize, 1_000_000_000)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &DeadLetters{
		path: o.Path, maxSize: o.MaxSize, log: o.Logger,
		// An eighth, so that making room costs an eighth of the history.
		segment: min(max(o.MaxSize/8, 1), 64<<20),
	}
	return s, s.look()
}

// look mends what a crash has left, and tells of files that cannot be read.
func (s *DeadLetters) look() error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	files, err := s.files()
	if err != nil {
		return err
	}
	for i, f := range files {
		err := s.readable(f)
		if err == nil && i == len(files)-1 {
			err = s.cutTail(f)
		}
		if err != nil {
			s.unreadable.Add(1)
			s.log.Error("a file of the dead-letter store cannot be used; it is left alone, and others are written beside it",
				"file", filepath.Join(s.path, f.name), "error", err, "fix", "give it to the owner of the folder: chown --reference="+s.path)
		}
	}
	return nil
}

func (s *DeadLetters) readable(f letterFile) error {
	file, err := os.OpenFile(filepath.Join(s.path, f.name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// Unreadable is how many files could not be used when the store was opened.
func (s *DeadLetters) Unreadable() int64 { return s.unreadable.Load() }

// Evicted is how many events this process has removed to make room.
func (s *DeadLetters) Evicted() uint64 { return s.evicted.Load() }

// Append stores letters and gives each an ID. When it fails nothing is stored.
func (s *DeadLetters) Append(letters []Letter) error {
	if len(letters) == 0 {
		return nil
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	stamp := strconv.FormatInt(time.Now().UnixNano(), 36) // under the lock, so unique
	for i := range letters {
		letters[i].ID = stamp + "-" + strconv.Itoa(i)
	}
	var buf bytes.Buffer
	if err := encodeLetters(&buf, letters); err != nil {
		return err
	}
	lines := buf.Bytes()
	files, err := s.files()
	if err != nil {
		return err
	}
	next := newFile(files)
	if files, err = s.makeRoom(files, int64(len(lines))); err != nil {
		return err
	}
	if n := len(files); n > 0 && files[n-1].size+int64(len(lines)) <= s.segment && s.whole(files[n-1]) {
		next = files[n-1]
	}
	return s.write(next, lines)
}

// newFile is the file behind all that there are.
func newFile(files []letterFile) letterFile {
	last := int64(0)
	if n := len(files); n > 0 {
		last = files[n-1].number()
	}
	return letterFile{name: fmt.Sprintf("%012d%s", last+1, letterSuffix)}
}

// whole reports whether a file can be written and ends with a line's end. Behind a line
// that a killed process has torn, the next one would be no letter either.
func (s *DeadLetters) whole(f letterFile) bool {
	file, err := os.OpenFile(filepath.Join(s.path, f.name), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	if f.size == 0 {
		return true
	}
	var last [1]byte
	_, err = file.ReadAt(last[:], f.size-1)
	return err == nil && last[0] == '\n'
}

func encodeLetters(to *bytes.Buffer, letters []Letter) error {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false) // the event stays as it was sent
	for _, l := range letters {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("write a dead letter as JSON: %w", err)
		}
	}
	return nil
}

// write appends to one file and waits for the disk. What a failure leaves half
// written is cut off again. The folder comes first: lines that are written cannot be
// taken for not stored then.
func (s *DeadLetters) write(to letterFile, lines []byte) error {
	f, err := os.OpenFile(filepath.Join(s.path, to.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open dead-letter file: %w", err)
	}
	if to.size == 0 {
		err = syncFolder(s.path)
	}
	if err == nil {
		_, err = f.Write(lines)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(to.size))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write dead letters to %s: %w", to.name, err)
	}
	return nil
}

// makeRoom removes the oldest files until n more bytes fit, and returns what is
// left. What a replay has taken counts, but is not removed, and neither is a file that can
// not be read: what would be lost cannot be told. While there is such the
// store may be larger by half: what is refused again is stored before its old letters
// go, and is a little longer, and none of it may push the others out.
func (s *DeadLetters) makeRoom(files []letterFile, n int64) ([]letterFile, error) {
	var total int64
	for _, f := range files {
		total += f.size
	}
	var unread error
	stays := make(map[string]bool)
	claimed := func(f letterFile) bool { return strings.HasSuffix(f.name, claimedSuffix) }
	limit := s.maxSize
	if slices.ContainsFunc(files, claimed) {
		limit += s.maxSize / 2
	}
	for total+n > limit {
		i := slices.IndexFunc(files, func(f letterFile) bool { return !claimed(f) && !stays[f.name] })
		if i < 0 && unread != nil {
			return nil, fmt.Errorf("make room for dead letters: %w", unread)
		}
		if i < 0 {
			break
		}
		events, damaged, err := s.count(files[i])
		if err != nil {
			stays[files[i].name], unread = true, err
			continue
		}
		if err := os.Remove(filepath.Join(s.path, files[i].name)); err != nil {
			return nil, fmt.Errorf("make room for dead letters: %w", err)
		}
		s.evicted.Add(uint64(events))
		s.log.Error("dead-letter store is full; its oldest events are gone for good. "+
			"Replay or raise dead_letter.max_size", "file", files[i].name, "events", events, "damaged_lines", damaged)
		total -= files[i].size
		files = slices.Delete(files, i, i+1)
	}
	return slices.DeleteFunc(files, claimed), nil
}

// count tells what a file holds.
func (s *DeadLetters) count(f letterFile) (events, damaged int, err error) {
	err = s.read(f.name, func(l Letter) bool {
		events += l.Events
		return true
	}, &damaged)
	return events, damaged, err
}

// letterFile is one file of the store.
type letterFile struct {
	name string
	size int64
}

// number is the file's place in the order of writing.
func (f letterFile) number() int64 {
	digits, _, _ := strings.Cut(f.name, ".")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// files lists the store's files, oldest first, those that a replay has taken too.
func (s *DeadLetters) files() ([]letterFile, error) {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var files []letterFile
	for _, e := range entries {
		f := letterFile{name: e.Name()}
		if ext := filepath.Ext(f.name); (ext != letterSuffix && ext != claimedSuffix) || f.number() == 0 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		f.size = info.Size()
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b letterFile) int { return int(a.number() - b.number()) })
	return files, nil
}

// cutTail removes a last line that has no end.
func (s *DeadLetters) cutTail(f letterFile) error {
	path := filepath.Join(s.path, f.name)
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole == len(data) {
		return nil
	}
	s.log.Warn("cut a torn line off the dead letters; its event is still queued",
		"file", f.name, "offset", whole, "bytes", len(data)-whole)
	if err := os.Truncate(path, int64(whole)); err != nil {
		return fmt.Errorf("cut a torn line off the dead letters: %w", err)
	}
	return nil
}

// lock takes the store for one change. The first time it makes the folder; one that goes
// away later is that of a file system which is not mounted any more.
func (s *DeadLetters) lock() (unlock func(), err error) {
	s.mu.Lock()
	if !s.made {
		if err := os.MkdirAll(s.path, 0o750); err != nil {
			s.mu.Unlock()
			return nil, fmt.Errorf("make the dead-letter folder: %w", err)
		}
		s.made = true
	}
	f, err := flock(filepath.Join(s.path, lockName), unix.LOCK_EX)
	if err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("lock the dead-letter store: %w", err)
	}
	return func() {
		f.Close() // and so unlocks
		s.mu.Unlock()
	}, nil
}

// flock opens a lock file and takes its lock. A file that may not be opened is one that
// another user, root most likely, has left behind: whoever owns the folder replaces it.
func flock(path string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
		if errors.Is(err, fs.ErrPermission) && os.Remove(path) == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(f.Fd()), how)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		if same(f, path) {
			return f, nil
		}
		f.Close() // it was replaced meanwhile
	}
}

// same reports whether an open file is the one that a path names.
func same(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
