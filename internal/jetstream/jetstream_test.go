package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

// gateway is one gateway's connection to the cluster, which runs until the test ends.
type gateway struct {
	*jetstream.Cluster
	ledger *ledger.Ledger
	stop   func()
}

func join(t *testing.T, servers *jetstreamtest.Servers, name string, change func(*jetstream.Options)) *gateway {
	t.Helper()
	g := &gateway{ledger: ledger.New()}
	o := jetstream.Options{
		Servers: servers.URLs(), Gateway: name, Streams: 2, Replicas: len(servers.URLs()), MaxSize: 64 << 20,
		DuplicateWindow: time.Minute, AckWait: 5 * time.Second, Memory: filepath.Join(t.TempDir(), "streams.json"), Ledger: g.ledger,
	}
	if change != nil {
		change(&o)
	}
	g.Cluster = testkit.Try(jetstream.New(o))(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	g.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		g.Close()
	})
	t.Cleanup(g.stop)
	return g
}

// up waits until all streams can be used.
func (g *gateway) up(t *testing.T) *gateway {
	t.Helper()
	testkit.Eventually(t, "the stream answers", func() bool {
		for _, s := range g.Streams() {
			if !s.Status().Up {
				return false
			}
		}
		return true
	})
	return g
}

func record(seq uint64) *event.Record {
	return &event.Record{Seq: seq, Source: "linux", Events: 3, Raw: 99, Received: time.Unix(1773498532, int64(seq)), Encoding: event.Gzip, Body: fmt.Appendf(nil, "body %d", seq)}
}

// publish stores records until the stream has them.
func publish(t *testing.T, s *jetstream.Stream, records ...*event.Record) {
	t.Helper()
	for _, r := range records {
		testkit.Eventually(t, "the stream answers", func() bool {
			_, err := s.Publish(t.Context(), 0, r, "")
			return err == nil
		})
	}
}

// next takes a record. An error is temporary: the servers may be away.
func next(t *testing.T, s *jetstream.Source) (r event.Record) {
	t.Helper()
	testkit.Eventually(t, "there is a record", func() bool {
		var err error
		r, err = s.Next(t.Context(), nil)
		return err == nil
	})
	return r
}

// TestRecords: what one gateway stores, another one gets as it was; acknowledged records are
// gone, and given back ones come again. The books of both balance.
func TestRecords(t *testing.T) {
	servers := jetstreamtest.Start(t, 3)
	a, b := join(t, servers, "a", nil).up(t), join(t, servers, "b", nil).up(t)
	want := record(7)
	publish(t, a.Streams()[1], want)
	if again := testkit.Try(a.Streams()[1].Publish(t.Context(), 0, record(7), ""))(t); !again {
		t.Error("the same record is stored twice")
	}
	if other := testkit.Try(a.Streams()[1].Publish(t.Context(), 1, record(7), ""))(t); other {
		t.Error("a record of another shard is a duplicate")
	}
	source := b.Streams()[1].Source()
	got := next(t, source)
	if got.Source != want.Source || got.Events != 3 || got.Raw != 99 || !got.Received.Equal(want.Received) || got.Encoding != event.Gzip || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	source.Nack(got.Seq)
	if !source.Ack(next(t, source).Seq) || !source.Ack(next(t, source).Seq) || source.Ack(got.Seq) {
		t.Error("a record is acknowledged once")
	}
	balance := b.ledger.Account("linux").Balance()
	testkit.Equal(t, "taken", balance.Taken, 9)
	testkit.Equal(t, "given back", balance.GivenBack, 3)
	testkit.Equal(t, "queued", balance.Queued, 6) // the caller counts them as delivered
	testkit.Equal(t, "difference", balance.Difference(), 0)
	testkit.Eventually(t, "the stream answers", func() bool { st := b.Streams()[1].Status(); return st.Records == 0 && st.Redelivered == 1 })
	if st := b.Streams()[1].Status(); st.Leader == "" || st.Current != 3 || st.CapacityBytes != 32<<20 {
		t.Errorf("status %+v", st)
	}
}

// TestHeldRecordsStay: a record that a gateway works on for longer than ack_wait is not given
// to another one; that of a gateway which died is.
func TestHeldRecordsStay(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	wait := func(o *jetstream.Options) { o.AckWait = time.Second }
	a, b := join(t, servers, "a", wait).up(t), join(t, servers, "b", wait).up(t)
	publish(t, a.Streams()[0], record(1))
	source := a.Streams()[0].Source()
	got := next(t, source)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if r, err := b.Streams()[0].Source().Next(ctx, nil); err == nil {
		t.Fatalf("record %d is at two gateways", r.Seq)
	}
	a.stop() // without a word, as if it had died
	testkit.Equal(t, "record", next(t, b.Streams()[0].Source()).Seq, got.Seq)
}

// TestFull: a full stream refuses, and takes again when a record is acknowledged.
func TestFull(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	g := join(t, servers, "a", func(o *jetstream.Options) { o.Streams, o.MaxSize = 1, 1<<20 }).up(t)
	s := g.Streams()[0]
	var stored uint64
	var err error
	for err == nil {
		r := record(stored + 1)
		r.Body = bytes.Repeat([]byte("x"), 100<<10)
		if _, err = s.Publish(t.Context(), 0, r, ""); err == nil {
			stored++
		}
	}
	if !errors.Is(err, event.ErrFull) || stored < 8 {
		t.Errorf("%d records of 100 KiB in 1 MiB: %v", stored, err)
	}
	for range stored {
		s.Source().Ack(next(t, s.Source()).Seq)
	}
	publish(t, s, record(100))
}

// TestLeaderDies: records are neither lost nor stored twice when the leader is killed while
// they are published.
func TestLeaderDies(t *testing.T) {
	servers := jetstreamtest.Start(t, 3)
	g := join(t, servers, "a", func(o *jetstream.Options) { o.Streams = 1 }).up(t)
	s := g.Streams()[0]
	for i := range 40 {
		if i == 20 {
			servers.Kill(servers.Leader("SYSLOG-00"))
		}
		publish(t, s, record(uint64(i+1)))
	}
	got := map[string]bool{}
	for range 40 {
		r := next(t, s.Source())
		got[string(r.Body)] = true
		s.Source().Ack(r.Seq)
	}
	testkit.Equal(t, "records", len(got), 40)
	testkit.Eventually(t, "the stream answers", func() bool { return s.Status().Records == 0 })
}

// TestNoServers: a gateway whose servers are away starts, says so, and goes on when they come.
func TestNoServers(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	servers.Kill(0)
	g := join(t, servers, "a", nil)
	if _, err := g.Streams()[0].Publish(t.Context(), 0, record(1), ""); err == nil {
		t.Error("stored without a server")
	}
	servers.Run(0)
	g.up(t)
	publish(t, g.Streams()[0], record(1))
	servers.Kill(0)
	testkit.Eventually(t, "the stream answers", func() bool { return !g.AnyUp() })
	servers.Run(0)
	testkit.Equal(t, "body", string(next(t, g.Streams()[0].Source()).Body), "body 1")
}
