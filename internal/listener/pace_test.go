package listener

import (
	"fmt"
	"net"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// The pause grows while reads are small, shrinks when one is large, counts in the age of what
// is read after it, and is not for what comes alone.
func TestPauseFollowsReads(t *testing.T) {
	var next func()
	p := newPacer(newPauses(200*time.Millisecond), func(f func()) { next = f })
	turn := func(size int) {
		t.Helper()
		next = nil
		for range worthPause {
			p.read(size, p.began)
		}
		if next == nil {
			t.Fatal("the loop is not to turn")
		}
		next()
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 50, 50} {
		turn(300)
		testkit.Equal(t, "pause after small reads", p.pause, time.Duration(want)*time.Millisecond)
		if since := p.read(300, p.began); p.began.Sub(since) < p.pause {
			t.Errorf("after a pause of %v what is read is %v old", p.pause, p.began.Sub(since))
		}
	}
	turn(fullRead)
	testkit.Equal(t, "pause after a large read", p.pause, 25*time.Millisecond)
	next = nil
	now := p.began
	for i := range 10 * worthPause {
		now = now.Add(20 * time.Millisecond)
		if since := p.read(300, now); i > worthPause && now.Sub(since) > p.pauses.longest {
			t.Errorf("a line that comes alone is %v old", now.Sub(since))
		}
	}
	if next != nil {
		t.Error("a loop pauses for 50 lines a second")
	}
}

// A ban ends the pause that is on and allows none; what ends pauses ends one.
func TestPausesEnd(t *testing.T) {
	p := newPauses(time.Minute)
	end := p.begin()
	p.end()
	<-end
	end = p.begin()
	p.forbid()
	<-end
	if p.begin() != nil {
		t.Error("a pause begins during a ban")
	}
	p.allow()
	if p.begin() == nil {
		t.Error("no pause after a ban")
	}
}

// A loop pauses while many connections write single lines. Nothing is lost, and connections
// that come meanwhile are taken.
func TestLoopPausesAndLosesNothing(t *testing.T) {
	b := listen(t, func(o *SourceOptions) { o.Settings.MaxConnections = 1000 })
	const conns, lines = 100, 200
	var all [conns]net.Conn
	for i := range all {
		all[i] = b.dial("tcp")
	}
	late := 0
	for n := range lines {
		for i, c := range all {
			fmt.Fprintf(c, "<13>Nov 29 10:00:00 host%d app: line %d\n", i, n)
		}
		if n%10 == 0 {
			fmt.Fprint(b.dial("tcp"), "<13>Nov 29 10:00:00 late app: line\n")
			late++
		}
	}
	b.wait(conns*lines + late)
	testkit.Equal(t, "received", b.balance().Received, uint64(conns*lines+late))
	paused := make(chan time.Duration)
	for _, loop := range b.l.tcp.byLoop {
		loop.soon(func() { paused <- loop.pause })
		if d := <-paused; d != b.l.tcp.pauses.longest {
			t.Errorf("the loop pauses for %v, want %v", d, b.l.tcp.pauses.longest)
		}
	}
}
