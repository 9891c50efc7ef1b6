package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

// certificate signs itself for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	authority := testkit.Try(testkit.NewAuthority())(t)
	cert := testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t)
	return *cert
}

// overBoth runs a test over TCP and over TLS. The dialer connects from an address.
func overBoth(t *testing.T, test func(t *testing.T, change func(*SourceOptions), dial func(b *bench, from string) net.Conn)) {
	from := func(b *bench, from string) net.Conn {
		b.t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c := testkit.Try(d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port)))(b.t)
		b.t.Cleanup(func() { c.Close() })
		return c
	}
	t.Run("tcp", func(t *testing.T) { test(t, func(*SourceOptions) {}, from) })
	t.Run("tls", func(t *testing.T) {
		cert := certificate(t)
		test(t, func(o *SourceOptions) {
			o.Transports = []ledger.Transport{ledger.TLS}
			o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		}, func(b *bench, address string) net.Conn {
			b.t.Helper()
			c := tls.Client(from(b, address), &tls.Config{InsecureSkipVerify: true})
			testkit.Must(b.t, c.Handshake())
			return c
		})
	})
}

// serve runs the listener's own work until the test ends.
func (b *bench) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	l := b.l
	go func() { done <- l.Run(ctx) }()
	b.served = func() {
		cancel()
		testkit.Equal(b.t, "error", <-done, nil)
	}
}

// open waits until so many connections of a source are open.
func (b *bench) open(n int) {
	b.t.Helper()
	testkit.Eventually(b.t, fmt.Sprintf("%d connections are open", n), func() bool {
		return int(b.l.sources[0].open[ledger.TCP].Load()+b.l.sources[0].open[ledger.TLS].Load()) == n
	})
}

// Who holds all connections locks nobody out: he gives up its own, and a flood of its
// costs him alone.
func TestHoarderOfConnections(t *testing.T) {
	overBoth(t, func(t *testing.T, change func(*SourceOptions), dial func(*bench, string) net.Conn) {
		const most = 30
		b := listen(t, func(o *SourceOptions) {
			o.Settings.MaxConnections = most
			change(o)
		})
		var idle []net.Conn
		for range most {
			idle = append(idle, dial(b, "127.0.0.1"))
		}
		b.open(most)
		var others []net.Conn
		for i := range 5 {
			c := dial(b, fmt.Sprintf("127.0.0.%d", 2+i))
			fmt.Fprintf(c, "<13>first of %d\n", i)
			others = append(others, c)
		}
		b.wait(len(others))
		if !closed(idle[0]) {
			t.Error("the hoarder's longest silent connection is open")
		}
		for range 3 * most { // the flood
			dial(b, "127.0.0.1")
		}
		flood := uint64(len(others) + 3*most)
		testkit.Eventually(t, "all of the flood has come", func() bool { return b.l.Status()[0].Rejected[rejectMaxConnections.String()] >= flood })
		for i, c := range others {
			fmt.Fprintf(c, "<13>second of %d\n", i)
		}
		b.wait(2 * len(others))
		b.open(most)
		testkit.Equal(t, "connections were closed to make room", b.l.Status()[0].Rejected[rejectMaxConnections.String()], flood)
		if text := b.log.String(); strings.Count(text, "make room") != 1 || !strings.Contains(text, "address=127.0.0.1") {
			t.Errorf("the log says: %s", text)
		}
	})
}

// A connection that makes room loses nothing that it has brought.
func TestRoomIsMadeWithoutLoss(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, func(o *SourceOptions) { o.Settings.MaxConnections = 1 })
	const n = 4000
	line := "<13>Nov 22 17:00:00 host app: " + strings.Repeat("x", 100) + "\n"
	c := b.dial("tcp")
	testkit.Try(c.Write(bytes.Repeat([]byte(line), n)))(t)
	b.waitBlocked()
	var wg sync.WaitGroup
	wg.Go(func() { // it waits until the loop is free
		d := b.dial("tcp")
		fmt.Fprint(d, "<13>newcomer\n")
	})
	testkit.Eventually(t, "the newcomer is seen", func() bool { return b.l.tcp.connections.open.Load() == 2 })
	close(block)
	wg.Wait()
	b.wait(n + 1)
}

// Who holds all memory for messages that do not end has his own cut, not those of
// others.
func TestHoarderOfPartialMessages(t *testing.T) {
	b := listen(t, func(o *SourceOptions) {
		o.Settings.MaxMessage = 64 << 10
		o.Settings.MaxConnections = 3000
	})
	other := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c := testkit.Try(other.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port)))(t)
	defer c.Close()
	fmt.Fprint(c, "<13>the first half ")
	part := append([]byte("<13>"), bytes.Repeat([]byte("h"), 62<<10)...)
	const hoarders = 1100
	for range hoarders {
		testkit.Try(b.dial("tcp").Write(part))(t)
	}
	source := b.l.Source("linux")
	testkit.Eventually(t, "some of the hoarder's messages are cut", func() bool { return source.Partial()["full"] > 0 })
	fmt.Fprint(c, "and the second\n<13>next\n")
	testkit.Eventually(t, "both of the other one are delivered", func() bool {
		for _, e := range b.sink.Decode(t) {
			if e.Event == "<13>next" {
				return true
			}
		}
		return false
	})
	testkit.Eventually(t, "the memory is within its limit", func() bool {
		return b.l.tcp.connections.partial.Used() <= 64<<20
	})
	whole := false
	for _, e := range b.sink.Decode(t) {
		switch from := e.Fields["sender_ip"]; {
		case from == "127.0.0.2" && e.Fields["truncated"] != "":
			t.Errorf("a message of the other one is cut: %.80q", e.Event)
		case from == "127.0.0.2":
			whole = whole || e.Event == "<13>the first half and the second"
		case e.Fields["truncated"] != "true":
			t.Errorf("a message of the hoarder is not marked as cut: %.80q", e.Event)
		}
	}
	if !whole {
		t.Error("the other one's message did not arrive whole")
	}
}

// partialTimeout is how long a stream may be silent within a message.
const partialTimeout = 5 * time.Second

// A message without its end is delivered when its connection has been silent for 5 s;
// what comes later is a message of its own that goes on with it.
func TestSilentPartialMessageIsDelivered(t *testing.T) {
	overBoth(t, func(t *testing.T, change func(*SourceOptions), dial func(*bench, string) net.Conn) {
		b := listen(t, change)
		b.serve()
		c := dial(b, "127.0.0.1")
		began := time.Now()
		fmt.Fprint(c, "<38>Nov 22 17:00:00 web1 sshd[7]: one\n<38>Nov 22 17:00:00 web1 sshd[7]: without end")
		e := b.wait(2)[1]
		if took := time.Since(began); took < partialTimeout || e.Event != "<38>Nov 22 17:00:00 web1 sshd[7]: without end" || e.Fields["truncated"] != "" {
			t.Errorf("after %v: %+v", took, e)
		}
		fmt.Fprint(c, ", as it seemed\n<38>Nov 22 17:00:00 web2 x: next\n")
		events := b.wait(4)
		if e := events[2]; e.Event != ", as it seemed" || e.Host != "web1" || e.Sourcetype != events[1].Sourcetype {
			t.Errorf("the rest is %+v", e)
		}
		if e := events[3]; e.Host != "web2" {
			t.Errorf("the next is %+v", e)
		}
		if n := b.l.Status()[0].Partial["silent"]; n != 1 {
			t.Errorf("%d are counted", n)
		}
	})
}

// A message whose count only waits for its proof is delivered sooner, and is not
// partial. The blank that a Cisco ASA sends behind LF is no message.
func TestSilenceBehindWholeMessages(t *testing.T) {
	b := listen(t, nil)
	b.serve()
	began := time.Now()
	c, d := b.dial("tcp"), b.dial("tcp")
	fmt.Fprint(c, "7 <14>one")
	fmt.Fprint(d, "<14>two\n ")
	b.wait(2)
	if took := time.Since(began); took > partialTimeout {
		t.Errorf("the first counted message of a connection waited for %v", took)
	}
	fmt.Fprint(c, "9 <14>three") // is believed now
	e := b.dial("tcp")
	fmt.Fprint(e, "9 <14>five522 <14>not ") // 22 may be the count, or 522
	b.wait(4)
	fmt.Fprint(e, "yet at its end")
	time.AfterFunc(partialTimeout+2*idleCheckEvery, func() { fmt.Fprint(d, "<14>four\n") })
	var got []string
	for _, e := range b.wait(6) {
		got = append(got, e.Event)
	}
	slices.Sort(got)
	if want := []string{"<14>five5", "<14>four", "<14>not yet at its end", "<14>one", "<14>three", "<14>two"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b.stop()
	if bal := b.balance(); bal.Received != 6 || bal.Dropped != 0 || bal.FramingErrors != 0 {
		t.Errorf("balance %+v", bal)
	}
}

// An indented line without a PRI goes on with the message before of its connection,
// whichever senders came in between and however it was read.
func TestContinuation(t *testing.T) {
	b := listen(t, func(o *SourceOptions) {
		o.Settings = settings(t, "auto")
		o.Settings.MaxMessage = 200
	})
	c, d := b.dial("tcp"), b.dial("tcp")
	n := 0
	say := func(to net.Conn, text string, events int) []ingesttest.Event {
		t.Helper()
		fmt.Fprint(to, text)
		n += events
		all := b.wait(n)
		return all[len(all)-events:]
	}
	asa := "<166>Nov 22 2026 17:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection\n"
	first := say(c, asa, 1)[0]
	say(d, "<38>Nov 22 17:00:00 web1 sshd[7]: other\n", 1)
	same := func(e ingesttest.Event, event string) {
		t.Helper()
		if e.Event != event || e.Host != "fw1" || e.Sourcetype != first.Sourcetype || e.Index != first.Index ||
			e.Source != first.Source || e.Fields["class"] != first.Fields["class"] || e.Time != first.Time {
			t.Errorf("got %+v, want %q like %+v", e, event, first)
		}
	}
	same(say(c, "\tat line 2\n", 1)[0], "\tat line 2")
	if e := say(d, " of the other\n", 1)[0]; e.Host != "web1" || e.Sourcetype != "linux_secure" {
		t.Errorf("got %+v", e)
	}
	fmt.Fprint(c, "  at li")
	same(say(c, "ne 3\n", 1)[0], "  at line 3")
	same(say(c, " "+strings.Repeat("y", 400)+"\n", 1)[0], " "+strings.Repeat("y", 199))
	for _, e := range say(c, asa+"\tmore\n", 2)[1:] { // of one read
		same(e, "\tmore")
	}
	if e := say(c, "no blank, no PRI\n", 1)[0]; e.Host != "127.0.0.1" {
		t.Errorf("got %+v", e)
	}
	if e := say(b.dial("tcp"), " first of a connection\n", 1)[0]; e.Host != "127.0.0.1" {
		t.Errorf("a line that goes on with nothing: %+v", e)
	}
	b.stop()
	if bal := b.balance(); bal.Received != uint64(n) {
		t.Errorf("balance %+v", bal)
	}
}

// A connection that always has something to read leaves the loop to the others after each
// read.
func TestABusyConnectionHoldsNoLoop(t *testing.T) {
	b, s := line(t)
	b.tcpLoops = 1
	b.others = []SourceOptions{{
		Name: "quiet", Address: "127.0.0.1", Port: freePort(t), Transports: []ledger.Transport{ledger.TCP}, Settings: settings(t, "linux"),
	}}
	b.generation(s, "127.0.0.1", ledger.TCP)
	busy := b.dial("tcp")
	quiet := testkit.Try(net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.others[0].Port)))(t)
	defer quiet.Close()
	text := []byte(strings.Repeat("<13>busy\n", 10_000))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := busy.Write(text); err != nil {
				return // it was closed
			}
		}
	}()
	received := func(source string) uint64 { return b.ledger.Account(source).ReceivedBy(ledger.TCP) }
	testkit.Eventually(t, "the busy connection is read", func() bool { return received("linux") > 50_000 })
	for i := range 10 {
		before := received("linux")
		fmt.Fprint(quiet, "<13>quiet\n")
		testkit.Eventually(t, "the quiet one is read", func() bool { return received("quiet") == uint64(i+1) })
		if n := received("linux") - before; n > 300_000 { // ten reads of 256 KiB
			t.Errorf("%d messages of the busy connection came before one of the quiet one", n)
		}
	}
	busy.Close()
	<-ended
}
