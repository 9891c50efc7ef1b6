package ingest

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/relp"
	"syslog-gateway/internal/testkit"
)

// settles is a sink that gives receipts at once.
type settles struct {
	pool   *event.Pool
	events int
}

func (s *settles) Handle(b *event.Batch) error {
	s.events += b.Events
	b.Account.Accept(b.Events)
	b.Receipts.Settle()
	s.pool.Put(b)
	return nil
}

// relpStream is a stream with an open session.
func relpStream(t testing.TB, s Settings) (*Stream, *relp.Session, *settles) {
	t.Helper()
	pool := event.NewPool(2, 600<<10)
	sink := &settles{pool: pool}
	source := NewSource("linux", 1514, s, ledger.New())
	b := NewBatcher(source, ledger.RELP, Options{MaxBytes: 512 << 10, MaxEvents: 10000, MaxAge: time.Hour, Pool: pool, Sink: sink})
	session := relp.NewSession(new(atomic.Int64))
	st := NewRELPStream(source, ledger.RELP, netip.MustParseAddr("192.0.2.7"), NewPartialMemory(nil), session, nil)
	st.Attach(b)
	st.Feed([]byte("1 open 14 relp_version=0\n"), time.Now())
	if answer, _, _ := session.Answers(nil); !strings.HasPrefix(string(answer), "1 rsp ") {
		t.Fatalf("open is answered with %q", answer)
	}
	t.Cleanup(b.Close)
	return st, session, sink
}

// frames are n messages.
func frames(first, n int, text string) (p []byte) {
	for i := range n {
		p = fmt.Appendf(p, "%d syslog %d %s\n", first+i, len(text), text)
	}
	return p
}

// A whole window is a batch at once: its sender waits for it.
func TestWindowIsSealedAtOnce(t *testing.T) {
	st, session, sink := relpStream(t, settings(t, "linux"))
	for i := range 10 {
		st.Feed(frames(2+128*i, 128, samples[3]), time.Now())
		answers, n, _ := session.Answers(nil)
		session.Answered(n)
		if n != 128 || sink.events != 128*(i+1) || strings.Count(string(answers), " rsp 6 200 OK\n") != 128 {
			t.Fatalf("window %d: %d events, %d answers", i, sink.events, n)
		}
	}
}

// What a rule drops is answered, and waits for no batch.
func TestDroppedByRuleIsAnswered(t *testing.T) {
	s := settings(t, "linux")
	s.Keep = map[string]int{"linux_secure": 0}
	st, session, sink := relpStream(t, s)
	st.Feed(frames(2, 3, samples[3]), time.Now())
	answers, _, _ := session.Answers(nil)
	testkit.Equal(t, "answers", string(answers), "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n")
	testkit.Equal(t, "events", sink.events, 0)
	testkit.Equal(t, "dropped", st.source.account.Balance().DropReasons["rule"], 3)
}

// A message costs no allocation; a batch costs the list of its receipts.
func TestRELPAllocates(t *testing.T) {
	st, session, _ := relpStream(t, settings(t, "linux"))
	const n = 500
	p, now := frames(2, n, samples[3]), time.Now()
	var answers []byte
	allocs := testing.AllocsPerRun(100, func() {
		st.Feed(p, now)
		var k int
		answers, k, _ = session.Answers(answers[:0])
		session.Answered(k)
	})
	if allocs > 5 {
		t.Errorf("%v allocations for %d messages", allocs, n)
	}
}

// BenchmarkRELP is BenchmarkPath/linux by RELP, in reads of 16 KiB.
func BenchmarkRELP(b *testing.B) {
	s := settings(b, "linux")
	s.MaxMessage = 64 << 10
	st, session, _ := relpStream(b, s)
	p, now := frames(2, 50, samples[3]), time.Now()
	var answers []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(p) / 50))
	for i := 0; i < b.N; i += 50 {
		st.Feed(p, now)
		var k int
		answers, k, _ = session.Answers(answers[:0])
		session.Answered(k)
	}
}
