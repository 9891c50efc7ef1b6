package segment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Copy copies size bytes. Pages from the offset from on that cannot be read stay empty; it
// returns how many bytes that are. Any other error ends the copy, also one of reading what
// is on stable storage, which ends at from.
func Copy(r io.ReaderAt, w *os.File, from, size int64) (empty int64, err error) {
	if err := w.Truncate(size); err != nil {
		return 0, err
	}
	buf := make([]byte, ReadSize)
	for off := int64(0); off < size; {
		b := buf[:min(int64(len(buf)), size-off)]
		n, err := r.ReadAt(b, off)
		if n < len(b) && err != nil && len(b) > Page {
			b = b[:Page] // one by one, as far as it goes
			n, err = r.ReadAt(b, off)
		}
		if n < len(b) && (off+int64(len(b)) <= from || !gap(err)) {
			return 0, fmt.Errorf("read at %d: %w", off, err)
		}
		empty += int64(len(b) - n)
		if _, err := w.WriteAt(b[:n], off); err != nil {
			return 0, err
		}
		off += int64(len(b))
	}
	return empty, nil
}

// gap says that a single page could not be read: it was never written, or the file is short.
func gap(err error) bool { return errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) }
