package queue

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"

	"syslog-gateway/internal/event"
)

// Export writes every queued event of a stopped gateway to w as one line of JSON,
// shard by shard, oldest first. It changes nothing. What cannot be read is left
// out, and named in the error in the end.
func Export(ctx context.Context, path string, w io.Writer) error {
	out := bufio.NewWriterSize(w, wide)
	var bad []error
	err := offline(ctx, path, func(scans []*shardScan) error {
		x := exporter{out: out}
		for _, sc := range scans {
			rep := report(sc)
			for _, d := range slices.Concat(rep.Damage, rep.Unread) {
				bad = append(bad, errors.New(d.String()))
			}
			for _, s := range sc.misplaced {
				bad = append(bad, fmt.Errorf("%s: a segment that was copied here; gateway queue restore takes what of it is not queued", s.file()))
			}
			err := each(sc, x.record, func(d Damage, _ bool) { bad = append(bad, errors.New(d.String())) })
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
	out  *bufio.Writer
	gz   *gzip.Reader
	body bytes.Buffer
	bad  []error
}

func (x *exporter) record(rec *event.Record) error {
	body := rec.Body
	switch rec.Encoding {
	case event.Identity:
	case event.Gzip:
		var err error
		if body, err = x.gunzip(body); err != nil {
			x.bad = append(x.bad, fmt.Errorf("record %d of source %s: %w", rec.Seq, rec.Source, err))
			return nil
		}
	default:
		x.bad = append(x.bad, fmt.Errorf("record %d of source %s: unknown encoding %d", rec.Seq, rec.Source, rec.Encoding))
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

func (x *exporter) gunzip(b []byte) ([]byte, error) {
	var err error
	if x.gz == nil {
		x.gz, err = gzip.NewReader(bytes.NewReader(b))
	} else {
		err = x.gz.Reset(bytes.NewReader(b))
	}
	if err != nil {
		return nil, err
	}
	x.body.Reset()
	_, err = x.body.ReadFrom(x.gz)
	return x.body.Bytes(), err
}

// each reads all queued records of the shard. Those whose body is damaged go to
// broken, and those that cannot be read, with unread true. An error is one of good.
func each(sc *shardScan, good func(*event.Record) error, broken func(d Damage, unread bool)) error {
	var buf []byte
	for _, s := range sc.segs {
		if s.failed != nil {
			continue // told already
		}
		f, err := os.Open(s.file())
		if err != nil {
			broken(Damage{s.file(), 0, s.fileSize, err.Error()}, true)
			continue
		}
		_, err = walk(f, s.fileSize, s.from, func(off int64, h *header) error {
			if s.done.has(h.seq) {
				return nil
			}
			rec, err := readRecord(f, h.at(off), buf)
			buf = rec.Body
			if err != nil {
				broken(Damage{s.file(), off, h.size(), err.Error()}, notRead(err))
				return nil
			}
			return good(&rec)
		})
		f.Close()
		if notRead(err) {
			broken(Damage{s.file(), 0, s.fileSize, err.Error()}, true)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
