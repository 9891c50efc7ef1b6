package state

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// self describes this process.
func self(command string) Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	h := Holder{
		ID: newID(), PID: os.Getpid(), Host: host, Command: command,
		Since: time.Now().UTC().Truncate(time.Second), Boot: boot(), Start: start(os.Getpid()),
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// local says that the holder ran on this host.
func (h Holder) local() bool {
	host, err := os.Hostname()
	return err == nil && h.PID > 0 && h.Host == host
}

// dead says that the holder certainly does not run: it ran on this host, and the host was
// rebooted since, or the process is gone, or another process has its number.
func (h Holder) dead() bool {
	if !h.local() {
		return false
	}
	if b := boot(); h.Boot != "" && b != "" && h.Boot != b {
		return true
	}
	if gone(h.PID) {
		return true
	}
	s := start(h.PID)
	return h.Start != "" && s != "" && h.Start != s
}

// boot is the identity of this boot; "" on other systems than Linux.
func boot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// start is when a process started, in clock ticks since boot: field 22 of proc(5)'s stat;
// "" on other systems than Linux. The second field may hold blanks and brackets.
func start(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	s := string(b)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}
