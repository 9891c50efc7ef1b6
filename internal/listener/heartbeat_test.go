package listener

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"syslog-gateway/internal/ledger"
	"syslog-gateway/internal/testkit"
)

func TestStuckLoopsAreFound(t *testing.T) {
	b := listen(t, nil)
	fmt.Fprint(b.dial("tcp"), "<13>first\n")
	b.wait(1)
	hang := make(chan struct{})
	const limit = 50 * time.Millisecond
	turning := func() bool { return b.l.Stuck(limit, false) == nil }
	testkit.Eventually(t, "all loops run", turning)
	for _, h := range b.l.tcp.heartbeats {
		_ = h.loop.Execute(t.Context(), task(func() { <-hang })) // as a bug would
	}
	testkit.Eventually(t, "the loop is found to be stuck", func() bool { return !turning() })
	if err := b.l.Stuck(limit, false); err == nil || !strings.Contains(err.Error(), "the tcp event loop") {
		t.Error(err)
	}
	if err := b.l.Stuck(limit, true); err == nil {
		t.Error("it is excused, although there is no back-pressure")
	}
	close(hang)
	testkit.Eventually(t, "all loops run again", turning)
}

// A machine that was stopped for an hour, and its watchdog with it, has no stuck loops.
func TestWhoAsksLateFindsNothing(t *testing.T) {
	b := listen(t, nil)
	testkit.Must(t, b.l.Stuck(time.Minute, false))
	later := time.Now().Add(time.Hour)
	for _, h := range b.l.heartbeats() {
		testkit.Eventually(t, "the loop has answered", func() bool { return h.silent(later) == 0 })
	}
}

func TestLoopsUnderBackPressureAreExcused(t *testing.T) {
	block := make(chan struct{})
	b := listenBlocked(t, block, nil)
	unblock := sync.OnceFunc(func() { close(block) })
	t.Cleanup(unblock) // before the listener stops
	const limit = 50 * time.Millisecond
	conn := b.dial("udp")
	testkit.Eventually(t, "the loop waits for the Batcher, which waits for the pool", func() bool {
		fmt.Fprint(conn, "<13>again\n")
		return b.l.Stuck(limit, false) != nil && b.l.batchers.waiting(ledger.UDP)
	})
	testkit.Equal(t, "error", b.l.Stuck(limit, true), nil)
	unblock()
	testkit.Eventually(t, "all loops run again", func() bool { return b.l.Stuck(limit, false) == nil })
}

func TestEndOfATCPLoopEndsTheListener(t *testing.T) {
	b := listen(t, nil)
	ended := make(chan error, 1)
	go func() { ended <- b.l.Run(t.Context()) }()
	if err := b.l.tcp.heartbeats[0].far.Close(); err != nil { // gnet then closes the near end, as at the end of a loop
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "TCP event loop") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the end was not noticed")
	}
	b.l.tcp.heartbeats = nil
}
