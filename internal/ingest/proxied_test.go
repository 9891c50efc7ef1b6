package ingest

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/senders"
	"syslog-gateway/internal/testkit"
)

const (
	headerV1    = "PROXY TCP4 192.0.2.7 10.0.0.1 5000 1517\r\n" // nginx writes TCP4 into datagrams
	headerV2    = "\r\n\r\n\x00\r\nQUIT\n\x21\x12\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\x13\x88\x05\xed"
	headerLocal = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

var (
	proxyAddr  = netip.MustParseAddr("10.1.0.10")
	otherProxy = netip.MustParseAddr("10.1.0.11")
	stranger   = netip.MustParseAddr("10.2.0.1")
)

// proxied are datagrams of a port with proxies, and where they go.
type proxied struct {
	*Datagrams
	source  *Source
	ledger  *ledger.Ledger
	sink    *ingesttest.Sink
	senders *senders.Table
	log     testkit.Log
}

func newProxied(t testing.TB, change func(*Settings)) *proxied {
	t.Helper()
	p := &proxied{ledger: ledger.New(), senders: senders.New(100)}
	pool := event.NewPool(4, 1<<20)
	p.sink = ingesttest.NewSink(pool)
	s := settings(t, "linux")
	s.Proxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")}
	change(&s)
	p.source = NewSource("linux", 1517, s, p.ledger)
	p.Datagrams = NewDatagrams(p.source, NewBatcher(p.source, ledger.UDP, Options{
		MaxBytes: 1 << 20, MaxEvents: 1000, MaxAge: time.Hour, InOrder: true, Pool: pool, Sink: p.sink,
		Logger: slog.New(slog.NewTextHandler(&p.log, nil)), Senders: p.senders,
	}))
	return p
}

// read receives datagrams in one read.
func (p *proxied) read(from netip.Addr, datagrams ...string) {
	p.Begin(time.Now())
	defer p.End()
	for _, d := range datagrams {
		p.Receive([]byte(d), from)
	}
}

func TestDatagramsOfProxies(t *testing.T) {
	p := newProxied(t, func(s *Settings) {
		s.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.2.0.0/16")}
		s.Zones = []Zone{{netip.MustParsePrefix("192.0.2.7/32"), time.FixedZone("far", 3600)}}
	})
	p.read(proxyAddr, headerV1+"<13>Nov 22 17:00:00 v1 app: a\n<13>Nov 22 17:00:00 v1 app: b", headerV2+"<13>Nov 22 17:00:00 v2 app: c")
	p.read(otherProxy, headerV2+"<13>Nov 22 17:00:00 v2 app: d")
	p.read(stranger, headerV1+"<13>x")
	p.read(proxyAddr, strings.Replace(headerV1, "192.0.2.7", "198.51.100.7", 1)+"<13>not allowed",
		"<13>no header", headerV1[:20], headerV2[:20], strings.Replace(headerV1, "\r", "", 1)+"<13>x",
		headerLocal, headerLocal+"<13>of the proxy, which is not allowed", headerV1)
	p.batcher.Close()
	events := p.sink.Decode(t)
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Event[strings.LastIndexByte(e.Event, ' ')+1:], " ", e.Fields["sender_ip"], " ", e.Fields["proxy_ip"]))
	}
	testkit.Equal(t, "events", strings.Join(got, "\n"), strings.Join([]string{
		"a 192.0.2.7 10.1.0.10", "b 192.0.2.7 10.1.0.10", "c 192.0.2.7 10.1.0.10", "d 192.0.2.7 10.1.0.11", "1517 10.2.0.1 ", "<13>x 10.2.0.1 ",
	}, "\n"))
	bal := p.ledger.Account("linux").Balance()
	for reason, want := range map[string]uint64{"proxy_header": 4, "not_allowed": 2, "empty": 1} {
		testkit.Equal(t, reason, bal.DropReasons[reason], want)
	}
	if p.source.Checks() != 1 || bal.Received != 13 || bal.Difference() != 0 {
		t.Errorf("%d checks, %+v", p.source.Checks(), bal)
	}
	if n := strings.Count(p.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, &p.log)
	}
	testkit.Holds(t, "the log", p.log.String(), "source=linux", "proxy=10.1.0.10", "do not begin with a PROXY header")
	var known []string
	for _, s := range p.senders.Senders() {
		known = append(known, s.Address.String())
	}
	if text := strings.Join(known, " "); strings.Contains(text, "10.1.0.") || !strings.Contains(text, "192.0.2.7") {
		t.Errorf("senders %s", text)
	}
}

func TestProxiesCostNoAllocation(t *testing.T) {
	p := newProxied(t, func(*Settings) {})
	var all [][]byte
	for i := range 100 {
		all = append(all, []byte(strings.Replace(headerV1, "192.0.2.7", fmt.Sprintf("192.0.2.%d", i), 1)),
			[]byte(strings.Replace(headerV2, "\xc0\x00\x02\x07", string([]byte{198, 51, 100, byte(i)}), 1)))
	}
	p.batcher.mu.Lock()
	defer p.batcher.mu.Unlock()
	receive := func() {
		for _, d := range all { // each ends behind the header: what follows costs what it costs any sender
			p.Receive(d, proxyAddr)
		}
	}
	if n := testing.AllocsPerRun(100, receive); n != 0 {
		t.Errorf("%v allocations for %d datagrams", n, len(all))
	}
}

func TestClientsOfProxiesAreBounded(t *testing.T) {
	p := newProxied(t, func(*Settings) {})
	for i := range maxSenders * 2 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if s := p.client(client{a, proxyAddr}); string(s.address) != a.String() {
			t.Fatalf("%s became %s", a, s.address)
		}
	}
	if len(p.clients.senders) > maxSenders {
		t.Errorf("%d senders are remembered", len(p.clients.senders))
	}
}

func FuzzReceive(f *testing.F) {
	for _, header := range []string{headerV1, headerV2, headerLocal, ""} {
		f.Add([]byte(header + "<13>x"))
	}
	f.Fuzz(func(t *testing.T, d []byte) {
		p := newProxied(t, func(*Settings) {})
		p.read(proxyAddr, string(d))
		p.batcher.Close()
		bal := p.ledger.Account("linux").Balance()
		if bal.Difference() != 0 || bal.InMemory != 0 || bal.Received+p.source.Checks() == 0 {
			t.Fatalf("%q is not accounted for: %+v", d, bal)
		}
	})
}
