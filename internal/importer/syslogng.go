package importer

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// statement is one of a file of syslog-ng: source s_net { … };
type statement struct {
	kind, name string
	at         Note
	body       []token
	head       []token // what stands between kind and body
}

// ngFiles reads files of syslog-ng and what they include.
type ngFiles struct {
	m       *model
	f       *folder
	defines map[string]string
	depth   int
}

const maxIncludes = 8

var backtick = regexp.MustCompile("`([A-Za-z0-9_.-]{1,64})`")

// statements reads a file.
func (n *ngFiles) statements(name string) ([]statement, error) {
	if n.depth++; n.depth > maxIncludes {
		return nil, fmt.Errorf("%s: files include one another more than %d deep", name, maxIncludes)
	}
	defer func() { n.depth-- }()
	text, err := n.f.read(name, maxFile)
	if err != nil {
		return nil, err
	}
	var all []statement
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "@") {
			continue
		}
		lines[i] = ""
		at := Note{File: name, Line: i + 1}
		argument := strings.Trim(strings.Join(fields[1:], " "), `"';`)
		switch fields[0] {
		case "@include":
			if argument == "scl.conf" || strings.Contains(argument, "/scl/") {
				continue
			}
			found := n.f.include(name, argument)
			if found == nil {
				n.m.cannot(at, "@include %s: no such file in the folder; import the whole folder", argument)
			}
			for _, file := range found {
				more, err := n.statements(file)
				if err != nil {
					return nil, err
				}
				all = append(all, more...)
			}
		case "@define":
			if len(fields) > 2 && len(n.defines) < 1000 && len(fields[2]) < 256 {
				n.defines[fields[1]] = strings.Trim(strings.Join(fields[2:], " "), `"'`)
			}
		default:
			n.m.skipped++
		}
	}
	text = backtick.ReplaceAllStringFunc(strings.Join(lines, "\n"), func(v string) string {
		if value, ok := n.defines[strings.Trim(v, "`")]; ok && len(value) < 256 {
			return value
		}
		return v
	})
	if len(text) > 4*maxFile {
		return nil, fmt.Errorf("%s is too large with its variables", name)
	}
	l := &lexer{text: text, file: name, line: 1}
	tokens, err := l.tokens(0)
	if err != nil {
		return nil, err
	}
	return append(all, statementsOf(tokens)...), nil
}

// statementsOf divides tokens at their semicolons and braces.
func statementsOf(tokens []token) []statement {
	var all []statement
	for len(tokens) > 0 {
		end := slices.IndexFunc(tokens, func(t token) bool { return t.kind == '{' || t.kind == ';' })
		if end < 0 {
			end = len(tokens) - 1
		}
		s := statement{at: tokens[0].at, head: tokens[:end+1]}
		if tokens[0].kind == 'w' {
			s.kind = tokens[0].text
		}
		if tokens[end].kind == '{' {
			s.body, s.head = tokens[end].kids, tokens[:end]
		}
		if len(s.head) > 1 {
			s.name = s.head[1].text
		}
		tokens = tokens[end+1:]
		for len(tokens) > 0 && tokens[0].kind == ';' {
			tokens = tokens[1:]
		}
		if s.kind != "" || s.body != nil {
			all = append(all, s)
		}
	}
	return all
}

// ng is a configuration of syslog-ng.
type ng struct {
	m            *model
	filters      filters
	sources      map[string][]*source
	network      map[string]bool // sources that have a port
	destinations map[string]*target
	steps        []step
}

// target is a destination.
type target struct {
	at                        Note
	hec                       bool
	index, sourcetype, unsaid string
}

func readSyslogNG(m *model, f *folder, main string) error {
	files := []string{main}
	if main == "." {
		if _, ok, err := f.optional("syslog-ng.conf", maxFile); err != nil {
			return err
		} else if files = []string{"syslog-ng.conf"}; !ok {
			if files, err = f.find(".", "*.conf"); err != nil {
				return err
			}
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no file *.conf", f.root)
	}
	reader := &ngFiles{m: m, f: f, defines: map[string]string{}}
	var all []statement
	for _, file := range files {
		more, err := reader.statements(file)
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	c := &ng{m: m, filters: filters{m: m, named: map[string][]token{}}, sources: map[string][]*source{}, network: map[string]bool{}, destinations: map[string]*target{}}
	for i := range all {
		c.declare(&all[i])
	}
	for i := range all {
		if all[i].kind == "log" {
			c.path(&all[i])
		}
	}
	m.flow(c.steps, true)
	return nil
}

func (c *ng) declare(s *statement) {
	switch s.kind {
	case "source":
		c.source(s.name, s.body)
	case "destination":
		c.destinations[s.name] = c.destination(s)
	case "filter":
		c.filters.named[s.name] = s.body
	case "options":
		c.options(s.body)
	case "log":
	case "rewrite", "parser", "block", "application", "python":
		c.m.cannot(s.at, "%s %s: the gateway parses and names messages by packs (docs/packs.md)", s.kind, s.name)
	case "template":
		c.m.skipped++
	default:
		c.m.cannot(s.at, "%s is not understood", s.kind)
	}
}

func (c *ng) options(body []token) {
	for _, o := range options(body) {
		switch o.name {
		case "time-zone", "recv-time-zone":
			c.m.hint(o.at, "time zone %s: set sources.NAME.timezone for devices that write local time without a zone", first(o.args))
		case "use-dns":
			if v := first(o.args); v == "yes" || v == "persist-only" {
				c.m.cannot(o.at, "use-dns(%s): the gateway asks no name server; metadata.hosts_file has names of senders", v)
			}
		default:
			c.m.skipped++
		}
	}
}

// source reads the drivers of a source that listen on a port.
func (c *ng) source(name string, body []token) {
	for _, d := range options(body) {
		args := options(d.args)
		s := source{name: name, at: d.at, Address: first(get(args, "ip"))}
		if s.Address == "" {
			s.Address = first(get(args, "localip"))
		}
		switch d.name {
		case "network", "syslog", "tcp", "udp", "tcp6", "udp6":
		case "default-network-drivers":
			c.network[name] = true
			c.drivers(name, s, args)
			continue
		default:
			c.m.skipped++ // files, sockets of this machine and its own messages
			continue
		}
		c.network[name] = true
		transport := strings.Trim(first(get(args, "transport")), `"`)
		if transport == "" {
			transport = strings.TrimSuffix(d.name, "6")
			if d.name == "network" || d.name == "syslog" {
				transport = "tcp"
			}
		}
		s.Port = 601
		switch transport {
		case "udp":
			s.Protocols, s.Port = []string{"udp"}, 514
		case "tcp":
			s.Protocols = []string{"tcp"}
		case "tls":
			s.Protocols, s.Port = []string{"tls"}, 6514
		case "proxied-tcp", "proxied-tls", "proxied-tls-passthrough":
			s.Protocols = []string{"tcp"}
			if transport != "proxied-tcp" {
				s.Protocols = []string{"tls"}
			}
			c.m.cannot(d.at, "transport(%s): name the networks of the load balancer in proxy_protocol of this source", transport)
		default:
			c.m.cannot(d.at, "transport(%q) is unknown", transport)
			continue
		}
		if get(args, "tls") != nil && s.Protocols[0] == "tcp" {
			s.Protocols = []string{"tls"}
		}
		if !strings.HasPrefix(d.name, "network") && d.name != "syslog" {
			s.Port = 514
		}
		if !c.port(&s, d.at, args, "port", "localport") {
			continue
		}
		if c.details(&s, args) {
			c.add(name, s)
		}
	}
}

// port reads a port, and reports whether it can be used.
func (c *ng) port(s *source, at Note, args []option, names ...string) bool {
	for _, n := range names {
		if text := first(get(args, n)); text != "" {
			p, err := strconv.Atoi(text)
			if err != nil {
				c.m.cannot(at, "%s(%s) is no number", n, text)
				return false
			}
			s.Port = p
		}
	}
	return true
}

// drivers reads default-network-drivers: 514 by UDP and TCP, 601 by TCP and 6514 by TLS.
func (c *ng) drivers(name string, s source, args []option) {
	for _, d := range []struct {
		option, protocol string
		port             int
	}{{"udp-port", "udp", 514}, {"tcp-port", "tcp", 514}, {"rfc5424-tcp-port", "tcp", 601}, {"rfc5424-tls-port", "tls", 6514}} {
		one := s
		if one.Protocols, one.Port = []string{d.protocol}, d.port; !c.port(&one, s.at, args, d.option) {
			continue
		}
		if d.protocol == "tls" && get(args, "tls") == nil {
			continue
		}
		if c.details(&one, args) {
			c.add(name, one)
		}
	}
}

func (c *ng) add(name string, s source) {
	if to := c.m.source(s); to != nil && !slices.Contains(c.sources[name], to) {
		c.sources[name] = append(c.sources[name], to)
	}
}

// details reads what a driver says besides its port, and reports whether the port can be used.
func (c *ng) details(s *source, args []option) bool {
	for _, o := range args {
		v := first(o.args)
		n, _ := strconv.Atoi(v)
		switch o.name {
		case "time-zone", "recv-time-zone":
			s.Timezone = c.m.timezone(o.at, v)
		case "max-connections":
			if n > 0 && n <= 1000000 && s.Protocols[0] != "udp" {
				s.MaxConnections = n
			}
		case "so-rcvbuf":
			if n >= 4096 && n <= 1<<30 && s.Protocols[0] == "udp" {
				s.ReceiveBuffer = size(n)
			}
		case "log-msg-size":
			if n >= 480 && n <= 1<<20 {
				s.MaxMessageSize = size(n)
			}
		case "tls":
			if s.Protocols[0] == "tls" {
				c.tls(s, o.args)
			}
		case "host-override", "program-override", "default-facility", "default-priority", "tags", "encoding":
			c.m.cannot(o.at, "%s(%s)", o.name, v)
		case "flags":
			if slices.Contains(words(o.args), "no-parse") {
				c.m.hint(o.at, "flags(no-parse): the gateway delivers messages as they came, and reads their header for host and time")
			}
		}
	}
	if s.Protocols[0] == "tls" && (s.TLS == nil || s.TLS.CertFile == "" || s.TLS.KeyFile == "") {
		c.m.cannot(s.at, "port %d: TLS without key-file() and cert-file(); the port is left out", s.Port)
		return false
	}
	return true
}

func (c *ng) tls(s *source, args []token) {
	all := options(args)
	t := &serverTLS{CertFile: first(get(all, "cert-file")), KeyFile: first(get(all, "key-file"))}
	verify := first(get(all, "peer-verify"))
	switch {
	case get(all, "ca-dir") != nil && !strings.HasPrefix(verify, "optional") && verify != "no":
		c.m.cannot(s.at, "port %d: ca-dir(): put the certificates of these CAs into one file and name it in client_ca_file; until then clients need no certificate", s.Port)
	case verify != "no" && !strings.HasPrefix(verify, "optional"):
		if t.ClientCAFile = first(get(all, "ca-file")); t.ClientCAFile == "" {
			c.m.cannot(s.at, "port %d: peer-verify() without ca-file(): clients need no certificate here", s.Port)
		}
	}
	if get(all, "trusted-keys") != nil || get(all, "trusted-dn") != nil {
		c.m.cannot(s.at, "port %d: trusted-keys() and trusted-dn(): client_names has names of certificates", s.Port)
	}
	s.TLS = t
}

var (
	inBody      = regexp.MustCompile(`\b(index|sourcetype)["']?\s*[:=]\s*["']?([^"'\s,}]+)`)
	hecPath     = regexp.MustCompile(`/services/collector`)
	tokenHeader = regexp.MustCompile(`(?i)^\s*Authorization:\s*Splunk\s+(\S+)\s*$`)
)

// destination reads a destination that is Splunk's HEC; of others it keeps what they are.
func (c *ng) destination(s *statement) *target {
	t := &target{at: s.at}
	for _, d := range options(s.body) {
		args := options(d.args)
		urls := strings.Fields(strings.Join(words(get(args, "url")), " "))
		splunk := strings.HasPrefix(d.name, "splunk-hec")
		if !splunk && (d.name != "http" || !hecPath.MatchString(strings.Join(urls, " "))) {
			t.unsaid = d.name
			continue
		}
		t.hec = true
		for _, u := range urls {
			c.m.endpoint(d.at, u)
		}
		for _, o := range args {
			switch o.name {
			case "token", "password":
				c.m.token(o.at, first(o.args))
			case "headers":
				for _, h := range words(o.args) {
					if found := tokenHeader.FindStringSubmatch(h); found != nil {
						c.m.token(o.at, found[1])
					}
				}
			case "index", "sourcetype":
				c.set(t, o.at, o.name, first(o.args))
			case "default-index", "default-sourcetype":
				if what := strings.TrimPrefix(o.name, "default-"); get(args, what) == nil {
					c.set(t, o.at, what, first(o.args))
				}
			case "source", "default-source", "host", "event", "fields", "extra-queries":
				c.m.cannot(o.at, "%s(%s): the event is the message as it came, with host, source and fields by its class (docs/metadata.md)", o.name, first(o.args))
			case "body":
				for _, found := range inBody.FindAllStringSubmatch(first(o.args), -1) {
					c.set(t, o.at, found[1], found[2])
				}
			case "tls":
				tls := options(o.args)
				if f := first(get(tls, "ca-file")); f != "" {
					c.m.hec.caFile = f
				}
				if v := first(get(tls, "peer-verify")); v == "no" || strings.HasSuffix(v, "untrusted") {
					c.m.hec.skipVerify = true
				}
			case "url", "user":
			default:
				c.m.skipped++
			}
		}
	}
	return t
}

func (c *ng) set(t *target, at Note, what, value string) {
	switch {
	case value == "":
	case strings.ContainsAny(value, "$`("):
		c.m.cannot(at, "%s %s is a variable; packs and metadata.indexes name it by product (docs/packs.md)", what, value)
	case what == "index":
		t.index = c.m.index(at, value)
	default:
		t.sourcetype = c.m.sourcetype(at, value)
	}
}

// path reads a log path as a step.
func (c *ng) path(s *statement) {
	one := step{at: s.at, name: "log_" + path.Base(strings.TrimSuffix(s.at.File, ".conf")) + "_" + strconv.Itoa(s.at.Line), sources: []*source{}}
	ours, others := false, []string(nil)
	parts := statementsOf(s.body)
	for i := range parts {
		p := &parts[i]
		arg := ""
		if len(p.head) > 1 && p.head[1].kind == '(' {
			arg = first(p.head[1].kids)
		}
		switch p.kind {
		case "source":
			if p.body != nil {
				arg = fmt.Sprintf("log_%d", p.at.Line)
				c.source(arg, p.body)
			}
			ours = ours || c.network[arg]
			for _, from := range c.sources[arg] {
				if !slices.Contains(one.sources, from) {
					one.sources = append(one.sources, from)
				}
			}
		case "filter":
			body := p.body
			if body == nil {
				body = []token{{kind: 'w', text: "filter"}, {kind: '(', kids: []token{{kind: 'w', text: arg}}}}
			}
			w, err := c.filters.condition(body)
			if err == nil {
				w, err = both(one.when, w)
			}
			if err != nil {
				c.m.cannot(p.at, "filter %s: %v", arg, err)
				one.unclear = true
			} else {
				one.when = w
			}
		case "destination":
			t := c.destinations[arg]
			if p.body != nil {
				t = c.destination(p)
			}
			switch {
			case t == nil:
				c.m.cannot(p.at, "there is no destination %q", arg)
			case t.hec:
				one.sends, one.index, one.sourcetype = true, t.index, t.sourcetype
			default:
				others = append(others, fmt.Sprintf("%s (%s)", arg, t.unsaid))
			}
		case "flags":
			if len(p.head) > 1 {
				flags := words(p.head[1].kids)
				one.final = slices.Contains(flags, "final")
				for _, f := range flags {
					if f == "fallback" || f == "catchall" {
						c.m.cannot(p.at, "flags(%s)", f)
						one.unclear = true
					}
				}
			}
		case "rewrite", "parser":
			c.m.cannot(p.at, "%s(%s)", p.kind, arg)
		default:
			c.m.cannot(p.at, "%s in a log path", p.kind)
			one.unclear = true
		}
	}
	if !ours {
		c.m.skipped++ // of this machine's own messages
		return
	}
	for _, d := range others {
		c.m.cannot(s.at, "destination %s: the gateway delivers to Splunk HEC only", d)
	}
	if len(others) != 0 && !one.sends && one.final {
		c.m.cannot(s.at, "these messages did not go to Splunk, and now do; to leave them out, write a rule with drop (docs/rules.md)")
		one.sends, one.elsewhere = true, true
	}
	c.steps = append(c.steps, one)
}
