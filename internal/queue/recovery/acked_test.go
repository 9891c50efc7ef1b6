package recovery

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// counted counts the reads of a file.
type counted struct {
	bytesAt
	reads int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.bytesAt.ReadAt(p, off)
}

// A long list, in any order, costs one pass over the segment.
func TestLongListIsReadOnce(t *testing.T) {
	const n = 50_000
	var list segment.Seqs
	var data []byte
	for i := range uint64(n) {
		list.Add(i + 1)
		start := len(data)
		data = append(data, 0, 0, 0, 0)
		data = segment.AppendRecord(data, i+1, &event.Record{Source: "linux", Events: 1, Body: []byte("{}")})
		binary.BigEndian.PutUint32(data[start:], uint32(len(data)-start-segment.PrefixLen))
	}
	r := &counted{bytesAt: data}
	s := &Segment{FileSize: int64(len(data))}
	testkit.Must(t, s.Read(r, list))
	if most := 2*len(data)/segment.ReadSize + 1; s.Skip != n || s.Records != 0 || r.reads > most {
		t.Fatalf("%d of %d records, %d reads, want at most %d", s.Skip, n, r.reads, most)
	}
}

func FuzzReadAcked(f *testing.F) {
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","acked":[{"seq":2,"segment":0,"offset":762}]}`))
	f.Add([]byte(`{"meta":"0\n0,0\n0,0\n","acked":[{"seq":1,"segment":-1,"offset":-5},{"seq":1}]}`))
	f.Add(segment.AckedList{Generation: 3, Seq: 9, Acked: [][4]uint64{{1, 2, 3, 9}}}.Encode())
	f.Add(append(make([]byte, segment.SlotSize), segment.AckedList{Seq: 9, Acked: [][4]uint64{{2, 1, 9, 3}}}.Encode()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		testkit.Must(t, os.WriteFile(filepath.Join(dir, segment.AckedName), data, segment.FileMode))
		a := segment.ReadAcked(dir, segment.Meta{}, true)
		testkit.Must(t, a.Unread)
		for _, l := range a.List {
			for num := l.First; num <= min(l.Last, l.First+3) && num >= l.First; num++ {
				s := &Segment{FileSize: 100}
				testkit.Must(t, s.Read(bytesAt(make([]byte, 100)), a.Of(num)))
				if s.Skip != 0 {
					t.Fatalf("zeros are records: %v", s.Done)
				}
			}
		}
	})
}

// bytesAt is a file in memory.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if n := copy(p, b[off:]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}
