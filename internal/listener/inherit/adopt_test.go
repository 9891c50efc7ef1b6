package inherit

import (
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"syslog-gateway/internal/listener/inherit/inherittest"
	"syslog-gateway/internal/testkit"
)

func TestForeignFilesAreClosed(t *testing.T) {
	r, w, err := os.Pipe()
	testkit.Must(t, err)
	defer w.Close()
	s := &inherittest.Store{}
	in := Adopt([]*os.File{r}, s, slog.New(slog.DiscardHandler))
	if len(in.sockets) != 0 {
		t.Errorf("a pipe is taken for %+v", in.sockets[0])
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("the pipe is still open")
	}
	fd := testkit.Try(unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))(t)
	in = Adopt([]*os.File{os.NewFile(uintptr(fd), prefix+"x")}, s, slog.New(slog.DiscardHandler))
	if len(in.sockets) != 0 {
		t.Error("a unix socket is taken")
	}
}

func TestReportedDrops(t *testing.T) {
	f := func(name string, want uint64) {
		t.Helper()
		if got := ReportedDrops(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	f(WithDrops("syslog-gateway.udp-1514.77", 12), 12)
	f(WithDrops(WithDrops("syslog-gateway.udp-1514.77.0", 12), 15), 15)
	f("syslog-gateway.udp-1514.77", 0)
	f("syslog-gateway.udp-1514.77.drops-x", 0)
}

func TestNothingInherited(t *testing.T) {
	var in *Sockets
	if got := in.Take("udp", ":514"); got != nil {
		t.Errorf("nothing is inherited, but %v", got)
	}
	in.CloseUnclaimed()
}
