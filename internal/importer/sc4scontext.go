package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// rows reads a CSV file of local/context; a file that is not there has none.
func (c *sc4s) rows(file string, each func(at Note, row []string)) error {
	text, ok, err := c.f.optional(file, maxTable)
	if err != nil || !ok {
		return err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.Comment, r.LazyQuotes, r.TrimLeadingSpace = -1, '#', true, true
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		line, _ := r.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		each(Note{File: file, Line: line}, row)
	}
}

const context = "local/context/"

// metadata reads splunk_metadata.csv, and splunk_index.csv of old versions.
func (c *sc4s) metadata() error {
	simple := map[string]*product{}
	row := func(at Note, row []string) {
		if len(row) == 2 {
			row = []string{row[0], "index", row[1]}
		}
		if len(row) < 3 {
			c.m.cannot(at, "this is no row key,metadata,value")
			return
		}
		key, what, value := row[0], row[1], row[2]
		if c.simple[key] {
			p := simple[key]
			if p == nil {
				p = &product{}
				simple[key] = p
			}
			switch what {
			case "sourcetype":
				p.Sourcetype = c.m.sourcetype(at, value)
			case "index":
				p.Role = c.m.index(at, value)
			case "source":
				p.Source = value
			}
			return
		}
		c.override(at, key, what, value)
	}
	for _, file := range []string{"splunk_index.csv", "splunk_metadata.csv"} {
		if err := c.rows(context+file, row); err != nil {
			return err
		}
	}
	for _, key := range sorted(c.simple) {
		p := simple[key]
		if p == nil || p.Sourcetype == "" {
			if p == nil {
				p = &product{}
			}
			p.Sourcetype = name(key, "x")
			c.m.hint(Note{File: c.file}, "the simple source %s has no sourcetype in splunk_metadata.csv; it gets %s", key, p.Sourcetype)
		}
		index := p.Role
		p.Pack, p.About, p.Role = name(key, "simple"), "Everything that comes to the port of "+key, "main"
		if v, product, ok := strings.Cut(key, "_"); ok {
			p.Vendor, p.Product = v, product
		}
		if !c.m.addProduct(*p) {
			for _, s := range c.m.sources { // a pin needs its pack
				s.Packs = slices.DeleteFunc(s.Packs, func(pin string) bool { return pin == key })
			}
			continue
		}
		if index != "" {
			c.m.overrides[p.Pack] = override{Index: index}
		}
	}
	return nil
}

// override says a row of splunk_metadata.csv for the classes of its key.
func (c *sc4s) override(at Note, key, what, value string) {
	var classes []string
	for _, k := range c.named(key).byKey {
		classes = append(classes, k.name)
	}
	if len(classes) == 0 {
		c.m.cannot(at, "%s: no class of the gateway has this key; gateway pack list and docs/products.md have the classes", key)
		return
	}
	for _, class := range classes {
		o := c.m.overrides[class]
		switch what {
		case "index":
			o.Index = c.m.index(at, value)
		case "sourcetype":
			o.Sourcetype = c.m.sourcetype(at, value)
		case "source":
			if value != "" && len(value) <= 256 && clean(value) == value {
				o.Source = value
			} else {
				c.m.cannot(at, "source %q", value)
			}
		default:
			c.m.cannot(at, "%s of %s: overrides set index, sourcetype and source; event in a pack sets the form of the event", what, key)
			return
		}
		if o != (override{}) {
			c.m.overrides[class] = o
		}
	}
}

// hosts reads host.csv: names of senders whose messages have no host.
func (c *sc4s) hosts() error {
	seen := map[string]bool{}
	return c.rows(context+"host.csv", func(at Note, row []string) {
		if len(row) == 3 {
			row = []string{row[0], row[2]}
		}
		if len(row) != 2 {
			c.m.cannot(at, "this is no row address,host,name")
			return
		}
		n, ok := network(row[0])
		address, _, _ := strings.Cut(n, "/")
		if !ok || strings.Contains(row[0], "/") || !hostName.MatchString(row[1]) {
			c.m.cannot(at, "%s,%s: the table has addresses with the name of a host", row[0], row[1])
			return
		}
		if !seen[address] && len(c.m.hosts) < 50000 {
			seen[address] = true
			c.m.hosts = append(c.m.hosts, [2]string{address, row[1]})
		}
	})
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$`)

// ngStatements reads a file in syslog-ng's language; a file that is not there has none.
func (c *sc4s) ngStatements(file string) ([]statement, error) {
	if _, ok, err := c.f.optional(file, maxFile); err != nil || !ok {
		return nil, err
	}
	return (&ngFiles{m: c.m, f: c.f, defines: map[string]string{}}).statements(file)
}

// bySource reads vendor_product_by_source.conf, which has filters, and its CSV file, which
// gives them vendor and product.
func (c *sc4s) bySource() error {
	all, err := c.ngStatements(context + "vendor_product_by_source.conf")
	if err != nil {
		return err
	}
	places := map[string]Note{}
	for _, s := range all {
		if s.kind == "filter" {
			c.filters.named[s.name], places[s.name] = s.body, s.at
		}
	}
	vendors := map[string]string{} // of rows that name vendor and product apart
	return c.rows(context+"vendor_product_by_source.csv", func(at Note, row []string) {
		if len(row) < 3 {
			c.m.cannot(at, "this is no row filter,sc4s_vendor_product,value")
			return
		}
		body, ok := c.filters.named[row[0]]
		if !ok {
			c.m.cannot(at, "there is no filter %s in vendor_product_by_source.conf", row[0])
			return
		}
		value := row[2]
		switch what := strings.TrimPrefix(row[1], "fields."); what {
		case "sc4s_vendor_product":
		case "sc4s_vendor":
			vendors[row[0]] = value
			return
		case "sc4s_product":
			if vendors[row[0]] == "" {
				c.m.cannot(at, "%s: its row sc4s_vendor has to stand before", row[0])
				return
			}
			value = vendors[row[0]] + "_" + value
		case "sc4s_time_zone":
			c.m.cannot(at, "time zone of the filter %s: write a look-up by sender or host with a column timezone (docs/rules.md)", row[0])
			return
		default:
			c.m.cannot(at, "%s is none of sc4s_vendor_product, sc4s_vendor, sc4s_product", row[1])
			return
		}
		if value == "null_queue" {
			c.leaveOut(places[row[0]], row[0], body)
			return
		}
		c.pin(places[row[0]], body, value)
	})
}

// leaveOut says a filter whose messages go to the null queue.
func (c *sc4s) leaveOut(at Note, name string, body []token) {
	w, err := c.filters.condition(body)
	if err != nil {
		c.m.cannot(at, "filter %s: %v", name, err)
		return
	}
	c.m.rule(rule{at: at, Name: name, When: w, Drop: true})
}

// pin gives senders a pack. Hosts and programs cannot be pinned.
func (c *sc4s) pin(at Note, body []token, key string) {
	pins := c.packs(key)
	if len(pins) == 0 {
		c.m.cannot(at, "%s: no pack of the gateway has this vendor and product; write one (docs/packs.md)", key)
		return
	}
	w, err := c.filters.condition(body)
	if err != nil {
		c.m.cannot(at, "%s: %v", key, err)
		return
	}
	for _, one := range w {
		if !onlySender(one) {
			c.m.cannot(at, "%s: %s: packs.senders pins networks of senders; write the addresses of these devices there", key, one)
			continue
		}
		for _, n := range one.Sender {
			if had := c.m.senders[n]; had != "" && had != pins[0] {
				c.m.cannot(at, "%s: the network %s has the pack %s already", key, n, had)
				continue
			}
			c.m.senders[n] = pins[0]
		}
		if len(pins) > 1 {
			c.m.hint(at, "%s is several packs of the gateway: %s; the senders get the first", key, strings.Join(pins, ", "))
		}
	}
}

// compliance reads compliance_meta_by_source: filters, and what the messages get.
func (c *sc4s) compliance() error {
	all, err := c.ngStatements(context + "compliance_meta_by_source.conf")
	if err != nil {
		return err
	}
	named := map[string]when{}
	for _, s := range all {
		if s.kind != "filter" {
			continue
		}
		w, err := c.filters.condition(s.body)
		if err != nil {
			c.m.cannot(s.at, "filter %s: %v", s.name, err)
			continue
		}
		named[s.name] = w
	}
	var rules []rule
	err = c.rows(context+"compliance_meta_by_source.csv", func(at Note, row []string) {
		if len(row) < 3 {
			c.m.cannot(at, "this is no row filter,name,value")
			return
		}
		w, ok := named[row[0]]
		if !ok {
			c.m.cannot(at, "the filter %s is not there, or cannot be said", row[0])
			return
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return r.Name == row[0] })
		if i < 0 {
			rules = append(rules, rule{at: at, Name: row[0], When: w, Fields: map[string]string{}})
			i = len(rules) - 1
		}
		r := &rules[i]
		what := strings.TrimPrefix(row[1], "fields.")
		switch {
		case row[1] == ".splunk.index":
			r.Index = c.m.index(at, row[2])
		case row[1] == ".splunk.sourcetype":
			r.Sourcetype = c.m.sourcetype(at, row[2])
		case strings.HasPrefix(row[1], ".") || !field(what, row[2]):
			c.m.cannot(at, "%s = %q", row[1], row[2])
		default:
			r.Fields[what] = row[2]
		}
	})
	for _, r := range rules {
		if r.Index != "" || r.Sourcetype != "" || len(r.Fields) != 0 {
			c.m.rule(r)
		}
	}
	return err
}

// local reads parsers and filters of the site.
func (c *sc4s) local() error {
	files, err := c.f.find("local/config", "*.conf", "*.conf.tmpl")
	if err != nil {
		return err
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".tmpl") {
			c.m.cannot(Note{File: file}, "a template of a log path: write a pack (docs/packs.md)")
			continue
		}
		all, err := c.ngStatements(file)
		if err != nil {
			return err
		}
		for _, s := range all {
			switch s.kind {
			case "block": // block parser name() { … };
				if len(s.head) > 2 && s.head[1].text == "parser" {
					c.parsers[strings.ReplaceAll(s.head[2].text, "_", "-")] = s
				} else {
					c.m.cannot(s.at, "block")
				}
			case "application":
				c.applications = append(c.applications, s)
			case "filter":
				c.filters.named[s.name] = s.body
			default:
				c.m.cannot(s.at, "%s %s: write a pack (docs/packs.md)", s.kind, s.name)
			}
		}
	}
	return nil
}

// products reads the applications that recognise something. Tables name what they give.
func (c *sc4s) products() error {
	for i := range c.applications {
		c.application(&c.applications[i], false)
	}
	return nil
}

// dropsAndNames reads the applications that leave messages out, give them other names, or pin
// senders to what is recognised.
func (c *sc4s) dropsAndNames() error {
	for i := range c.applications {
		c.application(&c.applications[i], true)
	}
	return nil
}

// application reads application NAME[sc4s-syslog] { filter {…}; parser {…}; }; those that make
// rules, or the others.
func (c *sc4s) application(s *statement, rules bool) {
	label, kind, _ := strings.Cut(strings.TrimSuffix(s.name, "]"), "[")
	if kind == "" && len(s.head) > 2 {
		kind = strings.Trim(s.head[2].text, "[]")
	}
	var filter, calls []token
	for _, p := range statementsOf(s.body) {
		switch p.kind {
		case "filter":
			filter = p.body
		case "parser":
			calls = append(calls, p.body...)
		}
	}
	set, unknown := rewriteOf(calls, c.parsers, map[string]bool{})
	if strings.HasPrefix(kind, "sc4s-lp-dest") {
		if rules {
			c.m.cannot(s.at, "application %s: the gateway has one HEC destination, and sends nothing elsewhere", label)
		}
		return
	}
	isRule := kind == "sc4s-vps" || set["drop"] != "" || strings.Contains(kind, "postfilter") || strings.Contains(kind, "finalfilter")
	if isRule != rules {
		return
	}
	if kind == "sc4s-vps" {
		c.pin(s.at, filter, set["vendor"]+"_"+set["product"])
		return
	}
	filter, ports := ofPorts(filter)
	var w when
	var err error
	if len(filter) != 0 || len(ports) == 0 {
		w, err = c.filters.condition(filter)
	}
	if err == nil && len(ports) != 0 && isRule {
		err = errors.New("${SOURCE}: a rule cannot ask for the port")
	}
	if err != nil {
		c.m.cannot(s.at, "application %s: %v", label, err)
		return
	}
	switch {
	case set["drop"] != "":
		c.m.rule(rule{at: s.at, Name: label, When: w, Drop: true})
	case isRule:
		if unknown != "" {
			c.m.cannot(s.at, "application %s: %s", label, unknown)
		}
		r := rule{at: s.at, Name: label, When: w, Index: c.m.index(s.at, set["index"]), Sourcetype: c.m.sourcetype(s.at, set["sourcetype"])}
		if r.Index == "" && r.Sourcetype == "" {
			c.m.cannot(s.at, "application %s sets neither index nor sourcetype by a constant", label)
			return
		}
		c.m.rule(r)
	default:
		c.recognise(s.at, label, w, set, unknown, ports)
	}
}

// ofPorts takes the parts "${SOURCE}" eq "s_ACME_GATE", joined by or, out of a filter. Such a
// part holds for messages to the ports SC4S_LISTEN_ACME_GATE_….
func ofPorts(filter []token) (rest []token, ports []string) {
	var parts [][]token
	from := 0
	for i := 0; i <= len(filter); i++ {
		if i == len(filter) || filter[i].kind == 'w' && filter[i].text == "or" {
			parts = append(parts, filter[from:i])
			from = i + 1
		}
	}
	for _, p := range parts {
		words := slices.DeleteFunc(slices.Clone(p), func(t token) bool { return t.kind == ';' })
		if len(words) == 3 && (words[0].text == "${SOURCE}" || words[0].text == "$SOURCE") && (words[1].text == "eq" || words[1].text == "==") && strings.HasPrefix(words[2].text, "s_") {
			ports = append(ports, strings.ToLower(words[2].text[2:]))
			continue
		}
		if len(rest) != 0 {
			rest = append(rest, token{kind: 'w', text: "or"})
		}
		rest = append(rest, p...)
	}
	return rest, ports
}

// recognise makes a pack of a parser that gives messages their names.
func (c *sc4s) recognise(at Note, label string, w when, set map[string]string, unknown string, ports []string) {
	if set["sourcetype"] == "" {
		c.m.cannot(at, "application %s: its parser gives no sourcetype by a constant; write a pack (docs/packs.md)", label)
		return
	}
	if unknown != "" {
		c.m.cannot(at, "application %s: of its parser %s is left out", label, unknown)
	}
	p := product{at: at, Pack: name(label, "product"), About: "Imported from SC4S: application " + label, Vendor: set["vendor"], Product: set["product"], Sourcetype: set["sourcetype"], Source: set["source"], Role: "main"}
	if set["vendor"] != "" && set["product"] != "" {
		p.Pack = name(set["vendor"]+"_"+set["product"], "product")
	}
	for i := range w { // an anchor finds messages; the beginning of the text is one
		if re := w[i].Regex; strings.HasPrefix(re, "^") && len(w[i].Program) == 0 {
			if text, err := word(matches, re); err == nil && strings.HasSuffix(text, "*") && len(text) > 2 {
				w[i].Text, w[i].Regex = []string{strings.TrimSuffix(text, "*")}, ""
			}
		}
	}
	p.Match = w
	if !c.m.addProduct(p) {
		return
	}
	c.names = nil
	c.m.classes = append(c.m.classes[:len(c.m.classes):len(c.m.classes)], class{name: p.Pack, pack: p.Pack, sourcetype: p.Sourcetype, key: p.Pack, vendor: p.Pack})
	for _, s := range c.m.sources { // what comes to a port of its own needs no match
		if slices.Contains(ports, c.listens[s]) && len(s.Packs) == 0 {
			s.Packs = []string{p.Pack}
		}
	}
	if set["index"] != "" {
		if index := c.m.index(at, set["index"]); index != "" {
			c.m.overrides[p.Pack] = override{Index: index}
		}
	}
}

// rewriteOf returns what a parser sets: r_set_splunk_dest_default(index('x') …) and the like.
// What else it does is unknown.
func rewriteOf(body []token, parsers map[string]statement, seen map[string]bool) (set map[string]string, unknown string) {
	set = map[string]string{}
	join := func(more map[string]string, what string) {
		for k, v := range more {
			set[k] = v
		}
		if unknown == "" {
			unknown = what
		}
	}
	called := func(name string) bool { // each parser is read once
		p, ok := parsers[name]
		if ok && !seen[name] {
			seen[name] = true
			join(rewriteOf(p.body, parsers, seen))
		}
		return ok
	}
	for i := 0; i < len(body); i++ {
		t := body[i]
		switch {
		case t.kind == '{':
			join(rewriteOf(t.kids, parsers, seen))
		case t.kind != 'w' || i+1 >= len(body) || body[i+1].kind != '(':
		default:
			args := body[i+1].kids
			word := strings.ReplaceAll(t.text, "_", "-")
			i++
			switch {
			case strings.Contains(strings.ReplaceAll(first(args), "_", "-"), "null-queue"):
				set["drop"] = "yes"
			case word == "parser" || word == "rewrite":
				join(rewriteOf(args, parsers, seen))
				called(strings.ReplaceAll(first(args), "_", "-"))
			case strings.HasPrefix(word, "r-set-splunk-dest") || word == "p-set-netsource-fields":
				for _, o := range options(args) {
					if v := first(o.args); v != "" && !strings.ContainsAny(v, "$`") {
						set[strings.ReplaceAll(o.name, "-", "_")] = v
					} else if unknown == "" {
						unknown = o.name
					}
				}
			case word == "r-set-dest-splunk-null-queue":
				set["drop"] = "yes"
			default:
				if !called(word) && unknown == "" {
					unknown = t.text + "(…)"
				}
			}
		}
	}
	return set, unknown
}

// onlySender reports whether a condition asks for the network of the sender alone.
func onlySender(one condition) bool {
	sender := one.Sender
	one.Sender = nil
	return len(sender) != 0 && reflect.DeepEqual(one, condition{})
}
