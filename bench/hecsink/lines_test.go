package hecsink

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"syslog-gateway/bench/marker"
	"syslog-gateway/internal/testkit"
)

// TestStreamsAreCountedWherever they are cut: in pieces of any length, also of one byte.
func TestStreamsAreCountedWhereverCut(t *testing.T) {
	const n = 2000
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	var text bytes.Buffer
	stamp := marker.NewStamp(time.Now().UnixMicro())
	for seq := range uint64(n) {
		text.WriteString("<13>a ~ b ~se ")
		m := []byte(marker.Blank)
		marker.Put(m, seq, &stamp)
		text.Write(m)
		text.WriteString("~seq=\n"[rng.IntN(6):])
	}
	s := New(Options{Expect: n, Latency: true})
	ln := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.RunLines(ctx, ln) }()
	conn := testkit.Try(net.Dial("tcp", ln.Addr().String()))(t)
	for b := text.Bytes(); len(b) > 0; {
		k := min(len(b), 1+rng.IntN(200))
		testkit.Try(conn.Write(b[:k]))(t)
		b = b[k:]
	}
	<-s.tally.complete
	conn.Close()
	cancel()
	testkit.Equal(t, "error", <-ended, nil)
	if st := s.Stats(); st.Unique != n || st.Duplicated != 0 || st.Foreign != 0 || st.Lost != 0 || st.RawBytes != uint64(text.Len()) || st.Streams != 1 {
		t.Errorf("seed %d: %+v", seed, st)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("a ~seq=0000000123 ts=0001767225600000 b"), 7)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		var whole, pieces findings
		whole.stream(text)
		cut = min(max(cut, 0), len(text))
		used := pieces.stream(text[:cut])
		pieces.stream(text[used:])
		if len(whole.markers) != len(pieces.markers) {
			t.Errorf("%q cut at %d: %d markers, whole %d", text, cut, len(pieces.markers), len(whole.markers))
		}
	})
}
