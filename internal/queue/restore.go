package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"syslog-gateway/internal/durable"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/queue/quarantine"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// restorer puts back the records in the corrupt folder that are whole: header and body have
// the right checksums. Older versions took a read error for damage, and a misplaced segment
// may hold records that are nowhere else. It appends them again, behind what is queued.
type restorer struct {
	store *Store
	files []quarantine.File
	todo  []putBack
	// settling are the changes of the corrupt folder to make when all appended records are
	// on stable storage; bytes is their size.
	settling []func() error
	bytes    int64
	last     map[*Shard]upTo
	result   Restored
	end      func() // closes ended
	ended    chan struct{}
}

// upTo is an offset in a segment of a shard.
type upTo struct {
	seg  *segmentState
	size int64
}

// stable reports whether the shard is synced up to that offset.
func (at upTo) stable(w *window) (stable bool) {
	w.with(func(s *windowState) {
		stable = !slices.ContainsFunc(s.segs, func(seg *segmentState) bool {
			return seg.num < at.seg.num && seg.synced < seg.size || seg == at.seg && seg.synced < at.size
		})
	})
	return stable
}

// putBack is a file of which records may have to be put back.
type putBack struct {
	file quarantine.File
	// known are records that are not to be put back, since they are in the queue. It is
	// shared by the files of one segment.
	known map[uint64]recovery.Fingerprint
}

// Restored is what was put back.
type Restored struct {
	Files      int   `json:"files"` // of the corrupt folder, with records that were put back
	Records    int64 `json:"records"`
	Events     int64 `json:"events"`
	Bytes      int64 `json:"bytes"`
	Duplicates int64 `json:"duplicates"` // records that are queued, or were delivered, and not put back
}

// restoreBatch is how many bytes are appended before their files are removed.
const restoreBatch = 64 << 20

// planRestore reads the corrupt folder before anything is delivered, while it still can
// check which of its records are queued. Its failure does not stop the start.
func (s *Store) planRestore(scans []*recovery.Shard) {
	r := &restorer{store: s, last: make(map[*Shard]upTo), ended: make(chan struct{})}
	r.end = sync.OnceFunc(func() { close(r.ended) })
	s.restorer = r
	err := r.plan(scans)
	if err != nil {
		r.todo = nil
		s.log.Warn("queue: the corrupt folder cannot be read; the next start tries again", "error", err)
	}
}

func (r *restorer) plan(scans []*recovery.Shard) (err error) {
	if r.files, err = quarantine.List(r.store.opts.Path); err != nil {
		return err
	}
	known := make(map[quarantine.File]map[uint64]recovery.Fingerprint)
	for _, f := range r.files {
		p := putBack{file: f, known: make(map[uint64]recovery.Fingerprint)}
		i := slices.IndexFunc(scans, func(sc *recovery.Shard) bool { return sc.Index == f.Index })
		switch {
		case f.Kind == quarantine.MisplacedSuffix:
			if i >= 0 {
				err = scans[i].Repeated(f.Path, p.known)
			}
		case f.IsRange():
			of := quarantine.File{Index: f.Index, Num: f.Num}
			first := known[of] == nil
			if first {
				known[of] = p.known
			}
			if p.known = known[of]; i >= 0 {
				err = r.live(scans[i], f, first, p.known)
			}
		default:
			continue
		}
		if err != nil {
			return err
		}
		r.todo = append(r.todo, p)
	}
	return nil
}

// live handles a range whose segment is still in the queue. The queued records of the
// segment go into known, once. If the range lies before them and begins with a whole record,
// the segment gets a second name in the corrupt folder: it is removed when all of it is
// delivered, and the range may need it after that.
func (r *restorer) live(sc *recovery.Shard, f quarantine.File, first bool, known map[uint64]recovery.Fingerprint) error {
	i := slices.IndexFunc(sc.Segments, func(s *recovery.Segment) bool { return s.Num == f.Num })
	if i < 0 {
		return nil
	}
	s := sc.Segments[i]
	if s.Failed != nil {
		return s.Failed
	}
	if first {
		if err := s.Fingerprints(s.From, known); err != nil {
			return err
		}
		// A record that is done is not queued. Quarantining a single record makes it done.
		maps.DeleteFunc(known, func(seq uint64, _ recovery.Fingerprint) bool { return s.Done.Has(seq) })
	}
	if f.Off >= s.From || !s.WholeRecordAt(f.Off) || slices.ContainsFunc(r.files, func(w quarantine.File) bool { return w.Whole() && w.Same(&f) }) {
		return nil
	}
	path, err := quarantine.Link(r.store.opts.Path, sc.Name, s.Num, s.Path, "")
	if err != nil {
		return err
	}
	r.files = append(r.files, quarantine.File{Path: path, Index: f.Index, Num: s.Num, Off: -1})
	return r.close(sc, s)
}

// close stops appending to a segment that has a second name: a new segment is begun.
func (r *restorer) close(sc *recovery.Shard, s *recovery.Segment) error {
	i := slices.IndexFunc(r.store.shards, func(q *Shard) bool { return q.index == sc.Index })
	if i < 0 {
		return nil
	}
	q := r.store.shards[i]
	q.io.Lock()
	defer q.io.Unlock()
	return q.disk.endSegment(s.Num)
}

// run puts the planned records back until ctx is done.
func (r *restorer) run(ctx context.Context) {
	defer r.end()
	for len(r.todo) > 0 {
		p := &r.todo[0]
		err := r.restore(ctx, p)
		if ctx.Err() != nil {
			return
		}
		r.todo = r.todo[1:]
		if err != nil {
			r.store.log.Warn("queue: a quarantined file cannot be put back; the next start tries again",
				"file", p.file.Path, "error", err)
		}
		if r.bytes >= restoreBatch || len(r.todo) == 0 {
			if !r.stable(ctx) {
				return
			}
			r.settle()
		}
	}
	if r.result.Records > 0 {
		r.store.log.Warn("queue: quarantined records are whole and are put back", "files", r.result.Files,
			"records", r.result.Records, "events", r.result.Events, "duplicates_left_out", r.result.Duplicates)
	}
}

// stable waits until all that was appended is synced.
func (r *restorer) stable(ctx context.Context) bool {
	tick := time.NewTicker(r.store.opts.SyncInterval)
	defer tick.Stop()
	for q, at := range r.last {
		for !at.stable(&q.win) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// settle removes or renames the files whose records were put back.
func (r *restorer) settle() {
	if r == nil || len(r.settling) == 0 {
		return
	}
	var errs []error
	for _, do := range r.settling {
		errs = append(errs, do())
	}
	r.settling, r.bytes = nil, 0
	errs = append(errs, r.removeWholes(), durable.SyncDir(filepath.Join(r.store.opts.Path, quarantine.Folder)))
	if err := errors.Join(errs...); err != nil {
		r.store.log.Error("queue: a file whose records were put back cannot be removed; the next start puts them back again",
			"error", err)
	}
}

// removeWholes removes the segments that were kept for ranges which are all put back.
func (r *restorer) removeWholes() error {
	remaining, err := quarantine.List(r.store.opts.Path)
	if err != nil {
		return err
	}
	for _, w := range remaining {
		of := func(f quarantine.File) bool { return f.Off >= 0 && f.Same(&w) }
		if w.Whole() && slices.ContainsFunc(r.files, of) && !slices.ContainsFunc(remaining, of) {
			err = errors.Join(err, segment.Remove(w.Path))
		}
	}
	return err
}

// restore puts the records of one file back.
func (r *restorer) restore(ctx context.Context, p *putBack) error {
	src, err := p.file.Source(r.files)
	if err != nil || src.Path == "" {
		return err
	}
	f, err := os.Open(src.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	at := src.From + p.file.Done
	good, err := segment.GoodBytes(f, src.From, at)
	if err != nil {
		return err
	}
	before := r.result.Records
	_, err = segment.Headers(f, src.To, at, func(off int64, h *segment.Header) error {
		ok, err := r.record(ctx, p, f, off, h)
		if err != nil {
			return err
		}
		if at = off + h.Size(); ok {
			good += h.Size()
		}
		return nil
	})
	put := r.result.Records - before
	if put > 0 {
		r.result.Files++
	}
	misplaced := p.file.Kind == quarantine.MisplacedSuffix
	switch whole := good == src.To-src.From; {
	case err != nil && put > 0: // so much of it at least
		r.settleAs(p.file, fmt.Sprintf("%s+%d", p.file.Base(), at-src.From))
	case err != nil:
	case whole && misplaced && put == 0:
		r.settleAs(p.file, p.file.Base()+quarantine.DuplicateSuffix)
	case whole:
		r.settling = append(r.settling, func() error { return segment.Remove(p.file.Path) })
	case put > 0 || misplaced:
		r.settleAs(p.file, p.file.Base()+quarantine.RestoredSuffix)
	}
	return err
}

// record puts one record back, unless it is in the queue. ok is false where its body is
// damaged.
func (r *restorer) record(ctx context.Context, p *putBack, f io.ReaderAt, off int64, h *segment.Header) (ok bool, err error) {
	rec, err := segment.ReadRecord(f, h.At(off), nil)
	var wrong *segment.WrongBytes
	if errors.As(err, &wrong) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	its := recovery.Fingerprint{BodyCRC: h.BodyCRC, Received: h.Received}
	if there, known := p.known[h.Seq]; known && there == its {
		r.result.Duplicates++
		return true, nil
	}
	if err := r.append(ctx, p.file.Index, &rec); err != nil {
		return false, err
	}
	p.known[h.Seq] = its
	r.result.Records++
	r.result.Events += int64(rec.Events)
	r.result.Bytes += h.Size()
	r.bytes += h.Size()
	return true, nil
}

// append appends one record to its own shard, or to another if its own takes no appends. It
// waits for room.
func (r *restorer) append(ctx context.Context, index int, rec *event.Record) error {
	q := r.store.shards[index%r.store.opts.Shards]
	for {
		err := q.append(rec, (*ledger.Account).Recover)
		switch {
		case err == nil:
			q.win.with(func(s *windowState) { r.last[q] = upTo{s.last(), s.last().size} })
			return nil
		case errors.Is(err, errAstray):
		case errors.Is(err, event.ErrRecord), errors.Is(err, ErrClosed):
			return err
		default:
			if err := q.WaitRoom(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *restorer) settleAs(f quarantine.File, path string) {
	r.settling = append(r.settling, func() error { return os.Rename(f.Path, path) })
}
