package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Port is a port that the gateway will listen on.
type Port struct {
	Key     string // of the configuration, such as sources.linux.port
	Network string // udp or tcp
	Address string // host:port
}

// Ports checks that the ports can be bound. Where running says that a gateway of this
// configuration answers, ports that a gateway holds are as they should be. service says that
// the systemd unit is installed.
func Ports(ports []Port, running, service bool) Check {
	return func(ctx context.Context) []Finding {
		var found []Finding
		for _, p := range ports {
			_, port, _ := net.SplitHostPort(p.Address)
			f := Finding{Name: fmt.Sprintf("port %s/%s", port, p.Network)}
			f.Result, f.Text = p.verdict(p.bind(ctx), running, service)
			found = append(found, f)
		}
		return found
	}
}

// bind binds the port as the gateway does, and gives it back.
func (p Port) bind(ctx context.Context) error {
	if p.Network == "udp" {
		c, err := new(net.ListenConfig).ListenPacket(ctx, p.Network, p.Address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := new(net.ListenConfig).Listen(ctx, p.Network, p.Address)
	if err != nil {
		return err
	}
	return l.Close()
}

func (p Port) verdict(err error, running, service bool) (Result, string) {
	switch {
	case err == nil:
		return OK, p.Key + " can be bound"
	case errors.Is(err, syscall.EADDRINUSE):
		return p.taken(holderOf(p), running)
	case errors.Is(err, syscall.EACCES) && service:
		return NotChecked, p.Key + ": this user has no right to ports below 1024; the systemd unit gives it to the service. Run this with sudo to check the port"
	case errors.Is(err, syscall.EACCES):
		return Failed, p.Key + ": this user has no right to ports below 1024: start the gateway by its systemd unit, which has CAP_NET_BIND_SERVICE, or choose a port from 1024 on"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return Failed, fmt.Sprintf("%s: no interface of this machine has the address of %s: correct `address`, or leave it empty for all", p.Key, p.Address)
	}
	return Failed, fmt.Sprintf("%s: %s cannot be bound: %v", p.Key, p.Address, err)
}

// taken says who holds the port.
func (p Port) taken(by process, running bool) (Result, string) {
	_, port, _ := net.SplitHostPort(p.Address)
	switch {
	case running && (by.pid == 0 || by.name == processName("self")):
		return OK, p.Key + " is held by the gateway that is running"
	case by.pid == 1:
		return OK, p.Key + " is kept by systemd, most likely for the next start of the service; `systemctl stop syslog-gateway` closes it"
	case by.pid != 0:
		return Failed, fmt.Sprintf("%s: %s (process %d) holds the port: stop it, or choose another port", p.Key, by.name, by.pid)
	}
	return Failed, fmt.Sprintf("%s: another process holds the port: `sudo ss -l%snp sport = :%s` names it; stop it, or choose another port", p.Key, p.Network[:1], port)
}

// process is one that holds a port; its pid is 0 where that cannot be seen.
type process struct {
	pid  int
	name string
}

func processName(pid string) string {
	name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	return strings.TrimSpace(string(name))
}

// holderOf finds the process that holds a port by /proc (proc(5)). Only root sees the
// sockets of others.
func holderOf(p Port) process {
	_, port, _ := net.SplitHostPort(p.Address)
	sockets := socketsOn(p.Network, port)
	if len(sockets) == 0 {
		return process{}
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // a good pattern
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && sockets[to] {
			pid := strings.Split(link, "/")[2]
			n, _ := strconv.Atoi(pid)
			return process{n, processName(pid)}
		}
	}
	return process{}
}

// socketsOn returns the sockets on a port in the form of the links in /proc/PID/fd.
func socketsOn(network, port string) map[string]bool {
	found := make(map[string]bool)
	number, _ := strconv.Atoi(port)
	suffix := fmt.Sprintf(":%04X", number)
	for _, table := range []string{network, network + "6"} {
		f, err := os.Open("/proc/net/" + table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			const local, state, inode = 1, 3, 9
			columns := strings.Fields(lines.Text())
			if len(columns) <= inode || !strings.HasSuffix(columns[local], suffix) {
				continue
			}
			if network == "udp" || columns[state] == "0A" { // a listening socket
				found["socket:["+columns[inode]+"]"] = true
			}
		}
		f.Close()
	}
	return found
}
