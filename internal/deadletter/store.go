package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/durable"
)

// Options configure a Store.
type Options struct {
	// Path is the folder.
	Path string
	// MaxSize bounds all files together, in bytes; 1 GB. When it is reached the oldest
	// file is removed, counted and logged. The newest letters matter most, and refusing
	// them would stop delivery. During a replay the bound is
	// half as much again.
	MaxSize int64
	// Logger is optional.
	Logger *slog.Logger
	// Registerer takes the metrics; optional.
	Registerer prometheus.Registerer
}

// Store is a bounded store of Letters. Its methods are safe for concurrent use.
type Store struct {
	path       string
	maxSize    int64
	fileSize   int64 // at which a new file is begun
	log        *slog.Logger
	evicted    atomic.Uint64 // events
	unreadable atomic.Int64  // files
	count      eventCount

	mu   sync.Mutex // one change at a time in this process
	made bool       // the folder
}

const (
	letterSuffix = ".jsonl"
	// claimedSuffix is on the name of a file that a replay has taken.
	claimedSuffix = ".replay"
	tempSuffix    = ".tmp"
)

// New makes a store; it touches no file.
func New(o Options) (*Store, error) {
	if o.MaxSize <= 0 {
		o.MaxSize = 1_000_000_000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		path: o.Path, maxSize: o.MaxSize, log: o.Logger,
		// An eighth, so that making room costs an eighth of the history.
		fileSize: min(max(o.MaxSize/8, 1), 64<<20),
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(s); err != nil {
			return nil, fmt.Errorf("deadletter: register metrics: %w", err)
		}
	}
	return s, nil
}

// Open makes the folder when it does not exist, and removes temporary files of a crash. A
// last line that a power loss has torn is removed: its event was never confirmed as stored, so
// its record is still in the queue. A file that cannot be read is logged and left alone.
// After an error the store can still be used: each change tries again what failed.
func (s *Store) Open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	temporary, _ := filepath.Glob(filepath.Join(s.path, "*"+tempSuffix)) // the pattern is valid
	for _, path := range temporary {
		_ = os.Remove(path) // it does no harm if it stays
	}
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

func (s *Store) readable(f letterFile) error {
	file, err := os.OpenFile(filepath.Join(s.path, f.name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// Unreadable is how many files could not be used when the store was opened.
func (s *Store) Unreadable() int64 { return s.unreadable.Load() }

// Evicted is how many events this process has removed to make room. The ledger keeps them
// as dead-lettered.
func (s *Store) Evicted() uint64 { return s.evicted.Load() }

// Append stores letters and gives each an ID. When it fails nothing is stored.
func (s *Store) Append(letters []Letter) error {
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
	if n := len(files); n > 0 && files[n-1].size+int64(len(lines)) <= s.fileSize && s.whole(files[n-1]) {
		next = files[n-1]
	}
	return s.write(next, lines)
}

// newFile is the file after all others.
func newFile(files []letterFile) letterFile {
	last := int64(0)
	if n := len(files); n > 0 {
		last = files[n-1].number()
	}
	return letterFile{name: fmt.Sprintf("%012d%s", last+1, letterSuffix)}
}

// whole reports whether a file can be written and ends with a whole line. A letter behind
// a torn line would be lost with it.
func (s *Store) whole(f letterFile) bool {
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

// write appends to one file and waits for the disk. After a failure the file is cut to
// its old length. The folder is synced first, so that an error of that sync leaves no
// line behind.
func (s *Store) write(to letterFile, lines []byte) error {
	f, err := os.OpenFile(filepath.Join(s.path, to.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open dead-letter file: %w", err)
	}
	if to.size == 0 {
		err = durable.SyncDir(s.path)
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

// makeRoom removes the oldest files until n more bytes fit, and returns the others
// without the claimed files. Claimed files count and are not removed; neither is a file
// that cannot be read, since its events cannot be counted. While files are claimed
// the store may be larger by half: a letter that is refused again is stored before its old
// file goes, is a little longer, and must not push others out.
func (s *Store) makeRoom(files []letterFile, n int64) ([]letterFile, error) {
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
		events, damaged, err := s.contents(files[i])
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

// contents counts what a file holds.
func (s *Store) contents(f letterFile) (events, damaged int, err error) {
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

// number orders the files by the time of writing.
func (f letterFile) number() int64 {
	digits, _, _ := strings.Cut(f.name, ".")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// files lists the store's files, claimed ones too, oldest first.
func (s *Store) files() ([]letterFile, error) {
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
			continue // removed in the meantime
		}
		f.size = info.Size()
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b letterFile) int { return int(a.number() - b.number()) })
	return files, nil
}

// cutTail removes a last line that has no end.
func (s *Store) cutTail(f letterFile) error {
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

var (
	evictedDesc = prometheus.NewDesc("gateway_deadletter_evicted_events_total",
		"Events that the dead-letter store has removed to make room (dead_letter.max_size): they are lost.", nil, nil)
	unreadableDesc = prometheus.NewDesc("gateway_deadletter_unreadable_files",
		"Files of the dead-letter store that could not be used when the gateway started.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Store) Describe(ch chan<- *prometheus.Desc) {
	ch <- evictedDesc
	ch <- unreadableDesc
}

// Collect implements prometheus.Collector.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(evictedDesc, prometheus.CounterValue, float64(s.Evicted()))
	ch <- prometheus.MustNewConstMetric(unreadableDesc, prometheus.GaugeValue, float64(s.Unreadable()))
}
