package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/inspect"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// tree is a fingerprint of all files below dir.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	testkit.Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %d %x\n", path, len(data), segment.Checksum(data))
		return err
	}))
	return b.String()
}

func TestInspectChangesNothing(t *testing.T) {
	o := options(t.TempDir())
	o.Shards = 2
	s, _ := openFilled(t, o, 60, 700)
	drain(t, s.Shards()[0], 30)
	appendN(t, s.Shards()[1], 0, 3, 100)
	testkit.Must(t, shut(s))
	dir := filepath.Join(o.Path, "shard-00")
	segs := files(t, o.Path, segment.Prefix+"0*")
	last := filepath.Join(dir, segs[len(segs)-1])
	testkit.Must(t, os.Rename(last, last+segment.BadSuffix))
	f, err := os.OpenFile(last+segment.BadSuffix, os.O_APPEND|os.O_WRONLY, 0)
	testkit.Must(t, err)
	_, err = f.Write(segment.AppendRecord([]byte{0, 0, 2, 0}, 9, record(9, 400))[:100])
	testkit.Must(t, errors.Join(err, f.Close()))
	testkit.Must(t, os.WriteFile(filepath.Join(dir, segment.MetaName+".77.tmp"), nil, segment.FileMode))
	before := tree(t, o.Path)
	rep := testkit.Try(inspect.Verify(context.Background(), o.Path, nil))(t)
	if tree(t, o.Path) != before {
		t.Fatal("inspecting has changed something")
	}
	if rep.Records != 33 || int(rep.Events) != eventsOf(sequence(30, 30)...)+eventsOf(0, 1, 2) || rep.Damaged() || len(rep.Shards) != 2 {
		t.Fatalf("%+v", rep)
	}
	one := rep.Shards[0]
	if !one.Oldest.Equal(record(30, 1).Received) || !one.Newest.Equal(record(59, 1).Received) || len(one.SourceNames()) != 3 {
		t.Fatalf("%+v", one)
	}
	said := strings.Join(one.Actions, "\n")
	testkit.Holds(t, "what is said", said, "temporary files", "use "+last+segment.BadSuffix+" again", "torn tail")
	if _, err := inspect.Status(context.Background(), filepath.Join(o.Path, "missing")); err == nil {
		t.Fatal("a missing folder is inspected")
	}
}

func TestExport(t *testing.T) {
	o := options(t.TempDir())
	s, q := openOne(t, o)
	var want strings.Builder
	for i := range 30 {
		rec := record(i, 900)
		if i >= 4 {
			want.Write(rec.Body)
		}
		if i%2 == 0 {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(rec.Body)
			w.Close()
			rec.Body, rec.Encoding = b.Bytes(), event.Gzip
		}
		testkit.Must(t, q.Append(rec))
	}
	for range 4 {
		q.Ack(next(t, q).Seq)
	}
	testkit.Must(t, shut(s))
	before := tree(t, o.Path)
	var got bytes.Buffer
	testkit.Must(t, inspect.Export(context.Background(), o.Path, &got, nil))
	if got.String() != want.String() || tree(t, o.Path) != before {
		t.Fatalf("%d bytes, want %d", got.Len(), want.Len())
	}
	segs := files(t, o.Path, segment.Prefix+"0*")
	path := filepath.Join(o.Path, "shard-00", segs[len(segs)-1])
	offs := offsets(t, path)
	scribble(t, path, offs[len(offs)-1]+60, 0xff, 0xff)
	got.Reset()
	err := inspect.Export(context.Background(), o.Path, &got, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s:%d", path, offs[len(offs)-1])) {
		t.Fatalf("error is %v", err)
	}
	if !strings.HasPrefix(want.String(), got.String()) || strings.Count(got.String(), "\n") != 25 {
		t.Fatal("the other records are not exported")
	}
}

func TestPurge(t *testing.T) {
	o := options(t.TempDir())
	s, _ := openFilled(t, o, 60, 700)
	if _, err := inspect.Purge(context.Background(), o.Path); err == nil {
		t.Fatal("a running queue is purged")
	}
	testkit.Must(t, shut(s))
	rep, err := inspect.Purge(context.Background(), o.Path)
	testkit.Must(t, err)
	if rep.Records != 60 {
		t.Fatalf("%+v", rep)
	}
	if rep, err = inspect.Status(context.Background(), o.Path); err != nil || rep.Records != 0 || len(rep.Shards) != 0 {
		t.Fatalf("after it: %+v %v", rep, err)
	}
	q := open(t, o).Shards()[0]
	appendN(t, q, 0, 3, 100)
	equal(t, "records", drainAll(t, q), sequence(0, 3))
}

func TestMetrics(t *testing.T) {
	o := options(t.TempDir())
	reg := prometheus.NewPedanticRegistry()
	o.Registerer, o.Shards = reg, 2
	s := open(t, o)
	q := s.Shards()[1]
	rec := record(3, 100) // 4 events
	rec.Received = time.Now().Add(-time.Hour)
	testkit.Must(t, q.Append(rec))
	testkit.Must(t, s.syncAll())
	families := testkit.Try(reg.Gather())(t)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	if age := got["gateway_queue_oldest_seconds"]; age < 3600 || age > 7200 {
		t.Fatalf("oldest is %v", age)
	}
	delete(got, "gateway_queue_oldest_seconds")
	equal(t, "metrics", got, map[string]float64{
		"gateway_queue_events shard=0": 0, "gateway_queue_events shard=1": 4,
		"gateway_queue_bytes shard=0": 0, "gateway_queue_bytes shard=1": float64(segment.RecordSize(rec)),
		"gateway_queue_corrupt_records_total shard=0": 0, "gateway_queue_corrupt_records_total shard=1": 0,
		"gateway_queue_faults_total kind=write shard=0": 0, "gateway_queue_faults_total kind=write shard=1": 0,
		"gateway_queue_faults_total kind=sync shard=0": 0, "gateway_queue_faults_total kind=sync shard=1": 0,
		"gateway_queue_faults_total kind=read shard=0": 0, "gateway_queue_faults_total kind=read shard=1": 0,
		"gateway_queue_capacity_bytes": 64 << 20, "gateway_queue_sync_duration_seconds": 2,
	})
	if age := s.Stats().Age; age < time.Hour || age > 2*time.Hour {
		t.Fatalf("age is %v", age)
	}
	testkit.Must(t, shut(s))
	open(t, o) // the names are free again
}
