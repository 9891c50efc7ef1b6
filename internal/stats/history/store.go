package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// How often what is new is written, and made durable.
const (
	FlushEvery = time.Second
	SyncEvery  = time.Minute
)

// Store is the history. It is safe for concurrent use. Use it in the order New, Open, Run,
// Close; without Open it is in memory only.
type Store struct {
	path   string
	logger *slog.Logger

	mu      sync.Mutex
	points  [len(tiers)][]Point // rings; a point of another time than its slot's is old
	events  []Event             // oldest first, the last eventSlots
	number  uint64              // of the next event
	volumes map[int64]volume    // by hour
	dirty   map[place]struct{}  // what the file does not have

	disk    sync.Mutex // guards what follows; taken before mu
	file    file       // nil while there is none
	closed  bool
	failing bool
	scratch []byte
}

// file is what is used of an os.File.
type file interface {
	io.WriterAt
	Sync() error
	Close() error
}

// place is what a slot is for: a point, an event or a volume.
type place struct {
	area int   // a tier, eventArea or volumeArea
	key  int64 // the second in which a point begins, the number of an event, an hour
}

const (
	eventArea  = len(tiers)
	volumeArea = eventArea + 1
)

// New returns an empty history. Its file will be path; empty for none. logger is optional.
func New(path string, logger *slog.Logger) *Store {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		path: path, logger: logger, volumes: make(map[int64]volume), dirty: make(map[place]struct{}),
		scratch: make([]byte, volumeSlot),
	}
	for i, t := range tiers {
		s.points[i] = make([]Point, t.count)
	}
	return s
}

// Open reads the file, or makes one. It never fails: without a file the history is in
// memory, and [Store.Run] tries again. Nobody else may use the file.
func (s *Store) Open(now time.Time) {
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.path == "" || s.closed || s.file != nil {
		return
	}
	f, c, aside, err := openFile(s.path, now)
	if aside != nil && err == nil {
		s.logger.Warn("the history of the statistics page begins anew; the old file was set aside",
			"path", s.path, "aside", s.path+Aside, "reason", aside)
	}
	if err != nil {
		s.fail(err)
		return
	}
	s.file = f
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(c)
}

// take adds what the file has to what is in memory, which is newer. The caller holds mu.
func (s *Store) take(c content) {
	for i, t := range tiers {
		for _, p := range c.points[i] {
			switch slot := &s.points[i][t.slot(p.At)]; {
			case slot.At.Equal(p.At):
				slot.join(p)
			case slot.At.Before(p.At):
				*slot = p
			}
		}
	}
	maps.DeleteFunc(s.dirty, func(p place, _ struct{}) bool { return p.area == eventArea })
	s.number = c.number
	later := s.events
	s.events = c.events
	for _, e := range later {
		s.mark(e)
	}
	for hour, v := range c.volumes {
		if newer, there := s.volumes[hour]; there {
			v = volume{newer.text, newer.times + v.times}
		}
		s.volumes[hour] = v
	}
}

// Add adds what happened up to a time since the point before, at most a minute.
func (s *Store) Add(p Point) {
	p.Covered = min(max(p.Covered, 0), time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range tiers {
		one := p
		one.At = t.begin(p.At)
		slot := &s.points[i][t.slot(p.At)]
		if slot.At.Equal(one.At) {
			slot.join(one)
		} else {
			*slot = one
		}
		s.dirty[place{i, one.At.Unix()}] = struct{}{}
	}
}

// Mark adds an event.
func (s *Store) Mark(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark(e.bounded())
}

func (s *Store) mark(e Event) {
	s.events = append(s.events, e)
	if len(s.events) > eventSlots {
		s.events = slices.Delete(s.events, 0, len(s.events)-eventSlots)
	}
	s.dirty[place{eventArea, int64(s.number)}] = struct{}{}
	s.number++
}

// SetVolume replaces the text of the hour in which a time is. It is at most [MaxVolume]
// bytes. Hours that are older than a week are forgotten.
func (s *Store) SetVolume(at time.Time, text []byte) {
	hour := at.Unix() / 3600
	s.mu.Lock()
	defer s.mu.Unlock()
	s.volumes[hour] = volume{text, s.volumes[hour].times + 1}
	maps.DeleteFunc(s.volumes, func(h int64, _ volume) bool { return h <= hour-volumeHours })
	s.dirty[place{volumeArea, hour}] = struct{}{}
}

// Volumes returns the texts of the hours of the week before a time.
func (s *Store) Volumes(now time.Time) map[time.Time][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[time.Time][]byte, len(s.volumes))
	for hour, v := range s.volumes {
		if at := time.Unix(3600*hour, 0).UTC(); now.Sub(at) < volumeHours*time.Hour && !at.After(now) {
			all[at] = v.text
		}
	}
	return all
}

// Series returns the points of a range before now, oldest first. Spans in which nothing was
// watched are left out.
func (s *Store) Series(r Range, now time.Time) []Point {
	return s.series(r.from, now.Add(-r.Span), now, r.Step)
}

// WeekBefore is the same range a week ago, in points of at least 15 minutes. There is none of
// seven days and of 15 minutes.
func (s *Store) WeekBefore(r Range, now time.Time) []Point {
	const week = 7 * 24 * time.Hour
	if r.Span >= week || r.Span <= quarter.step {
		return []Point{}
	}
	now = now.Add(-week)
	return s.series(len(tiers)-1, now.Add(-r.Span), now, max(r.Step, quarter.step))
}

func (s *Store) series(from int, begin, end time.Time, step time.Duration) []Point {
	all := make([]Point, 0, int(end.Sub(begin)/step)+1)
	t, shown := tiers[from], tier{step, 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := shown.begin(begin).Add(step); !at.After(end); at = at.Add(t.step) {
		p := s.points[from][t.slot(at)]
		if !p.At.Equal(at) {
			continue
		}
		p.At = shown.begin(at)
		if n := len(all); n > 0 && all[n-1].At.Equal(p.At) {
			all[n-1].join(p)
			continue
		}
		all = append(all, p)
	}
	return all
}

// Began is when the oldest point begins; zero if there is none.
func (s *Store) Began() (first time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range tiers {
		for _, p := range s.points[i] {
			if !p.At.IsZero() && (first.IsZero() || p.At.Before(first)) {
				first = p.At
			}
		}
	}
	return first
}

// Events returns the last n events since a time, oldest first.
func (s *Store) Events(since time.Time, n int) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Event{}
	for _, e := range s.events {
		if !e.Time.Before(since) {
			all = append(all, e)
		}
	}
	return all[max(0, len(all)-n):]
}

// Run writes what is new until ctx is done or the store is closed.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(FlushEvery)
	defer tick.Stop()
	for synced := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			due := now.Sub(synced) >= SyncEvery
			if due {
				synced = now
				s.Open(now) // if that could not be done before
			}
			s.write(due)
		}
	}
}

// Close writes the rest and closes the file. After it, the next process may use the file; what
// is added from then on is in memory only.
func (s *Store) Close() error {
	s.write(true)
	s.disk.Lock()
	defer s.disk.Unlock()
	s.closed = true
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// write writes what the file does not have, and makes it durable if it is to.
func (s *Store) write(durably bool) {
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.file == nil {
		return
	}
	s.mu.Lock()
	todo := s.dirty
	s.dirty = make(map[place]struct{}, len(todo))
	s.mu.Unlock()
	var err error
	for p := range todo {
		if err = s.writeSlot(p); err != nil {
			break
		}
	}
	if err == nil && durably {
		err = s.file.Sync()
	}
	if err == nil {
		if s.failing {
			s.failing = false
			s.logger.Info("the history of the statistics page can be written again", "path", s.path)
		}
		return
	}
	s.mu.Lock()
	maps.Copy(s.dirty, todo)
	s.mu.Unlock()
	s.fail(err)
}

// fail logs the begin of a fault. The caller holds disk, as that of writeSlot does.
func (s *Store) fail(err error) {
	if !s.failing {
		s.failing = true
		s.logger.Warn("the history of the statistics page cannot be written; it is kept in memory, and writing is tried again",
			"path", s.path, "error", err)
	}
}

// writeSlot writes one slot. What has left the rings meanwhile is not written.
func (s *Store) writeSlot(p place) error {
	points, events, volumes := layout()
	var a area
	var n int
	var payload []byte
	s.mu.Lock()
	switch p.area {
	case eventArea:
		back := int64(s.number) - p.key
		if back > int64(len(s.events)) {
			s.mu.Unlock()
			return nil
		}
		a, n = events, int(mod(p.key, eventSlots))
		payload = s.events[int64(len(s.events))-back].append(nil, uint64(p.key))
	case volumeArea:
		v, there := s.volumes[p.key]
		if !there {
			s.mu.Unlock()
			return nil
		}
		a, n = volumes, volumePlace(p.key, v.times)
		payload = binary.LittleEndian.AppendUint64(nil, uint64(p.key))
		payload = append(binary.LittleEndian.AppendUint64(payload, v.times), v.text...)
	default:
		t := tiers[p.area]
		a, n = points[p.area], t.slot(time.Unix(p.key, 0))
		one := s.points[p.area][n]
		if one.At.Unix() != p.key {
			s.mu.Unlock()
			return nil
		}
		var room [pointBytes]byte
		payload = one.append(room[:0])
	}
	s.mu.Unlock()
	if len(payload) > a.size-slotHead {
		return errors.New("a part of the history is larger than its place")
	}
	slot, offset := s.scratch[:a.size], a.offset+int64(n)*int64(a.size)
	seal(slot, offset, payload)
	if _, err := s.file.WriteAt(slot, offset); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}
