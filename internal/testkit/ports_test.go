package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Two processes that look for ports at the same time get different ones.
func TestFreePortsOfTwoProcesses(t *testing.T) {
	const child, many = "SYSLOG_GATEWAY_TEST_PORTS", 800
	if os.Getenv(child) != "" {
		for _, port := range Try(FreePorts(many))(t) {
			fmt.Println("port", port)
		}
		os.Stdin.Read(make([]byte, 1)) // keeps them until the parent has its own
		return
	}
	other := exec.Command(os.Args[0], "-test.run", "^TestFreePortsOfTwoProcesses$")
	other.Env = append(os.Environ(), child+"=1")
	hold := Try(other.StdinPipe())(t)
	var said strings.Builder
	other.Stdout = &said
	Must(t, other.Start())
	mine := Try(FreePorts(many))(t)
	hold.Close()
	Must(t, other.Wait())
	theirs := 0
	for line := range strings.Lines(said.String()) {
		var port int
		if n, _ := fmt.Sscanf(line, "port %d", &port); n == 1 {
			theirs++
			if slices.Contains(mine, port) {
				t.Errorf("port %d was given to both", port)
			}
		}
	}
	Equal(t, "ports of the other", theirs, many)
}
