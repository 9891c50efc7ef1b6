package runner

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// userHZ is the unit of CPU times in /proc: 1/100 s on every Linux (USER_HZ).
const userHZ = 100

// usage is what a process has used so far (proc(5)).
type usage struct {
	cpu     time.Duration // user and system, waited-for children included
	rssHigh uint64        // VmHWM, bytes
	written uint64        // write_bytes: what it caused to be written to storage
}

// readUsage reads /proc for a process that is alive.
func readUsage(pid int) (usage, error) {
	var u usage
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	if u.cpu, err = parseStat(stat); err != nil {
		return u, fmt.Errorf("read %s/stat: %w", dir, err)
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return u, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	u.rssHigh = 1024 * field(status, "VmHWM:")
	io, err := os.ReadFile(dir + "/io")
	if err != nil {
		return u, fmt.Errorf("read the I/O of process %d: %w", pid, err)
	}
	u.written = field(io, "write_bytes:")
	return u, nil
}

// parseStat sums utime, stime, cutime and cstime: fields 14 to 17, counted behind the
// program name, which may hold blanks and parentheses.
func parseStat(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const utime, behind = 14 - 3, 18 - 3
	if len(fields) < behind {
		return 0, fmt.Errorf("%q has too few fields", stat)
	}
	var ticks uint64
	for _, f := range fields[utime:behind] {
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHZ, nil
}

// field is the first number behind a key in a "key: number" file, 0 if there is none.
func field(data []byte, key string) uint64 {
	for line := range strings.Lines(string(data)) {
		if rest, found := strings.CutPrefix(line, key); found {
			if f := strings.Fields(rest); len(f) > 0 {
				n, _ := strconv.ParseUint(f[0], 10, 64)
				return n
			}
		}
	}
	return 0
}

// machineCPU is the CPU time that this machine has not been idle (proc_stat(5)): also
// what the hypervisor gave to others while we wanted it.
func machineCPU() (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the machine's CPU time: %w", err)
	}
	f := strings.Fields(string(data[:max(0, bytes.IndexByte(data, '\n'))]))
	// cpu user nice system idle iowait irq softirq steal
	if len(f) < 9 || f[0] != "cpu" {
		return 0, fmt.Errorf("read /proc/stat: its first line is %q", f)
	}
	var ticks uint64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseUint(f[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHZ, nil
}

// ownCPU is the CPU time of this process without its children.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Machine says where the figures come from.
type Machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Memory  string `json:"memory"`
	Kernel  string `json:"kernel"`
	RmemMax string `json:"net_core_rmem_max"`
}

func machine(cores int) Machine {
	read := func(path string) string {
		data, _ := os.ReadFile(path) // what is not there is left empty
		return strings.TrimSpace(string(data))
	}
	m := Machine{Cores: cores, Kernel: read("/proc/sys/kernel/osrelease"), RmemMax: read("/proc/sys/net/core/rmem_max")}
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	m.Memory = strconv.FormatUint(field([]byte(read("/proc/meminfo")), "MemTotal:")/1024, 10) + " MiB"
	return m
}
