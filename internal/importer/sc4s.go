package importer

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"syslog-gateway/internal/dialect"
)

// sc4s is the folder of Splunk Connect for Syslog, usually /opt/sc4s: env_file, local/context,
// local/config, tls.
type sc4s struct {
	m    *model
	f    *folder
	env  map[string]string
	line map[string]int
	file string
	used map[string]bool
	// filters and parsers are those of local/config.
	filters filters
	simple  map[string]bool    // vendor_product of ports that are simple
	listens map[*source]string // the name in SC4S_LISTEN_…, in lower case
	nobody  map[string]Note    // names there that no pack has, yet
	names   map[string]named   // of the classes; nil: to be made anew
	// of local/config
	parsers      map[string]statement
	applications []statement
}

func readSC4S(m *model, f *folder, main string) error {
	c := &sc4s{m: m, f: f, env: map[string]string{}, line: map[string]int{}, used: map[string]bool{}, simple: map[string]bool{}, listens: map[*source]string{}, nobody: map[string]Note{}, parsers: map[string]statement{}}
	c.filters = filters{m: m, named: map[string][]token{}}
	m.profile = "sc4s"
	if c.file = main; main == "." {
		c.file = "env_file"
	}
	text, ok, err := f.optional(c.file, maxFile)
	if err != nil {
		return err
	}
	if !ok {
		if _, err := f.files.Open("local"); err != nil {
			return fmt.Errorf("%s has neither env_file nor local; name the folder of SC4S, usually /opt/sc4s", f.root)
		}
		m.cannot(Note{}, "there is no env_file: endpoints and ports are those of the gateway's own")
	}
	c.variables(text)
	c.destinations()
	c.general()
	c.ports()
	c.rest()
	defer c.unrecognised()
	if main != "." {
		return nil
	}
	for _, step := range []func() error{c.local, c.products, c.metadata, c.hosts, c.bySource, c.compliance, c.dropsAndNames} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// variables reads NAME=value lines.
func (c *sc4s) variables(text string) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		at := Note{File: c.file, Line: i + 1}
		if !ok || !variable.MatchString(name) {
			c.m.cannot(at, "%q is no line NAME=value", name)
			continue
		}
		if c.line[name] != 0 {
			c.m.hint(at, "%s is set twice; the last one counts", name)
		}
		c.env[name], c.line[name] = strings.Trim(strings.TrimSpace(value), `"'`), i+1
	}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// get returns the value of a variable, and where it is.
func (c *sc4s) get(name string) (string, Note) {
	c.used[name] = true
	return c.env[name], Note{File: c.file, Line: c.line[name]}
}

func yes(text string) bool {
	return slices.Contains([]string{"yes", "true", "1", "on", "y"}, strings.ToLower(text))
}

// destinations reads the default HEC destination.
func (c *sc4s) destinations() {
	for _, prefix := range []string{"SC4S_DEST_SPLUNK_HEC_DEFAULT_", "SPLUNK_HEC_"} { // the second is of old versions
		urls, at := c.get(prefix + "URL")
		for _, u := range strings.FieldsFunc(urls, func(r rune) bool { return r == ' ' || r == ',' }) {
			c.m.endpoint(at, u)
		}
		token, at := c.get(prefix + "TOKEN")
		c.m.token(at, token)
	}
	const p = "SC4S_DEST_SPLUNK_HEC_DEFAULT_"
	for _, name := range []string{p + "TLS_VERIFY", "SC4S_DEST_SPLUNK_HEC_TLS_VERIFY"} {
		if v, _ := c.get(name); v != "" && !yes(v) {
			c.m.hec.skipVerify = true
		}
	}
	for _, name := range []string{p + "TLS_CA_FILE", "SC4S_DEST_SPLUNK_HEC_TLS_CA_FILE"} {
		if v, _ := c.get(name); v != "" {
			c.m.hec.caFile = c.tlsFile(path.Base(v))
		}
	}
	if text, at := c.get(p + "DISKBUFF_DISKBUFSIZE"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		workers, _ := c.get(p + "WORKERS")
		w, _ := strconv.ParseInt(orName(workers, "10"), 10, 64)
		if err != nil || n < 1<<20 || w < 1 || w > 1000 || n > 1<<45 {
			c.m.cannot(at, "%sDISKBUFF_DISKBUFSIZE %s is no number of bytes of 1 MiB or more", p, text)
		} else {
			c.m.queueSize = size(int(max(n*w, 8<<20)))
			c.m.hint(at, "queue.max_size is the size of the disk buffer times its %d workers; the queue needs this room on one file system", w)
		}
	}
}

// tlsFile is the path of a file that the container has in its folder tls.
func (c *sc4s) tlsFile(name string) string { return filepath.Join(c.f.root, "tls", name) }

// general reads what holds for all ports.
func (c *sc4s) general() {
	for _, name := range []string{"SC4S_SEND_METRICS", "SC4S_SEND_METRICS_TERMINAL"} {
		v, _ := c.get(name)
		c.m.toSplunk = c.m.toSplunk || name == "SC4S_SEND_METRICS" && yes(v)
	}
	if v, at := c.get("SC4S_USE_REVERSE_DNS"); yes(v) {
		c.m.cannot(at, "SC4S_USE_REVERSE_DNS: the gateway asks no name server; metadata.hosts_file has names of senders")
	}
	for name := range c.env {
		for _, own := range []string{"SC4S_CONTAINER_HOST", "SC4S_IMAGE", "SC4S_PERSIST_MOUNT", "SC4S_LOCAL_MOUNT", "SC4S_ARCHIVE_MOUNT", "SC4S_TLS_MOUNT",
			"SC4S_REVERSE_DNS_KEEP_FQDN", "SC4S_LISTEN_STATUS_PORT", "SC4S_USE_NAME_CACHE", "SC4S_CLEAR_NAME_CACHE", "SC4S_RUNTIME_ENV", "SC4S_SOURCE_TLS_OPTIONS", "SC4S_SOURCE_TLS_CIPHER_SUITE"} {
			if name == own {
				c.used[name] = true
				c.m.skipped++
			}
		}
		if tuning.MatchString(name) {
			c.used[name] = true
			c.m.skipped++
		}
	}
}

// tuning are variables that concern the other program alone: its threads, buffers and batches.
var tuning = regexp.MustCompile(`^SC4S_(?:SOURCE_(?:LISTEN_\w+|UDP_SOCKETS|\w*FETCH_LIMIT|\w*IW_SIZE|\w*IW_USE|\w*PARALLELIZE\w*|RCVBUF_\w+|\w*IPV6\w*)|DEST_SPLUNK_HEC_(?:DEFAULT_)?(?:WORKERS|DISKBUFF_\w+|BATCH_\w+|CIPHER_SUITE|SSL_VERSION|HTTP_COMPRESSION|MODE|TIMEOUT|LOG_FIFO_SIZE|GLOBAL)|ENABLE_EBPF|EBPF_\w+|IPV6_ENABLE|ENABLE_PARALLELIZE|PARALLELIZE_\w+|DEBUG_\w+|DEFAULT_\w*FIFO\w*)$`)

// kinds of ports: the end of the variable, the protocol, the port that is open without it.
func portKinds() []struct {
	end, protocol string
	port          int
} {
	return []struct {
		end, protocol string
		port          int
	}{{"UDP_PORT", "udp", 514}, {"TCP_PORT", "tcp", 514}, {"RFC5426_PORT", "udp", 601}, {"RFC6587_PORT", "tcp", 601}, {"TLS_PORT", "tls", 6514}, {"RFC5425_PORT", "tls", 5425}}
}

// ports reads SC4S_LISTEN_…
func (c *sc4s) ports() {
	zone, at := c.get("SC4S_DEFAULT_TIMEZONE")
	zone = c.m.timezone(at, zone)
	encrypted, _ := c.get("SC4S_SOURCE_TLS_ENABLE")
	base := source{Timezone: zone}
	if n, _ := c.get("SC4S_SOURCE_UDP_SO_RCVBUFF"); n != "" {
		if b, err := strconv.Atoi(n); err == nil && b >= 4096 && b <= 1<<30 {
			base.ReceiveBuffer = size(b)
		}
	}
	most := 0
	if n, _ := c.get("SC4S_SOURCE_TCP_MAX_CONNECTIONS"); n != "" {
		most, _ = strconv.Atoi(n)
	}
	add := func(at Note, label, text, protocol string, pins []string) {
		for _, p := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			one := base
			one.name, one.at, one.Protocols, one.Packs = label, at, []string{protocol}, pins
			var err error
			if one.Port, err = strconv.Atoi(p); err != nil {
				c.m.cannot(at, "the port %q is no number", p)
				continue
			}
			if protocol != "udp" {
				one.ReceiveBuffer = ""
				if most > 0 && most <= 1000000 {
					one.MaxConnections = most
				}
			}
			if protocol == "tls" {
				one.TLS = &serverTLS{CertFile: c.tlsFile("server.pem"), KeyFile: c.tlsFile("server.key")}
			}
			if s := c.m.source(one); s != nil {
				c.listens[s] = label
			}
		}
	}
	for _, k := range portKinds() {
		text, at := c.get("SC4S_LISTEN_DEFAULT_" + k.end)
		if text == "" {
			text = strconv.Itoa(k.port)
			at = Note{File: c.file}
		}
		if k.protocol == "tls" && !yes(encrypted) {
			continue
		}
		add(at, "default", text, k.protocol, nil)
	}
	for _, name := range sorted(c.env) {
		rest, ok := strings.CutPrefix(name, "SC4S_LISTEN_")
		if !ok || c.used[name] {
			continue
		}
		for _, k := range portKinds() {
			product, ok := strings.CutSuffix(rest, "_"+k.end)
			if !ok {
				continue
			}
			text, at := c.get(name)
			if k.protocol == "tls" && !yes(encrypted) {
				c.m.cannot(at, "%s: SC4S_SOURCE_TLS_ENABLE is not yes, so the port was not open", name)
				break
			}
			product = strings.ToLower(product)
			if simple, ok := strings.CutPrefix(product, "simple_"); ok {
				c.simple[simple] = true
				add(at, simple, text, k.protocol, []string{simple})
				break
			}
			pins := c.packs(product)
			if len(pins) == 0 {
				c.nobody[product] = at
			}
			add(at, product, text, k.protocol, slices.DeleteFunc(pins, func(pin string) bool { return slices.Contains(dialect.Names(), pin) }))
			break
		}
	}
}

// unrecognised lists the ports of products that neither the gateway nor the site has.
func (c *sc4s) unrecognised() {
	for _, product := range sorted(c.nobody) {
		if !slices.ContainsFunc(c.m.sources, func(s *source) bool { return c.listens[s] == product && len(s.Packs) != 0 }) {
			c.m.cannot(c.nobody[product], "SC4S_LISTEN_%s: no pack of the gateway is called so; what comes here is recognised by what it says", strings.ToUpper(product))
		}
	}
}

// packs returns the packs and built-in families for a vendor_product of SC4S. A port needs no
// pin for a family: it takes them all.
func (c *sc4s) packs(key string) []string {
	var all []string
	for _, k := range c.named(key).byVendor {
		if !slices.Contains(all, k.pack) {
			all = append(all, k.pack)
		}
	}
	return all
}

// named is what a key of SC4S names.
type named struct {
	byKey, byVendor []*class // those with this key; those of this vendor_product
}

// named returns the classes that a key of SC4S names.
func (c *sc4s) named(key string) named {
	fold := func(text string) string {
		return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(text))
	}
	if c.names == nil {
		c.names = map[string]named{}
		for i := range c.m.classes {
			k := &c.m.classes[i]
			n := c.names[fold(k.key)]
			n.byKey = append(n.byKey, k)
			c.names[fold(k.key)] = n
			n = c.names[fold(k.vendor)]
			n.byVendor = append(n.byVendor, k)
			c.names[fold(k.vendor)] = n
		}
	}
	return c.names[fold(key)]
}

// rest lists the variables that nothing has read.
func (c *sc4s) rest() {
	var names []string
	for name := range c.env {
		if !c.used[name] {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return c.line[a] - c.line[b] })
	for _, name := range names {
		at := Note{File: c.file, Line: c.line[name]}
		switch {
		case strings.HasPrefix(name, "SC4S_DEST_SPLUNK_HEC_"):
			c.m.cannot(at, "%s: the gateway has one HEC destination (with several endpoints and one token)", name)
		case strings.HasPrefix(name, "SC4S_DEST_"):
			c.m.cannot(at, "%s: the gateway delivers to Splunk HEC only", name)
		case strings.Contains(name, "ARCHIVE") && !yes(c.env[name]):
			c.m.skipped++
		case strings.Contains(name, "ARCHIVE"):
			c.m.cannot(at, "%s: the gateway keeps no archive of files", name)
		case strings.HasPrefix(name, "SC4S_SOURCE_PROXYCONNECT") || strings.Contains(name, "PROXY"):
			c.m.cannot(at, "%s: name the networks of the load balancer in proxy_protocol of the source", name)
		default:
			c.m.cannot(at, "%s", name)
		}
	}
}
