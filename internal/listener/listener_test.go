package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// gnet keeps a pool of workers for its whole life.
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"))
}

type bench struct {
	t        *testing.T
	sink     *ingesttest.Sink
	ledger   *ledger.Ledger
	l        *Listener
	port     int
	loops    int // of UDP; 0 is the default
	tcpLoops int
	others   []SourceOptions // beside the source of port
	log      testkit.Log
	served   func() // ends what serve has begun
}

func settings(t testing.TB, vendorName string) ingest.Settings {
	t.Helper()
	parser := testkit.Try(dialect.New(vendorName, nil))(t)
	profile := testkit.Try(splunk.NewProfile("default", splunk.Naming{}, nil))(t)
	return ingest.Settings{
		Vendor: vendorName, Parser: parser, Profile: profile, Index: "os", Location: time.UTC,
		MaxMessage: 1024, MaxConnections: 100, IdleTimeout: time.Hour,
	}
}

// freePort finds a port that is free for UDP and TCP.
func freePort(t testing.TB) int {
	t.Helper()
	ports := testkit.Try(testkit.FreePorts(1))(t)
	return ports[0]
}

func listen(t *testing.T, change func(*SourceOptions)) *bench {
	t.Helper()
	return listenBlocked(t, nil, change)
}

// listenBlocked is listen with a sink that takes nothing until block is closed.
func listenBlocked(t *testing.T, block chan struct{}, change func(*SourceOptions)) *bench {
	t.Helper()
	b := &bench{t: t, ledger: ledger.New(), port: freePort(t)}
	pool := event.NewPool(16, 64<<10)
	b.sink = ingesttest.NewSink(pool)
	b.sink.Block = block
	o := SourceOptions{
		Name: "linux", Address: "127.0.0.1", Port: b.port,
		Transports: []ledger.Transport{ledger.UDP, ledger.TCP}, ReceiveBuffer: 1 << 20,
		Settings: settings(t, "linux"),
	}
	if change != nil {
		change(&o)
	}
	var err error
	b.l, err = New(Options{
		Sources: []SourceOptions{o},
		Ingest: ingest.Options{
			MaxBytes: 32 << 10, MaxEvents: 500, MaxAge: 20 * time.Millisecond,
			Pool: pool, Sink: b.sink, Stop: make(chan struct{}),
		},
		Ledger: b.ledger, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	testkit.Must(t, err)
	testkit.Must(t, b.l.Open(t.Context()))
	t.Cleanup(b.stop)
	return b
}

func (b *bench) stop() {
	if b.l == nil {
		return
	}
	if b.served != nil {
		b.served()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	testkit.Equal(b.t, "drain", b.l.Drain(ctx), nil)
	b.l = nil
	for _, a := range b.ledger.Accounts() {
		if bal := a.Balance(); bal.Difference() != 0 || bal.InMemory != 0 {
			b.t.Errorf("the books do not balance: %+v", bal)
		}
	}
}

func (b *bench) dial(network string) net.Conn {
	b.t.Helper()
	c := testkit.Try(net.Dial(network, fmt.Sprintf("127.0.0.1:%d", b.port)))(b.t)
	b.t.Cleanup(func() { c.Close() })
	return c
}

// wait waits until n events have arrived.
func (b *bench) wait(n int) []ingesttest.Event {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	for b.sink.Count() < n {
		select {
		case <-b.sink.More:
		case <-deadline:
			b.t.Fatalf("%d of %d events after 20 s", b.sink.Count(), n)
		}
	}
	return b.sink.Decode(b.t)
}

func (b *bench) balance() ledger.Balance { return b.ledger.Account("linux").Balance() }

func TestMessagesOfBothTransports(t *testing.T) {
	b := listen(t, nil)
	fmt.Fprint(b.dial("tcp"), "<38>Nov 22 17:00:00 web1 sshd[7]: over tcp\n")
	fmt.Fprint(b.dial("udp"), "<38>Nov 22 17:00:00 web1 sshd[7]: over udp\n")
	seen := make(map[string]ingesttest.Event)
	for _, e := range b.wait(2) {
		seen[e.Fields["transport"]] = e
	}
	for transport, e := range seen {
		if e.Host != "web1" || !strings.HasSuffix(e.Event, "over "+transport) || e.Source != fmt.Sprintf("syslog:%d", b.port) ||
			e.Fields["sender_ip"] != "127.0.0.1" || e.Fields["facility"] != "auth" || e.Fields["severity"] != "info" {
			t.Errorf("%s: %+v", transport, e)
		}
	}
	if len(seen) != 2 {
		t.Errorf("transports: %v", seen)
	}
	b.stop()
	if bal := b.balance(); bal.Received != 2 || bal.ByTransport[ledger.UDP].Events != 1 {
		t.Errorf("balance %+v", bal)
	}
}

func TestEveryMessageOnce(t *testing.T) {
	b := listen(t, func(o *SourceOptions) { o.ReceiveBuffer = 16 << 20 })
	const conns, each, datagrams = 5, 4000, 3000
	var wg sync.WaitGroup
	for c := range conns {
		conn := b.dial("tcp")
		wg.Go(func() {
			var buf bytes.Buffer
			for i := range each {
				msg := fmt.Sprintf("<13>Nov 22 17:00:00 host app: n=%d-%d", c, i)
				if c%2 == 0 {
					fmt.Fprintf(&buf, "%s\n", msg)
				} else {
					fmt.Fprintf(&buf, "%d %s", len(msg), msg)
				}
			}
			for buf.Len() > 0 { // in pieces that end anywhere
				_, _ = conn.Write(buf.Next(1 + buf.Len()*37%4099))
			}
			conn.Close()
		})
	}
	udp := b.dial("udp")
	wg.Go(func() {
		for i := range datagrams {
			fmt.Fprintf(udp, "<13>Nov 22 17:00:00 host app: n=u-%d\n", i)
			if i%200 == 199 { // a datagram has no back-pressure: wait for what was sent
				b.waitReceived(i + 1)
			}
		}
	})
	wg.Wait()
	b.wait(conns*each + datagrams)
	b.stop()
	seen := make(map[string]int)
	for _, e := range b.sink.Decode(t) {
		seen[e.Event[strings.Index(e.Event, "n="):]]++
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", n, times)
		}
	}
	if want := conns*each + datagrams; len(seen) != want {
		t.Errorf("%d different messages, want %d", len(seen), want)
	}
}

// waitReceived waits until the books show n messages by UDP.
func (b *bench) waitReceived(n int) {
	received := func() uint64 { return b.ledger.Account("linux").ReceivedBy(ledger.UDP) }
	if !testkit.Within(20*time.Second, func() bool { return received() >= uint64(n) }) {
		b.t.Errorf("%d of %d received", received(), n)
	}
}

func TestUnterminatedMessageAtTheEnd(t *testing.T) {
	b := listen(t, nil)
	c := b.dial("tcp")
	fmt.Fprint(c, "<13>one\n<13>two without end")
	c.Close()
	events := b.wait(2)
	if events[1].Event != "<13>two without end" || events[1].Fields["truncated"] != "" {
		t.Errorf("got %+v", events[1])
	}
}

func TestLongMessageIsCut(t *testing.T) {
	b := listen(t, nil)
	fmt.Fprintf(b.dial("tcp"), "<13>%s\n<13>next\n", strings.Repeat("ä", 4000))
	fmt.Fprintf(b.dial("udp"), "<13>%s", strings.Repeat("x", 4000))
	var cut int
	for _, e := range b.wait(3) {
		if e.Fields["truncated"] == "true" {
			cut++
			if len(e.Event) > 1024 || len(e.Event) < 1020 || strings.ContainsRune(e.Event, '\ufffd') {
				t.Errorf("cut to %d bytes: %q", len(e.Event), e.Event[len(e.Event)-10:])
			}
		} else if e.Event != "<13>next" {
			t.Errorf("the neighbour is %q", e.Event)
		}
	}
	if cut != 2 || b.balance().Truncated != 2 {
		t.Errorf("%d cut, %d counted", cut, b.balance().Truncated)
	}
}

func TestNoSyslogIsTurnedAway(t *testing.T) {
	f := func(first string, reason rejection) {
		t.Helper()
		b := listen(t, nil)
		c := b.dial("tcp")
		fmt.Fprint(c, first)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stayed open: %v", reason, err)
		}
		if n := b.l.Status()[0].Rejected[reason.String()]; n != 1 {
			t.Errorf("%s counted %d times", reason, n)
		}
		if bal := b.balance(); bal.FramingErrors != 1 || bal.Received != 0 {
			t.Errorf("%s: %+v", reason, bal)
		}
		b.stop()
	}
	f("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", rejectTLS)
	f("GET / HTTP/1.1\r\nHost: x\r\n\r\n", rejectHTTP)
	f("x\x9c\xe3\x02\x00\x00\x0b", rejectCompressed)
}

func TestEmptyMessagesAreCounted(t *testing.T) {
	b := listen(t, nil)
	udp := b.dial("udp")
	fmt.Fprint(udp, "  \t ")
	_, _ = udp.Write(nil)
	fmt.Fprint(udp, "<13>x")
	b.wait(1)
	b.stop()
	if bal := b.balance(); bal.Received != 3 || bal.DropReasons["empty"] != 2 {
		t.Errorf("balance %+v", bal)
	}
}

func TestAllowList(t *testing.T) {
	b := listen(t, func(o *SourceOptions) {
		o.Settings.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	fmt.Fprint(b.dial("udp"), "<13>x")
	b.waitReceived(1)
	c := b.dial("tcp")
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a stranger's connection stayed open: %v", err)
	}
	s := settings(t, "linux")
	s.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	b.l.Source("linux").Apply(s)
	fmt.Fprint(b.dial("udp"), "<13>allowed by udp")
	fmt.Fprint(b.dial("tcp"), "<13>allowed by tcp\n")
	b.wait(2)
	st := b.l.Status()[0]
	b.stop()
	if bal := b.balance(); bal.DropReasons["not_allowed"] != 1 || st.Rejected[rejectNotAllowed.String()] != 1 {
		t.Errorf("balance %+v, rejected %v", bal, st.Rejected)
	}
}

func TestConnectionLimit(t *testing.T) {
	b := listen(t, func(o *SourceOptions) { o.Settings.MaxConnections = 2 })
	a, c := b.dial("tcp"), b.dial("tcp")
	fmt.Fprint(a, "<13>a\n")
	fmt.Fprint(c, "<13>c\n")
	b.wait(2)
	fmt.Fprint(c, "<13>c again\n")
	b.wait(3)
	d := b.dial("tcp")
	fmt.Fprint(d, "<13>d\n")
	b.wait(4)
	if !closed(a) {
		t.Error("the longest silent one of three connections where two may be is open")
	}
	fmt.Fprint(c, "<13>c once more\n")
	b.wait(5)
	st := b.l.Status()[0]
	if st.Rejected[rejectMaxConnections.String()] != 1 || st.Connections["tcp"] != 2 {
		t.Errorf("status %+v", st)
	}
}

// closed waits until the other end closes a connection.
func closed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestIdleConnectionIsClosed(t *testing.T) {
	b := listen(t, func(o *SourceOptions) { o.Settings.IdleTimeout = time.Second })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.l.Run(ctx) }()
	c := b.dial("tcp")
	fmt.Fprint(c, "<13>unfinished")
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("still open: %v", err)
	}
	testkit.Equal(t, "the event", b.wait(1)[0].Event, "<13>unfinished")
	cancel()
	testkit.Equal(t, "error", <-done, nil)
}

func TestBackPressureStopsReading(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, nil)
	c := b.dial("tcp")
	line := []byte("<13>Nov 22 17:00:00 host app: " + strings.Repeat("x", 970) + "\n")
	sent := 0
	for { // until the kernel's buffers are full
		_ = c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := c.Write(bytes.Repeat(line, 64))
		sent += n
		if err != nil {
			break
		}
		if sent > 64<<20 {
			t.Fatal("64 MiB were read under back-pressure")
		}
	}
	fmt.Fprint(b.dial("udp"), "<13>udp goes on until its batch is full")
	b.waitReceived(1)
	close(block)
	c.Close()
	b.wait(sent / len(line))
	b.stop()
	if got := b.balance().Received; got < uint64(sent/len(line)) {
		t.Errorf("%d of %d messages", got, sent/len(line))
	}
}

func TestStopTakesWhatIsOnTheWay(t *testing.T) {
	b := listen(t, nil)
	const each = 20000
	c := b.dial("tcp")
	var buf bytes.Buffer
	for i := range each {
		fmt.Fprintf(&buf, "<13>Nov 22 17:00:00 host app: %d\n", i)
	}
	testkit.Try(c.Write(buf.Bytes()))(t)
	b.stop() // the connection is open and its bytes may be unread
	if n := b.sink.Count(); n != each {
		t.Errorf("%d of %d messages", n, each)
	}
}

func TestPortsThatAreTaken(t *testing.T) {
	b := listen(t, nil)
	f := func(transports []ledger.Transport, want string) {
		t.Helper()
		second, err := New(Options{
			Sources: []SourceOptions{{
				Name: "second", Address: "127.0.0.1", Port: b.port, Transports: transports,
				ReceiveBuffer: 4096, Settings: settings(t, "linux"),
			}},
			Ingest: ingest.Options{Pool: event.NewPool(1, 1024), Sink: b.sink, MaxBytes: 1, MaxEvents: 1, MaxAge: time.Second},
			Ledger: ledger.New(), Logger: slog.New(slog.DiscardHandler),
		})
		testkit.Must(t, err)
		err = second.Open(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "second") {
			t.Errorf("a second listener on %v: %v", transports, err)
		}
		_ = second.Drain(t.Context())
	}
	f([]ledger.Transport{ledger.UDP}, "listen on UDP")
	f([]ledger.Transport{ledger.TCP}, "listen on TCP")
}

func TestForeign(t *testing.T) {
	for _, ok := range []string{
		"<13>x", "GET lost", "x", "", "PUT it HTTP there", "{\"a\":1}", "1,2020/10/09", "349 <14>1 -",
		"x^2 is a power\n", "POST of HTTP/1.1 request failed\n", "GET ready\n<13>a\nGET / HTTP/1.1\n", "GET / HTTP/1.1 and more\n",
	} {
		if r, yes := foreign([]byte(ok)); yes {
			t.Errorf("%q is taken for %s", ok, r)
		}
	}
}

func TestLoopsOfTransports(t *testing.T) {
	if !slices.Equal(ledger.Transports(), []ledger.Transport{ledger.UDP, ledger.TCP, ledger.TLS, ledger.RELP, ledger.RELPTLS}) {
		t.Error("the order of transports is that of the columns in the books")
	}
	testkit.Equal(t, "Batchers of a source with all transports and a loop each", Batchers(1, 1), len(ledger.Transports()))
}

// All addresses, one family, and both: what is bound is what is written.
func TestAddresses(t *testing.T) {
	f := func(address, from string, want bool) {
		t.Helper()
		b := listen(t, func(o *SourceOptions) { o.Address = address })
		for _, network := range []string{"udp", "tcp"} {
			c, err := net.Dial(network, net.JoinHostPort(from, fmt.Sprint(b.port)))
			if err != nil {
				if want {
					t.Errorf("%s from %s to %q: %v", network, from, address, err)
				}
				continue
			}
			_, err = fmt.Fprintf(c, "<13>%s to %q\n", network, address)
			if err == nil && !want && network == "tcp" {
				t.Errorf("%q takes connections of %s", address, from)
			}
			c.Close()
		}
		if want {
			for _, e := range b.wait(2) {
				if e.Fields["sender_ip"] != from {
					t.Errorf("to %q: the sender is %s, not %s", address, e.Fields["sender_ip"], from)
				}
			}
		}
		b.stop()
	}
	f("", "127.0.0.1", true)
	f("::", "127.0.0.1", true)
	f("0.0.0.0", "127.0.0.1", true)
	f("127.0.0.1", "127.0.0.1", true)
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil { // the machine has IPv6
		l.Close()
		f("", "::1", true)
		f("::", "::1", true)
		f("::1", "::1", true)
		f("0.0.0.0", "::1", false)
		f("::1", "127.0.0.1", false)
	}
}

// A loop that is blocked leaves its connections unread; that is not their silence.
func TestBlockedConnectionsAreNotIdle(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, func(o *SourceOptions) { o.Settings.IdleTimeout = time.Second })
	c := b.dial("tcp")
	line := "<13>Nov 22 17:00:00 host app: " + strings.Repeat("x", 100) + "\n"
	const n = 8000
	testkit.Try(c.Write(bytes.Repeat([]byte(line), n)))(t)
	b.waitBlocked()
	for range 3 { // as Run does, long after the timeout
		b.l.tcp.checkIdle(time.Now().Add(time.Hour))
	}
	close(block)
	b.wait(n)
}

// waitBlocked waits until a loop is blocked in a read.
func (b *bench) waitBlocked() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for still := 0; still < 10; <-tick.C {
		if b.l.tcp.reading.Load() > 0 {
			still++
		} else {
			still = 0
		}
	}
}

// A stop while the path is blocked waits for it: blocked is not silent.
func TestStopWhileBlocked(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, nil)
	c := b.dial("tcp")
	const n = 8000
	testkit.Try(c.Write(bytes.Repeat([]byte("<13>Nov 22 17:00:00 host app: "+strings.Repeat("x", 100)+"\n"), n)))(t)
	b.waitBlocked()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.stop()
	}()
	select {
	case <-stopped:
		t.Error("stopped while the path was blocked")
	case <-time.After(2 * quiet):
	}
	close(block)
	<-stopped
	if got := b.sink.Count(); got != n {
		t.Errorf("%d of %d messages", got, n)
	}
}

// Connections that the kernel has established and their senders have closed again
// are taken before a stop ends.
func TestStopTakesTheBacklog(t *testing.T) {
	b := listen(t, nil)
	const n = 90
	for i := range n {
		c := b.dial("tcp")
		fmt.Fprintf(c, "<13>%d\n", i)
		c.Close()
	}
	b.stop()
	if got := b.sink.Count(); got != n {
		t.Errorf("%d of %d messages", got, n)
	}
}

// Senders that never stop do not hold a stop up, and what was taken is delivered.
func TestStopDoesNotWaitForEver(t *testing.T) {
	b := listen(t, nil)
	end := make(chan struct{})
	var wg sync.WaitGroup
	for _, network := range []string{"tcp", "udp"} {
		c := b.dial(network)
		wg.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					if _, err := fmt.Fprint(c, "<13>Nov 22 17:00:00 host app: again and again\n"); err != nil && network == "tcp" {
						return
					}
				}
			}
		})
	}
	b.wait(100)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	_ = b.l.Drain(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stop took %v with a limit of 1 s", took)
	}
	b.l = nil
	close(end)
	wg.Wait()
	if bal := b.balance(); bal.Difference() != 0 || bal.InMemory != 0 || bal.Queued != int64(b.sink.Count()) {
		t.Errorf("balance %+v with %d events", bal, b.sink.Count())
	}
}
