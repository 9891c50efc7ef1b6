package loadgen

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syslog-gateway/bench/marker"
	"syslog-gateway/bench/mix"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver counts what arrives on one TCP port.
type receiver struct {
	ln    net.Listener
	wg    sync.WaitGroup
	mu    sync.Mutex
	data  []byte
	peers map[string]bool
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	r := &receiver{ln: ln, peers: make(map[string]bool)}
	r.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.read(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); r.wg.Wait() })
	return r
}

func (r *receiver) read(conn net.Conn) {
	defer conn.Close()
	data, _ := io.ReadAll(conn)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data = append(r.data, data...)
	r.peers[conn.RemoteAddr().(*net.TCPAddr).IP.String()] = true
}

func (r *receiver) port() int { return r.ln.Addr().(*net.TCPAddr).Port }

// all waits for the end of every connection.
func (r *receiver) all(t testing.TB) []byte {
	t.Helper()
	// A connection that the kernel has established before Close is still accepted
	// only if we accept it: one more of our own, behind theirs in the backlog, shows it.
	conn := testkit.Try(net.Dial("tcp", r.ln.Addr().String()))(t)
	testkit.Must(t, conn.(*net.TCPConn).CloseWrite())
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	conn.Close()
	r.ln.Close()
	r.wg.Wait()
	return r.data
}

func options(ports ...int) Options {
	return Options{
		Target: "127.0.0.1", Ports: ports, Transport: TCP, Connections: 1,
		Count: 1000, Framing: mix.LF, Mix: MixFive,
	}
}

// seen returns how often each sequence number occurs.
func seen(data []byte) map[uint64]int {
	got := make(map[uint64]int)
	for {
		m, end, ok := marker.Find(data)
		if !ok {
			return got
		}
		got[m.Seq]++
		data = data[end:]
	}
}

func wantEach(t *testing.T, got map[uint64]int, first, n uint64) {
	t.Helper()
	if uint64(len(got)) != n {
		t.Errorf("%d different sequence numbers arrived, want %d", len(got), n)
	}
	for seq := first; seq < first+n; seq++ {
		if got[seq] != 1 {
			t.Fatalf("sequence number %d arrived %d times", seq, got[seq])
		}
	}
}

func TestTCPSendsEachNumberOnce(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"flat out":    func(o *Options) {},
		"connections": func(o *Options) { o.Connections = 7; o.Count = 50_001; o.First = 77 },
		"paced":       func(o *Options) { o.Rate = 20_000; o.Connections = 2; o.Count = 2001 },
		"octet":       func(o *Options) { o.Framing = mix.Octet },
		"one vendor":  func(o *Options) { o.Mix = string(mix.CiscoASA) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			o := options(r.port())
			change(&o)
			res := testkit.Try(Run(t.Context(), o))(t)
			data := r.all(t)
			wantEach(t, seen(data), o.First, o.Count)
			if res.Sent != o.Count || res.Errors != 0 || res.Bytes != uint64(len(data)) || res.Next != o.First+o.Count {
				t.Errorf("result %+v does not count %d messages in %d bytes", res, o.Count, len(data))
			}
			if lines := bytes.Count(data, []byte("\n")); o.Framing == mix.LF && uint64(lines) != o.Count {
				t.Errorf("%d lines arrived, want %d", lines, o.Count)
			}
		})
	}
}

func TestPortPerVendor(t *testing.T) {
	var rs []*receiver
	var ports []int
	for range mix.Vendors() {
		rs = append(rs, newReceiver(t))
		ports = append(ports, rs[len(rs)-1].port())
	}
	o := options(ports...)
	o.PortPerVendor, o.Count = true, 50_000
	res := testkit.Try(Run(t.Context(), o))(t)
	all := make(map[uint64]int)
	for i, r := range rs {
		data := r.all(t)
		if n := bytes.Count(data, []byte("MSWinEventLog\t")); (n > 0) != (i == 4) {
			t.Errorf("port %d got %d Windows lines", i, n)
		}
		for seq, n := range seen(data) {
			all[seq] += n
		}
		if got := res.ByPort[ports[i]]; got < 10_000-batchMessages || got > 10_000+batchMessages {
			t.Errorf("port %d got %d of %d messages: the shares are not equal", i, got, o.Count)
		}
	}
	wantEach(t, all, 0, o.Count)
}

func TestSources(t *testing.T) {
	r := newReceiver(t)
	o := options(r.port())
	o.Connections, o.Sources = 6, 3
	testkit.Try(Run(t.Context(), o))(t)
	r.all(t)
	for _, ip := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		if !r.peers[ip] {
			t.Errorf("nothing came from %s: %v", ip, r.peers)
		}
	}
}

func TestUDPSendsEachNumberOnce(t *testing.T) {
	for _, rate := range []int{0, 5000} {
		conn := testkit.Try(net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))(t)
		testkit.Must(t, conn.SetReadBuffer(4<<20))
		o := options(conn.LocalAddr().(*net.UDPAddr).Port)
		o.Transport, o.Count, o.Connections, o.Rate = UDP, 600, 2, rate
		res := testkit.Try(Run(t.Context(), o))(t)
		// All of it fits in the socket's buffer, so it can be read afterwards.
		got := make(map[uint64]int)
		buf := make([]byte, 65536)
		size := 0
		for range o.Count {
			testkit.Must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("after %d datagrams: %v", len(got), err)
			}
			one := seen(buf[:n])
			if len(one) != 1 || buf[n-1] == '\n' {
				t.Fatalf("a datagram is not one message: %q", buf[:n])
			}
			for seq := range one {
				got[seq]++
			}
			size += n
		}
		conn.Close()
		wantEach(t, got, 0, o.Count)
		if res.Sent != o.Count || res.Bytes != uint64(size) || res.Errors != 0 {
			t.Errorf("result %+v does not count %d datagrams in %d bytes", res, o.Count, size)
		}
	}
}

// TestUDPRefusals: no socket listens, so the kernel answers some sends with an error.
func TestUDPRefusals(t *testing.T) {
	conn := testkit.Try(net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))(t)
	port := conn.LocalAddr().(*net.UDPAddr).Port
	conn.Close()
	o := options(port)
	o.Transport = UDP
	res := testkit.Try(Run(t.Context(), o))(t)
	if res.Errors == 0 || res.Sent+res.Errors != o.Count || !strings.Contains(res.FirstError, "refused") {
		t.Errorf("result %+v: want some errors, and %d in all", res, o.Count)
	}
}

func TestCutConnectionIsCounted(t *testing.T) {
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer ln.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(conn, make([]byte, 1<<20))
		conn.Close()
	})
	o := options(ln.Addr().(*net.TCPAddr).Port)
	o.Count = 1_000_000
	res, err := Run(t.Context(), o)
	wg.Wait()
	testkit.Must(t, err)
	if res.Errors == 0 || res.FirstError == "" || res.Sent+res.Errors != res.Next-res.First || res.Next == o.Count {
		t.Errorf("result %+v does not report a cut connection", res)
	}
}

// TestBlockedReceiver: the end of ctx ends a write to a receiver that does not read.
func TestBlockedReceiver(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.Must(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var conn net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		if conn, err = ln.Accept(); err == nil {
			_, _ = io.ReadFull(conn, make([]byte, 64))
		}
		cancel()
	})
	o := options(ln.Addr().(*net.TCPAddr).Port)
	o.Count = 10_000_000
	res, err := Run(ctx, o)
	wg.Wait()
	conn.Close()
	if err != nil || res.Sent >= o.Count {
		t.Errorf("Run = %+v, %v, want an early end", res, err)
	}
}

func TestDurationEndsSending(t *testing.T) {
	r := newReceiver(t)
	o := options(r.port())
	o.Count, o.Duration, o.Rate = 0, 150*time.Millisecond, 10_000
	res := testkit.Try(Run(t.Context(), o))(t)
	wantEach(t, seen(r.all(t)), 0, res.Sent)
	if res.Sent == 0 || res.Sent > 1600 {
		t.Errorf("%d messages in 150 ms at 10,000/s", res.Sent)
	}
}

func TestOptionsNameAllProblems(t *testing.T) {
	_, err := Run(t.Context(), Options{
		Target: "nohost", Ports: []int{0}, Transport: "sctp", Framing: "zip", Mix: "six", Rate: -1,
		First: math.MaxUint64, Sources: 300,
	})
	if err == nil {
		t.Fatal("Run takes nonsense")
	}
	testkit.Holds(t, "the error", err.Error(), "nohost", "port 0", "sctp", "zip", "six", "negative", "connections 0", "count", "sequence", "sources 300")
	o := options(1)
	o.PortPerVendor = true
	if err := o.validate(); err == nil || !strings.Contains(err.Error(), "5 ports") {
		t.Errorf("one port for five vendors: %v", err)
	}
}

func TestClaimHasNoGaps(t *testing.T) {
	c := newClaim(10, 10+100_000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := make(map[uint64]bool)
	for range 4 {
		wg.Go(func() {
			for {
				first, k := c.take(37)
				if k == 0 {
					return
				}
				mu.Lock()
				for i := range uint64(k) {
					if taken[first+i] {
						t.Errorf("%d was given twice", first+i)
					}
					taken[first+i] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(taken) != 100_000 || !taken[10] || !taken[100_009] {
		t.Errorf("%d numbers were given, want 100000 from 10", len(taken))
	}
}
