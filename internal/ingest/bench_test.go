package ingest

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
)

func replay(b testing.TB, vendorName string) (*Replay, *event.Pool) {
	pool := event.NewPool(2, 600<<10)
	s := settings(b, vendorName)
	s.MaxMessage = 64 << 10
	return NewStreamReplay(NewSource(vendorName, 1514, s, ledger.New()), Options{MaxBytes: 512 << 10, MaxEvents: 10000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}}, syslog.Auto, netip.MustParseAddr("192.0.2.7")), pool
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

// BenchmarkUnknown is a flood of messages that no rule knows, of which some are kept for
// people, or none.
func BenchmarkUnknown(b *testing.B) {
	for name, ring := range map[string]*tap.Ring{"kept": new(tap.Ring), "not-kept": nil} {
		b.Run(name, func(b *testing.B) {
			r, _ := replay(b, "auto")
			r.batcher.unknown.ring = ring
			lines := bytes.Repeat([]byte("<14>"+strings.Repeat("a line of nobody ", 17)+"\n"), 200)
			b.ReportAllocs()
			for i := 0; i < b.N; i += 200 {
				r.Write(lines, time.Now())
			}
		})
	}
}

// BenchmarkUDPSenders finds the sender of a datagram, with many of them.
func BenchmarkUDPSenders(b *testing.B) {
	d := NewDatagrams(NewSource("linux", 1517, settings(b, "linux"), ledger.New()), nil)
	var addrs []netip.Addr
	for i := range 1000 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
		d.sender(addrs[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		d.sender(addrs[i%len(addrs)])
	}
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
