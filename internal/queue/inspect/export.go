package inspect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/recovery"
	"syslog-gateway/internal/queue/segment"
)

// Export writes every queued event of a stopped gateway to w as one line of JSON,
// shard by shard, oldest first. It changes nothing. What cannot be read is left
// out, and named in the error in the end.
func Export(ctx context.Context, path string, w io.Writer, tell Progress) error {
	out := bufio.NewWriterSize(w, segment.ReadSize)
	var bad []error
	err := recovery.Stopped(ctx, path, func(scans []*recovery.Shard) error {
		x := exporter{out: out}
		p := newReading(tell, scans)
		for _, sc := range scans {
			rep := report(sc)
			for _, d := range slices.Concat(rep.Damage, rep.Unread) {
				bad = append(bad, errors.New(d.String()))
			}
			for _, s := range sc.Misplaced {
				bad = append(bad, fmt.Errorf("%s: a segment that was copied here; gateway queue restore puts back its records that are not queued", s.File()))
			}
			err := each(sc, p, x.record, func(d Damage, _ bool) { bad = append(bad, errors.New(d.String())) })
			if err != nil {
				return err
			}
		}
		bad = append(bad, x.bad...)
		return nil
	})
	if err = errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("queue: export: %d places could not be read: %w", len(bad), errors.Join(bad...))
	}
	return nil
}

// exporter writes the lines of records.
type exporter struct {
	out    *bufio.Writer
	bodies event.Decompressor
	bad    []error
}

func (x *exporter) record(rec *event.Record) error {
	body, err := x.bodies.Plain(rec)
	if err != nil {
		x.bad = append(x.bad, fmt.Errorf("record %d of source %s: %w", rec.Seq, rec.Source, err))
		return nil
	}
	if _, err := x.out.Write(body); err != nil {
		return fmt.Errorf("queue: export: %w", err)
	}
	if n := len(body); n > 0 && body[n-1] != '\n' {
		return x.out.WriteByte('\n')
	}
	return nil
}

// each reads all queued records of the shard. Those whose body is damaged go to
// broken, and those that cannot be read, with unread true. An error is one of good.
func each(sc *recovery.Shard, p *reading, good func(*event.Record) error, broken func(d Damage, unread bool)) error {
	var buf []byte
	for _, s := range sc.Segments {
		if s.Failed != nil {
			continue // reported already
		}
		f, err := os.Open(s.File())
		if err != nil {
			broken(Damage{s.File(), 0, s.FileSize, err.Error()}, true)
			continue
		}
		_, err = segment.Headers(f, s.FileSize, s.From, func(off int64, h *segment.Header) error {
			if s.Done.Has(h.Seq) {
				return nil
			}
			rec, err := segment.ReadRecord(f, h.At(off), buf)
			buf = rec.Body
			p.read(h.Size())
			if err != nil {
				broken(Damage{s.File(), off, h.Size(), err.Error()}, segment.NotRead(err))
				return nil
			}
			return good(&rec)
		})
		f.Close()
		if segment.NotRead(err) {
			broken(Damage{s.File(), 0, s.FileSize, err.Error()}, true)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
