package listener

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/listener/inherit"
	"syslog-gateway/internal/listener/inherit/inherittest"
	"syslog-gateway/internal/testkit"
)

// generation starts one process of a line of them: all write into the bench's sink.
func (b *bench) generation(s *inherittest.Store, address string, transports ...ledger.Transport) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	b.l, err = New(Options{
		Sources: append([]SourceOptions{{
			Name: "linux", Address: address, Port: b.port, Transports: transports,
			ReceiveBuffer: 4 << 20, Settings: settings(b.t, "linux"),
		}}, b.others...),
		UDPLoops: b.loops, TCPLoops: b.tcpLoops,
		Ingest: ingest.Options{
			MaxBytes: 32 << 10, MaxEvents: 500, MaxAge: 20 * time.Millisecond,
			Pool: b.sink.Pool, Sink: b.sink, Stop: make(chan struct{}),
		},
		Ledger: b.ledger, Logger: log, Store: s, Inherited: inherit.Adopt(s.Files(b.t), s, log),
	})
	testkit.Must(b.t, err)
	testkit.Must(b.t, b.l.Open(b.t.Context()))
}

func (b *bench) stopGeneration() {
	b.t.Helper()
	l := b.l
	b.stop()
	testkit.Equal(b.t, "error", l.Close(b.t.Context()), nil)
}

func line(t *testing.T) (*bench, *inherittest.Store) {
	pool := event.NewPool(16, 64<<10)
	b := &bench{t: t, ledger: ledger.New(), port: freePort(t)}
	b.sink = ingesttest.NewSink(pool)
	s := &inherittest.Store{}
	t.Cleanup(s.Close)
	t.Cleanup(b.stop)
	return b, s
}

// flow waits for some more events.
func (b *bench) flow() {
	b.t.Helper()
	enough := b.sink.Count() + 1000
	testkit.Eventually(b.t, "events flow", func() bool { return b.sink.Count() >= enough })
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
			c := testkit.Try(net.Dial("udp", net.JoinHostPort(to, fmt.Sprint(b.port))))(t)
			defer c.Close()
			stop, sent := make(chan struct{}), make(chan int)
			go func() { sent <- testkit.Datagrams(c, 10, "<13>Nov 22 17:00:00 host app: n=%d", stop) }()
			dropped := uint64(0)
			for range 5 {
				b.flow()
				b.stopGeneration()
				b.generation(s, address, ledger.UDP)
			}
			b.flow()
			close(stop)
			n := <-sent
			b.waitReceived(n)
			dropped = b.l.Status()[0].KernelDrops
			b.stopGeneration()
			seen := make(map[string]bool)
			for _, e := range b.sink.Decode(t) {
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
	testkit.Eventually(t, "one socket of each is stored", func() bool { return len(s.Names()) == 2 })
	b.stopGeneration()
	for _, name := range s.Names() {
		if !strings.HasPrefix(name, "syslog-gateway.") || strings.ContainsAny(name, ": \n") || len(name) > 200 {
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
	testkit.Eventually(t, "all are received or counted as dropped", func() bool {
		return b.ledger.Account("linux").ReceivedBy(ledger.UDP)+b.l.Status()[0].KernelDrops == sent
	})
	if b.l.Status()[0].KernelDrops == 0 {
		t.Error("nothing was dropped: the test sends too little")
	}
	b.stopGeneration()
	b.generation(s, "127.0.0.1", ledger.UDP) // and not shown twice
	testkit.Eventually(t, "the old socket is closed", func() bool { return len(s.Names()) == 1 })
	testkit.Equal(t, "drops after a quiet restart", b.l.Status()[0].KernelDrops, 0)
}

func TestPortsOfAnOldConfigurationAreClosed(t *testing.T) {
	b, s := line(t)
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	b.stopGeneration()
	old := b.port
	b.port = freePort(t)
	b.generation(s, "127.0.0.1", ledger.UDP, ledger.TCP)
	if n := len(s.Names()); n != 2 {
		t.Errorf("stored: %q", s.Names())
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

// With another number of loops the sockets of the process before are read on, and none of
// them is left without a reader.
func TestRestartsWithOtherLoopsLoseNoDatagram(t *testing.T) {
	b, s := line(t)
	b.loops = 4
	b.generation(s, "127.0.0.1", ledger.UDP)
	c := b.dial("udp")
	stop, sent := make(chan struct{}), make(chan int)
	go func() { sent <- testkit.Datagrams(c, 10, "<13>Nov 22 17:00:00 host app: n=%d", stop) }()
	for _, loops := range []int{2, 8, 1, 3} {
		b.flow()
		b.stopGeneration()
		b.loops = loops
		b.generation(s, "127.0.0.1", ledger.UDP)
	}
	b.flow()
	close(stop)
	n := <-sent
	b.waitReceived(n)
	sockets := b.l.Status()[0].Sockets
	testkit.Equal(t, "sockets", len(sockets), 8) // never fewer than there were
	for i, one := range sockets {
		if one.Received == 0 || one.Drops != 0 {
			t.Errorf("socket %d: %+v", i, one)
		}
	}
	b.stopGeneration()
	testkit.Equal(t, "stored", len(s.Names()), 8)
	seen := make(map[string]bool)
	for _, e := range b.sink.Decode(t) {
		seen[e.Event[strings.Index(e.Event, "n="):]] = true
	}
	if len(seen) != n || b.sink.Count() != n {
		t.Errorf("%d events, %d different, of %d datagrams", b.sink.Count(), len(seen), n)
	}
}

// One sender's datagrams go to all sockets in equal parts.
func TestOneSenderIsSpread(t *testing.T) {
	b, s := line(t)
	b.loops = 4
	b.generation(s, "127.0.0.1", ledger.UDP)
	udp := b.dial("udp")
	const sent = 20_000
	for i := range sent {
		fmt.Fprintf(udp, "<13>one sender %d", i)
		if i%500 == 0 {
			testkit.Eventually(t, "they are received", func() bool { return b.ledger.Account("linux").ReceivedBy(ledger.UDP) >= uint64(i) })
		}
	}
	b.waitReceived(sent)
	for i, one := range b.l.Status()[0].Sockets {
		if share := float64(one.Received) / (sent / 4); share < 0.95 || share > 1.05 {
			t.Errorf("socket %d has %.3f of its even share", i, share)
		}
	}
}

// A flood on one port costs another port nothing: its datagrams come in time and none is
// dropped, while the kernel drops those of the flood.
func TestAFloodStarvesNoOtherPort(t *testing.T) {
	b, s := line(t)
	b.loops = 1
	b.others = []SourceOptions{{
		Name: "flooded", Address: "127.0.0.1", Port: freePort(t), Transports: []ledger.Transport{ledger.UDP},
		ReceiveBuffer: 4096, Settings: settings(t, "linux"),
	}}
	b.generation(s, "127.0.0.1", ledger.UDP)
	flood := testkit.Try(net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", b.others[0].Port)))(t)
	defer flood.Close()
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				fmt.Fprint(flood, "<13>flood")
			}
		}
	}()
	quiet := b.dial("udp")
	const sent = 500
	for i := range sent {
		fmt.Fprintf(quiet, "<13>one of few %d", i)
		testkit.Eventually(t, "it has come", func() bool { return b.ledger.Account("linux").ReceivedBy(ledger.UDP) == uint64(i+1) })
	}
	close(stop)
	<-ended
	all := b.l.Status()
	if all[0].KernelDrops != 0 || all[1].KernelDrops == 0 {
		t.Errorf("dropped: %d of the few, %d of the flood", all[0].KernelDrops, all[1].KernelDrops)
	}
}
