package ingest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ingest/ingesttest"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/syslog"
	"syslog-gateway/internal/tap"
)

// unknown are the lines in a ring.
func unknown(t *testing.T, ring *tap.Ring) []tap.Message {
	t.Helper()
	f, err := ring.Follow(tap.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Next()
}

// What no rule knows is kept as it was received, also where a rule leaves it out. What only
// goes on with such a line is none of its own.
func TestUnknownLinesAreKept(t *testing.T) {
	ring := new(tap.Ring)
	s := settings(t, "auto")
	s.Keep = map[string]int{"fallback": 0}
	s.MaxMessage = 4 << 10
	pool := event.NewPool(1, 64<<10)
	o := Options{MaxBytes: 64 << 10, MaxEvents: 100, MaxAge: time.Hour, Pool: pool, Sink: ingesttest.NewSink(pool), Unknown: ring}
	r := NewStreamReplay(NewSource("edge", 1514, s, ledger.New()), o, syslog.LF, netip.MustParseAddr("192.0.2.7"))
	received := time.Date(2026, 11, 22, 17, 0, 1, 0, time.UTC)
	long := "<14>" + strings.Repeat("ä", 3000)
	r.Write([]byte(namelessly+"\n goes on\n"+sshdLine+"\n"+asaLine+"\n<14>tab\there \x1b[1m\n"+long+"\n"), received)
	r.Close(received)
	list := unknown(t, ring)
	if len(list) != 3 {
		t.Fatalf("%d lines: %+v", len(list), list)
	}
	m := list[0]
	if m.Source != "edge" || m.Transport != "tcp" || m.From.String() != "192.0.2.7" || !m.Received.Equal(received) ||
		m.Class != "fallback" || m.Host != "192.0.2.7" || m.Truncated || string(m.Raw) != namelessly {
		t.Errorf("%+v", m)
	}
	if got := string(list[1].Raw); got != "<14>tab\there \x1b[1m" {
		t.Errorf("raw %q", got)
	}
	if m := list[2]; !m.Truncated || len(m.Raw) != tap.RingText || !strings.HasPrefix(long, string(m.Raw)) {
		t.Errorf("%d bytes are kept of a long line, truncated %v", len(m.Raw), m.Truncated)
	}
}

// However many unknown messages come, few are copied.
func TestUnknownLinesHaveAnAllowance(t *testing.T) {
	ring := new(tap.Ring)
	pool := event.NewPool(1, 64<<10)
	o := Options{MaxBytes: 32 << 10, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}, Unknown: ring}
	b := NewBatcher(NewSource("edge", 1514, settings(t, "auto"), ledger.New()), ledger.UDP, o)
	d := NewDatagrams(NewSource("edge", 1514, settings(t, "auto"), ledger.New()), b)
	start := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	follower, err := ring.Follow(tap.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i := range 50 { // 10 s
		d.Begin(start.Add(time.Duration(i) * 200 * time.Millisecond))
		for j := range 500 {
			d.Take(fmt.Appendf(nil, "<14>a line of nobody %d", j), netip.MustParseAddr("192.0.2.7"))
		}
		d.End()
		kept += len(follower.Next())
	}
	b.Close()
	if want := tapRate * 10; kept < want*9/10 || kept > want+tapRate {
		t.Errorf("%d of 25,000 lines were kept in 10 s, want about %d", kept, want)
	}
}
