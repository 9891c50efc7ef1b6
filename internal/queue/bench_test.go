package queue

import (
	"context"
	"fmt"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
)

// One record is appended, handed out, acknowledged and consumed.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1 << 10, 75 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := open(b, Options{
				Path: b.TempDir(), Shards: 1, MaxSize: 2 << 30, SegmentSize: 64 << 20,
				SyncInterval: 250 * time.Millisecond, Ledger: ledger.New(),
			})
			run(b, s)
			q := s.Shards()[0]
			rec := record(1, size)
			var buf []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := q.Append(rec); err != nil {
					b.Fatal(err)
				}
				got, err := q.Next(context.Background(), buf)
				if err != nil {
					b.Fatal(err)
				}
				buf = got.Body
				q.Ack(got.Seq)
			}
		})
	}
}

// Start-up with 10,000 records in the queue.
func BenchmarkOpen(b *testing.B) {
	o := Options{Path: b.TempDir(), Shards: 1, MaxSize: 2 << 30, SegmentSize: 64 << 20}
	s := open(b, o)
	appendN(b, s.Shards()[0], 0, 10_000, 75<<10)
	if err := shut(s); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := start(o)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := shut(s); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
