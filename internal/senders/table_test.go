package senders

import (
	"fmt"
	"math/rand"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

func addr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func TestTable(t *testing.T) {
	b := New(100)
	p := b.Entry("linux", netip.MustParseAddr("::ffff:192.0.2.7"), "")
	if len(b.Senders()) != 0 {
		t.Error("an entry without a message is a sender")
	}
	p.Add(3, 300, 1000, new(Times))
	p.Add(2, 100, 900, new(Times)) // of another loop
	p.SetName("web1")
	p.SetName("")
	if again := b.Entry("linux", netip.MustParseAddr("192.0.2.7"), ""); again != p {
		t.Error("a mapped address is another sender")
	}
	b.Entry("unifi", netip.MustParseAddr("192.0.2.7"), "").Add(1, 1, 5, new(Times))
	for _, s := range b.Senders() {
		if s.Source != "linux" {
			continue
		}
		want := Sender{Source: "linux", Address: netip.MustParseAddr("192.0.2.7"), Name: "web1", Events: 5, Bytes: 400, First: time.Unix(0, 1000), Last: time.Unix(0, 1000)}
		if s != want {
			t.Errorf("got %+v\nwant %+v", s, want)
		}
	}
	long := b.Entry("linux", netip.MustParseAddr("192.0.2.7"), strings.Repeat("x", 1000))
	if n := len(long.key.host); long == p || n != maxName {
		t.Errorf("%d bytes of a host are kept", n)
	}
}

// The table stays within its capacity, and no count is wrong by more than Error.
func TestBoundAndError(t *testing.T) {
	seed := time.Now().UnixNano()
	r := rand.New(rand.NewSource(seed))
	b := New(64)
	truth := make(map[netip.Addr]uint64)
	entries := make(map[netip.Addr]*Entry)
	for at := int64(1); at <= 20000; at++ {
		a := addr(r.Intn(8)) // heavy
		if r.Intn(2) == 0 {
			a = addr(100 + r.Intn(5000)) // spoofed
		}
		p := entries[a]
		if p == nil || !p.Add(1, 1, at, new(Times)) {
			p = b.Entry("s", a, "")
			entries[a] = p
			p.Add(1, 1, at, new(Times))
		}
		truth[a]++
	}
	all := b.Senders()
	if len(all) > 64 {
		t.Errorf("%d senders in a table for 64 (seed %d)", len(all), seed)
	}
	heavy := 0
	for _, s := range all {
		if s.Events > truth[s.Address] || s.Events+s.Error < truth[s.Address] {
			t.Errorf("%v sent %d, the table says %d to %d (seed %d)", s.Address, truth[s.Address], s.Events, s.Events+s.Error, seed)
		}
		if truth[s.Address] > 500 {
			heavy++
		}
	}
	if heavy != 8 {
		t.Errorf("%d of 8 heavy senders are left (seed %d)", heavy, seed)
	}
}

func TestManyLoops(t *testing.T) {
	b := New(16)
	var wg sync.WaitGroup
	for loop := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				p := b.Entry(fmt.Sprint(loop%2), addr(i%40), fmt.Sprint(i%3))
				p.Add(1, 10, int64(i+1), &Times{own: 1})
				p.SetName("h")
				if i%100 == 0 {
					b.Senders()
				}
			}
		})
	}
	wg.Wait()
	if n := len(b.Senders()); n > 16 {
		t.Errorf("%d senders", n)
	}
}

func BenchmarkNote(bm *testing.B) {
	p := New(10).Entry("linux", addr(1), "")
	bm.ReportAllocs()
	var times Times
	for i := range bm.N {
		times = Times{}
		times.Add(time.Hour, false)
		p.Add(10, 3000, int64(i), &times)
	}
}
