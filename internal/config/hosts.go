package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
)

// Limits of the hosts file, which is kept in memory.
const (
	maxHostsFile  = 4 * MiB
	maxHostErrors = 20
	maxHostName   = 255 // RFC 1035 section 2.3.4
)

// Hosts reads the file that hosts_file names and returns the names of senders by
// address, or nil if no file is named. The error lists the wrong lines; there are no
// names then.
func (m Metadata) Hosts() (map[netip.Addr]string, error) {
	if m.HostsFile == "" {
		return nil, nil
	}
	if info, err := os.Stat(m.HostsFile); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", m.HostsFile) // opening a pipe would wait
	}
	f, err := os.Open(m.HostsFile)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", m.HostsFile, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(maxHostsFile)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.HostsFile, cause(err))
	}
	if Size(len(data)) > maxHostsFile {
		return nil, fmt.Errorf("%s is larger than %s", m.HostsFile, maxHostsFile)
	}
	hosts, err := parseHosts(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.HostsFile, err)
	}
	return hosts, nil
}

// parseHosts reads lines "address,name". It skips empty lines, lines that begin with
// '#' and the header "ip,name".
func parseHosts(text string) (map[netip.Addr]string, error) {
	hosts := make(map[netip.Addr]string)
	first := make(map[netip.Addr]int)
	var errs []error
	n, bad := 0, 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || n == 1 && strings.EqualFold(line, "ip,name") {
			continue
		}
		addr, name, wrong := parseHost(line)
		if wrong == "" && first[addr] != 0 {
			wrong = fmt.Sprintf("%s is listed twice, first in line %d", addr, first[addr])
		}
		if wrong == "" {
			hosts[addr], first[addr] = name, n
			continue
		}
		if bad++; bad <= maxHostErrors {
			errs = append(errs, fmt.Errorf("line %d: %s", n, wrong))
		}
	}
	if bad > maxHostErrors {
		errs = append(errs, fmt.Errorf("and %d more wrong lines", bad-maxHostErrors))
	}
	if bad > 0 {
		return nil, errors.Join(errs...)
	}
	return hosts, nil
}

// parseHost reads one line, or returns what is wrong with it.
func parseHost(line string) (addr netip.Addr, name, wrong string) {
	ip, name, ok := strings.Cut(line, ",")
	if !ok {
		return addr, "", display(line) + " is not address,name"
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(ip))
	if err != nil || addr.Zone() != "" {
		return addr, "", display(ip) + " is not an IP address"
	}
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxHostName || strings.Trim(name, lower+upper+digits+".-_") != "" {
		return addr, "", display(name) + " is not a host name; allowed: letters, digits and . - _"
	}
	return addr.Unmap(), name, ""
}
