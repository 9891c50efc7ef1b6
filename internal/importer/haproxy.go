package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// section is a section of haproxy.cfg.
type section struct {
	kind, name string
	at         Note
	lines      []directive
}

type directive struct {
	at    Note
	words []string
}

// haproxy reads haproxy.cfg: sections log-forward, and proxies of mode tcp on ports of syslog.
type haproxy struct {
	m     *model
	tcp   bool // the mode of the last section defaults
	steps []step
	bound int         // ports that were named, and lines log of the section global
	log   []directive // the lines log of the section global
}

func readHAProxy(m *model, f *folder, main string) error {
	files := []string{main}
	if main == "." {
		var err error
		if files, err = f.find(".", "*.cfg"); err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no file *.cfg", f.root)
		}
	}
	h := &haproxy{m: m, tcp: true}
	var all []section
	for _, file := range files {
		text, err := f.read(file, maxFile)
		if err != nil {
			return err
		}
		sections, err := h.sections(file, text)
		if err != nil {
			return err
		}
		all = append(all, sections...)
	}
	for i := range all {
		if all[i].kind == "global" {
			h.log = append(h.log, slices.DeleteFunc(slices.Clone(all[i].lines), func(d directive) bool { return d.words[0] != "log" })...)
		}
	}
	for i := range all {
		h.section(&all[i])
	}
	m.flow(h.steps, true)
	return nil
}

// sections divides a file.
func (h *haproxy) sections(file, text string) ([]section, error) {
	var all []section
	for i, line := range strings.Split(text, "\n") {
		at := Note{File: file, Line: i + 1}
		words, err := shellWords(line)
		if err != nil {
			at.Text = err.Error()
			return nil, fmt.Errorf("%s", at)
		}
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "global", "defaults", "frontend", "listen", "backend", "log-forward", "ring", "peers", "resolvers", "userlist", "mailers",
			"program", "http-errors", "cache", "fcgi-app", "crt-store", "traces", "log-profile", "acme":
			s := section{kind: words[0], at: at}
			if len(words) > 1 {
				s.name = words[1]
			}
			all = append(all, s)
		default:
			if strings.HasPrefix(words[0], ".") {
				h.m.cannot(at, "%s: conditions of the file are not evaluated; what is between them is read", words[0])
				continue
			}
			if len(all) == 0 {
				at.Text = fmt.Sprintf("%q stands before the first section; is this a configuration of HAProxy?", clean(words[0]))
				return nil, fmt.Errorf("%s", at)
			}
			last := &all[len(all)-1]
			last.lines = append(last.lines, directive{at, words})
		}
	}
	return all, nil
}

// shellWords divides a line at blanks, with quotes, backslashes and comments.
func shellWords(line string) ([]string, error) {
	var all []string
	var b strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'', quote == '"' && c != '\\':
			b.WriteByte(c)
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
			in = true
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == '#':
			i = len(line)
		case c == ' ' || c == '\t' || c == '\r':
			if in {
				all = append(all, b.String())
				b.Reset()
				in = false
			}
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if in {
		all = append(all, b.String())
	}
	return all, nil
}

func (h *haproxy) section(s *section) {
	switch s.kind {
	case "defaults":
		h.tcp = true
		for _, d := range s.lines {
			if d.words[0] == "mode" && len(d.words) > 1 {
				h.tcp = d.words[1] == "tcp"
			}
		}
		h.m.skipped += len(s.lines)
	case "log-forward":
		h.forward(s)
	case "frontend", "listen":
		h.proxy(s)
	case "ring":
		h.m.hint(s.at, "ring %s kept messages for %s: the gateway's queue is on disk (queue.max_size)", s.name, strings.Join(servers(s), ", "))
	case "backend":
		for _, d := range s.lines {
			h.sendProxy(d)
		}
		h.m.skipped += len(s.lines)
	default:
		h.m.skipped += len(s.lines)
	}
}

func servers(s *section) []string {
	var all []string
	for _, d := range s.lines {
		if d.words[0] == "server" && len(d.words) > 2 {
			all = append(all, d.words[2])
		}
	}
	return all
}

// sendProxy tells about the PROXY protocol towards a server.
func (h *haproxy) sendProxy(d directive) {
	if d.words[0] != "server" || len(d.words) < 3 {
		return
	}
	for _, w := range d.words[3:] {
		if strings.HasPrefix(w, "send-proxy") {
			h.m.hint(d.at, "%s to %s: if HAProxy stays in front of the gateway, name its addresses in proxy_protocol of the source; in its place the gateway needs none", w, d.words[2])
		}
	}
}

// bind returns the ports of a line bind or dgram-bind.
func (h *haproxy) bind(s *section, d directive, protocol string) []source {
	switch {
	case len(d.words) < 2:
		h.m.cannot(d.at, "%s without an address", d.words[0])
		return nil
	case h.bound > maxWork:
		h.m.cannot(d.at, "%s: there are too many ports", d.words[0])
		return nil
	}
	base := source{name: s.name, at: d.at, Protocols: []string{protocol}}
	tls, verify, proxied := &serverTLS{}, "", false
	for i := 2; i < len(d.words); i++ {
		next := ""
		if i+1 < len(d.words) {
			next = d.words[i+1]
		}
		switch w := d.words[i]; w {
		case "ssl":
			base.Protocols, base.TLS = []string{"tls"}, tls
		case "crt":
			switch {
			case strings.HasSuffix(next, "/"):
				h.m.cannot(d.at, "crt %s is a folder; name its files in tls.certificates; the port is left out", next)
				return nil
			case tls.CertFile != "":
				h.m.cannot(d.at, "a second crt: %s; add it to tls.certificates", next)
			default:
				tls.CertFile, tls.KeyFile = next, next // one file has both
			}
			i++
		case "ca-file":
			tls.ClientCAFile = next
			i++
		case "crl-file":
			tls.CRLFile = next
			i++
		case "verify":
			verify = next
			i++
		case "ssl-min-ver":
			if next == "TLSv1.3" {
				tls.MinVersion = "1.3"
			}
			i++
		case "accept-proxy":
			proxied = true
		case "maxconn":
			base.MaxConnections, _ = strconv.Atoi(next)
			i++
		case "crt-list", "default-crt":
			h.m.cannot(d.at, "%s %s: name its certificates in tls.certificates; the port is left out", w, next)
			return nil
		case "name", "interface", "ssl-max-ver", "npn", "mode", "user", "group", "uid", "gid", "level", "proto", "ca-verify-file", "ca-sign-file", "sigalgs", "client-sigalgs", "tcp-ut", "backlog", "id", "process", "thread", "nice", "shards", "ciphers", "ciphersuites", "alpn", "curves", "mss", "namespace":
			h.m.skipped++
			i++
		case "tfo", "transparent", "v4v6", "v6only", "defer-accept", "no-sslv3", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tls-tickets", "strict-sni", "prefer-client-ciphers":
			h.m.skipped++
		default:
			h.m.cannot(d.at, "%s of a port", w)
		}
	}
	if proxied && !slices.ContainsFunc(s.lines, func(d directive) bool { return slices.Contains(d.words, "expect-proxy") }) {
		h.m.cannot(d.at, "accept-proxy: name the networks of the load balancer in front in proxy_protocol of the source %s", name(s.name, "syslog"))
	}
	if base.MaxConnections < 0 || base.MaxConnections > 1000000 || protocol == "udp" {
		base.MaxConnections = 0
	}
	if base.TLS != nil && tls.CertFile == "" {
		h.m.cannot(d.at, "ssl without crt; the port is left out")
		return nil
	}
	if verify != "required" {
		tls.ClientCAFile, tls.CRLFile = "", ""
	}
	var all []source
	for _, address := range strings.Split(d.words[1], ",") {
		for _, prefix := range []string{"ipv4@", "ipv6@", "udp4@", "udp6@", "tcp4@", "tcp6@"} {
			address = strings.TrimPrefix(address, prefix)
		}
		i := strings.LastIndexByte(address, ':')
		if i < 0 || strings.HasPrefix(address, "/") || strings.Contains(address, "@") {
			h.m.cannot(d.at, "%s is no address with a port", address)
			continue
		}
		from, to, ok := strings.Cut(address[i+1:], "-")
		if !ok {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || b < a || b-a >= maxSources {
			h.m.cannot(d.at, "%s is no port", address[i+1:])
			continue
		}
		for h.bound += b - a + 1; a <= b; a++ {
			one := base
			one.Address, one.Port = address[:i], a
			all = append(all, one)
		}
	}
	return all
}

// duration reads a time of HAProxy, whose unit is ms if none is given.
func duration(text string) string {
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(text, unit))
	of := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[unit]
	if err != nil || of == 0 || n < 1 || time.Duration(n) > 168*time.Hour/of {
		return ""
	}
	d := time.Duration(n) * of
	if d < time.Second {
		return ""
	}
	return span(d)
}

// forward reads a section log-forward.
func (h *haproxy) forward(s *section) {
	one := step{at: s.at, name: s.name, sends: true, sources: []*source{}}
	var ports []source
	var logs []directive
	connections, idle, global := 0, "", false
	for _, d := range s.lines {
		switch d.words[0] {
		case "bind":
			ports = append(ports, h.bind(s, d, "tcp")...)
		case "dgram-bind":
			ports = append(ports, h.bind(s, d, "udp")...)
		case "maxconn":
			if len(d.words) > 1 {
				connections, _ = strconv.Atoi(d.words[1])
			}
		case "timeout":
			if len(d.words) > 2 && d.words[1] == "client" {
				idle = duration(d.words[2])
			}
		case "log":
			if len(d.words) == 2 && d.words[1] == "global" {
				h.m.hint(d.at, "log global: the gateway delivers to hec.endpoints")
				if h.bound += len(h.log); h.bound > maxWork {
					h.m.cannot(d.at, "log global: there are too many lines log")
				} else if !global {
					logs = append(logs, h.log...)
				}
				global = true
			} else {
				logs = append(logs, d)
			}
		case "backlog", "description", "id":
			h.m.skipped++
		case "option":
			if len(d.words) > 1 && d.words[1] == "host" {
				h.m.cannot(d.at, "%s: the host of an event is the one of the message; metadata.hosts_file has names of senders", strings.Join(d.words, " "))
			} else {
				h.m.skipped++ // framing and forms that the gateway takes anyway
			}
		default:
			h.m.cannot(d.at, "%s in log-forward", d.words[0])
		}
	}
	for _, p := range ports {
		if p.Protocols[0] != "udp" {
			p.IdleTimeout = idle
			if p.MaxConnections == 0 && connections > 0 && connections <= 1000000 {
				p.MaxConnections = connections
			}
		}
		if to := h.m.source(p); to != nil && !slices.Contains(one.sources, to) {
			one.sources = append(one.sources, to)
		}
	}
	if h.logs(&one, logs); len(logs) == 0 {
		h.m.cannot(s.at, "log-forward %s has no line log: these messages went nowhere, and now go to Splunk; leave the port out if nobody needs them", s.name)
	}
	if len(one.sources) != 0 {
		h.steps = append(h.steps, one)
	}
}

// logs reads where a log-forward sends: what is not severe enough for any target is left out.
func (h *haproxy) logs(one *step, logs []directive) {
	least, sampled := -1, 0
	for _, d := range logs {
		rest := d.words[1:]
		if len(rest) < 2 {
			h.m.cannot(d.at, "log %s has no facility", strings.Join(rest, " "))
			least = 7
			continue
		}
		h.m.hint(d.at, "log %s: the gateway delivers to hec.endpoints", rest[0])
		rest = rest[1:]
		for len(rest) > 1 && slices.Contains([]string{"len", "format", "sample", "profile"}, rest[0]) {
			if rest[0] == "sample" {
				ranges, size, _ := strings.Cut(rest[1], ":")
				n, err := strconv.Atoi(size)
				_, err2 := strconv.Atoi(ranges)
				switch {
				case len(logs) > 1:
					h.m.hint(d.at, "sample %s: the messages were spread over several servers; the gateway takes them all", rest[1])
				case err != nil || err2 != nil || n < 2 || n > 1000000:
					h.m.cannot(d.at, "sample %s: a rule keeps one message of so many", rest[1])
				default:
					sampled = n
				}
			}
			rest = rest[2:]
		}
		level := 7
		if len(rest) > 1 {
			if level = number(rest[1], levels()); level < 0 {
				h.m.cannot(d.at, "the severity %s is unknown", rest[1])
				level = 7
			}
		}
		if len(rest) > 2 {
			h.m.cannot(d.at, "minimum severity %s: the gateway does not change messages", rest[2])
		}
		least = max(least, level)
	}
	if least >= 0 && least < 7 {
		one.when = when{{Level: levels()[:least+1]}}
	}
	if sampled != 0 {
		one.rules = append(one.rules, rule{at: one.at, Name: one.name + "_sample", Sample: sampled})
	}
}

// syslogPort reports whether syslog usually comes on a port.
func syslogPort(port int) bool {
	return port >= 1514 && port <= 1520 || slices.Contains([]int{514, 601, 2514, 5140, 5514, 6514, 10514, 20514}, port)
}

// proxy reads a frontend or listen of mode tcp.
func (h *haproxy) proxy(s *section) {
	tcp := h.tcp
	var ports []source
	for _, d := range s.lines {
		if d.words[0] == "mode" && len(d.words) > 1 {
			tcp = d.words[1] == "tcp"
		}
	}
	named := strings.Contains(strings.ToLower(s.name), "syslog")
	binds := slices.DeleteFunc(slices.Clone(s.lines), func(d directive) bool { return d.words[0] != "bind" })
	ours := tcp && (named || slices.ContainsFunc(binds, func(d directive) bool {
		if len(d.words) < 2 {
			return false
		}
		for _, a := range strings.Split(d.words[1], ",") {
			if p, _ := strconv.Atoi(a[strings.LastIndexByte(a, ':')+1:]); syslogPort(p) {
				return true
			}
		}
		return false
	}))
	if !ours {
		if tcp && len(binds) != 0 {
			h.m.hint(s.at, "%s %s is on no port of syslog; it is left out", s.kind, s.name)
		}
		h.m.skipped += len(s.lines)
		return
	}
	rules := &access{m: h.m, source: name(s.name, "syslog"), networks: map[string][]string{}, spoilt: map[string]bool{}}
	idle, connections := "", 0
	for _, d := range s.lines {
		switch d.words[0] {
		case "bind":
			ports = append(ports, h.bind(s, d, "tcp")...)
		case "acl":
			rules.acl(d)
		case "tcp-request":
			rules.request(d)
		case "timeout":
			if len(d.words) > 2 && d.words[1] == "client" {
				idle = duration(d.words[2])
			}
		case "maxconn":
			if len(d.words) > 1 {
				connections, _ = strconv.Atoi(d.words[1])
			}
		case "server":
			h.sendProxy(d)
		case "use_backend":
			h.m.cannot(d.at, "use_backend: the gateway delivers all to the same endpoints; metadata.indexes and rules choose indexes")
		case "mode", "default_backend", "balance", "option", "log", "log-format", "description", "default-server", "hash-type", "stick-table", "stick", "retries", "id", "backlog", "no":
			h.m.skipped++
		default:
			h.m.cannot(d.at, "%s", d.words[0])
		}
	}
	rules.end()
	for _, p := range ports {
		p.Allow, p.ProxyProtocol, p.IdleTimeout = rules.allow, rules.proxies, idle
		if p.MaxConnections == 0 && connections > 0 && connections <= 1000000 {
			p.MaxConnections = connections
		}
		if to := h.m.source(p); to != nil {
			h.steps = append(h.steps, step{at: s.at, name: s.name, sends: true, sources: []*source{to}})
		}
	}
}

// access is who may connect, by the rules of a proxy.
type access struct {
	m        *model
	source   string
	networks map[string][]string // of ACLs that are about the sender
	spoilt   map[string]bool
	accepted []string // by accept, until a reject without a condition
	at       Note
	allow    []string
	proxies  []string
}

func (a *access) acl(d directive) {
	if len(d.words) < 4 || d.words[2] != "src" {
		a.m.cannot(d.at, "acl %s: the gateway can ask for the network of the sender only", strings.Join(d.words[1:], " "))
		a.spoil(d)
		return
	}
	list, ok := networks(d.words[3:])
	if !ok {
		a.m.cannot(d.at, "acl %s: this is no list of networks", d.words[1])
		a.spoil(d)
		return
	}
	if a.spoilt[d.words[1]] {
		return
	}
	a.networks[d.words[1]] = slices.Concat(a.networks[d.words[1]], list)
}

// spoil forgets an ACL of which a part cannot be said.
func (a *access) spoil(d directive) {
	if len(d.words) > 1 {
		a.spoilt[d.words[1]] = true
		delete(a.networks, d.words[1])
	}
}

func networks(texts []string) ([]string, bool) {
	var all []string
	for _, t := range texts {
		n, ok := network(t)
		if !ok {
			return nil, false
		}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all, len(all) != 0
}

// request reads tcp-request connection accept|reject|expect-proxy [if|unless CONDITION].
func (a *access) request(d directive) {
	w := d.words
	if len(w) > 1 && (w[1] == "inspect-delay" || w[1] == "content") && !slices.Contains(w, "reject") {
		a.m.skipped++
		return
	}
	if len(w) < 3 || w[1] != "connection" && w[1] != "session" {
		a.m.cannot(d.at, "%s: the port is open for what this refused; see sources.%s.allow", strings.Join(w, " "), a.source)
		return
	}
	action, rest := w[2], w[3:]
	if action == "expect-proxy" && len(rest) > 0 {
		rest = rest[1:]
	}
	list, negative, ok := a.condition(rest)
	switch {
	case action == "expect-proxy" && ok && !negative && list != nil:
		a.proxies = slices.Concat(a.proxies, list)
	case action == "accept" && ok && !negative && list != nil:
		a.accepted, a.at = slices.Concat(a.accepted, list), d.at
	case action == "reject" && ok && list == nil && a.accepted != nil && a.allow == nil:
		a.allow, a.accepted = a.accepted, nil
	case action == "reject" && ok && negative && a.allow == nil:
		a.allow = slices.Concat(a.accepted, list)
		a.accepted = nil
	default:
		a.m.cannot(d.at, "%s: say it with sources.%s.allow or proxy_protocol; until then the port is open for what this refused", strings.Join(w, " "), a.source)
	}
}

// condition reads "if !NAME", "unless { src 192.0.2.0/24 }" and the like; nothing is nil.
func (a *access) condition(w []string) (list []string, negative, ok bool) {
	if len(w) == 0 {
		return nil, false, true
	}
	negative = w[0] == "unless"
	if w[0] != "if" && !negative || len(w) < 2 {
		return nil, false, false
	}
	w = slices.Clone(w[1:])
	if strings.HasPrefix(w[0], "!") {
		negative = !negative
		if w[0] = w[0][1:]; w[0] == "" {
			w = w[1:]
		}
	}
	switch {
	case len(w) == 1 && a.networks[w[0]] != nil:
		return a.networks[w[0]], negative, true
	case len(w) > 3 && w[0] == "{" && w[1] == "src" && w[len(w)-1] == "}":
		list, ok = networks(w[2 : len(w)-1])
		return list, negative, ok
	}
	return nil, negative, false
}

func (a *access) end() {
	if a.accepted != nil {
		a.m.cannot(a.at, "accept without a reject behind it refuses nobody; see sources.%s.allow", a.source)
	}
}
