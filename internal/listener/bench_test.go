package listener

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"syslog-gateway/internal/dialect"
	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/splunk"
	"syslog-gateway/internal/syslog"
)

// samples are typical lines of the five families, about 300 bytes each.
var samples = []string{
	"<4>Nov 22 17:00:00 USG kernel: [LAN_LOCAL-default-A]IN=eth0.2004 OUT= MAC=01:00:5e:00:00:fb:74:ac:b9:11:22:33:08:00 SRC=10.254.3.1 DST=224.0.0.251 LEN=348 TOS=0x00 PREC=0x00 TTL=255 ID=0 DF PROTO=UDP SPT=5353 DPT=5353 LEN=328",
	"<14>Nov 22 17:00:00 PA-VM300 1,2026/11/22 17:00:00,007200001056,TRAFFIC,end,1,2026/11/22 16:59:59,192.168.41.30,192.168.41.255,0.0.0.0,0.0.0.0,rule1,,,netbios-dg,vsys1,Trust,Trust,ethernet1/1,ethernet1/1,To-Panorama,2026/11/22 16:59:59,8720,1,138,138,0,0,0x0,udp,allow,276,276,0,1,2026/11/22 16:59:29,0,any,0,123456,0x0,192.168.0.0-192.168.255.255,192.168.0.0-192.168.255.255,0,1,0",
	"<166>Nov 22 2026 17:00:00 fw1 : %ASA-6-302013: Built outbound TCP connection 110577675 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.1.2.3/51515 (203.0.113.4/51515)",
	`<38>1 2026-11-22T17:00:00.123456+00:00 web1.example.com sshd 7210 - [meta sequenceId="1"] Accepted publickey for deploy from 10.1.2.3 port 51514 ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG`,
	"<14>Nov 22 17:00:00 dc01.corp.example MSWinEventLog\t1\tSecurity\t1377326\tSun Nov 22 17:00:00 2026\t4634\tMicrosoft-Windows-Security-Auditing\tN/A\tN/A\tSuccess Audit\tdc01.corp.example\tLogoff\t\tAn account was logged off.    Subject:   Security ID: S-1-5-18\t952188769",
}

// discard is a sink that gives the batches straight back.
type discard struct{ pool *event.Pool }

func (d discard) Handle(b *event.Batch) error {
	b.Account.Accept(b.Events)
	d.pool.Put(b)
	return nil
}

func replay(b testing.TB, vendorName string) (*Replay, *event.Pool) {
	pool := event.NewPool(2, 600<<10)
	s := settings(b, vendorName)
	s.MaxMessage = 64 << 10
	return NewReplay(SourceOptions{Name: vendorName, Port: 1514, Settings: s},
		Batching{MaxBytes: 512 << 10, MaxEvents: 10000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}},
		ledger.New(), syslog.Auto, netip.MustParseAddr("192.0.2.7")), pool
}

// BenchmarkPath is the whole way of a message from the bytes of a socket to the JSON
// in a batch: framing, header, vendor, time, encoding. One op is one message.
func BenchmarkPath(b *testing.B) {
	for i, name := range []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows"} {
		b.Run(name, func(b *testing.B) { benchmarkPath(b, name, []string{samples[i]}) })
	}
	b.Run("auto-mix", func(b *testing.B) { benchmarkPath(b, "auto", samples) })
}

func benchmarkPath(b *testing.B, vendorName string, lines []string) {
	r, _ := replay(b, vendorName)
	var block bytes.Buffer
	n := 0
	for block.Len() < 64<<10 {
		block.WriteString(lines[n%len(lines)])
		block.WriteByte('\n')
		n++
	}
	now := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	b.ReportAllocs()
	b.SetBytes(int64(block.Len() / n))
	b.ResetTimer()
	for i := 0; i < b.N; i += n {
		r.Write(block.Bytes(), now)
	}
}

// BenchmarkUDPSenders finds the sender of a datagram, with many of them.
func BenchmarkUDPSenders(b *testing.B) {
	s := newSource(SourceOptions{Name: "linux", Port: 1517, Settings: settings(b, "linux")}, ledger.New())
	c := knownSenders{source: s, by: make(map[netip.Addr]*sender)}
	var addrs []netip.Addr
	for i := range 1000 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
		c.of(addrs[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		c.of(addrs[i%len(addrs)])
	}
}

// FuzzPath gives arbitrary bytes as a stream, in two pieces, and as a datagram:
// whatever they are, what comes out is valid JSON in which the books balance.
func FuzzPath(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s+"\n"+s), 100, byte(0))
		f.Add([]byte("12 "+s), 3, byte(5))
	}
	f.Add([]byte("<14>CEF:0|a\"|b|c|d|e|f|x=y\n"+samples[2]), 9, byte(10))
	f.Add([]byte("<14>1 - - - - - \xff\x00\n20 <13>cut"), 7, byte(3))
	vendors := []string{"unifi", "palo_alto", "cisco_asa", "linux", "windows", "auto"}
	received := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte, at int, pick byte) {
		pool := event.NewPool(1, 4096)
		sink := &collect{pool: pool, more: make(chan struct{}, 1)}
		books := ledger.New()
		name := vendors[int(pick)%len(vendors)]
		o := SourceOptions{Name: name, Port: 1514, Settings: settings(t, name)}
		if int(pick)/len(vendors)%2 == 1 {
			profile, err := splunk.NewProfile("sc4s", nil)
			if err != nil {
				t.Fatal(err)
			}
			o.Settings.Profile = profile
			o.Settings.Fields = []splunk.Field{{Name: "site", Value: "berlin"}}
			o.Settings.Keep = map[dialect.ClassID]int{dialect.LinuxSyslog: 2, dialect.CiscoASA: 0}
		}
		b := Batching{MaxBytes: 4096, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: sink}
		from := netip.MustParseAddr("192.0.2.7")
		at = max(0, min(at, len(data)))
		stream := NewReplay(o, b, books, syslog.Auto, from)
		stream.Write(data[:at], received)
		stream.Write(data[at:], received)
		stream.Close(received)
		datagrams := NewDatagramReplay(o, b, books, from)
		datagrams.Write(data, received)
		datagrams.Close(received)
		for _, line := range sink.lines {
			var e struct {
				Time  json.Number
				Event *string
				Host  string
			}
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			at, _ := e.Time.Float64()
			if e.Event == nil || *e.Event == "" || e.Host == "" || at < float64(received.Add(-maxPast).Unix()) || at > float64(received.Add(maxFuture).Unix()) {
				t.Fatalf("event %q", line)
			}
		}
		if bal := books.Account(name).Balance(); bal.Difference() != 0 || bal.InMemory != 0 || int(bal.Received) != sink.events+int(bal.Dropped) {
			t.Fatalf("balance %+v with %d events", bal, sink.events)
		}
	})
}

func TestTailsAreBounded(t *testing.T) {
	s := newSource(SourceOptions{Name: "linux", Port: 1517, Settings: settings(t, "linux")}, ledger.New())
	pool := event.NewPool(1, 4096)
	in := newIntake(s.account, ledger.TCP, Batching{MaxBytes: 1 << 20, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}})
	h := newHoard(nil)
	other := newStream(s, ledger.TCP, in, netip.MustParseAddr("192.0.2.6"), h)
	h.tails.set(&other.hold, maxTails-128)
	asked := 0
	other.order = func(all bool) {
		if asked++; all {
			t.Error("a connection is closed for its partial message")
		}
	}
	st := newStream(s, ledger.TCP, in, netip.MustParseAddr("192.0.2.7"), h)
	st.feed(bytes.Repeat([]byte("a"), 90), time.Now())
	if in.lanes[0] != nil {
		t.Error("a tail within the limit was delivered")
	}
	st.feed(bytes.Repeat([]byte("b"), 90), time.Now())
	if in.lanes[0] != nil || asked != 1 {
		t.Errorf("over the limit: batch %v, who holds most was asked %d times", in.lanes[0], asked)
	}
	h.tails.set(&other.hold, 2*maxTails) // does not give anything up
	st.feed(bytes.Repeat([]byte("c"), 900), time.Now())
	if in.lanes[0] == nil || in.lanes[0].Events != 1 || len(st.tail) != 0 || st.hold.amount != 0 {
		t.Errorf("far over the limit: batch %v, tail %d", in.lanes[0], len(st.tail))
	}
	st.feed([]byte("rest of it\nnext\n"), time.Now())
	if in.lanes[0].Events != 2 {
		t.Errorf("%d events, want the cut one and the next", in.lanes[0].Events)
	}
	in.close()
}

// BenchmarkTrickle is a long message that comes byte by byte: its length does not
// matter for the cost of a byte.
func BenchmarkTrickle(b *testing.B) {
	for _, length := range []int{4 << 10, 60 << 10} {
		b.Run(strconv.Itoa(length), func(b *testing.B) {
			r, _ := replay(b, "linux")
			now := time.Now()
			for b.Loop() {
				for i := range length {
					if i == 0 {
						r.Write([]byte("<"), now)
					} else {
						r.Write([]byte("x"), now)
					}
				}
				r.Write([]byte("\n"), now)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(length), "ns/byte")
		})
	}
}
