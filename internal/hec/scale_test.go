package hec

import (
	"crypto/tls"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syslog-gateway/internal/event"
	"syslog-gateway/internal/hec/hectest"
	"syslog-gateway/internal/testkit"
)

// waiting is an endless source that knows how many records are out.
type waiting struct {
	endless
	out atomic.Int64
}

func (w *waiting) Ack(uint64) bool {
	w.out.Add(-1)
	return true
}

// Records that wait for an acknowledgement are on disk, not in memory: 50,000 messages/s
// with acknowledgements after 10 s, and polls every 10 s, are some 20 s of records, which
// is a few thousand. Here 1,000 of 64 KiB wait at one time.
func TestOutstandingAcksHoldNoBodies(t *testing.T) {
	const n, size = 1000, 64 << 10
	var indexed atomic.Bool
	s := hectest.New(hectest.Options{Acks: true, Script: hectest.Always(hectest.OK()),
		Confirm: func(string, int64) bool { return indexed.Load() }})
	defer s.Close()
	r := newRig(t, withAcks(20*time.Millisecond, time.Hour), s)
	src := &waiting{endless: endless{rec: record(event.Identity, `{"event":"`+strings.Repeat("x", size)+`"}`), count: n}}
	src.out.Store(n)
	ended := make(chan struct{})
	before := heap()
	go func() {
		defer close(ended)
		_ = r.Deliver(t.Context(), src)
	}()
	testkit.Eventually(t, "all are posted", func() bool { return r.Endpoints()[0].Unacked == n })
	if grown := heap() - before; grown > n*size/4 {
		t.Errorf("%d records that wait take %d MiB", n, grown>>20)
	}
	if src.out.Load() != n {
		t.Error("some are freed before they are indexed")
	}
	indexed.Store(true)
	<-ended
	if out := src.out.Load(); out != 0 {
		t.Errorf("%d are not freed", out)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A certificate runs out and is renewed: an alarm meanwhile, nothing lost, no restart.
func TestCertificateRunsOut(t *testing.T) {
	authority := testkit.Try(testkit.NewAuthority())(t)
	old := testkit.Try(authority.Issue(time.Now().Add(-time.Hour)))(t)
	fresh := testkit.Try(authority.Issue(time.Now().Add(time.Hour)))(t)
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(old)
	s := serve(t, hectest.Options{Certificate: shown.Load})
	r := newRig(t, func(o *Options) {
		o.TLS = &tls.Config{RootCAs: authority.Pool()}
		o.HealthInterval = 20 * time.Millisecond
	}, s)
	src := newMemory(records(20, 1)...)
	wait := r.start(t.Context(), src)
	testkit.Eventually(t, "refused", func() bool { return r.Endpoints()[0].State == "refused" })
	if st := r.Endpoints()[0]; st.Up || !strings.Contains(st.LastAnswer, "certificate") {
		t.Errorf("%+v", st)
	}
	if s.Requests() != 0 {
		t.Error("something was posted")
	}
	shown.Store(fresh)
	r.ends(wait, src, 20, s)
	testkit.Equal(t, "posts", s.Requests(), 20)
}
