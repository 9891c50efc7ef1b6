package main

import (
	"os/exec"
	"strings"
	"testing"

	"syslog-gateway/internal/testkit"
)

func TestCount(t *testing.T) {
	var first, second numbers
	first.read(strings.NewReader("x failover-0- x\nfailover-1-\nno number\nfailover-2-\nfailover-2-\n"))
	second.read(strings.NewReader("failover-2-\nfailover-5-\nfailover-7-\n"))
	want := result{sent: 9, lost: 4, twice: 2, run: 2} // 3 4, 6, 8; 2 came three times
	if got := count(9, &first, &second); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	testkit.Equal(t, "different ones", first.len(), 3)
}

// TestKeepalivedTakesTheConfiguration has keepalived itself look at the example, on a
// host that has the interface which it names.
func TestKeepalivedTakesTheConfiguration(t *testing.T) {
	testkit.Tool(t, "keepalived", "keepalived")
	testkit.Tool(t, "ip", "iproute2")
	if testkit.Network(t) {
		run(t, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
		run(t, "keepalived", "--config-test", "--use-file", "../keepalived.conf")
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}
