package faults

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// socketBytes is what the kernel holds of connections from the ports given to the
// port at 127.0.0.1, at both ends (proc_net(5)). The gateway must not be reading. It
// waits until the number stays: bytes that arrived count at both ends until they are
// acknowledged.
func socketBytes(ctx context.Context, to int, from numbers) (int, error) {
	tick := time.NewTicker(60 * time.Millisecond) // longer than an acknowledgement is delayed
	defer tick.Stop()
	for last := -1; ; {
		n, err := bufferedBytes(to, from)
		if err != nil || n == last {
			return n, err
		}
		last = n
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func bufferedBytes(to int, from numbers) (sum int, err error) {
	data, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, fmt.Errorf("read the socket buffers: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line) // sl local remote state tx:rx …
		if len(f) < 5 || f[0] == "sl" {
			continue
		}
		l, r := hexPort(f[1]), hexPort(f[2])
		if !(l == to && from[r]) && !(r == to && from[l]) {
			continue
		}
		tx, rx, _ := strings.Cut(f[4], ":")
		for _, text := range []string{tx, rx} {
			n, err := strconv.ParseUint(text, 16, 32)
			if err != nil {
				return 0, fmt.Errorf("read the socket buffers: %q: %w", line, err)
			}
			sum += int(n)
		}
	}
	return sum, nil
}

func hexPort(address string) int {
	_, port, _ := strings.Cut(address, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}
