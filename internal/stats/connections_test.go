package stats

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/status"
	"syslog-gateway/internal/testkit"
)

// crowdOf opens n connections from an address 127.0.0.x and sends something on each.
func (p *port) crowdOf(n int, x byte, send string) (conns []net.Conn) {
	p.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, x)}}
	for range n {
		c := testkit.Try(d.Dial("tcp", p.server.Addr().String()))(p.t)
		p.t.Cleanup(func() { c.Close() })
		testkit.Try(io.WriteString(c, send))(p.t)
		conns = append(conns, c)
	}
	return conns
}

// held counts the server's connections of an address 127.0.0.x.
func (p *port) held(set *bounded, x byte) int {
	return int(set.pool.TotalOf(netip.AddrFrom4([4]byte{127, 0, 0, x})))
}

// asks makes several requests on connections of their own and returns how long each took.
func (p *port) asks(n int, path string) (took []time.Duration) {
	p.t.Helper()
	for range n {
		began := time.Now()
		a := p.do("GET", path, func(r *http.Request) { r.Close = true })
		took = append(took, time.Since(began))
		if a.code != http.StatusOK {
			p.t.Errorf("%s: %d %s", path, a.code, a.body)
		}
	}
	slices.Sort(took)
	return took
}

// TestIdleConnectionsDoNotSilence: more connections than there are places, that say nothing, or begin a request
// and do not end it, keep no health check and nobody else out.
func TestIdleConnectionsDoNotSilence(t *testing.T) {
	for name, send := range map[string]string{
		"nothing": "", "half a request": "GET /readyz HTTP/1.1\r\nX: ", "kept alive": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		p := open(t)
		p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
		p.crowdOf(maxConnections+500, 9, send)
		took := p.asks(20, "/readyz")
		p.asks(1, "/stats")
		t.Logf("%s: /readyz after %v, at most %v", name, took[10], took[19])
		if took[10] > 100*time.Millisecond {
			t.Errorf("%s: /readyz takes %v", name, took)
		}
		if n := p.server.conns.len(); n > maxConnections {
			t.Errorf("%s: %d connections are open", name, n)
		}
		if m := series(scrape(t, p)["gateway_stats_refused_total"]); m["reason=connections"] == 0 {
			t.Errorf("%s: gateway_stats_refused_total: %v", name, m)
		}
		testkit.Eventually(t, "the log says so", func() bool { return strings.Contains(p.log.String(), "the longest silent of 127.0.0.9") })
		if n := strings.Count(p.log.String(), "longest silent"); n > maxErrors {
			t.Errorf("%d lines in the log", n)
		}
	}
}

// TestNoShareWhileThereIsRoom: one address may have all. When another comes the hoarder
// gives up what was silent for longest, until both have as many.
func TestNoShareWhileThereIsRoom(t *testing.T) {
	p := open(t)
	first := p.crowdOf(maxConnections, 1, "")
	testkit.Eventually(t, "one address has all", func() bool { return p.held(p.server.conns, 1) == maxConnections })
	io.WriteString(first[0], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // so that the second has been silent for longest
	testkit.Try(http.ReadResponse(bufio.NewReader(first[0]), nil))(t)
	p.crowdOf(1, 2, "")
	first[1].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := first[1].Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the longest silent of the hoarder stays: %v", err)
	}
	p.crowdOf(maxConnections, 2, "")
	testkit.Eventually(t, "both have as many", func() bool {
		a, b := p.held(p.server.conns, 1), p.held(p.server.conns, 2)
		return a+b == maxConnections && a-b <= 1 && b-a <= 1
	})
}

// TestWhoIsAnsweredGoesLast, and who has most goes first.
func TestWhoIsAnsweredGoesLast(t *testing.T) {
	b := newBounded(4)
	enter := func(from string, fair bool) (*member, *member, bool) {
		m := &member{from: party(from)}
		out, in := b.enter(m, fair)
		return m, out, in
	}
	busy, _, _ := enter("192.0.2.1:1", false)
	busy.busy.Store(1)
	idle, _, _ := enter("192.0.2.1:2", false)
	other, _, _ := enter("192.0.2.2:1", false)
	enter("[2001:db8::1]:1", false)
	if _, _, in := enter("192.0.2.1:3", true); in {
		t.Error("who has most gets another by the fair way")
	}
	if _, out, in := enter("192.0.2.3:1", true); !in || out != idle {
		t.Errorf("%v goes, want the idle one of who has most", out)
	}
	// Now all have one: among these the longest silent goes that is not being answered.
	if _, out, _ := enter("192.0.2.4:1", false); out != other {
		t.Errorf("%v goes", out)
	}
	b.leave(busy)
	b.leave(busy)
	testkit.Equal(t, "members", b.len(), 3)
}

// openStream asks for a stream and returns the status, once it is there.
func openStream(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	return testkit.Try(http.ReadResponse(bufio.NewReader(c), nil))(t)
}

const eventsRequest = "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"

// TestStreamsDoNotSilence: of 1,000 streams of one address 64 are served; the others are
// refused with an answer, their connections close, and health checks do not feel it. Who
// comes from elsewhere still gets one.
func TestStreamsDoNotSilence(t *testing.T) {
	p := open(t)
	p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
	served := 0
	for _, c := range p.crowdOf(1000, 9, eventsRequest) {
		resp := openStream(t, c)
		switch resp.StatusCode {
		case http.StatusOK:
			served++
		case http.StatusServiceUnavailable:
			if resp.Header.Get("Retry-After") == "" || !resp.Close {
				t.Fatalf("a refused stream: %v", resp.Header)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "pages are open") {
				t.Fatalf("%q, %v", body, err)
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatalf("the connection of a refused stream: %v", err)
			}
		default:
			t.Fatal(resp.Status)
		}
	}
	testkit.Equal(t, "streams are served", served, maxLive)
	took := p.asks(20, "/readyz")
	t.Logf("/readyz after %v, at most %v", took[10], took[19])
	if took[10] > 100*time.Millisecond {
		t.Errorf("/readyz takes %v", took)
	}
	if n := p.held(p.server.conns, 9); n > maxConnections/2 {
		t.Errorf("%d connections of the streams count among the others", n)
	}
	other := p.crowdOf(1, 2, eventsRequest)[0]
	if resp := openStream(t, other); resp.StatusCode != http.StatusOK {
		t.Errorf("a stream of another address: %s", resp.Status)
	}
	testkit.Equal(t, "streams are open", p.server.live.streams.len(), maxLive)
}

// TestStalledStreamIsEnded: a client that has stopped reading is given up, and its
// connection closes, while one that reads goes on.
func TestStalledStreamIsEnded(t *testing.T) {
	p := open(t)
	reads := p.crowdOf(1, 2, eventsRequest)[0]
	stalls := p.crowdOf(1, 1, "")[0]
	stalls.(*net.TCPConn).SetReadBuffer(4 << 10)
	io.WriteString(stalls, eventsRequest)
	testkit.Eventually(t, "both streams are open", func() bool { return p.server.live.streams.len() == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int64)
	go func() {
		reads.SetReadDeadline(time.Time{})
		n, _ := io.Copy(io.Discard, reads)
		done <- n
	}()
	changed := make(chan struct{})
	go func() { // all sections change as often as can be
		defer close(changed)
		for i := 0; ctx.Err() == nil; i++ {
			p.stages.set(func(s *stages) {
				s.snap.Host = fmt.Sprint(i)
				s.snap.Started = s.snap.Started.Add(-time.Hour)
				s.snap.Problems = []string{strings.Repeat(fmt.Sprint(i), 2000)}
			})
			p.server.live.next()
			time.Sleep(time.Millisecond) // paces the load; nothing waits for it
		}
	}()
	testkit.Eventually(t, "the stalled stream has ended", func() bool { return p.held(p.server.live.streams, 1) == 0 })
	if p.held(p.server.live.streams, 2) != 1 {
		t.Error("the stream that is read has ended, too")
	}
	cancel()
	<-changed
	stalls.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, stalls); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error("the connection of the stalled stream is not closed")
	}
	p.stop()
	if n := <-done; n < 100<<10 {
		t.Errorf("only %d bytes were read", n)
	}
}

// TestStreamsOverTLS: the same bounds hold behind TLS, where a browser puts streams and
// requests on one connection.
func TestStreamsOverTLS(t *testing.T) {
	cert, pool := certificate(t)
	p := open(t, func(o *Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} })
	p.stages.set(func(s *stages) { s.conditions = []status.Condition{{Name: "queue", OK: true}} })
	p.scheme = "https"
	p.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	codes := make(map[int]int)
	var bodies []io.Closer
	for range maxLive + 5 {
		resp := testkit.Try(p.client.Get("https://" + p.server.Addr().String() + "/api/v1/events"))(t)
		bodies = append(bodies, resp.Body)
		codes[resp.StatusCode]++
	}
	if codes[200] != maxLive || codes[503] != 5 {
		t.Errorf("%v", codes)
	}
	p.crowdOf(1000, 9, "") // none begins its handshake
	if took := p.asks(5, "/readyz"); took[2] > 200*time.Millisecond {
		t.Errorf("/readyz takes %v", took)
	}
	for _, b := range bodies {
		b.Close()
	}
}
