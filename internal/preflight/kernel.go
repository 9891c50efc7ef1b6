package preflight

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"syslog-gateway/internal/stats/text"
)

// Limits are what the gateway asks of the kernel.
type Limits struct {
	ReceiveBuffer int64 // of a UDP socket, bytes
	Connections   int   // that may be open at one time, over all sources
	// OpenFiles is what the systemd unit allows the service; 0: no unit, so the limit of this
	// process counts.
	OpenFiles int64
}

// minBacklog is net.core.somaxconn since Linux 5.4.
const minBacklog = 4096

// ownFiles is how many files the gateway needs besides connections.
const ownFiles = 512

// Kernel checks the limits of the kernel. Where there is no /proc it says so.
func Kernel(want Limits) Check {
	return func(context.Context) []Finding {
		return []Finding{
			receiveBuffer(want.ReceiveBuffer), backlog(), openFiles(want),
		}
	}
}

func receiveBuffer(want int64) Finding {
	f := Finding{Name: "net.core.rmem_max"}
	have, err := sysctl("net/core/rmem_max")
	switch {
	case err != nil:
		f.Result, f.Text = NotChecked, hidden(err)
	case have < want:
		f.Result, f.Text = Warning, fmt.Sprintf("it is %s, and receive_buffer asks for %s: the kernel drops more UDP messages in bursts. "+
			"Install sysctl.d/60-syslog-gateway.conf and run `sysctl --system`; for a container, on its host", text.Size(have), text.Size(want))
	default:
		f.Result, f.Text = OK, text.Size(have)+", enough for receive_buffer"
	}
	return f
}

func backlog() Finding {
	f := Finding{Name: "net.core.somaxconn"}
	have, err := sysctl("net/core/somaxconn")
	switch {
	case err != nil:
		f.Result, f.Text = NotChecked, hidden(err)
	case have < minBacklog:
		f.Result, f.Text = Warning, fmt.Sprintf("it is %d: when many devices connect at one time, some must try again. Set it to %d (sysctl -w net.core.somaxconn=%d)", have, minBacklog, minBacklog)
	default:
		f.Result, f.Text = OK, strconv.FormatInt(have, 10)
	}
	return f
}

func openFiles(want Limits) Finding {
	f := Finding{Name: "open files"}
	have, err := hardLimit("self")
	if err != nil {
		f.Result, f.Text = NotChecked, hidden(err)
		return f
	}
	where := "the hard limit of this process (ulimit -Hn)"
	if want.OpenFiles > 0 {
		have, where = want.OpenFiles, "LimitNOFILE of the systemd unit"
		// In a container systemd cannot go beyond its own limit.
		if of1, err := hardLimit("1"); err == nil && of1 < have {
			have, where = of1, "the hard limit of process 1, which the host of the container sets,"
		}
	}
	need := int64(want.Connections + ownFiles)
	if have < need {
		f.Result, f.Text = Warning, fmt.Sprintf("%s is %d, but max_connections of all sources are %d: beyond the limit new connections replace others. Raise the limit to %d, or lower max_connections",
			where, have, want.Connections, need)
		return f
	}
	f.Result, f.Text = OK, fmt.Sprintf("%d, %s", have, where)
	return f
}

func hidden(err error) string {
	return fmt.Sprintf("the kernel does not show it here (%v); look on the machine that the gateway is to run on", err)
}

func sysctl(name string) (int64, error) {
	data, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
}

// hardLimit is the hard limit of open files of a process; the gateway raises its own limit to
// it.
func hardLimit(process string) (int64, error) {
	data, err := os.ReadFile("/proc/" + process + "/limits")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Max open files"); ok {
			if columns := strings.Fields(rest); len(columns) > 1 {
				return strconv.ParseInt(columns[1], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no open files in /proc/%s/limits", process)
}
