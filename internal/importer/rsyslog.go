package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rsyslog is a configuration of rsyslog.
type rsyslog struct {
	m       *model
	f       *folder
	depth   int
	globals map[string][]string // of global() and of legacy directives
	modules map[string]map[string][]string
	inputs  []rinput
	allowed map[string][]string // udp, tcp → networks
	open    map[string]bool     // a part of the list cannot be said
	sets    map[string][]rstatement
	current string // the ruleset of legacy lines
	formats map[string]string
	bound   map[string]string // legacy: the ruleset of the next input, by its kind
	address string
	work    int // statements that were read
}

// rinput is an input that listens on a port.
type rinput struct {
	at     Note
	kind   string // imudp, imtcp, imptcp, imrelp
	params map[string][]string
}

// usualSet is the name of the ruleset for statements outside of one.
const usualSet = "RSYSLOG_DefaultRuleset"

func readRsyslog(m *model, f *folder, main string) error {
	files := []string{main}
	if main == "." {
		if _, ok, err := f.optional("rsyslog.conf", maxFile); err != nil {
			return err
		} else if files = []string{"rsyslog.conf"}; !ok {
			if files, err = f.find(".", "*.conf"); err != nil {
				return err
			}
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no file *.conf", f.root)
	}
	c := &rsyslog{
		m: m, f: f, globals: map[string][]string{}, modules: map[string]map[string][]string{}, allowed: map[string][]string{}, open: map[string]bool{},
		sets: map[string][]rstatement{}, current: usualSet, formats: map[string]string{}, bound: map[string]string{},
	}
	for _, file := range files {
		if err := c.file(file); err != nil {
			return err
		}
	}
	c.listen()
	return nil
}

func (c *rsyslog) file(name string) error {
	if c.depth++; c.depth > maxIncludes {
		return fmt.Errorf("%s: files include one another more than %d deep", name, maxIncludes)
	}
	defer func() { c.depth-- }()
	text, err := c.f.read(name, maxFile)
	if err != nil {
		return err
	}
	all, err := parseRainer(name, text)
	if err != nil {
		return err
	}
	for i := range all {
		if err := c.top(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// top reads a statement outside of rulesets.
func (c *rsyslog) top(s *rstatement) error {
	switch s.kind {
	case "include":
		return c.include(s.at, firstOf(s.params["file"]))
	case "module":
		c.modules[firstOf(s.params["load"])] = s.params
	case "global":
		for k, v := range s.params {
			c.globals[k] = v
		}
	case "input":
		c.inputs = append(c.inputs, rinput{s.at, firstOf(s.params["type"]), s.params})
	case "ruleset":
		name := firstOf(s.params["name"])
		c.sets[name] = append(c.sets[name], s.body...)
	case "template":
		c.formats[firstOf(s.params["name"])] = s.text
	case "directive":
		return c.directive(s)
	case "main_queue", "timezone", "parser", "dyn_stats", "perctile_stats", "ratelimit":
		c.m.skipped++
	case "lookup_table":
		c.m.cannot(s.at, "lookup_table: write a look-up in a pack (docs/rules.md)")
	case "unknown":
		c.m.cannot(s.at, "%q is not understood", s.text)
	default:
		c.sets[c.current] = append(c.sets[c.current], *s)
	}
	return nil
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (c *rsyslog) include(at Note, pattern string) error {
	found := c.f.include(at.File, pattern)
	if found == nil {
		c.m.hint(at, "include %s: no such file in the folder; import the whole folder", pattern)
	}
	for _, file := range found {
		if err := c.file(file); err != nil {
			return err
		}
	}
	return nil
}

// legacyInputs are the directives that open a port.
func legacyInput(name string) string {
	return map[string]string{"udpserverrun": "imudp", "inputtcpserverrun": "imtcp", "inputptcpserverrun": "imptcp", "inputrelpserverrun": "imrelp"}[name]
}

// directive reads a line that begins with $.
func (c *rsyslog) directive(s *rstatement) error {
	word, value, _ := strings.Cut(s.text, " ")
	value = strings.TrimSpace(value)
	name := strings.ToLower(strings.TrimPrefix(word, "$"))
	if kind := legacyInput(name); kind != "" {
		params := map[string][]string{"port": {value}}
		if set := c.bound[kind]; set != "" {
			params["ruleset"] = []string{set}
		}
		if kind == "imudp" && c.address != "" {
			params["address"] = []string{c.address}
		}
		c.inputs = append(c.inputs, rinput{s.at, kind, params})
		return nil
	}
	switch name {
	case "includeconfig":
		return c.include(s.at, value)
	case "ruleset":
		c.current = value
	case "inputudpserverbindruleset":
		c.bound["imudp"] = value
	case "inputtcpserverbindruleset":
		c.bound["imtcp"] = value
	case "inputptcpserverbindruleset":
		c.bound["imptcp"] = value
	case "udpserveraddress":
		c.address = value
	case "allowedsender":
		c.allow(s.at, value)
	case "template":
		n, text, _ := strings.Cut(value, ",")
		c.formats[strings.TrimSpace(n)] = text
	case "defaultnetstreamdrivercafile", "defaultnetstreamdrivercertfile", "defaultnetstreamdriverkeyfile", "defaultnetstreamdriver", "maxmessagesize":
		c.globals[name] = []string{value}
	case "inputtcpserverstreamdrivermode", "inputtcpserverstreamdriverauthmode", "inputtcpserverstreamdriverpermittedpeer", "inputtcpmaxsessions":
		c.module("imtcp", strings.Replace(strings.TrimPrefix(strings.TrimPrefix(name, "inputtcp"), "server"), "streamdriver", "streamdriver.", 1), value)
	default:
		c.m.skipped++ // of the old program itself, and of files
	}
	return nil
}

// module sets a parameter of a module by a legacy directive.
func (c *rsyslog) module(module, name, value string) {
	if c.modules[module] == nil {
		c.modules[module] = map[string][]string{}
	}
	if name == "streamdriver.permittedpeer" {
		name = "permittedpeer"
		c.modules[module][name] = append(c.modules[module][name], value)
		return
	}
	c.modules[module][name] = []string{value}
}

// allow reads $AllowedSender TCP, 192.0.2.0/24, …
func (c *rsyslog) allow(at Note, value string) {
	parts := strings.Split(value, ",")
	kind := strings.ToLower(strings.TrimSpace(parts[0]))
	for _, p := range parts[1:] {
		n, ok := network(strings.Trim(strings.TrimSpace(p), "[]"))
		if !ok {
			c.m.cannot(at, "$AllowedSender %s: %s is no network; until you set allow the port is open to all", kind, strings.TrimSpace(p))
			c.open[kind] = true
			continue
		}
		c.allowed[kind] = append(c.allowed[kind], n)
	}
	if c.open[kind] {
		c.allowed[kind] = nil
	}
}

// listen makes the sources, and the steps of their rulesets.
func (c *rsyslog) listen() {
	bySet := map[string][]*source{}
	var order []string
	for _, in := range c.inputs {
		set := firstOf(in.params["ruleset"])
		if set == "" {
			set = firstOf(c.modules[in.kind]["ruleset"])
		}
		if set == "" {
			set = usualSet
		}
		for _, to := range c.input(in) {
			if !slices.Contains(bySet[set], to) {
				bySet[set] = append(bySet[set], to)
			}
			if !slices.Contains(order, set) {
				order = append(order, set)
			}
		}
	}
	var steps []step
	for _, set := range order {
		if _, ok := c.sets[set]; !ok && set != usualSet {
			c.m.cannot(bySet[set][0].at, "there is no ruleset %q", set)
		}
		b := &block{c: c, set: set, sources: bySet[set]}
		b.statements(c.sets[set], nil, false)
		steps = append(steps, b.steps...)
	}
	c.m.flow(steps, true)
}

// input makes the sources of an input.
func (c *rsyslog) input(in rinput) (all []*source) {
	module := c.modules[in.kind]
	get := func(name string) string {
		if v := firstOf(in.params[name]); v != "" {
			return v
		}
		return firstOf(module[name])
	}
	base := source{name: in.kind, at: in.at, Address: get("address")}
	if n := firstOf(in.params["name"]); n != "" {
		base.name = n
	}
	switch in.kind {
	case "imudp":
		base.Protocols, base.Allow = []string{"udp"}, c.allowed["udp"]
		if n := bytesOf(get("rcvbufsize")); n >= 4096 && n <= 1<<30 {
			base.ReceiveBuffer = size(n)
		}
	case "imtcp", "imptcp":
		base.Protocols, base.Allow = []string{"tcp"}, c.allowed["tcp"]
		if n, _ := strconv.Atoi(get("maxsessions")); n > 0 && n <= 1000000 {
			base.MaxConnections = n
		}
		if mode := get("streamdriver.mode"); in.kind == "imtcp" && mode != "" && mode != "0" {
			base.Protocols = []string{"tls"}
			if !c.tls(&base, in, get) {
				return nil
			}
		}
	case "imrelp":
		base.Protocols = []string{"relp"}
		if get("tls") == "on" {
			base.Protocols = []string{"relp_tls"}
			base.TLS = &serverTLS{CertFile: get("tls.mycert"), KeyFile: get("tls.myprivkey")}
			if mode := get("tls.authmode"); mode != "" {
				if base.TLS.ClientCAFile = get("tls.cacert"); base.TLS.ClientCAFile == "" {
					c.m.cannot(in.at, "tls.authmode %s without tls.cacert; the port is left out", mode)
					return nil
				}
			}
			if peers := in.params["tls.permittedpeer"]; len(peers) != 0 && get("tls.authmode") == "name" {
				base.TLS.ClientNames = peers
			} else if get("tls.authmode") == "fingerprint" {
				c.m.cannot(in.at, "tls.authmode fingerprint: client_names has names of certificates")
			}
			if base.TLS.CertFile == "" || base.TLS.KeyFile == "" {
				c.m.cannot(in.at, "RELP with TLS without tls.mycert and tls.myprivkey; the port is left out")
				return nil
			}
		}
	case "imuxsock", "imjournal", "imklog", "imkmsg", "immark", "impstats":
		c.m.skipped++
		return nil
	default:
		c.m.cannot(in.at, "input %s: the gateway takes syslog over UDP, TCP, TLS and RELP", in.kind)
		return nil
	}
	if n := bytesOf(firstOf(c.globals["maxmessagesize"])); n >= 480 && n <= 1<<20 {
		base.MaxMessageSize = size(n)
	}
	ports := in.params["port"]
	if len(ports) == 0 {
		ports = []string{map[string]string{"imudp": "514"}[in.kind]}
	}
	for _, text := range ports {
		one := base
		var err error
		if one.Port, err = strconv.Atoi(text); err != nil {
			c.m.cannot(in.at, "port %q of %s is no number", text, in.kind)
			continue
		}
		if to := c.m.source(one); to != nil {
			all = append(all, to)
		}
	}
	return all
}

// tls reads TLS of imtcp, and reports whether the port can be used.
func (c *rsyslog) tls(s *source, in rinput, get func(string) string) bool {
	global := func(what string) string {
		if v := get("streamdriver." + what); v != "" {
			return v
		}
		return firstOf(c.globals["defaultnetstreamdriver"+what])
	}
	s.TLS = &serverTLS{CertFile: global("certfile"), KeyFile: global("keyfile")}
	if s.TLS.CertFile == "" || s.TLS.KeyFile == "" {
		c.m.cannot(in.at, "TLS without a certificate and its key (DefaultNetstreamDriverCertFile, …KeyFile); the port is left out")
		return false
	}
	mode := get("streamdriver.authmode")
	if mode != "" && mode != "anon" && global("cafile") == "" {
		c.m.cannot(in.at, "StreamDriver.AuthMode %s without a CA (DefaultNetstreamDriverCAFile); the port is left out", mode)
		return false
	}
	switch mode {
	case "", "anon":
	case "x509/certvalid":
		s.TLS.ClientCAFile = global("cafile")
	case "x509/name":
		s.TLS.ClientCAFile = global("cafile")
		s.TLS.ClientNames = in.params["permittedpeer"]
		if len(s.TLS.ClientNames) == 0 {
			s.TLS.ClientNames = c.modules[in.kind]["permittedpeer"]
		}
	default:
		c.m.cannot(in.at, "StreamDriver.AuthMode %s: client_names has names of certificates; until then only the CA is checked", mode)
		s.TLS.ClientCAFile = global("cafile")
	}
	return true
}

// bytesOf reads a size such as 64k; 0 is none.
func bytesOf(text string) int {
	digits := strings.TrimRight(text, "kKmMgG")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return n * map[string]int{"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.ToLower(text[len(digits):])]
}

// block makes steps of the statements of a ruleset.
type block struct {
	c       *rsyslog
	set     string
	sources []*source
	steps   []step
	depth   int
}

// statements adds the steps of statements whose messages fit a condition.
func (b *block) statements(all []rstatement, w when, unclear bool) {
	if b.depth++; b.depth > maxDepth || len(b.steps) > maxRules {
		if len(all) != 0 {
			b.c.m.cannot(all[0].at, "the statements are too many, or too deep in one another")
		}
		b.depth--
		return
	}
	defer func() { b.depth-- }()
	first, sent, elsewhere := len(b.steps), false, false
	all = withAnd(all)
	for i := range all {
		s := &all[i]
		if b.c.work++; b.c.work > maxWork {
			b.c.m.cannot(s.at, "there are too many statements; those from here on are left out")
			return
		}
		switch s.kind {
		case "action", "legacy":
			switch b.action(s, w, unclear) {
			case toSplunk:
				sent = true
			case toElse:
				elsewhere = true
			default:
			}
		case "stop":
			b.stop(s, w, unclear, first, sent, elsewhere)
			return
		case "if", "property", "selector":
			cond, err := b.condition(s)
			inner := when(nil)
			if err == nil {
				inner, err = both(w, cond)
			}
			if err != nil {
				b.c.m.cannot(s.at, "%s: %v", strings.TrimSpace(s.kind+" "+s.filter), err)
			}
			b.statements(s.body, inner, unclear || err != nil)
			if s.other != nil {
				not, err2 := none(cond)
				if err2 == nil && err == nil {
					not, err2 = both(w, not)
				}
				b.statements(s.other, not, unclear || err != nil || err2 != nil)
			}
		case "call":
			b.statements(b.c.sets[s.text], w, unclear)
		case "continue":
		default:
			b.c.m.cannot(s.at, "%s %s", s.kind, s.text)
		}
	}
}

// stop ends the way of messages: those that were sent are done, the others are left out.
func (b *block) stop(s *rstatement, w when, unclear bool, first int, sent, elsewhere bool) {
	for i := first; i < len(b.steps); i++ {
		b.steps[i].final = b.steps[i].final || b.steps[i].sends
	}
	if sent {
		return
	}
	one := step{at: s.at, name: b.stepName(s.at), sources: b.sources, when: w, unclear: unclear, final: true}
	if elsewhere {
		b.c.m.cannot(s.at, "these messages did not go to Splunk, and now do; to leave them out, write a rule with drop (docs/rules.md)")
		one.sends, one.elsewhere = true, true
	}
	b.steps = append(b.steps, one)
}

func (b *block) stepName(at Note) string { return fmt.Sprintf("%s_%d", b.set, at.Line) }

const (
	toNobody = iota
	toSplunk
	toElse
)

// action reads an action, and says where it sends.
func (b *block) action(s *rstatement, w when, unclear bool) int {
	kind := firstOf(s.params["type"])
	if s.kind == "legacy" {
		switch kind = "omfile"; {
		case s.text == "~" || s.text == "stop":
			return toNobody
		case strings.HasPrefix(s.text, "@"):
			kind = "omfwd to " + strings.TrimLeft(strings.SplitN(s.text, ";", 2)[0], "@")
		case strings.HasPrefix(s.text, ":"):
			kind = strings.Trim(s.text, ":*; ")
		case strings.HasPrefix(s.text, "^"), strings.HasPrefix(s.text, "|"), strings.HasPrefix(s.text, "*"):
			kind = "a program, a pipe or users"
		}
	}
	if kind != "omhec" && (kind != "omhttp" || !strings.Contains(firstOf(s.params["restpath"]), "services/collector")) {
		if to := firstOf(s.params["target"]); to != "" {
			kind += " to " + to
		}
		rest := ""
		if len(w) != 0 || unclear {
			rest = "; what its filter leaves out is delivered, too, unless a rule leaves it out"
		}
		b.c.m.cannot(s.at, "%s: the gateway delivers to Splunk HEC only%s", kind, rest)
		return toElse
	}
	one := step{at: s.at, name: b.stepName(s.at), sources: b.sources, when: w, unclear: unclear, sends: true}
	b.c.hec(s, &one)
	b.steps = append(b.steps, one)
	return toSplunk
}

// hec reads an action that sends to HEC.
func (c *rsyslog) hec(s *rstatement, one *step) {
	get := func(name string) string { return firstOf(s.params[name]) }
	scheme, port := "https://", get("serverport")
	if get("usehttps") == "off" {
		scheme = "http://"
	}
	if port == "" {
		port = map[string]string{"https://": "443", "http://": "80"}[scheme]
	}
	for _, server := range s.params["server"] {
		switch {
		case strings.Contains(server, "://"):
			c.m.endpoint(s.at, server)
		case strings.Contains(server, ":"):
			c.m.endpoint(s.at, scheme+server)
		default:
			c.m.endpoint(s.at, scheme+server+":"+port)
		}
	}
	if u := get("url"); u != "" {
		c.m.endpoint(s.at, u)
	}
	c.m.token(s.at, get("token"))
	if strings.EqualFold(get("httpheaderkey"), "Authorization") {
		c.m.token(s.at, get("httpheadervalue"))
	}
	for _, h := range s.params["httpheaders"] {
		if found := tokenHeader.FindStringSubmatch(h); found != nil {
			c.m.token(s.at, found[1])
		}
	}
	if v := get("tls.cacert"); v != "" {
		c.m.hec.caFile = v
	}
	if get("allowunsignedcerts") == "on" || get("skipverifyhost") == "on" {
		c.m.hec.skipVerify = true
	}
	one.index, one.sourcetype = c.m.index(s.at, get("index")), c.m.sourcetype(s.at, get("sourcetype"))
	for _, found := range inBody.FindAllStringSubmatch(strings.ReplaceAll(c.formats[get("template")], `\"`, `"`), -1) {
		switch {
		case strings.ContainsAny(found[2], "%$("):
			c.m.cannot(s.at, "%s %s is a property; packs and metadata.indexes name it by product (docs/packs.md)", found[1], found[2])
		case found[1] == "index":
			one.index = c.m.index(s.at, found[2])
		default:
			one.sourcetype = c.m.sourcetype(s.at, found[2])
		}
	}
}
