package listener

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

const (
	headerV1     = "PROXY TCP4 192.0.2.7 10.0.0.1 5000 1517\r\n"
	headerV2     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x13\x88\x05\xed"
	headerItself = "PROXY TCP4 127.0.0.1 127.0.0.1 48214 39517\r\n" // HAProxy's check with version 1
	headerUnspec = "\r\n\r\n\x00\r\nQUIT\n\x21\x00\x00\x00"
	headerLocal  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// proxiedBench is a listener behind proxies on this machine. speak makes of a connection to it one
// that carries messages.
type proxiedBench struct {
	*bench
	speak func(net.Conn) net.Conn
}

// overProxies runs a test over TCP and over TLS.
func overProxies(t *testing.T, test func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench)) {
	run := func(name string, transport ledger.Transport, speak func(net.Conn) net.Conn) {
		t.Run(name, func(t *testing.T) {
			cert := certificate(t)
			test(t, func(change func(*SourceOptions)) proxiedBench {
				return proxiedBench{listen(t, func(o *SourceOptions) {
					o.Transports = []ledger.Transport{transport}
					o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
					o.Settings.Proxies = loopback()
					change(o)
				}), speak}
			})
		})
	}
	run("tcp", ledger.TCP, func(c net.Conn) net.Conn { return c })
	run("tls", ledger.TLS, func(c net.Conn) net.Conn { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) })
}

func asIs(*SourceOptions) {}

// entrance is that of the only transport.
func (b proxiedBench) entrance() *entrance {
	if b.l.sources[0].has(ledger.TLS) {
		return b.l.tls.entrance
	}
	return b.l.tcp.entrance
}

// awaiting waits until so many headers are awaited.
func (b proxiedBench) awaiting(n int) {
	b.t.Helper()
	e := b.entrance()
	testkit.Eventually(b.t, fmt.Sprintf("%d headers are awaited", n), func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.awaited) == n
	})
}

func (b proxiedBench) rejected(r rejection) uint64 { return b.l.sources[0].rejected[r].Load() }

// The address in the header is the sender's, in every place that looks at one.
func TestSenderBehindAProxy(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(func(o *SourceOptions) {
			o.Settings.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			o.Settings.Hosts = map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "fw-7"}
		})
		for _, header := range []string{headerV1, headerV2} {
			c := b.dial("tcp")
			fmt.Fprint(c, header)
			fmt.Fprint(b.speak(c), "<13>hello\n<13>again\n")
		}
		for _, e := range b.wait(4) {
			if e.Host != "fw-7" || e.Fields["sender_ip"] != "192.0.2.7" || e.Fields["proxy_ip"] != "127.0.0.1" || !strings.HasPrefix(e.Event, "<13>") {
				t.Errorf("%+v", e)
			}
		}
		c := b.dial("tcp")
		fmt.Fprint(c, strings.Replace(headerV1, "192.0.2.7", "198.51.100.7", 1))
		if !closed(c) || b.rejected(rejectNotAllowed) != 1 {
			t.Errorf("a sender that is not allowed: %d", b.rejected(rejectNotAllowed))
		}
		testkit.Holds(t, "the log", b.log.String(), "198.51.100.7 through 127.0.0.1")
		b.open(2)
	})
}

// The kernel's address counts for the limit of connections.
func TestLimitBehindAProxy(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(func(o *SourceOptions) { o.Settings.MaxConnections = 3 })
		var all []net.Conn
		for range 3 {
			all = append(all, b.dial("tcp"))
			b.awaiting(len(all))
		}
		c := b.dial("tcp") // the first one, which still owes its header, gives way
		if !closed(all[0]) {
			t.Error("the connection that was silent longest stays")
		}
		fmt.Fprint(c, headerV1)
		fmt.Fprint(b.speak(c), "<13>hello\n")
		testkit.Equal(t, "sender", b.wait(1)[0].Fields["sender_ip"], "192.0.2.7")
		b.open(3)
		if b.rejected(rejectMaxConnections) != 1 || b.rejected(rejectProxyHeader) != 0 {
			t.Errorf("rejected %v", b.l.Status()[0].Rejected)
		}
	})
}

func TestConnectionsWithoutAHeader(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(asIs)
		bad := []string{
			"<13>hello\n", "\x16\x03\x01\x02\x00\x01", strings.Replace(headerV1, "\r", "", 1), headerV2[:15] + "\x0b" + headerV2[16:],
			headerV2[:14] + "\xff\xff" + headerV2[16:], headerV2[:15] + "\x0f" + headerV2[16:] + "\x03\xff\xff", headerV1[:20] + "\r\n",
		}
		for i, p := range bad {
			c := b.dial("tcp")
			fmt.Fprint(c, p)
			if !closed(c) {
				t.Errorf("%q: the connection stays", p)
			}
			testkit.Eventually(t, "it is counted", func() bool { return b.rejected(rejectProxyHeader) == uint64(i+1) })
		}
		half := b.dial("tcp")
		fmt.Fprint(half, headerV2[:20])
		testkit.Must(t, half.(*net.TCPConn).CloseWrite())
		if !closed(half) {
			t.Error("half a header: the connection stays")
		}
		testkit.Eventually(t, "it is counted", func() bool { return b.rejected(rejectProxyHeader) == uint64(len(bad)+1) })
		c := b.dial("tcp") // its neighbours are untouched
		fmt.Fprint(c, headerV1)
		fmt.Fprint(b.speak(c), "<13>hello\n")
		b.wait(1)
		if n := strings.Count(b.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log:\n%s", n, &b.log)
		}
		testkit.Holds(t, "the log", b.log.String(), "proxy_protocol", "do not begin with a PROXY header", "source=linux", "proxy=127.0.0.1")
		b.stop()
		testkit.Equal(t, "received", b.balance().Received, 1)
	})
}

func TestSlowHeader(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(asIs)
		e := b.entrance()
		e.mu.Lock()
		e.timeout = 50 * time.Millisecond
		e.mu.Unlock()
		for i, p := range []string{"", headerV1[:1], headerV2[:27]} {
			c := b.dial("tcp")
			fmt.Fprint(c, p)
			if !closed(c) {
				t.Errorf("%q: the connection stays", p)
			}
			testkit.Eventually(t, "it is counted", func() bool { return b.rejected(rejectProxyHeader) == uint64(i+1) })
		}
		b.open(0)
		testkit.Holds(t, "the log", b.log.String(), "wait for the PROXY header", "timeout")
	})
}

// Checks of a proxy are counted, and nobody need know more.
func TestHealthChecks(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(func(o *SourceOptions) { o.Settings.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
		n := 0
		for _, p := range []string{"", headerLocal, "PROXY UNKNOWN\r\n", headerUnspec, headerItself} {
			for _, linger := range []int{-1, 0} { // a close, a reset
				c := b.dial("tcp").(*net.TCPConn)
				fmt.Fprint(c, p)
				testkit.Must(t, c.SetLinger(linger))
				c.Close()
				n++
				testkit.Eventually(t, fmt.Sprintf("%q is counted", p), func() bool { return b.l.Status()[0].Checks == uint64(n) })
			}
		}
		b.open(0)
		if log := b.log.String(); log != "" {
			t.Errorf("the log: %s", log)
		}
		for reason, n := range b.l.Status()[0].Rejected {
			testkit.Equal(t, reason, n, 0)
		}
		b.stop()
		testkit.Equal(t, "received", b.balance().Received, 0)
	})
}

// A check may speak TLS, and go away before the handshake is over or behind it.
func TestHealthCheckByTLS(t *testing.T) {
	cert := certificate(t)
	b := listen(t, func(o *SourceOptions) {
		o.Transports = []ledger.Transport{ledger.TLS}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		o.Settings.Proxies = loopback()
	})
	for i, shakes := range []bool{false, true} {
		c := b.dial("tcp").(*net.TCPConn)
		fmt.Fprint(c, headerLocal)
		if shakes {
			testkit.Must(t, tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake())
		} else {
			fmt.Fprint(c, "\x16\x03\x01\x02\x00") // of a ClientHello
			b.open(1)
		}
		testkit.Must(t, c.SetLinger(0))
		c.Close()
		testkit.Eventually(t, "it is counted", func() bool { return b.l.Status()[0].Checks == uint64(i+1) })
	}
	testkit.Equal(t, "the log", b.log.String(), "")
	testkit.Equal(t, "rejected", b.l.Status()[0].Rejected[rejectHandshake.String()], 0)
}

// A connection that is for no client, or for one that the proxy does not name, is the
// proxy's own.
func TestProxyForItself(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(asIs)
		for _, header := range []string{headerLocal, "PROXY UNKNOWN\r\n", headerUnspec, headerItself} {
			c := b.dial("tcp")
			fmt.Fprint(c, header)
			fmt.Fprint(b.speak(c), "<13>hello\n")
		}
		for _, e := range b.wait(4) {
			if _, has := e.Fields["proxy_ip"]; e.Fields["sender_ip"] != "127.0.0.1" || has {
				t.Errorf("%+v", e)
			}
		}
		testkit.Equal(t, "checks", b.l.Status()[0].Checks, 0)
	})
}

// A header may come in any pieces, and what follows it is left for the reader.
func TestHeaderInPieces(t *testing.T) {
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	long := headerV2[:14] + "\x08\x0c" + headerV2[16:] + "\xe0\x07\xfd" + strings.Repeat("x", 0x7fd)
	receive := func(header string, at int) {
		client := testkit.Try(net.Dial("tcp", l.Addr().String()))(t)
		defer client.Close()
		raw := testkit.Try(l.Accept())(t).(*net.TCPConn)
		defer raw.Close()
		_ = raw.SetReadDeadline(time.Now().Add(20 * time.Second))
		type result struct {
			client netip.Addr
			err    error
		}
		got := make(chan result, 1)
		go func() {
			client, err := receiveHeader(raw, netip.MustParseAddr("127.0.0.1"))
			got <- result{client, err}
		}()
		if at > 0 {
			fmt.Fprint(client, header[:at])
			testkit.Eventually(t, "the first piece is read", func() bool { return waiting(t, raw) == 0 && at != len(header) || len(got) == 1 })
		}
		fmt.Fprint(client, header[at:]+"<13>rest\n")
		r := <-got
		if r.err != nil || r.client != netip.MustParseAddr("192.0.2.7") {
			t.Fatalf("%q in pieces at %d: %+v", header, at, r)
		}
		rest := make([]byte, 100)
		n := testkit.Try(raw.Read(rest))(t)
		testkit.Equal(t, fmt.Sprintf("what follows %d", at), string(rest[:n]), "<13>rest\n")
	}
	for _, header := range []string{headerV1, headerV2} {
		for at := range len(header) + 1 {
			receive(header, at)
		}
	}
	for _, at := range []int{0, 15, 16, 255, 256, 257, 1000, len(long)} {
		receive(long, at)
	}
}

// waiting is how many bytes of a connection are unread.
func waiting(t *testing.T, c *net.TCPConn) (n int) {
	t.Helper()
	raw := testkit.Try(c.SyscallConn())(t)
	var failed error
	testkit.Must(t, raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }))
	testkit.Must(t, failed)
	return n
}

// From others a header is text: nobody can take another's address.
func TestHeaderOfAStranger(t *testing.T) {
	f := func(proxies []netip.Prefix) {
		b := listen(t, func(o *SourceOptions) { o.Settings.Proxies = proxies })
		c := b.dial("tcp")
		fmt.Fprint(c, headerV1+"<13>hello\n")
		fmt.Fprint(b.dial("udp"), headerV1+"<13>hello\n")
		fmt.Fprint(b.dial("tcp"), headerV2+"<13>hello\n")
		texts := 0
		for _, e := range b.wait(7) { // the address of version 2 contains an LF
			if e.Fields["sender_ip"] != "127.0.0.1" || e.Fields["proxy_ip"] != "" {
				t.Errorf("%+v", e)
			}
			if strings.HasPrefix(e.Event, "PROXY TCP4") {
				texts++
			}
		}
		testkit.Equal(t, "headers that are text", texts, 2)
		b.stop()
	}
	f(nil)
	f([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.2/32")})
}

// A stop does not wait for headers that do not come; those on the way still count.
func TestStopWhileAHeaderIsAwaited(t *testing.T) {
	overProxies(t, func(t *testing.T, listenTo func(func(*SourceOptions)) proxiedBench) {
		b := listenTo(asIs)
		silent, half, whole := b.dial("tcp"), b.dial("tcp"), b.dial("tcp")
		fmt.Fprint(half, headerV2[:20])
		b.awaiting(3)
		fmt.Fprint(whole, headerV1)
		c := b.speak(whole)
		fmt.Fprint(c, "<13>on the way\n")
		begun := time.Now()
		s := b.l.sources[0]
		b.stop()
		if took := time.Since(begun); took > headerTimeout {
			t.Errorf("the stop took %v", took)
		}
		if !closed(silent) || !closed(half) {
			t.Error("a connection stays")
		}
		testkit.Equal(t, "received", b.balance().Received, 1)
		testkit.Equal(t, "rejected", s.rejected[rejectProxyHeader].Load(), 0)
		testkit.Equal(t, "log", b.log.String(), "")
	})
}

// However a datagram is read, in a burst or at the stop, its header is.
func TestDatagramsOfAProxy(t *testing.T) {
	b := listen(t, func(o *SourceOptions) { o.Settings.Proxies = loopback() })
	c := b.dial("udp")
	const n = 500
	for i := range n {
		header := headerV1 // as nginx writes it
		if i%2 == 0 {
			header = headerV2
		}
		fmt.Fprintf(c, "%s<13>hello %d", header, i)
	}
	fmt.Fprint(c, "<13>no header")
	b.stop()
	events := b.sink.Decode(t)
	testkit.Equal(t, "events", len(events), n)
	for _, e := range events {
		if e.Fields["sender_ip"] != "192.0.2.7" || e.Fields["proxy_ip"] != "127.0.0.1" || !strings.HasPrefix(e.Event, "<13>hello ") {
			t.Fatalf("%+v", e)
		}
	}
	bal := b.balance()
	testkit.Equal(t, "dropped", bal.DropReasons["proxy_header"], 1)
	testkit.Equal(t, "received", bal.Received, n+1)
}

// New networks hold for the next connection and the next datagram.
func TestProxiesAreReloaded(t *testing.T) {
	b := listen(t, nil)
	before := b.dial("tcp")
	fmt.Fprint(before, "<13>before\n")
	b.wait(1)
	s := settings(t, "linux")
	s.Proxies = loopback()
	b.l.Source("linux").Apply(s)
	c := b.dial("tcp")
	fmt.Fprint(c, headerV1+"<13>hello\n")
	fmt.Fprint(b.dial("udp"), headerV1+"<13>hello\n")
	for _, e := range b.wait(3)[1:] {
		testkit.Equal(t, "sender", e.Fields["sender_ip"], "192.0.2.7")
	}
	fmt.Fprint(before, "<13>goes on\n")
	testkit.Equal(t, "sender", b.wait(4)[3].Fields["sender_ip"], "127.0.0.1")
	b.l.Source("linux").Apply(settings(t, "linux"))
	fmt.Fprint(b.dial("udp"), "<13>direct\n")
	testkit.Equal(t, "sender", b.wait(5)[4].Fields["sender_ip"], "127.0.0.1")
}
