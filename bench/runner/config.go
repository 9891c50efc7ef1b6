package runner

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/bench/loadgen"
	"syslog-gateway/bench/mix"
	"syslog-gateway/internal/testkit"
)

// site is where one run takes place: a folder and the ports on 127.0.0.1.
type site struct {
	dir     string
	sources []int // one port for each vendor
	sink    int   // HEC
	lines   int   // streams of subjects that have no HEC output
	stats   int
	closed  int // without a listener
	nodes   *nodes
}

// newSite makes a folder below parent ("" is the system's temporary folder)
// and finds free ports.
func newSite(parent string) (*site, error) {
	dir, err := os.MkdirTemp(parent, "gateway-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the run: %w", err)
	}
	ports, err := testkit.FreePorts(len(mix.Vendors()) + 4)
	if err != nil {
		return nil, fmt.Errorf("find free ports: %w", err)
	}
	n := len(mix.Vendors())
	return &site{dir: dir, sources: ports[:n], sink: ports[n], lines: ports[n+1], stats: ports[n+2], closed: ports[n+3]}, nil
}

func (s *site) sinkURL() string  { return "http://" + local(s.sink) }
func (s *site) queue() string    { return filepath.Join(s.dir, "queue") }
func (s *site) statsURL() string { return "http://" + local(s.stats) }

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// ports are those of the sources that a scenario uses: one for each vendor, or one.
func (s *site) ports(sc Scenario) []int {
	if sc.Source == sourceFive {
		return s.sources
	}
	return s.sources[:1]
}

// writeConfig writes the gateway's configuration and returns its path. All that is not
// named here is at its default.
func (s *site) writeConfig(sc Scenario) (string, error) {
	var b strings.Builder
	protocols := ""
	if slices.ContainsFunc(sc.Loads, func(l load) bool { return l.Transport == loadgen.RELP }) {
		protocols = ", protocols: [relp]"
	}
	b.WriteString("sources:\n")
	switch sc.Source {
	case sourceFive:
		for i, v := range mix.Vendors() {
			fmt.Fprintf(&b, "  %s: {address: 127.0.0.1, port: %d, vendor: %s, index: %s%s}\n", v, s.sources[i], v, indexOf(v), protocols)
		}
	case sourceAuto:
		fmt.Fprintf(&b, "  mixed: {address: 127.0.0.1, port: %d, vendor: auto, index: main%s}\n", s.sources[0], protocols)
	default:
		v := mix.Vendor(sc.Source)
		fmt.Fprintf(&b, "  %s: {address: 127.0.0.1, port: %d, vendor: %s, index: %s%s}\n", v, s.sources[0], v, indexOf(v), protocols)
	}
	cluster := ""
	if s.nodes != nil {
		cluster = s.nodes.config()
	}
	fmt.Fprintf(&b, "queue: {path: %q, max_size: 60GB%s}\n", s.queue(), cluster)
	endpoint := s.sinkURL()
	if sc.dead() {
		endpoint = "http://" + local(s.closed) // a port without a listener
	}
	fmt.Fprintf(&b, "hec: {endpoints: [%q], compression: %s}\n", endpoint, sc.Compression)
	if sc.Loops > 0 {
		fmt.Fprintf(&b, "loops: {udp: %d}\n", sc.Loops)
	}
	fmt.Fprintf(&b, "dead_letter: {path: %q}\n", filepath.Join(s.dir, "dead-letter"))
	fmt.Fprintf(&b, "stats: {listen: %q}\n", local(s.stats))
	path := filepath.Join(s.dir, "gateway.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write the gateway's configuration: %w", err)
	}
	return path, nil
}

// indexOf is the index that the gateway's default configuration gives a vendor.
func indexOf(v mix.Vendor) string {
	switch v {
	case mix.UniFi:
		return "unifi"
	case mix.PaloAlto, mix.CiscoASA:
		return "firewall"
	default:
		return "os"
	}
}

// loadArgs are the arguments of `bench load` for one load that numbers from first on.
func (s *site) loadArgs(sc Scenario, l load, first uint64) []string {
	args := []string{"load", "--json", "--target=127.0.0.1", "--transport=" + l.Transport,
		"--connections=" + strconv.Itoa(l.Connections), "--first=" + strconv.FormatUint(first, 10)}
	if l.Profile != "" {
		args = append(args, "--profile="+l.Profile)
	} else {
		n, _ := l.messages() // validate has seen it
		args = append(args, "--rate="+strconv.Itoa(l.Rate), "--count="+strconv.FormatUint(n, 10))
	}
	if l.Window > 0 {
		args = append(args, "--window="+strconv.Itoa(l.Window))
	}
	if l.Single {
		args = append(args, "--single")
	}
	var ports []string
	for _, p := range s.ports(sc) {
		ports = append(ports, strconv.Itoa(p))
	}
	args = append(args, "--ports="+strings.Join(ports, ","))
	switch sc.Source {
	case sourceFive:
		return append(args, "--port-per-vendor")
	case sourceAuto:
		return args
	}
	return append(args, "--mix="+sc.Source)
}
