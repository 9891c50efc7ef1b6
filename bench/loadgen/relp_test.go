package loadgen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"syslog-gateway/bench/marker"
	"syslog-gateway/bench/mix"
	"syslog-gateway/internal/testkit"
)

// relpReceiver takes one RELP connection. It answers when hold messages are unanswered, or
// wrongly with wrong.
func relpReceiver(l net.Listener, hold int, wrong string, seen map[uint64]bool) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	var waiting strings.Builder
	held := 0
	for want := 1; ; want++ {
		var txnr, length int
		var command string
		if _, err := fmt.Fscanf(in, "%d %s %d", &txnr, &command, &length); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil || txnr != want {
			return fmt.Errorf("frame %d, want %d: %w", txnr, want, err)
		}
		data := make([]byte, 1+length+1)
		if _, err := io.ReadFull(in, data); err != nil || data[0] != ' ' || data[length+1] != '\n' {
			return fmt.Errorf("frame %d is %q: %w", txnr, data, err)
		}
		if command == "open" {
			fmt.Fprintf(c, "%d rsp 37 200 OK\nrelp_version=0\nrelp_software=x\n", txnr)
			continue
		}
		m, _, ok := marker.Find(data)
		if !ok || seen[m.Seq] {
			return fmt.Errorf("frame %d has the message %d", txnr, m.Seq)
		}
		seen[m.Seq] = true
		if wrong != "" {
			fmt.Fprintf(c, "%d rsp %d %s\n", txnr, len(wrong), wrong)
			continue
		}
		fmt.Fprintf(&waiting, "%d rsp 6 200 OK\n", txnr)
		if held++; held == hold {
			if more := in.Buffered(); more > 0 {
				return fmt.Errorf("%d bytes more than the window came", more)
			}
			io.WriteString(c, waiting.String())
			waiting.Reset()
			held = 0
		}
	}
}

func runRELP(t *testing.T, o Options, hold int, wrong string) (Result, error, map[uint64]bool, error) {
	t.Helper()
	l := testkit.Try(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	seen, ended := make(map[uint64]bool), make(chan error, 1)
	go func() { ended <- relpReceiver(l, hold, wrong, seen) }()
	o.Target, o.Transport, o.Framing, o.Mix, o.Connections = "127.0.0.1", RELP, mix.LF, "linux", 1
	o.Ports = []int{l.Addr().(*net.TCPAddr).Port}
	res, err := Run(context.Background(), o)
	return res, err, seen, <-ended
}

// All messages come once, and no more than a window is ever unanswered.
func TestRELP(t *testing.T) {
	for _, window := range []int{0, 1, 1000} {
		hold := window
		if window == 0 {
			hold = Window
		}
		n := 16_000 // whole windows
		res, err, seen, received := runRELP(t, Options{Window: window, Count: uint64(n)}, hold, "")
		testkit.Must(t, received)
		testkit.Must(t, err)
		if len(seen) != n || res.Errors != 0 {
			t.Errorf("window %d: %d messages, %+v", window, len(seen), res)
		}
	}
}

func TestRELPRefusal(t *testing.T) {
	res, err, _, _ := runRELP(t, Options{Count: 1000}, 1, "500 no")
	if res.Errors == 0 || !strings.Contains(fmt.Sprint(err, res), "500 no") {
		t.Errorf("%v, %+v", err, res)
	}
}
