package recovery

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// flaky fails every n-th read.
type flaky struct {
	io.ReaderAt
	n, reads int
}

func (f *flaky) ReadAt(p []byte, off int64) (int, error) {
	if f.reads++; f.reads%f.n == 0 {
		return 0, syscall.EIO
	}
	return f.ReaderAt.ReadAt(p, off)
}

// A read that fails once does not cost the reads before it; one that fails twice is an error.
func TestAgain(t *testing.T) {
	const text = "0123456789"
	f := func(n, wantReads int, wantErr error) {
		t.Helper()
		disk := &flaky{ReaderAt: strings.NewReader(text), n: n}
		_, err := io.ReadAll(io.NewSectionReader(again{disk}, 0, int64(len(text))))
		if !errors.Is(err, wantErr) || disk.reads != wantReads {
			t.Errorf("every %d. read fails: %v after %d reads, want %v after %d", n, err, disk.reads, wantErr, wantReads)
		}
	}
	f(100, 1, nil)
	f(1, 2, syscall.EIO)
	end := &flaky{ReaderAt: strings.NewReader(text), n: 100}
	if n, err := (again{end}).ReadAt(make([]byte, 20), 0); n != len(text) || !errors.Is(err, io.EOF) || end.reads != 1 {
		t.Errorf("the end of the file: %d, %v, %d reads", n, err, end.reads)
	}
	every := &flaky{ReaderAt: strings.NewReader(text), n: 2}
	one := make([]byte, 1)
	for i := range text {
		if _, err := (again{every}).ReadAt(one, int64(i)); err != nil || one[0] != text[i] {
			t.Fatalf("at %d: %q, %v", i, one, err)
		}
	}
	bare := &flaky{ReaderAt: strings.NewReader(text), n: 2} // the control
	_, _ = bare.ReadAt(one, 0)
	if _, err := bare.ReadAt(one, 1); !errors.Is(err, syscall.EIO) {
		t.Errorf("without the second read: %v", err)
	}
}
