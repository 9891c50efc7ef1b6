package nftables_test

import (
	"io"
	"net"
	"os/exec"
	"testing"
	"time"

	"syslog-gateway/internal/testkit"
)

// TestStandardPortsLeadToTheGateways loads the example in a network namespace of its
// own and sends to the standard ports.
func TestStandardPortsLeadToTheGateways(t *testing.T) {
	testkit.Tool(t, "nft", "nftables")
	testkit.Tool(t, "ip", "iproute2")
	if testkit.Network(t) {
		redirects(t)
	}
}

func redirects(t *testing.T) {
	command(t, "ip", "link", "set", "lo", "up")
	// Twice, since a reload must not double the rules.
	command(t, "nft", "-f", "syslog-gateway.nft")
	command(t, "nft", "-f", "syslog-gateway.nft")
	for standard, own := range map[string]string{"514": "1514", "516": "1516", "518": "1518"} {
		overUDP(t, "127.0.0.1:"+standard, "127.0.0.1:"+own)
		overTCP(t, "127.0.0.1:"+standard, "127.0.0.1:"+own)
		overTCP(t, "[::1]:"+standard, "[::1]:"+own)
	}
	if c, err := net.Dial("tcp", "127.0.0.1:513"); err == nil {
		c.Close()
		t.Error("a port that is not in the map leads somewhere")
	}
}

func overUDP(t *testing.T, to, listen string) {
	t.Helper()
	l := testkit.Try(net.ListenPacket("udp", listen))(t)
	defer l.Close()
	c := testkit.Try(net.Dial("udp", to))(t)
	defer c.Close()
	testkit.Try(c.Write([]byte("hello")))(t)
	buf := make([]byte, 16)
	_ = l.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := l.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" {
		t.Fatalf("udp %s: got %q (%v)", to, buf[:n], err)
	}
	if from.String() != c.LocalAddr().String() {
		t.Errorf("udp %s: the sender is %v, want %v", to, from, c.LocalAddr())
	}
}

func overTCP(t *testing.T, to, listen string) {
	t.Helper()
	l := testkit.Try(net.Listen("tcp", listen))(t)
	defer l.Close()
	c := testkit.Try(net.DialTimeout("tcp", to, 5*time.Second))(t)
	testkit.Try(c.Write([]byte("hello")))(t)
	c.Close()
	s := testkit.Try(l.Accept())(t)
	defer s.Close()
	got, err := io.ReadAll(s)
	if err != nil || string(got) != "hello" {
		t.Errorf("tcp %s: got %q (%v)", to, got, err)
	}
}

func command(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", args, err, out)
	}
}
