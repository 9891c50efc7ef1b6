package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// maxRSS is what the gateway may take at most, whatever is done to it.
const maxRSS = 256 << 20

// frugal says how much memory the gateway has had, and wants that it is not too much.
func (r *rig) frugal() error {
	rss, err := rss(r.gw.PID())
	r.res.detail("RSS at most %d MiB", rss>>20)
	r.res.problemIf(rss > maxRSS, "RSS rose to %d MiB, %d are allowed", rss>>20, maxRSS>>20)
	return err
}

// rss is the most memory that the process has had at one time (VmHWM, proc_pid_status(5)).
func rss(pid int) (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read the gateway's memory: %w", err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the gateway's memory: %w", err)
	}
	return n << 10, nil
}
