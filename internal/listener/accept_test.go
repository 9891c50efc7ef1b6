package listener

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"syslog-gateway/internal/testkit"
)

// A port from which all is taken does not wait, open, for a port where more comes:
// its new connections would be reset.
func TestAPortClosesWhenAllIsTaken(t *testing.T) {
	l := testkit.Try(net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))(t)
	_ = l.SetDeadline(time.Now())
	new(connections).accept(l, nil, func(*net.TCPConn) { t.Error("nobody has connected") })
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the port was still open; closing it gives %v", err)
	}
}

// A stop waits for the whole of quiet behind the last sign of life.
func TestDrainWaitsForAllOfQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := tcpListener{connections: new(connections)}
		l.connections.open.Store(1)
		l.reading.Store(1)
		time.AfterFunc(quiet+time.Millisecond, func() { l.reading.Store(0) })
		begin := time.Now()
		l.awaitQuiet(t.Context())
		testkit.Equal(t, "it waited for", time.Since(begin), 2*quiet)
	})
}

// A stop closes both ends of every heartbeat.
func TestAStopClosesTheHeartbeats(t *testing.T) {
	b := listen(t, nil)
	l := b.l
	b.stop()
	for _, h := range l.tcp.heartbeats {
		if err := h.close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the far end of a heartbeat was still open; closing it gives %v", err)
		}
	}
}
