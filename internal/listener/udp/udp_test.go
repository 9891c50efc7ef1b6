package udp

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener/inherit/inherittest"
	"syslog-gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// taken is what the Receivers of a test have taken. They wait while hang is set.
type taken struct {
	mu   sync.Mutex
	got  [][]byte
	from []netip.Addr
	hang chan struct{}
}

func (k *taken) Begin(time.Time) {
	if k.hang != nil {
		<-k.hang
	}
}

func (k *taken) Receive(p []byte, from netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got, k.from = append(k.got, bytes.Clone(p)), append(k.from, from)
}

func (k *taken) End() {}

func (k *taken) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.got)
}

// open opens a listener of one port with so many loops.
func open(t *testing.T, k *taken, loops int) (l *Listener, port int, turns *atomic.Int64) {
	t.Helper()
	port = testkit.Try(testkit.FreePorts(1))(t)[0]
	turns = new(atomic.Int64)
	l = New(Options{
		Ports: []Port{{
			Source: "linux", Network: "udp4", Address: fmt.Sprintf("127.0.0.1:%d", port), Number: port, Buffer: 1 << 20,
			NewReceiver: func() Receiver { return k },
		}},
		Loops: loops, Turned: func(int) { turns.Add(1) }, Logger: slog.New(slog.DiscardHandler),
		BindHint: func(string, error) string { return "do this" },
	})
	testkit.Must(t, l.Open(t.Context()))
	t.Cleanup(func() { testkit.Equal(t, "drain", errors.Join(l.Drain(), l.Close()), nil) })
	return l, port, turns
}

func TestDatagramsOfEachSize(t *testing.T) {
	k := &taken{}
	_, port, _ := open(t, k, 1)
	c := testkit.Try(net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port)))(t)
	defer c.Close()
	sizes := []int{0, 1, 1472, 9000, 65507}
	for i, n := range sizes {
		testkit.Try(c.Write(bytes.Repeat([]byte{'x'}, n)))(t)
		testkit.Eventually(t, "it is received", func() bool { return k.count() == i+1 })
	}
	for i, n := range sizes {
		testkit.Equal(t, "bytes", len(k.got[i]), n)
		testkit.Equal(t, "sender", k.from[i].String(), "127.0.0.1")
	}
}

func TestALoopThatHangsDoesNotTurn(t *testing.T) {
	k := &taken{hang: make(chan struct{})}
	l, port, turns := open(t, k, 2)
	c := testkit.Try(net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port)))(t)
	defer c.Close()
	for turning := true; turning; {
		fmt.Fprint(c, "x")
		before := turns.Load()
		l.Wake(0)
		turning = woken(turns, before)
	}
	before := turns.Load()
	close(k.hang)
	testkit.Eventually(t, "it turns again", func() bool { return turns.Load() > before })
}

// woken reports whether a loop turns within a while.
func woken(turns *atomic.Int64, before int64) bool {
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if turns.Load() > before {
			return true
		}
	}
	return false
}

// Each socket of the group is ours, also for who binds with SO_REUSEPORT afterwards: the
// listener sees the port of another process before it binds.
func TestAGroupOfSomebodyElseIsRefused(t *testing.T) {
	p := Port{
		Source: "linux", Network: "udp4", Address: fmt.Sprintf("127.0.0.1:%d", testkit.Try(testkit.FreePorts(1))(t)[0]),
		NewReceiver: func() Receiver { return &taken{} },
	}
	other := testkit.Try(bind(t.Context(), p))(t)
	defer other.Close()
	l := New(Options{
		Ports:  []Port{p},
		Loops:  4,
		Logger: slog.New(slog.DiscardHandler), BindHint: func(string, error) string { return "do this" },
	})
	err := l.Open(t.Context())
	if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "source linux") || !strings.Contains(err.Error(), "do this") {
		t.Error(err)
	}
	testkit.Equal(t, "error", errors.Join(l.Drain(), l.Close()), nil)
}

// A port that cannot be opened leaves those before it without loops: they are given back all
// the same.
func TestASecondPortThatIsTaken(t *testing.T) {
	other := testkit.Try(net.ListenPacket("udp4", "127.0.0.1:0"))(t)
	defer other.Close()
	first := testkit.Try(testkit.FreePorts(1))(t)[0]
	receiver := func() Receiver { return &taken{} }
	l := New(Options{
		Ports: []Port{
			{Source: "linux", Network: "udp4", Address: fmt.Sprintf("127.0.0.1:%d", first), Number: first, NewReceiver: receiver},
			{Source: "auto", Network: "udp4", Address: other.LocalAddr().String(), NewReceiver: receiver},
		},
		Loops: 2, Logger: slog.New(slog.DiscardHandler), BindHint: func(string, error) string { return "do this" },
	})
	err := l.Open(t.Context())
	if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "source auto") {
		t.Error(err)
	}
	testkit.Equal(t, "error", errors.Join(l.Drain(), l.Close()), nil)
	again := testkit.Try(net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", first)))(t)
	testkit.Must(t, again.Close())
}

// The watchdog may wake a loop that has just ended. Its descriptor may be another file's by then.
func TestALoopThatHasEndedIsNotWoken(t *testing.T) {
	l := testkit.Try(newLoop(0, Options{Loops: 1, Logger: slog.New(slog.DiscardHandler)}, nil))(t)
	testkit.Must(t, l.close())
	var files []*os.File
	for range 8 {
		f := testkit.Try(os.CreateTemp(t.TempDir(), ""))(t)
		defer f.Close()
		files = append(files, f)
	}
	l.wake()
	for _, f := range files {
		testkit.Equal(t, "bytes in a file", testkit.Try(f.Stat())(t).Size(), 0)
	}
}

// The statistics ask for sockets while Drain writes their drops into the Store.
func TestDrainBesideSockets(t *testing.T) {
	port := testkit.Try(testkit.FreePorts(1))(t)[0]
	l := New(Options{
		Ports: []Port{{
			Source: "linux", Network: "udp4", Address: fmt.Sprintf("127.0.0.1:%d", port), Number: port, Buffer: 1 << 20,
			NewReceiver: func() Receiver { return &taken{} },
		}},
		Loops: 4, Store: &inherittest.Store{}, Turned: func(int) {}, Logger: slog.New(slog.DiscardHandler),
		BindHint: func(string, error) string { return "do this" },
	})
	testkit.Must(t, l.Open(t.Context()))
	var asked atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				l.Sockets(0)
				asked.Add(1)
			}
		}
	}()
	testkit.Eventually(t, "they are asked for", func() bool { return asked.Load() > 0 })
	err := l.Drain()
	close(stop)
	<-ended
	testkit.Equal(t, "error", errors.Join(err, l.Close()), nil)
}
