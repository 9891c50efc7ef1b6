package listener

import (
	"errors"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A port from which all is taken does not wait, open, for a port where more comes:
// whoever connected to it would be reset.
func TestAPortClosesWhenAllIsTaken(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now())
	new(tcp).accept(l, nil, func(*net.TCPConn) { t.Error("nobody has connected") })
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the port was still open; closing it gives %v", err)
	}
}

// A stop waits for the whole of quiet behind the last sign of life.
func TestDrainWaitsForAllOfQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c tcp
		c.open.Store(1)
		c.turns.Store(1)
		time.AfterFunc(quiet+time.Millisecond, func() { c.turns.Store(0) })
		begin := time.Now()
		c.drain(t.Context())
		if took := time.Since(begin); took != 2*quiet {
			t.Errorf("it waited for %v, want %v", took, 2*quiet)
		}
	})
}

// A stop closes both ends of every loop's beat.
func TestAStopClosesTheBeats(t *testing.T) {
	b := listen(t, nil)
	l := b.l
	b.stop()
	for _, beat := range append(slices.Clone(l.tcp.beats), l.udp.beat) {
		if err := beat.close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the far end of the %s loop's beat was still open; closing it gives %v", beat.transport, err)
		}
	}
}
