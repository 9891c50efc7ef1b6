package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// MaxPlain is how much a body may hold after decompression, in bytes.
const MaxPlain = 256 << 20

// ErrTooLarge says that a body holds more than MaxPlain.
var ErrTooLarge = errors.New("the body is too large after decompression")

// Decompressor reads bodies and keeps its gzip readers. The zero value is ready, and
// safe for concurrent use.
type Decompressor struct{ readers sync.Pool }

// Append appends the plain JSON of a body to dst.
func (d *Decompressor) Append(dst *bytes.Buffer, body io.Reader, enc Encoding) error {
	switch enc {
	case Identity:
	case Gzip:
		z, err := d.reader(body)
		if err != nil {
			return fmt.Errorf("read a gzip body: %w", err)
		}
		defer d.readers.Put(z)
		body = z
	default:
		return fmt.Errorf("unknown encoding %d", enc)
	}
	return appendAtMost(dst, body, MaxPlain)
}

func appendAtMost(dst *bytes.Buffer, body io.Reader, most int64) error {
	n, err := dst.ReadFrom(io.LimitReader(body, most+1))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if n > most {
		return ErrTooLarge
	}
	return nil
}

func (d *Decompressor) reader(body io.Reader) (*gzip.Reader, error) {
	if z, ok := d.readers.Get().(*gzip.Reader); ok {
		return z, z.Reset(body)
	}
	return gzip.NewReader(body)
}

// Plain returns the plain JSON of the record's body. Where it is not compressed, it is
// the body itself.
func (d *Decompressor) Plain(r *Record) ([]byte, error) {
	if r.Encoding == Identity {
		return r.Body, nil
	}
	var plain bytes.Buffer
	plain.Grow(min(max(r.Raw, 0)+bytes.MinRead, 8<<20)) // Raw may be damaged
	err := d.Append(&plain, bytes.NewReader(r.Body), r.Encoding)
	return plain.Bytes(), err
}
