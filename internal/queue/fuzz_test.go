package queue

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func FuzzDecodeHeader(f *testing.F) {
	good := appendRecord(nil, 42, record(3, 100))
	f.Add(good)
	f.Add(good[:fixedHeader-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, v := decodeHeader(b)
		if v != valid {
			return
		}
		if h.size()-prefixLen > maxRecord || int(h.headerLen()) > len(b) {
			t.Fatalf("%+v of %d bytes", h, len(b))
		}
		for i := range h.headerLen() { // one changed bit is noticed
			bad := bytes.Clone(b[:h.headerLen()])
			bad[i] ^= 1 << (i % 8)
			if _, v := decodeHeader(bad); v == valid && i != 44 {
				t.Fatalf("a changed byte %d passes", i)
			}
		}
	})
}

// Walking any bytes ends, covers every byte once, and finds records that are
// appended behind them.
func FuzzWalk(f *testing.F) {
	rec := appendRecord([]byte{0, 0, 0, 0}, 7, record(3, 100))
	rec[3] = byte(len(rec) - prefixLen)
	f.Add(rec)
	f.Add(append(slices.Clone(rec), rec[:20]...))
	f.Add(append([]byte("junk"), rec...))
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		res, err := walk(bytes.NewReader(b), int64(len(b)), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		covered := res.bytes
		for _, d := range res.damage {
			if d.to <= d.from {
				t.Fatalf("damage %+v", d)
			}
			covered += d.to - d.from
		}
		if res.tornAt >= 0 {
			covered += int64(len(b)) - res.tornAt
		}
		if covered != int64(len(b)) {
			t.Fatalf("%d of %d bytes are covered: %+v", covered, len(b), res)
		}
	})
}

// A queue with any bytes as a segment and as metadata opens, gives what is whole,
// and takes new records.
func FuzzOpen(f *testing.F) {
	rec := appendRecord([]byte{0, 0, 0, 0}, 7, record(3, 100))
	rec[3] = byte(len(rec) - prefixLen)
	f.Add(rec, []byte("1\n0,0\n0,9\n"))
	f.Add(slices.Concat(rec, rec[:50]), []byte{})
	f.Add(slices.Concat([]byte("x"), rec, []byte{1, 2, 3, 4, 5, 6, 7}), []byte("1\n3,0\n0,9\n"))
	f.Fuzz(func(t *testing.T, data, metadata []byte) {
		o := options(fastDir(t))
		o.Logger = quiet()
		dir := filepath.Join(o.Path, "shard-00")
		must(t, os.MkdirAll(dir, dirMode))
		must(t, os.WriteFile(filepath.Join(dir, segmentName(0)), data, fileMode))
		must(t, os.WriteFile(filepath.Join(dir, metaName), metadata, fileMode))
		s, err := start(o)
		must(t, err)
		q := s.Shards()[0]
		for { // what is there may be anything
			rec, ok := nextNow(t, q)
			if !ok {
				break
			}
			q.Ack(rec.Seq)
		}
		settleDown(q)
		if st := q.Stats(); st.Records != 0 || st.Bytes != 0 || st.Segments > 1 {
			t.Fatalf("%+v", st)
		}
		appendN(t, q, 0, 30, 1000)
		equal(t, "records", drainAll(t, q), sequence(0, 30))
		must(t, shut(s))
	})
}
