package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// Validate checks every value, and values that depend on each other. It uses no file,
// socket or environment. The error joins all problems; each names the key, the value
// and what is allowed.
func (c Config) Validate() error { return c.problems().err() }

func (c Config) problems() problems {
	var ps problems
	walk(c, func(p keyPath, v reflect.Value) {
		r := rows()[p.pattern].rule
		if wrong := r.check(v.Interface()); wrong != "" {
			ps.add(p, "%s; allowed: %s", wrong, r.allowed)
		}
	})
	c.checkSources(&ps)
	c.checkPorts(&ps)
	c.checkQueue(&ps)
	c.checkJetStream(&ps)
	c.checkRest(&ps)
	return ps
}

// maxName limits the name of a source, which is a label of the metrics.
const maxName = 64

func (c Config) checkSources(ps *problems) {
	if len(c.Sources) == 0 && !c.Queue.Delivers() {
		ps.add(at("sources"), "there is no source; declare at least one, such as linux: {port: 1517, vendor: linux}")
	}
	for _, name := range sortedKeys(c.Sources) {
		s, here := c.Sources[name], at("sources", name)
		if !isName(name) {
			ps.add(here, "%s is not a name for a source; allowed: a-z, 0-9, _ and -, beginning with a letter or digit, no __, at most %d characters", display(name), maxName)
		}
		if streams := s.streams(); len(streams) > 1 {
			ps.add(here.key("protocols"), "%s cannot share port %d; declare a source with its own port for each", strings.Join(streams, " and "), s.Port)
		}
		encrypted := s.encrypted()
		switch {
		case len(encrypted) > 0 && (!s.TLS.On() || s.TLS.CertFile != "" && s.TLS.KeyFile == ""):
			ps.add(here.key("tls"), "protocol %s needs cert_file and key_file, or certificates", encrypted[0])
		case len(encrypted) == 0 && s.TLS.any():
			ps.add(here.key("tls"), "files are given, but protocols %v has neither tls nor relp_tls; add one, or remove them", s.Protocols)
		default:
			ps.checkTLSKeys(here.key("tls"), s.TLS)
		}
	}
	for _, class := range c.Metadata.Drop {
		if _, both := c.Metadata.Sample[class]; both {
			ps.add(at("metadata", "sample").item(class), "is in metadata.drop as well; keep one of the two")
		}
	}
	for _, name := range sortedKeys(c.Metadata.Overrides) {
		here := at("metadata", "overrides").entry(name)
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r == ' ' || isControl(r) }) {
			ps.add(here, "%s is not the name of a class", display(name))
		}
		if c.Metadata.Overrides[name] == (Override{}) {
			ps.add(here, "overrides nothing; give it index, sourcetype or source")
		}
	}
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, lower+digits+"_-") == "" &&
		!strings.ContainsRune("_-", rune(s[0])) && !strings.Contains(s, "__")
}

// socket is an address that the gateway will bind.
type socket struct {
	key     keyPath
	network string // udp or tcp
	address string
	port    int
}

func (c Config) checkPorts(ps *problems) {
	var sockets []socket
	for _, name := range sortedKeys(c.Sources) {
		s, seen := c.Sources[name], ""
		for _, protocol := range s.Protocols {
			network := "tcp"
			if protocol == "udp" {
				network = "udp"
			}
			if !strings.Contains(seen, network) && s.Port != 0 {
				sockets = append(sockets, socket{at("sources", name, "port"), network, s.Address, s.Port})
			}
			seen += network
		}
	}
	if host, port, err := net.SplitHostPort(c.Stats.Listen); err == nil {
		if n, err := strconv.Atoi(port); err == nil {
			sockets = append(sockets, socket{at("stats", "listen"), "tcp", host, n})
		}
	}
	for i, a := range sockets {
		for _, b := range sockets[:i] {
			if a.network == b.network && a.port == b.port && overlap(a.address, b.address) && !ps.about(a.key) {
				ps.add(a.key, "%d is taken by %s (%s on %s); give each its own port, protocol or address", a.port, b.key, b.network, addressText(b.address))
			}
		}
	}
}

func addressText(address string) string {
	if address == "" {
		return "all addresses"
	}
	return address
}

// overlap reports whether a port cannot be bound on both addresses. "" and :: mean all
// addresses of both families, which is the default of Linux.
func overlap(a, b string) bool {
	x, y := toAddr(a), toAddr(b)
	switch {
	case !x.IsValid() || !y.IsValid():
		return a == b
	case x == y || x == netip.IPv6Unspecified() || y == netip.IPv6Unspecified():
		return true
	case x == netip.IPv4Unspecified() || y == netip.IPv4Unspecified():
		return x.Is4() == y.Is4()
	}
	return false
}

// toAddr parses a listen address; the result is invalid for host names.
func toAddr(s string) netip.Addr {
	switch s {
	case "":
		return netip.IPv6Unspecified()
	case "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

func (c Config) checkQueue(ps *problems) {
	key := at("queue", "max_size")
	if least := 2 * Size(c.Balancer.ShardCount()) * c.Batch.MaxBytes; c.Queue.MaxSize < least && !ps.about(key) {
		ps.add(key, "%s is too small; allowed: %s or more, which is two batches of %s for each of %d shards",
			c.Queue.MaxSize, least, c.Batch.MaxBytes, c.Balancer.ShardCount())
	}
	if c.DeadLetter.Path != "" && filepath.Clean(c.DeadLetter.Path) == filepath.Clean(c.Queue.Path) {
		ps.add(at("dead_letter", "path"), "%s is queue.path as well; give it a directory of its own", display(c.DeadLetter.Path))
	}
}

func (c Config) checkRest(ps *problems) {
	if c.HEC.Ack.Timeout <= c.HEC.Ack.PollInterval {
		ps.add(at("hec", "ack", "timeout"), "%s is not longer than hec.ack.poll_interval (%s); every record would be sent twice",
			display(c.HEC.Ack.Timeout), display(c.HEC.Ack.PollInterval))
	}
	if c.HEC.Retry.Max < c.HEC.Retry.Initial {
		ps.add(at("hec", "retry", "max"), "%s is shorter than hec.retry.initial (%s)", display(c.HEC.Retry.Max), display(c.HEC.Retry.Initial))
	}
	c.checkUsers(ps)
	ps.checkTLSKeys(at("stats", "tls"), c.Stats.TLS)
}

func (ps *problems) checkTLSKeys(p keyPath, t ServerTLS) {
	if wrong := t.problem(); wrong != "" {
		ps.add(p, "%s", wrong)
	}
}

// checkUsers checks the users of the statistics page. Check reports missing passwords,
// which may be systemd credentials.
func (c Config) checkUsers(ps *problems) {
	for _, u := range c.Stats.users() {
		name, password := at("stats", u.key+"username"), at("stats", u.key+"password")
		if u.Name == "" && (u.Password != "" || u.Hash != "") {
			ps.add(name, "is empty while stats.%spassword is set; set both, or neither", u.key)
		}
		if u.Password != "" && u.Hash != "" {
			ps.add(password, "is set, and stats.%spassword_hash as well; keep one of the two", u.key)
		}
		if strings.Contains(u.Name, ":") {
			ps.add(name, "%s has a colon, which basic authentication cannot carry (RFC 7617 section 2)", display(u.Name))
		}
	}
	if c.Stats.Username != "" && c.Stats.Username == c.Stats.AdminUsername {
		ps.add(at("stats", "admin_username"), "%s is stats.username as well; use stats.admin: true for one user", display(c.Stats.AdminUsername))
	}
}
