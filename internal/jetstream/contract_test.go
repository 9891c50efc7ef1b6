package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec"
	"syslog-gateway/internal/jetstream"
	"syslog-gateway/internal/jetstream/jetstreamtest"
	"syslog-gateway/internal/queue"
	"syslog-gateway/internal/testkit"
)

// store is a queue of 1 MiB that hec delivers from: the disk queue or a stream.
type store struct {
	append  func(*event.Record) error
	source  hec.Source
	restart func() // as after an orderly stop; what was at hand is given out again
}

// contract is what hec may count on, whatever the queue is.
var contract = map[string]func(*testing.T, *store){
	"records come as they were, in order": func(t *testing.T, s *store) {
		s.fill(t, 1, 30, 100)
		for i := range uint64(30) {
			got, want := s.next(t), sized(i+1, 100)
			if !bytes.Equal(got.Body, want.Body) || got.Source != want.Source || got.Events != want.Events || got.Raw != want.Raw ||
				!got.Received.Equal(want.Received) || got.Encoding != want.Encoding {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			testkit.Equal(t, "acknowledged", s.source.Ack(got.Seq), true)
			testkit.Equal(t, "acknowledged again", s.source.Ack(got.Seq), false)
		}
		s.nothing(t)
	},
	"what is given back comes again": func(t *testing.T, s *store) {
		s.fill(t, 1, 5, 100)
		var taken []event.Record
		for range 5 {
			taken = append(taken, s.next(t))
		}
		s.source.Ack(taken[0].Seq)
		for _, r := range taken[1:4] {
			s.source.Nack(r.Seq)
			s.source.Nack(r.Seq) // no effect
		}
		again := map[string]bool{}
		for range 3 {
			r := s.next(t)
			again[name(r)] = true
			testkit.Equal(t, "abandoned", s.source.Abandoned(r.Seq), false)
			testkit.Equal(t, "acknowledged", s.source.Ack(r.Seq), true)
		}
		testkit.Equal(t, "those that came again", len(again), 3)
		testkit.Equal(t, "the one that stayed", s.source.Ack(taken[4].Seq), true)
		s.nothing(t)
	},
	"a full queue refuses, and loses nothing": func(t *testing.T, s *store) {
		n := uint64(0)
		var err error
		for err == nil && n < 100 {
			if err = s.append(sized(n+1, 64<<10)); err == nil {
				n++
			}
		}
		if !errors.Is(err, event.ErrFull) || n < 4 {
			t.Fatalf("%d records of 64 KiB in 1 MiB: %v", n, err)
		}
		testkit.Equal(t, "records", len(s.drain(t, int(n))), int(n))
		testkit.Eventually(t, "there is room again", func() bool { return s.append(sized(1000, 64<<10)) == nil })
		testkit.Equal(t, "the new one", name(s.next(t)), "1000")
	},
	"several append and take at a time": func(t *testing.T, s *store) {
		const each, n = 25, 4
		var all sync.WaitGroup
		for i := range uint64(n) {
			all.Go(func() { s.fill(t, 1+i*each, each, 1000) })
		}
		var mu sync.Mutex
		got := map[string]int{}
		for range n {
			all.Go(func() {
				for range each {
					r := s.next(t)
					mu.Lock()
					got[name(r)]++
					mu.Unlock()
					s.source.Ack(r.Seq)
				}
			})
		}
		all.Wait()
		testkit.Equal(t, "records", len(got), n*each)
		s.nothing(t)
	},
	"a restart keeps what was not acknowledged": func(t *testing.T, s *store) {
		s.fill(t, 1, 10, 1000)
		for i := range 5 {
			if r := s.next(t); i < 3 {
				s.source.Ack(r.Seq)
			}
		}
		s.restart()
		got := s.drain(t, 7)
		testkit.Equal(t, "records", len(got), 7)
		if got["1"] || got["2"] || got["3"] {
			t.Errorf("an acknowledged record came again: %v", got)
		}
		s.nothing(t)
	},
}

func TestContract(t *testing.T) {
	for _, kind := range []struct {
		name string
		open func(*testing.T) *store
	}{{"disk", openDisk}, {"stream", openStream}} {
		for name, holds := range contract {
			t.Run(kind.name+": "+name, func(t *testing.T) {
				t.Parallel()
				holds(t, kind.open(t))
			})
		}
	}
}

func openDisk(t *testing.T) *store {
	o := queue.Options{Path: t.TempDir(), Shards: 1, MaxSize: 1 << 20, SegmentSize: 128 << 10}
	s := &store{}
	var end func()
	s.restart = func() {
		if end != nil {
			end()
		}
		q := testkit.Try(queue.New(o))(t)
		testkit.Must(t, q.Open(t.Context()))
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = q.Run(ctx) })
		end = sync.OnceFunc(func() {
			cancel()
			running.Wait()
			testkit.Must(t, q.Close(context.Background()))
		})
		s.append, s.source = q.Shards()[0].Append, q.Shards()[0]
	}
	s.restart()
	t.Cleanup(func() { end() })
	return s
}

// openStream has three servers. At a restart these are killed, too.
func openStream(t *testing.T) *store {
	servers := jetstreamtest.Start(t, 3)
	memory := filepath.Join(t.TempDir(), "streams.json")
	s := &store{}
	var g *gateway
	begin := func() {
		g = join(t, servers, "a", func(o *jetstream.Options) {
			o.Streams, o.MaxSize, o.AckWait, o.Memory = 1, 1<<20, 2*time.Second, memory
		}).up(t)
		stream := g.Streams()[0]
		s.source = stream.Source()
		s.append = func(r *event.Record) (err error) {
			for range 20 { // as package forward does
				if _, err = stream.Publish(t.Context(), 0, r, ""); err == nil || errors.Is(err, event.ErrFull) {
					return err
				}
			}
			return err
		}
	}
	s.restart = func() {
		g.stop()
		for i := range 3 {
			servers.Kill(i)
		}
		for i := range 3 {
			servers.Run(i)
		}
		begin()
	}
	begin()
	return s
}

// sized is a record whose body has about so many bytes and begins with its number.
func sized(n uint64, size int) *event.Record {
	r := record(n)
	r.Body = append(fmt.Appendf(nil, "%d ", n), bytes.Repeat([]byte("x"), size)...)
	return r
}

// name is the number of a record that sized has made.
func name(r event.Record) string {
	number, _, _ := bytes.Cut(r.Body, []byte(" "))
	return string(number)
}

func (s *store) fill(t *testing.T, first uint64, n, size int) {
	t.Helper()
	for i := range uint64(n) {
		if err := s.append(sized(first+i, size)); err != nil {
			t.Errorf("append: %v", err)
		}
	}
}

// next takes a record within a minute.
func (s *store) next(t *testing.T) (r event.Record) {
	t.Helper()
	if !testkit.Within(time.Minute, func() (ok bool) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var err error
		r, err = s.source.Next(ctx, nil)
		return err == nil
	}) {
		t.Error("no record comes")
	}
	return r
}

func (s *store) drain(t *testing.T, n int) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for range n {
		r := s.next(t)
		got[name(r)] = true
		s.source.Ack(r.Seq)
	}
	return got
}

// nothing wants that no record is left.
func (s *store) nothing(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if r, err := s.source.Next(ctx, nil); err == nil {
		t.Errorf("record %s is left", name(r))
	}
}

// TestHeldAgain: a record whose time ran out while the servers heard nothing comes again. The
// gateway that still works on it does not deliver it twice, and counts it once.
func TestHeldAgain(t *testing.T) {
	servers := jetstreamtest.Start(t, 1)
	g := join(t, servers, "a", func(o *jetstream.Options) { o.Streams, o.AckWait = 1, time.Second }).up(t)
	s := g.Streams()[0]
	publish(t, s, record(1))
	got := next(t, s.Source())
	servers.Kill(0)
	pass := time.NewTimer(1500 * time.Millisecond) // the time that is given out with the record
	defer pass.Stop()
	<-pass.C
	testkit.Equal(t, "acknowledged", s.Source().Ack(got.Seq), true)
	servers.Run(0)
	g.up(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if r, err := s.Source().Next(ctx, nil); err == nil {
			t.Fatalf("%q came twice", r.Body)
		}
	}
	testkit.Eventually(t, "the servers have confirmed it", func() bool { st := s.Status(); return st.Held == 0 && st.Records == 0 })
	testkit.Equal(t, "taken", g.ledger.Account("linux").Balance().Taken, 3)
}

// TestStopGivesBack: a source whose caller stops again and again takes no record with it.
// Nobody would get such a record before its time has run out, here after an hour.
func TestStopGivesBack(t *testing.T) {
	servers := jetstreamtest.Start(t, 3)
	g := join(t, servers, "a", func(o *jetstream.Options) { o.Streams, o.AckWait = 1, time.Hour }).up(t)
	const n = 200
	stream, rnd := g.Streams()[0], rand.New(rand.NewPCG(1, 2))
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for i := range uint64(n) {
			publish(t, stream, record(i+1))
		}
	})
	got := make(chan string, n)
	limit, end := context.WithTimeout(t.Context(), 30*time.Second)
	defer end()
	for len(got) < n && limit.Err() == nil {
		ctx, cancel := context.WithTimeout(limit, time.Duration(1+rnd.IntN(20))*time.Millisecond)
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for ctx.Err() == nil {
					if r, err := stream.Source().Next(ctx, nil); err == nil {
						stream.Source().Ack(r.Seq)
						got <- string(r.Body)
					}
				}
			})
		}
		workers.Wait()
		cancel()
	}
	publisher.Wait()
	testkit.Equal(t, "records", len(got), n)
	books := g.ledger.Account("linux").Balance()
	testkit.Equal(t, "taken and kept", int(books.Taken-books.GivenBack), 3*n)
}

// freezer is a TCP proxy that stops to read when it is frozen, as a server does that was
// stopped.
type freezer struct {
	net.Listener
	frozen sync.RWMutex // locked: nothing moves
}

func newFreezer(t *testing.T, to string) *freezer {
	f := &freezer{Listener: testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)}
	var work sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	move := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 32<<10)
		for {
			f.frozen.RLock()
			f.frozen.RUnlock() //nolint:staticcheck // it waits while it is frozen
			n, err := from.Read(buf)
			if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}
	work.Go(func() {
		for {
			in, err := f.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			work.Go(func() { move(out, in) })
			work.Go(func() { move(in, out) })
		}
	})
	t.Cleanup(func() {
		f.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return f
}

// TestFrozenServer: a server that reads nothing any more, with more to send to it than the
// buffers of the connection hold, blocks nobody for long: the page, a stop and the pings need
// the connection, too.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	servers := jetstreamtest.Start(t, 1)
	f := newFreezer(t, strings.TrimPrefix(servers.URLs()[0], "nats://"))
	g := join(t, servers, "a", func(o *jetstream.Options) {
		o.Servers, o.Streams = []string{"nats://" + f.Addr().String()}, 1
	}).up(t)
	s := g.Streams()[0]
	f.frozen.Lock()
	thaw := sync.OnceFunc(f.frozen.Unlock)
	defer thaw()
	began := time.Now()
	var publishers sync.WaitGroup
	for i := range uint64(40) {
		publishers.Go(func() {
			if _, err := s.Publish(t.Context(), 0, sized(i+1, 1<<20), ""); err == nil {
				t.Errorf("record %d is stored by a frozen server", i+1)
			}
		})
	}
	publishers.Wait()
	for g.AnyUp() && time.Since(began) < time.Minute {
		_ = s.Status()
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("it took %v to notice", took)
	}
	thaw()
	g.up(t)
	publish(t, s, record(1))
}
