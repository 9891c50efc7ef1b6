package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"syslog-gateway/internal/ledger"

	"github.com/prometheus/client_golang/prometheus"
)

// FullPolicy is what happens when there is no room.
type FullPolicy string

// The policies of queue.when_full.
const (
	// Block lets Append fail with event.ErrFull; the caller waits (WaitRoom).
	Block FullPolicy = "block"
	// DropOldest gives up the oldest segment that is stored.
	DropOldest FullPolicy = "drop_oldest"
	// DropNewest lets Append fail with event.ErrFull; the caller drops and counts it.
	DropNewest FullPolicy = "drop_newest"
)

// alarmEvery is how often the same trouble of a shard is logged.
const alarmEvery = time.Minute

// The limits of Options.
const (
	minSegment      = 4 << 10
	maxShards       = 64
	defaultInterval = 250 * time.Millisecond
)

// Options say where and how much to store. Path, Shards, MaxSize and SegmentSize
// are required.
type Options struct {
	// Path is the folder of the queue; it is made when missing.
	Path string
	// Shards is the number of shards that take appends, 1 to 64.
	Shards int
	// MaxSize caps the segments of all shards together, in bytes.
	MaxSize int64
	// SegmentSize is the size at which a segment is closed, in bytes. It is
	// lowered where MaxSize would not hold four segments for every shard.
	SegmentSize int64
	// MinFree is what stays free on the file system, in bytes: below it the
	// queue is full. 0 disables the check.
	MinFree int64
	// SyncInterval is what a power loss may cost at most; 0 means 250 ms.
	SyncInterval time.Duration
	// WhenFull is the policy; "" means Block.
	WhenFull FullPolicy
	// Ledger gets what is accepted, recovered and dropped; optional.
	Ledger *ledger.Ledger
	// Logger gets what an operator must know; optional.
	Logger *slog.Logger
	// Registerer gets the metrics until Close; optional.
	Registerer prometheus.Registerer
}

// withDefaults checks the options and fills in what is left out.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("queue: "+format, args...)) }
	if err := checkPath(o.Path); err != nil {
		errs = append(errs, err)
	}
	if o.Shards < 1 || o.Shards > maxShards {
		bad("shards is %d, must be 1 to %d", o.Shards, maxShards)
		o.Shards = 1
	}
	if o.MaxSize < 4*minSegment*int64(o.Shards) {
		bad("max_size is %d bytes, must be at least %d for %d shards", o.MaxSize, 4*minSegment*int64(o.Shards), o.Shards)
	}
	if o.SegmentSize < minSegment {
		bad("segment_size is %d bytes, must be at least %d", o.SegmentSize, minSegment)
	}
	if o.MinFree < 0 {
		bad("min_free is %d bytes, must not be negative", o.MinFree)
	}
	if o.SyncInterval < 0 {
		bad("sync_interval is %v, must not be negative", o.SyncInterval)
	}
	switch o.WhenFull {
	case "":
		o.WhenFull = Block
	case Block, DropOldest, DropNewest:
	default:
		bad("when_full is %q, must be %s, %s or %s", o.WhenFull, Block, DropOldest, DropNewest)
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = defaultInterval
	}
	if o.Ledger == nil {
		o.Ledger = ledger.New()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, errors.Join(errs...)
}

// checkPath refuses what diskqueue cannot use: it makes file names with
// fmt.Sprintf of the path.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("queue: path is empty, must name a folder")
	case strings.Contains(path, "%"):
		return fmt.Errorf("queue: path %q holds a %%, which is not possible in this path; choose another folder", path)
	}
	return nil
}

// segmentSize is the size at which segments are closed: the cap must hold at
// least four of each shard, since a segment's bytes come free only as a whole.
func (o Options) segmentSize() int64 {
	limit := o.MaxSize / int64(4*o.Shards)
	if o.SegmentSize <= limit {
		return o.SegmentSize
	}
	o.Logger.Info("queue segment_size is lowered so that max_size holds four segments of every shard",
		"segment_size", o.SegmentSize, "used", limit)
	return limit
}
