package hec

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"syslog-gateway/internal/deadletter"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// endless gives out one record n times.
type endless struct {
	mu    sync.Mutex
	rec   event.Record
	count int
}

func (e *endless) Next(_ context.Context, buf []byte) (event.Record, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.count == 0 {
		return event.Record{}, ErrEnd
	}
	e.count--
	r := e.rec
	r.Body = append(buf[:0], r.Body...)
	return r, nil
}

func (e *endless) Ack(uint64) bool       { return true }
func (e *endless) Nack(uint64)           {}
func (e *endless) Abandoned(uint64) bool { return false }

// A post of 75 KB: 1,500 events packed, to an endpoint in the same process that
// only reads it.
func BenchmarkPost(b *testing.B) {
	var lines []string
	for i := range 1500 {
		lines = append(lines, strings.Replace(line(i), "event <", fmt.Sprintf("deny tcp src outside:198.51.100.%d/%d dst inside:10.%d.%d.7/443 <", i%251, i*7919%60000, i%199, i*31%256), 1))
	}
	rec := record(event.Gzip, lines...)
	s := hectest.New(hectest.Options{Script: hectest.Always(hectest.OK())})
	defer s.Close()
	dead, err := deadletter.New(deadletter.Options{Path: b.TempDir()})
	if err == nil {
		err = dead.Open(b.Context())
	}
	testkit.Must(b, err)
	c := testkit.Try(New(Options{Settings: Settings{Endpoints: []string{s.URL()}, Token: testToken}, DeadLetter: dead}))(b)
	defer c.Close(context.Background())
	b.SetBytes(int64(len(rec.Body)))
	b.ReportAllocs()
	src := &endless{rec: rec, count: b.N}
	b.ResetTimer()
	testkit.Must(b, c.Deliver(b.Context(), src))
}
