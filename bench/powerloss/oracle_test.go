package powerloss

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"syslog-gateway/bench/powerloss/disk"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/queue/segment"
	"syslog-gateway/internal/testkit"
)

// The oracle finds what the queue's own code writes, knows what was synced, and passes over
// a damaged record and a torn one.
func TestOracle(t *testing.T) {
	if err := disk.Usable(); err != nil {
		t.Skip(err)
	}
	d := disk.New(disk.Options{Model: disk.Strict})
	dir := t.TempDir()
	m := testkit.Try(d.Mount(dir))(t)
	shard := filepath.Join(dir, "queue", "shard-00")
	testkit.Must(t, os.MkdirAll(shard, 0o700))
	f := testkit.Try(os.Create(filepath.Join(shard, "events.diskqueue.000000.dat")))(t)
	for seq := range 3 {
		testkit.Try(f.Write(recordOf(t, seq)))(t)
	}
	testkit.Must(t, f.Sync())
	for _, folder := range []string{shard, filepath.Dir(shard), dir} {
		h := testkit.Try(os.Open(folder))(t)
		testkit.Must(t, h.Sync())
		testkit.Must(t, h.Close())
	}
	damaged := recordOf(t, 3)
	clear(damaged[60:])
	testkit.Try(f.Write(damaged))(t)
	testkit.Try(f.Write(recordOf(t, 4)))(t)
	testkit.Try(f.Write(recordOf(t, 5)[:70]))(t)
	testkit.Must(t, f.Close())
	d.Off()
	testkit.Must(t, m.Close())
	synced := map[int]bool{}
	for _, q := range queued(d) {
		synced[q.seq] = q.synced
		if age := time.Since(q.written); age < 0 || age > time.Minute {
			t.Errorf("%d was written %v ago", q.seq, age)
		}
	}
	if want := map[int]bool{0: true, 1: true, 2: true, 4: false}; !maps.Equal(synced, want) {
		t.Errorf("synced %v, want %v", synced, want)
	}
}

func recordOf(t *testing.T, seq int) []byte {
	t.Helper()
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	testkit.Try(z.Write(appendLine(nil, seq, time.Now())))(t)
	testkit.Must(t, z.Close())
	data := segment.AppendRecord(nil, uint64(seq), &event.Record{Source: "linux", Body: body.Bytes(), Events: 1, Received: time.Now()})
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
}
