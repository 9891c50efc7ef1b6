package queue

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// A queue with any bytes as a segment and as metadata opens, gives what is whole,
// and takes new records.
func FuzzOpen(f *testing.F) {
	rec := segment.AppendRecord([]byte{0, 0, 0, 0}, 7, record(3, 100))
	rec[3] = byte(len(rec) - segment.PrefixLen)
	f.Add(rec, []byte("1\n0,0\n0,9\n"))
	f.Add(slices.Concat(rec, rec[:50]), []byte{})
	f.Add(slices.Concat([]byte("x"), rec, []byte{1, 2, 3, 4, 5, 6, 7}), []byte("1\n3,0\n0,9\n"))
	f.Fuzz(func(t *testing.T, data, metadata []byte) {
		o := quietOptions(t)
		dir := filepath.Join(o.Path, "shard-00")
		testkit.Must(t, os.MkdirAll(dir, segment.DirMode))
		testkit.Must(t, os.WriteFile(filepath.Join(dir, segment.Name(0)), data, segment.FileMode))
		testkit.Must(t, os.WriteFile(filepath.Join(dir, segment.MetaName), metadata, segment.FileMode))
		s := testkit.Try(start(o))(t)
		q := s.Shards()[0]
		for rec := range remaining(t, q) { // what is there may be anything
			q.Ack(rec.Seq)
		}
		settleDown(q)
		if st := q.Stats(); st.Records != 0 || st.Bytes != 0 || st.Segments > 1 {
			t.Fatalf("%+v", st)
		}
		appendN(t, q, 0, 30, 1000)
		equal(t, "records", drainAll(t, q), sequence(0, 30))
		testkit.Must(t, shut(s))
	})
}
