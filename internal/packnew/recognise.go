package packnew

import (
	"slices"
	"strings"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/pack"
)

// group is lines that have a mark in common.
type group struct {
	kind, word string
	samples    []*sample
}

// maxGroups is how many groups of lines, the largest, get a condition.
const maxGroups = 64

// recognise finds the conditions by which the lines are recognised: for each group of lines
// the first anchor that no loaded pack has.
func (m *maker) recognise() {
	var groups []*group
	for _, s := range m.samples {
		kind, word := mark(&s.view)
		at := slices.IndexFunc(groups, func(g *group) bool { return g.kind == kind && g.word == word })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{kind: kind, word: word})
		}
		groups[at].samples = append(groups[at].samples, s)
	}
	groups = m.programs(groups)
	slices.SortStableFunc(groups, func(a, b *group) int { return len(b.samples) - len(a.samples) })
	for _, g := range groups[:min(len(groups), maxGroups)] {
		var second *pack.Condition // what a loaded pack begins with as well
		found := false
		for _, c := range m.candidates(g, len(groups)) {
			takes, alone := m.takes(&c, g.samples)
			if takes && alone {
				m.add(c, g)
				found = true
				break
			}
			if takes && second == nil && len(c.Pieces()) > 1 {
				second = &c
			}
		}
		if !found && second != nil {
			m.add(*second, g)
		}
	}
	m.merge()
}

// add adds a condition for a group.
func (m *maker) add(c pack.Condition, g *group) {
	m.match = append(m.match, c)
	for _, s := range g.samples {
		s.found = true
	}
}

// merge joins conditions that differ in the words of their only part.
func (m *maker) merge() {
	var out []pack.Condition
	for _, c := range m.match {
		pieces := c.Pieces()
		at := slices.IndexFunc(out, func(o pack.Condition) bool {
			other := o.Pieces()
			return len(pieces) == 1 && len(other) == 1 && pieces[0].Kind == other[0].Kind
		})
		if at < 0 {
			out = append(out, c)
			continue
		}
		o := &out[at]
		o.SD, o.Program, o.Text = append(o.SD, c.SD...), append(o.Program, c.Program...), append(o.Text, c.Text...)
		if c.CEF != nil {
			o.CEF.Vendor = append(o.CEF.Vendor, c.CEF.Vendor...)
		}
		if c.LEEF != nil {
			o.LEEF.Vendor = append(o.LEEF.Vendor, c.LEEF.Vendor...)
		}
	}
	m.match = out
}

// mark returns by what a line may be recognised: the kind and the word.
func mark(l *matcher.Line) (kind, word string) {
	text := string(l.Text)
	if isLEEF, vendor, product := device(l); vendor != "" {
		if isLEEF {
			return "leef", vendor + "|" + product
		}
		return "cef", vendor + "|" + product
	}
	if id := ids(l.Data); len(id) != 0 {
		return "sd", id[0]
	}
	program := string(l.Program[strings.LastIndexByte(string(l.Program), '/')+1:])
	if len(program) >= 2 && !everyone(program) {
		return "program", program
	}
	switch readerOf(l) {
	case pack.JSON:
		return "json", program
	case pack.KV:
		return "kv", program + " " + text[:max(strings.IndexByte(text, '='), 0)]
	case pack.CSV:
		return "csv", program + " " + text[:max(strings.IndexByte(text, ','), 0)]
	default: // by the first word, below
	}
	first, _, _ := strings.Cut(text, " ")
	return "text", program + " " + l.Shape.String() + " " + first
}

// device returns vendor and product of a CEF or LEEF message.
func device(l *matcher.Line) (isLEEF bool, vendor, product string) {
	text := string(l.Text)
	switch program := string(l.Program); {
	case strings.HasPrefix(text, "LEEF:"), program == "LEEF":
		isLEEF = true
	case strings.HasPrefix(text, "CEF:"), program == "CEF":
	default:
		return false, "", ""
	}
	parts := strings.SplitN(text, "|", 4)
	if len(parts) < 4 {
		return false, "", ""
	}
	return isLEEF, parts[1], parts[2]
}

// everyone reports whether a program is on most systems, so that it tells no product.
func everyone(program string) bool {
	return slices.ContainsFunc(onAll, func(p string) bool {
		begin, prefix := strings.CutSuffix(p, "*")
		return strings.EqualFold(p, program) || prefix && len(program) >= len(begin) && strings.EqualFold(program[:len(begin)], begin)
	})
}

var onAll = []string{
	"sshd*", "sudo", "su", "cron*", "crond", "anacron", "systemd*", "kernel", "dhclient*", "dhcpcd", "ntpd", "chronyd", "rsyslogd*", "syslogd", "syslog-ng",
	"syslog", "init", "login", "logger", "root", "snmpd", "auditd", "audit*", "audispd", "dbus*", "networkmanager", "nm-dispatcher", "polkitd", "getty", "agetty", "passwd",
	"useradd", "userdel", "usermod", "groupadd", "run-parts", "postfix*", "sendmail", "sm-mta", "dnsmasq*", "hostapd", "wpa_supplicant", "dropbear", "busybox", "xinetd", "inetd",
	"last", "message", "error", "warning", "info", "debug", "notice", "test", "app", "user", "python*", "java", "node", "docker*", "containerd", "kubelet", "httpd", "nginx", "mysqld", "named",
}

// programs joins groups of programs whose names begin alike, if no other product has such a
// name; the longest common begin is what they are recognised by.
func (m *maker) programs(groups []*group) []*group {
	var joined []*group
	var rest []*group
	for _, g := range groups {
		if g.kind == "program" {
			joined = append(joined, g)
		} else {
			rest = append(rest, g)
		}
	}
	if len(joined) < 2 {
		return groups
	}
	all := &group{kind: "program", word: joined[0].word}
	for _, g := range joined {
		all.word = common2(all.word, g.word)
		all.samples = append(all.samples, g.samples...)
	}
	prefix := all.word + "*"
	c := pack.Condition{Program: []string{prefix}}
	if len(all.word) < 4 || slices.ContainsFunc(onAll, func(p string) bool { return strings.HasPrefix(p, all.word) }) {
		return groups
	}
	if takes, alone := m.takes(&c, all.samples); !takes || !alone {
		return groups
	}
	all.word = prefix
	return append([]*group{all}, rest...)
}

// candidates returns conditions for a group, the best first.
func (m *maker) candidates(g *group, groups int) []pack.Condition {
	vendor, product, _ := strings.Cut(g.word, "|")
	switch g.kind {
	case "cef":
		return []pack.Condition{{CEF: &pack.Device{Vendor: []string{vendor}}}, {CEF: &pack.Device{Vendor: []string{vendor}, Product: []string{product}}}}
	case "leef":
		return []pack.Condition{{LEEF: &pack.Device{Vendor: []string{vendor}}}, {LEEF: &pack.Device{Vendor: []string{vendor}, Product: []string{product}}}}
	case "sd":
		return []pack.Condition{{SD: []string{g.word}}}
	case "program":
		all := []pack.Condition{{Program: []string{g.word}}}
		if text := anchor(g.samples); text != "" {
			all = append(all, pack.Condition{Program: []string{g.word}, Text: []string{text}})
		}
		return all
	}
	program := string(g.samples[0].view.Program)
	with := func(c pack.Condition) pack.Condition {
		if len(program) >= 2 {
			c.Program = []string{program[strings.LastIndexByte(program, '/')+1:]}
		}
		return c
	}
	text := anchor(g.samples)
	var all []pack.Condition
	switch {
	case g.kind == "json" && m.reader == pack.JSON:
		for _, keys := range m.telling(g) {
			all = append(all, with(pack.Condition{Text: []string{`{"`}, JSON: keys}))
		}
	case g.kind == "kv" && m.reader == pack.KV && text != "":
		if !everywhereKey(text) {
			all = append(all, with(pack.Condition{Text: []string{text}}))
		}
		for _, keys := range m.telling(g) {
			all = append(all, with(pack.Condition{Text: []string{text}, Keys: keys}))
		}
	case text == "" || everywhereKey(text):
	case len(g.samples) > 1 || groups == 1 || strings.ContainsAny(text, ":=|[{%"):
		all = append(all, with(pack.Condition{Text: []string{text}}))
	}
	return all
}

// usual are keys that many products have; they tell none.
var usual = []string{
	"date", "time", "timestamp", "ts", "eventtime", "src", "dst", "srcip", "dstip", "src_ip", "dst_ip", "sport", "dport", "srcport", "dstport", "proto", "protocol",
	"type", "subtype", "level", "severity", "pri", "priority", "msg", "message", "user", "username", "action", "id", "host", "hostname", "status", "result", "reason", "event",
	"service", "in", "out", "mac", "len", "size", "duration", "sent", "rcvd", "policy", "rule", "interface", "name", "logger", "thread", "pid", "log", "tag", "facility",
}

// telling returns sets of keys that tell the product of a group, the best first: a key with
// one value that is a word, or keys that few products have.
func (m *maker) telling(g *group) []map[string][]string {
	var rare, constant []string
	for name, first := range g.samples[0].values {
		if strings.ContainsAny(name, "*=.") || name == m.classKey ||
			slices.ContainsFunc(g.samples, func(s *sample) bool { return s.values[name] == "" }) {
			continue
		}
		same := !slices.ContainsFunc(g.samples, func(s *sample) bool { return s.values[name] != first || s.plain[name] != first })
		if same && len(g.samples) > 1 && plainWord.MatchString(first) && isProductKey(name) {
			constant = append(constant, name)
		}
		if !slices.Contains(usual, strings.ToLower(name)) {
			rare = append(rare, name)
		}
	}
	slices.Sort(constant)
	slices.Sort(rare)
	slices.SortStableFunc(rare, func(a, b string) int { return len(b) - len(a) }) // a long name is rarer
	var all []map[string][]string
	if len(constant) != 0 {
		all = append(all, map[string][]string{constant[0]: {g.samples[0].values[constant[0]]}})
	}
	for n := 1; n <= min(2, len(rare)); n++ {
		keys := map[string][]string{}
		for _, name := range rare[:n] {
			keys[name] = []string{"*"}
		}
		all = append(all, keys)
	}
	return all
}

// isProductKey reports whether the value of a key names a product.
func isProductKey(name string) bool {
	switch strings.ToLower(name) {
	case "product", "vendor", "device_vendor", "device_product", "app", "application", "appname", "program", "source_type", "devtype", "device_type", "fw", "logger_name", "service_name":
		return true
	}
	return false
}

// everywhereKey reports whether a text is no more than a key or a word of many products.
func everywhereKey(text string) bool {
	word := strings.ToLower(strings.Trim(text, `=:"'{[(<>)]} ,|-*`))
	return len(word) < 3 || slices.Contains(usual, word) || everyone(word)
}

// anchor returns the longest text that all lines begin with, also without names: up to a
// boundary, and without numbers, which change. Of a single line it is its first word.
func anchor(samples []*sample) string {
	text := string(samples[0].view.Text)
	for _, s := range samples {
		text = common2(common2(text, string(s.view.Text)), string(s.bare.Text))
	}
	const longest = 48
	text = text[:min(len(text), longest)]
	for i := range text {
		if i > 0 && isDigit(text[i]) && (i+1 < len(text) && isDigit(text[i+1]) || isDigit(text[i-1])) {
			text = text[:i]
			break
		}
	}
	const boundary = " =:|[](){},;\"'/<>%#"
	if whole := slices.ContainsFunc(samples, func(s *sample) bool { return len(s.view.Text) == len(text) }); !whole {
		text = text[:strings.LastIndexAny(text, boundary)+1]
	}
	if len(samples) == 1 {
		if i := strings.IndexAny(text, boundary); i >= 0 {
			text = text[:i+1]
		}
	}
	if strings.HasSuffix(text, "*") || strings.HasPrefix(text, "*") || len(text) < 3 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return text
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// common2 returns what two texts begin with.
func common2(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return a[:i]
}

// takes reports whether a condition takes all lines of a group, also without names, and no line
// that is known. alone says that no loaded pack begins alike.
func (m *maker) takes(c *pack.Condition, samples []*sample) (takes, alone bool) {
	c.Pos = pack.Pos{File: m.name + ".yaml"}
	p := pack.Pack{Pos: c.Pos, Name: m.name, Read: m.reader, Within: 256, Match: []pack.Condition{*c}, Classes: []pack.Class{{}}}
	for _, s := range samples {
		if !matcher.Holds(&p, c, "default", &s.view) || !matcher.Holds(&p, c, "default", &s.bare) {
			return false, false
		}
	}
	for i := range m.others {
		if matcher.Holds(&p, c, "default", &m.others[i]) {
			return false, false
		}
	}
	if !m.loads(c) {
		return false, false
	}
	conflicts, warnings := pack.Conflicts(append(slices.Clone(m.site), p), m.embedded)
	mine := func(w pack.Problem) bool { return w.File == p.File }
	return !slices.ContainsFunc(conflicts, mine), !slices.ContainsFunc(warnings, mine)
}

// loads reports whether the loader takes a condition.
func (m *maker) loads(c *pack.Condition) bool {
	text := "format: 1\npack: " + yamlText(m.name) + "\nsourcetype: x\nmatch: " + condition(c) + "\n"
	if m.reader != pack.NoReader {
		text += "read: " + string(m.reader) + "\n"
	}
	return len(m.check(text)) == 0
}
