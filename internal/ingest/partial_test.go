package ingest

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
)

func TestPartialMessagesAreBounded(t *testing.T) {
	s := NewSource("linux", 1517, settings(t, "linux"), ledger.New())
	pool := event.NewPool(1, 4096)
	b := NewBatcher(s, ledger.TCP, Options{MaxBytes: 1 << 20, MaxEvents: 1000, MaxAge: time.Hour, Pool: pool, Sink: discard{pool}})
	m := NewPartialMemory(nil)
	asked := 0
	other := NewStream(s, ledger.TCP, netip.MustParseAddr("192.0.2.6"), m, func() { asked++ })
	m.pool.Set(&other.share, maxPartial-128)
	st := NewStream(s, ledger.TCP, netip.MustParseAddr("192.0.2.7"), m, nil)
	st.Attach(b)
	st.Feed(bytes.Repeat([]byte("a"), 90), time.Now())
	if b.open.byFamily[0] != nil {
		t.Error("a partial message within the limit was delivered")
	}
	st.Feed(bytes.Repeat([]byte("b"), 90), time.Now())
	if b.open.byFamily[0] != nil || asked != 1 {
		t.Errorf("over the limit: batch %v, who holds most was asked %d times", b.open.byFamily[0], asked)
	}
	m.pool.Set(&other.share, 2*maxPartial) // does not give anything up
	st.Feed(bytes.Repeat([]byte("c"), 900), time.Now())
	if used := m.pool.TotalOf(st.peer); b.open.byFamily[0] == nil || b.open.byFamily[0].Events != 1 || len(st.partial) != 0 || used != 0 {
		t.Errorf("far over the limit: batch %v, partial message of %d bytes, %d held", b.open.byFamily[0], len(st.partial), used)
	}
	st.Feed([]byte("rest of it\nnext\n"), time.Now())
	if b.open.byFamily[0].Events != 2 {
		t.Errorf("%d events, want the cut one and the next", b.open.byFamily[0].Events)
	}
	b.Close()
}
