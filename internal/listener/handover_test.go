package listener

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

// generation starts one process of a line of them: all write into the bench's sink.
func (b *bench) generation(s *store, address string, transports ...ledger.Transport) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	b.l, err = New(Options{
		Sources: []SourceOptions{{
			Name: "linux", Address: address, Port: b.port, Transports: transports,
			ReceiveBuffer: 4 << 20, Settings: settings(b.t, "linux"),
		}},
		Batching: Batching{
			MaxBytes: 32 << 10, MaxEvents: 500, MaxAge: 20 * time.Millisecond,
			Pool: b.sink.pool, Sink: b.sink, Stop: make(chan struct{}),
		},
		Ledger: b.ledger, Logger: log, Keeper: s, Inherited: Inherit(s.files(b.t), s, log),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.l.Start(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) stopGeneration() {
	b.t.Helper()
	l := b.l
	b.stop()
	if err := l.Close(); err != nil {
		b.t.Error(err)
	}
}

func line(t *testing.T) (*bench, *store) {
	pool := event.NewPool(16, 64<<10)
	b := &bench{t: t, ledger: ledger.New(), port: freePort(t)}
	b.sink = &collect{pool: pool, more: make(chan struct{}, 1)}
	s := &store{}
	t.Cleanup(s.close)
	t.Cleanup(b.stop)
	return b, s
}

// flow waits for some more events.
func (b *bench) flow() {
	b.t.Helper()
	enough := b.sink.count() + 1000
	eventually(b.t, "events flow", func() bool { return b.sink.count() >= enough })
}

// paced sends numbered datagrams, about 10,000 a second, until stop is closed.
func paced(c net.Conn, stop <-chan struct{}) (sent int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return sent
		case <-tick.C:
		}
		for range 10 {
			if _, err := fmt.Fprintf(c, "<13>Nov 22 17:00:00 host app: n=%d", sent); err == nil {
				sent++
			}
		}
	}
}

func TestRestartsUnderLoadLoseNoDatagram(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "", "::1"} {
		t.Run("address "+address, func(t *testing.T) {
			b, s := line(t)
			b.generation(s, address, ledger.UDP)
			to := address
			if to == "" {
				to = "127.0.0.1"
			}
			c, err := net.Dial("udp", net.JoinHostPort(to, fmt.Sprint(b.port)))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			stop, sent := make(chan struct{}), make(chan int)
			go func() { sent <- paced(c, stop) }()
			dropped := uint64(0)
			for range 5 {
				b.flow()
				b.stopGeneration()
				b.generation(s, address, ledger.UDP)
			}
			b.flow()
			close(stop)
			n := <-sent
			b.waitReceived(ledger.UDP, n)
			dropped = b.l.Status()[0].KernelDrops
			b.stopGeneration()
			seen := make(map[string]bool)
			for _, e := range b.sink.decode(t) {
				if e.Fields["sender_ip"] != to {
					t.Fatalf("sender %s", e.Fields["sender_ip"])
				}
				if n := e.Event[strings.Index(e.Event, "n="):]; seen[n] {
					t.Errorf("%s twice", n)
				} else {
					seen[n] = true
				}
			}
			if len(seen) != n || dropped != 0 {
				t.Errorf("%d of %d datagrams, %d dropped by the kernel", len(seen), n, dropped)
			}
		})
	}
}

func TestNothingOfTheOldSocketRemains(t *testing.T) {
	b, s := line(t)
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	b.stopGeneration()
	udp := b.dial("udp")
	for i := range 100 {
		fmt.Fprintf(udp, "<13>between two processes %d", i)
	}
	tcp := b.dial("tcp") // into the backlog
	fmt.Fprint(tcp, "<13>from the backlog\n")
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	b.wait(101)
	eventually(t, "one socket of each is stored", func() bool { return len(s.stored()) == 2 })
	b.stopGeneration()
	for _, name := range s.stored() {
		if !strings.HasPrefix(name, keptPrefix) || strings.ContainsAny(name, ": \n") || len(name) > 200 {
			t.Errorf("stored as %q", name)
		}
	}
}

func TestDropsBetweenTwoProcessesAreShown(t *testing.T) {
	b, s := line(t)
	b.generation(s, "127.0.0.1", ledger.UDP)
	b.stopGeneration()
	udp := b.dial("udp")
	const sent = 20000 // more than 4 MiB of the kernel's accounting hold
	text := "<13>" + strings.Repeat("x", 800)
	for range sent {
		fmt.Fprint(udp, text)
	}
	b.generation(s, "127.0.0.1", ledger.UDP)
	eventually(t, "all are received or counted as dropped", func() bool {
		return b.ledger.Account("linux").ReceivedBy(ledger.UDP)+b.l.Status()[0].KernelDrops == sent
	})
	if b.l.Status()[0].KernelDrops == 0 {
		t.Error("nothing was dropped: the test sends too little")
	}
	b.stopGeneration()
	b.generation(s, "127.0.0.1", ledger.UDP) // and not shown twice
	eventually(t, "the old socket is closed", func() bool { return len(s.stored()) == 1 })
	if n := b.l.Status()[0].KernelDrops; n != 0 {
		t.Errorf("%d drops after a quiet restart", n)
	}
}

func TestPortsOfAnOldConfigurationAreClosed(t *testing.T) {
	b, s := line(t)
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	b.stopGeneration()
	old := b.port
	b.port = freePort(t)
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	if n := len(s.stored()); n != 2 {
		t.Errorf("stored: %q", s.stored())
	}
	c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", old))
	if err != nil {
		t.Fatalf("the old port is still held: %v", err)
	}
	c.Close()
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", old)); err == nil {
		c.Close()
		t.Error("the old TCP port is still open")
	}
}

func TestForeignFilesAreClosed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := &store{}
	in := Inherit([]*os.File{r}, s, slog.New(slog.DiscardHandler))
	if len(in.sockets) != 0 {
		t.Errorf("a pipe is taken for %+v", in.sockets[0])
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("the pipe is still open")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	in = Inherit([]*os.File{os.NewFile(uintptr(fd), keptPrefix+"x")}, s, slog.New(slog.DiscardHandler))
	if len(in.sockets) != 0 {
		t.Error("a unix socket is taken")
	}
}

func TestDivertedSocketIsFoundAgain(t *testing.T) {
	c, err := net.ListenPacket("udp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	f, err := c.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	defer s.close()
	if err := s.Keep(keptPrefix+"x", int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := divert(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	f.Close()
	in := Inherit(s.files(t), s, slog.New(slog.DiscardHandler))
	src := newSource(SourceOptions{Name: "x", Port: port, Settings: settings(t, "linux")}, ledger.New())
	got := in.take("udp", src)
	if len(got) != 1 {
		t.Fatalf("%d sockets", len(got))
	}
	got[0].Close()
}

func TestReportedDrops(t *testing.T) {
	f := func(name string, want uint64) {
		t.Helper()
		if got := reportedDrops(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	f(withDrops("syslog-gateway.udp-1514.77", 12), 12)
	f("syslog-gateway.udp-1514.77", 0)
	f("syslog-gateway.udp-1514.77.drops-x", 0)
}

func TestStuckLoopsAreFound(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		b := listen(t, nil)
		c := b.dial(network)
		fmt.Fprint(c, "<13>first\n")
		b.wait(1)
		hang := make(chan struct{})
		for _, in := range b.l.intakes {
			in.mu.Lock()
			in.explain = func(*sender, []byte, string, bool) { <-hang } // as a bug would
			in.mu.Unlock()
		}
		const limit = 50 * time.Millisecond
		turning := func() bool { return b.l.Stuck(limit, false) == nil }
		eventually(t, "all loops turn", turning)
		fmt.Fprint(c, "<13>second\n")
		eventually(t, "the loop is found to be stuck", func() bool { return !turning() })
		if err := b.l.Stuck(limit, false); err == nil || !strings.Contains(err.Error(), "the "+network+" event loop") {
			t.Errorf("%s: %v", network, err)
		}
		if err := b.l.Stuck(limit, true); err == nil {
			t.Error("it is excused, although it does not wait for room")
		}
		close(hang)
		eventually(t, "all loops turn again", turning)
		b.stop()
	}
}

// A machine that was stopped for an hour, and its watchdog with it, has no stuck loops.
func TestWhoAsksLateFindsNothing(t *testing.T) {
	b := listen(t, nil)
	if err := b.l.Stuck(time.Minute, false); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	for _, beat := range append(slices.Clone(b.l.tcp.beats), b.l.udp.beat) {
		eventually(t, "the loop has answered", func() bool { return beat.silent(later) == 0 })
	}
}

func TestLoopsThatWaitForRoomAreExcused(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, nil)
	unblock := sync.OnceFunc(func() { close(block) })
	t.Cleanup(unblock) // before the listener stops
	const limit = 50 * time.Millisecond
	conn := b.dial("udp")
	eventually(t, "the loop waits for the intake, which waits for room", func() bool {
		fmt.Fprint(conn, "<13>again\n")
		return b.l.Stuck(limit, false) != nil && b.l.waits(ledger.UDP)
	})
	if err := b.l.Stuck(limit, true); err != nil {
		t.Error(err)
	}
	unblock()
	eventually(t, "all loops turn again", func() bool { return b.l.Stuck(limit, false) == nil })
}

func TestEndOfATCPLoopEndsTheListener(t *testing.T) {
	b := listen(t, nil)
	ended := make(chan error, 1)
	go func() { ended <- b.l.Run(t.Context()) }()
	if err := b.l.tcp.beats[0].far.Close(); err != nil { // gnet then closes the near end, as at the end of a loop
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "TCP event loop") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody noticed")
	}
	b.l.tcp.beats = nil
}

// eventually polls until done, or fails after 20 s.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after 20 s it is still not so that %s", what)
		}
	}
}

func TestNothingInherited(t *testing.T) {
	var in *Inherited
	if got := in.take("udp", nil); got != nil {
		t.Errorf("nothing is inherited, but %v", got)
	}
	in.closeRest()
}
