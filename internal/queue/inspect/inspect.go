// Package inspect does what the commands of gateway queue do with the queue of a stopped
// gateway: status, verify, export, purge and skip. It holds the queue's lock meanwhile.
// What does not belong here: restore, which runs a queue (package queue), and the printing.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// Report is what is in the queue of a stopped gateway.
type Report struct {
	Path        string        `json:"path"`
	Records     int64         `json:"records"`
	Events      int64         `json:"events"`
	Bytes       int64         `json:"bytes"`
	Quarantined int           `json:"set_aside"` // files in the corrupt folder
	Shards      []ShardReport `json:"shards"`
}

// ShardReport is one shard of a Report.
type ShardReport struct {
	Name      string           `json:"name"`
	Segments  int              `json:"segments"`
	Records   int64            `json:"records"`
	Events    int64            `json:"events"`
	Bytes     int64            `json:"bytes"`           // of the queued records
	Allocated int64            `json:"allocated_bytes"` // of the segments
	Sources   map[string]int64 `json:"events_by_source"`
	Oldest    time.Time        `json:"oldest"` // zero: nothing queued, or unknown
	Newest    time.Time        `json:"newest"`
	Damage    []Damage         `json:"damage,omitempty"`
	// Unread are ranges that could not be read. That says nothing about the bytes.
	Unread []Damage `json:"unread,omitempty"`
	// Actions is what the next start will do before it serves.
	Actions []string `json:"actions,omitempty"`
}

// Damage is a range that holds no record, or that could not be read.
type Damage struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	What   string `json:"what"`
}

// String returns file:offset and what is wrong there.
func (d Damage) String() string {
	return fmt.Sprintf("%s:%d: %s (%d bytes)", d.File, d.Offset, d.What, d.Length)
}

// Damaged says whether anything is not what was written.
func (r Report) Damaged() bool {
	return slices.ContainsFunc(r.Shards, func(s ShardReport) bool { return len(s.Damage) > 0 })
}

// Unread says whether the disk did not give something.
func (r Report) Unread() bool {
	return slices.ContainsFunc(r.Shards, func(s ShardReport) bool { return len(s.Unread) > 0 })
}

// Status reports on the queue of a stopped gateway by the headers of its records.
// It changes nothing. It fails when a gateway is running on it.
func Status(ctx context.Context, path string) (Report, error) {
	return inspect(ctx, path, false, nil)
}

// Verify is Status that also checks each body against its checksum: it reads the
// whole queue.
func Verify(ctx context.Context, path string, tell Progress) (Report, error) {
	return inspect(ctx, path, true, tell)
}

func inspect(ctx context.Context, path string, bodies bool, tell Progress) (Report, error) {
	rep := Report{Path: path}
	err := recovery.Stopped(ctx, path, func(scans []*recovery.Shard) error {
		p := newReading(tell, scans)
		for _, sc := range scans {
			one := report(sc)
			if bodies {
				if err := each(sc, p, func(*event.Record) error { return nil }, one.addDamage); err != nil {
					return err
				}
			}
			rep.add(one)
		}
		var err error
		rep.Quarantined, err = countQuarantined(path)
		return err
	})
	return rep, err
}

func (r *Report) add(s ShardReport) {
	r.Shards = append(r.Shards, s)
	r.Records += s.Records
	r.Events += s.Events
	r.Bytes += s.Bytes
}

func countQuarantined(path string) (int, error) {
	entries, err := os.ReadDir(filepath.Join(path, quarantine.Folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("queue: %w", err)
	}
	return len(entries), nil
}

// report sums the scan up.
func report(sc *recovery.Shard) ShardReport {
	r := ShardReport{Name: sc.Name, Segments: len(sc.Segments), Sources: make(map[string]int64)}
	var oldest, newest int64
	for _, s := range sc.Segments {
		r.Records += s.Records
		r.Events += s.Events
		r.Bytes += s.Bytes
		r.Allocated += s.FileSize
		for name, n := range s.BySource {
			r.Sources[name] += *n
		}
		if s.Oldest != 0 && (oldest == 0 || s.Oldest < oldest) {
			oldest = s.Oldest
		}
		newest = max(newest, s.Newest)
		for _, d := range s.Damage {
			r.Damage = append(r.Damage, Damage{s.File(), d.From, d.To - d.From, d.What})
		}
		if s.Failed != nil {
			r.addDamage(Damage{s.File(), 0, s.FileSize, s.Failed.Error()}, true)
		}
	}
	r.Oldest, r.Newest = segment.Time(oldest), segment.Time(newest)
	r.Actions = actions(sc)
	return r
}

// addDamage adds a range that could not be read, or holds no record.
func (r *ShardReport) addDamage(d Damage, unread bool) {
	if unread {
		r.Unread = append(r.Unread, d)
	} else {
		r.Damage = append(r.Damage, d)
	}
}

// actions says what apply will do.
func actions(sc *recovery.Shard) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if sc.Problem != "" {
		say("%s: rebuild it from the segments", sc.Problem)
	}
	if n := len(sc.Litter); n > 0 {
		say("remove %d temporary files", n)
	}
	for _, s := range sc.Misplaced {
		say("move %s to the corrupt folder: its records do not follow those before it; those that are not queued are put back", s.File())
	}
	for i, s := range sc.Segments {
		last := i == len(sc.Segments)-1
		switch {
		case s.Failed != nil:
			say("read %s when the disk can read it; later segments of the shard wait", s.File())
			continue
		case s.Twin:
			say("move %s to the corrupt folder", s.Path+segment.BadSuffix)
		case s.Bad:
			say("use %s again", s.File())
		}
		if sc.MetaKnown && s.Num == sc.Meta.Read.Num && s.From != sc.Meta.Read.Off {
			say("read %s from its start: the read position %d is wrong", s.Path, sc.Meta.Read.Off)
		}
		if s.Unsynced {
			say("write %s again: a sync of it has failed", s.Path)
		}
		if len(s.Damage) > 0 {
			say("quarantine %d damaged parts of %s", len(s.Damage), s.Path)
		}
		if last && s.Sound() && s.TornAt >= 0 {
			say("cut the torn tail of %s at %d (%d bytes)", s.Path, s.TornAt, s.FileSize-s.TornAt)
		}
		if !last && s.Consumed() {
			say("remove %s: all of it is delivered", s.Path)
		}
	}
	return all
}

// Purge removes all that is queued by a stopped gateway, and returns what that
// was. Quarantined files stay.
func Purge(ctx context.Context, path string) (Report, error) {
	rep := Report{Path: path}
	err := recovery.Stopped(ctx, path, func(scans []*recovery.Shard) error {
		for _, sc := range scans {
			if err := sc.RemoveAll(); err != nil {
				return err
			}
			rep.add(report(sc))
		}
		var err error
		rep.Quarantined, err = countQuarantined(path)
		return err
	})
	return rep, err
}

// SourceNames returns the sources of a shard, sorted.
func (r ShardReport) SourceNames() []string { return slices.Sorted(maps.Keys(r.Sources)) }

// Progress is told how much of the queue's files is read, in bytes. It may be nil.
type Progress func(done, total int64)

// reading is how far a verb is.
type reading struct {
	tell        Progress
	done, total int64
}

func newReading(tell Progress, scans []*recovery.Shard) *reading {
	r := &reading{tell: tell}
	for _, sc := range scans {
		for _, s := range sc.Segments {
			r.total += s.FileSize
		}
	}
	return r
}

// read says that so many bytes more are read.
func (r *reading) read(n int64) {
	r.done += n
	if r.tell != nil {
		r.tell(min(r.done, r.total), r.total)
	}
}

// Find returns an error where a folder holds no queue. It says where there is one, if that is
// near.
func Find(path string) error {
	if isQueue(path) {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no queue in %s: %w", path, err)
	}
	for _, near := range []string{filepath.Join(path, "queue"), filepath.Dir(filepath.Clean(path))} {
		if isQueue(near) {
			return fmt.Errorf("there is no queue in %s, but in %s: use that", path, near)
		}
	}
	return fmt.Errorf("there is no queue in %s: no folders %s00 and so on, which the gateway makes at its first start; use queue.path of its configuration",
		path, recovery.ShardPrefix)
}

// isQueue reports whether a folder has shards or what they leave. A purged queue has its lock,
// and no dead letters: their store has a lock, too.
func isQueue(path string) bool {
	entries, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	lock, letters := false, false
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && (strings.HasPrefix(name, recovery.ShardPrefix) || name == quarantine.Folder):
			return true
		case name == recovery.LockName:
			lock = true
		case strings.HasSuffix(name, ".jsonl"):
			letters = true
		}
	}
	return lock && !letters
}
