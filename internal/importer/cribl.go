package importer

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/pack"
)

// cribl is an exported configuration of Cribl Stream, or a pack of it.
type cribl struct {
	m         *model
	f         *folder
	inputs    map[string][]*source // by id
	outputs   map[string]string    // id → type
	standard  string               // the id behind "default"
	alone     bool                 // a pack: what comes to it is decided by a route elsewhere
	pipelines map[string]pipeline
	steps     []step
	work      int // functions that were read
}

type pipeline struct {
	file string
	root *yaml.Node
}

func readCribl(m *model, f *folder, main string) error {
	files := []string{main}
	if main == "." {
		var err error
		if files, err = f.find(".", "inputs.yml", "outputs.yml", "route.yml", "conf.yml"); err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no inputs.yml, outputs.yml, route.yml or pipelines/NAME/conf.yml; unpack a .crbl file first (tar -xzf)", f.root)
		}
	}
	c := &cribl{m: m, f: f, inputs: map[string][]*source{}, outputs: map[string]string{}, pipelines: map[string]pipeline{}}
	inputs, outputs := map[string]entry{}, map[string]entry{}
	var routes []pipeline
	for _, file := range files { // default/… is before local/…, which wins
		root, err := c.yaml(file)
		if err != nil {
			return err
		}
		switch path.Base(file) {
		case "inputs.yml":
			c.collect(file, child(root, "inputs"), inputs)
		case "outputs.yml":
			c.collect(file, child(root, "outputs"), outputs)
		case "route.yml":
			routes = append(routes, pipeline{file, child(root, "routes")})
		case "conf.yml":
			c.pipelines[path.Base(path.Dir(file))] = pipeline{file, root}
		default:
			return fmt.Errorf("%s: the name says nothing; name a folder, or inputs.yml, outputs.yml, route.yml or conf.yml of a pipeline", file)
		}
	}
	for _, id := range sorted(outputs) {
		c.output(id, outputs[id])
	}
	for _, id := range sorted(inputs) {
		c.input(id, inputs[id])
	}
	c.alone = len(inputs) == 0
	for _, r := range routes {
		for _, n := range list(r.root) {
			c.route(r.file, n)
		}
	}
	if len(routes) == 0 && c.alone { // a pipeline alone
		for _, id := range sorted(c.pipelines) {
			one := step{at: Note{File: c.pipelines[id].file}, name: id, sends: true}
			c.functionsAfter(&one, id, nil)
			c.steps = append(c.steps, one)
		}
	}
	if c.alone {
		c.pack()
	}
	m.flow(c.steps, !c.alone)
	return nil
}

// pack takes out of the steps what would hold for all messages of the gateway: a pack gets only
// what a route elsewhere sends it.
func (c *cribl) pack() {
	if len(c.steps) != 0 {
		c.m.hint(c.steps[0].at, "this is a pack without inputs.yml: its rules hold here for all messages that fit their conditions; add the class of the product to each (docs/rules.md)")
	}
	for i := range c.steps {
		s := &c.steps[i]
		if s.unclear || len(s.when) != 0 {
			continue
		}
		if s.final { // what is behind it gets nothing
			c.steps = c.steps[:i+1]
		}
		if s.final && !s.sends {
			c.m.cannot(s.at, "%s: it leaves out all else that comes to the pack; write a rule with drop and the class of the product (docs/rules.md)", s.name)
			c.steps = c.steps[:i]
			return
		}
		if s.index != "" || s.sourcetype != "" || len(s.fields) != 0 {
			c.m.cannot(s.at, "%s: it sets index, sourcetype or fields of all that comes to the pack; write a rule with the class of the product (docs/rules.md)", s.name)
		}
		s.index, s.sourcetype, s.fields = "", "", nil
		s.rules = slices.DeleteFunc(s.rules, func(r rule) bool {
			if len(r.When) == 0 {
				c.m.cannot(r.at, "%s: it is for all that comes to the pack; write a rule with the class of the product (docs/rules.md)", r.Name)
			}
			return len(r.When) == 0
		})
		if s.final {
			return
		}
	}
}

// entry is an input or output, and where it is written.
type entry struct {
	file string
	node *yaml.Node
}

func (c *cribl) collect(file string, n *yaml.Node, to map[string]entry) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		to[n.Content[i].Value] = entry{file, n.Content[i+1]}
	}
}

func sorted[V any](of map[string]V) []string {
	var all []string
	for k := range of {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func (c *cribl) yaml(file string) (*yaml.Node, error) {
	text, err := c.f.read(file, maxFile)
	if err != nil {
		return nil, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return nil, fmt.Errorf("%s: %s; is the file complete?", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(n.Content) == 0 {
		return &n, nil
	}
	return n.Content[0], nil
}

// child returns the value of a key; nil if there is none. Aliases are not followed.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

func value(n *yaml.Node, keys ...string) string {
	if n = child(n, keys...); n != nil && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return n.Value
	}
	return ""
}

func list(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

func (c *cribl) output(id string, e entry) {
	at := Note{File: e.file, Line: e.node.Line}
	kind := value(e.node, "type")
	c.outputs[id] = kind
	switch kind {
	case "splunk_hec":
	case "default":
		c.standard = value(e.node, "defaultId")
		return
	case "devnull":
		return
	default:
		c.m.cannot(at, "output %s of type %s: the gateway delivers to Splunk HEC only", id, kind)
		return
	}
	if value(e.node, "loadBalanced") != "false" && child(e.node, "urls") != nil {
		for _, u := range list(child(e.node, "urls")) {
			c.m.endpoint(Note{File: e.file, Line: u.Line}, value(u, "url"))
		}
	} else if u := value(e.node, "url"); u != "" {
		c.m.endpoint(at, u)
	}
	c.m.token(at, value(e.node, "token"))
	if value(e.node, "tls", "rejectUnauthorized") == "false" {
		c.m.hec.skipVerify = true
	}
	if ca := value(e.node, "tls", "caPath"); ca != "" {
		c.m.hec.caFile = c.path(at, ca)
	}
	if value(e.node, "authType") == "secret" {
		c.m.hint(at, "output %s has its token in a secret of Cribl; write it into the file hec_token", id)
	}
}

func (c *cribl) path(at Note, text string) string {
	if strings.ContainsAny(text, "$`") {
		c.m.cannot(at, "%s is a path with a variable; write the path itself into gateway.yaml", text)
		return ""
	}
	return text
}

func (c *cribl) input(id string, e entry) {
	n, at := e.node, Note{File: e.file, Line: e.node.Line}
	if value(n, "disabled") == "true" {
		c.m.skipped++
		return
	}
	if kind := value(n, "type"); kind != "syslog" {
		c.m.cannot(at, "input %s of type %s: the gateway takes syslog over UDP, TCP, TLS and RELP", id, kind)
		return
	}
	base := source{name: id, at: at, Address: value(n, "host")}
	if e := value(n, "enableProxyHeader"); e == "true" {
		c.m.cannot(at, "input %s: enableProxyHeader: name the networks of the load balancer in proxy_protocol", id)
	}
	if r := value(n, "ipWhitelistRegex"); r != "" && r != "/.*/" {
		c.m.cannot(at, "input %s: ipWhitelistRegex %s: allow takes networks; until you set it the port is open to all", id, r)
	}
	if z := value(n, "timestampTimezone"); z != "" && z != "local" {
		base.Timezone = c.m.timezone(at, z)
	}
	changed := c.metadata(&base, n, e.file)
	for _, p := range []struct{ key, protocol string }{{"udpPort", "udp"}, {"tcpPort", "tcp"}} {
		text := value(n, p.key)
		if text == "" || text == "0" {
			continue
		}
		one := base
		var err error
		if one.Port, err = strconv.Atoi(text); err != nil {
			c.m.cannot(at, "input %s: %s %s is no number", id, p.key, text)
			continue
		}
		one.Protocols = []string{p.protocol}
		tls := child(n, "tls")
		switch {
		case p.protocol == "udp":
			if b, _ := strconv.Atoi(value(n, "udpSocketRxBufSize")); b >= 4096 && b <= 1<<30 {
				one.ReceiveBuffer = size(b)
			}
		default:
			if max, _ := strconv.Atoi(value(n, "maxActiveCxn")); max > 0 && max <= 1000000 {
				one.MaxConnections = max
			}
			if idle, _ := strconv.Atoi(value(n, "socketIdleTimeout")); idle > 0 && idle <= 604800 {
				one.IdleTimeout = span(time.Duration(idle) * time.Second)
			}
			if tls != nil && value(tls, "disabled") == "false" && !c.tls(&one, tls, id) {
				continue
			}
		}
		if to := c.m.source(one); to != nil && !slices.Contains(c.inputs[id], to) {
			c.inputs[id] = append(c.inputs[id], to)
		}
	}
	if p := value(n, "pipeline"); p != "" {
		one := step{at: at, name: id, sources: c.inputs[id]}
		c.pipeline(&one, p, changed)
		c.steps = append(c.steps, one)
	}
	if value(n, "sendToRoutes") == "false" {
		for _, k := range list(child(n, "connections")) {
			one := step{at: Note{File: e.file, Line: k.Line}, name: id, sources: c.inputs[id], final: true}
			c.pipeline(&one, value(k, "pipeline"), changed)
			c.to(&one, value(k, "output"))
			c.steps = append(c.steps, one)
		}
	}
}

// metadata reads the fields that an input adds.
func (c *cribl) metadata(to *source, n *yaml.Node, file string) map[string]int {
	one := step{}
	changed := map[string]int{}
	for _, f := range list(child(n, "metadata")) {
		c.constant(&one, Note{File: file, Line: f.Line}, value(f, "name"), value(f, "value"))
		changed[value(f, "name")] = f.Line
	}
	to.Index, to.Sourcetype, to.Fields = one.index, one.sourcetype, one.fields
	return changed
}

// constant reads a field that is set to a constant.
func (c *cribl) constant(to *step, at Note, name, expression string) {
	v, ok := jsConstant(expression)
	switch {
	case !ok:
		c.m.cannot(at, "%s = %s is no constant", name, expression)
	case name == "index":
		to.index = c.m.index(at, v)
	case name == "sourcetype":
		to.sourcetype = c.m.sourcetype(at, v)
	case strings.HasPrefix(name, "__"):
		c.m.skipped++ // of Cribl itself
	case !field(name, v):
		c.m.cannot(at, "the field %s cannot be set to %q", name, v)
	default:
		if to.fields == nil {
			to.fields = map[string]string{}
		}
		to.fields[name] = v
	}
}

func (c *cribl) tls(s *source, n *yaml.Node, id string) bool {
	s.Protocols = []string{"tls"}
	s.TLS = &serverTLS{CertFile: c.path(s.at, value(n, "certPath")), KeyFile: c.path(s.at, value(n, "privKeyPath"))}
	if s.TLS.CertFile == "" || s.TLS.KeyFile == "" {
		c.m.cannot(s.at, "input %s: TLS without certPath and privKeyPath (a certificate by name is in Cribl's store); the port is left out", id)
		return false
	}
	if value(n, "requestCert") == "true" {
		if s.TLS.ClientCAFile = c.path(s.at, value(n, "caPath")); s.TLS.ClientCAFile == "" {
			c.m.cannot(s.at, "input %s: requestCert without caPath; name the CA in client_ca_file; the port is left out", id)
			return false
		}
		if r := value(n, "commonNameRegex"); r != "" && r != "/.*/" {
			c.m.cannot(s.at, "input %s: commonNameRegex %s: client_names has names; until you set them the CA alone decides", id, r)
		}
	}
	if value(n, "minVersion") == "TLSv1.3" {
		s.TLS.MinVersion = "1.3"
	}
	return true
}

// to says where the messages of a step go.
func (c *cribl) to(s *step, id string) {
	if id == "" || id == "default" {
		id = c.standard
	}
	switch kind := c.outputs[id]; {
	case kind == "devnull" || id == "devnull":
	case kind == "splunk_hec" || id == "" || kind == "" && len(c.outputs) == 0:
		s.sends = true
	default:
		s.sends, s.elsewhere = true, true
		c.m.cannot(s.at, "%s: these messages went to %s, and now go to Splunk; to leave them out, write a rule with drop (docs/rules.md)", s.name, id)
	}
}

func (c *cribl) route(file string, n *yaml.Node) {
	at := Note{File: file, Line: n.Line}
	one := step{at: at, name: value(n, "id"), final: value(n, "final") != "false"}
	if value(n, "disabled") == "true" {
		c.m.skipped++
		return
	}
	if label := value(n, "name"); label != "" {
		one.name = label
	}
	text := value(n, "filter")
	f, err := c.m.filter(text, nil)
	if err != nil {
		c.m.cannot(at, "route %s: filter %s: %v", one.name, text, err)
		one.unclear = true
	}
	one.when, one.sources = f.when, f.of(c.inputs)
	if f.input != "" && c.alone && one.sources != nil {
		if !strings.HasPrefix("syslog:", f.input) && !strings.HasPrefix(f.input, "syslog:") {
			c.m.skipped++ // of another kind of input
			return
		}
		c.m.cannot(at, "route %s: it is for the input %s, which is not here", one.name, f.input)
		one.unclear, one.sources = true, nil
	}
	if f.input != "" && one.sources != nil && len(one.sources) == 0 {
		c.m.skipped++ // of an input that is no syslog, is disabled or is not here
		return
	}
	if len(list(child(n, "clones"))) != 0 || value(n, "enableOutputExpression") == "true" {
		c.m.cannot(at, "route %s: clones and outputExpression: the gateway delivers each message once, to the same endpoints", one.name)
	}
	c.to(&one, value(n, "output"))
	if value(n, "pipeline") == "devnull" { // which leaves all out, wherever the output goes
		one.sends, one.elsewhere = false, false
	}
	if !one.unclear {
		c.pipeline(&one, value(n, "pipeline"), nil)
	} else if p := value(n, "pipeline"); p != "" && p != "passthru" {
		c.m.cannot(at, "route %s: so its pipeline %s is left out", one.name, p)
	}
	c.steps = append(c.steps, one)
}

// pipeline adds the functions of a pipeline to a step.
func (c *cribl) pipeline(s *step, id string, changed map[string]int) {
	switch {
	case id == "" || id == "passthru" || id == "devnull":
		return
	case c.pipelines[id].root == nil:
		c.m.cannot(s.at, "%s: the pipeline %s is not here", s.name, id)
		return
	}
	c.functionsAfter(s, id, changed)
}

// functionsAfter reads the functions of a pipeline; changed are fields that were set before.
func (c *cribl) functionsAfter(s *step, id string, changed map[string]int) {
	p := &functions{cribl: c, file: c.pipelines[id].file, to: s, changed: map[string]int{}}
	for k, v := range changed {
		p.changed[k] = v
	}
	root := c.pipelines[id].root
	if conf := child(root, "conf"); conf != nil {
		root = conf
	}
	for _, n := range list(child(root, "functions")) {
		if c.work++; c.work > maxWork {
			c.m.cannot(Note{File: p.file, Line: n.Line}, "there are too many functions; those from here on are left out")
			return
		}
		if value(n, "disabled") == "true" || value(n, "id") == "comment" || value(root, "groups", value(n, "groupId"), "disabled") == "true" {
			c.m.skipped++
			continue
		}
		p.function(n)
		if p.stopped {
			break
		}
	}
}

// functions reads the functions of a pipeline.
type functions struct {
	*cribl
	file    string
	to      *step
	changed map[string]int
	before  when // filters of final functions
	stopped bool
}

func (p *functions) function(n *yaml.Node) {
	at, id := Note{File: p.file, Line: n.Line}, value(n, "id")
	text := value(n, "filter")
	f, err := p.m.filter(text, p.changed)
	if err == nil && f.input != "" {
		err = fmt.Errorf("a rule cannot ask for the input")
	}
	w := f.when
	if err == nil && len(p.before) != 0 {
		w, err = both(w, when{{Not: p.before}})
	}
	conf := child(n, "conf")
	if err != nil {
		p.m.cannot(at, "function %s: filter %s: %v", id, text, err)
		p.changes(n, id, conf)
	} else {
		p.say(at, id, conf, w)
		p.changes(n, id, conf)
	}
	if value(n, "final") == "true" {
		switch {
		case err != nil:
			p.m.cannot(at, "the functions behind it depend on this filter; they are left out")
			p.stopped = true
		case len(f.when) == 0:
			p.stopped = true
		default:
			p.before = slices.Concat(p.before, f.when)
		}
	}
}

// changes remembers the fields that a function changes: later filters that ask for them cannot
// be said.
func (p *functions) changes(n *yaml.Node, id string, conf *yaml.Node) {
	switch id {
	case "drop", "sampling", "suppress":
	case "auto_timestamp":
		p.changed[orName(value(conf, "dstField"), "_time")] = n.Line
	case "regex_extract":
		text := value(conf, "regex")
		for _, more := range list(child(conf, "regexList")) {
			text += value(more, "regex")
		}
		for _, group := range namedGroup.FindAllStringSubmatch(text, -1) {
			p.changed[group[1]] = n.Line
		}
		if value(conf, "fieldNameExpression") != "" || strings.Contains(text, "_NAME_") {
			p.changed["*"] = n.Line
		}
	case "eval":
		for _, a := range list(child(conf, "add")) {
			if value(a, "disabled") != "true" {
				p.changed[value(a, "name")] = n.Line
			}
		}
		fits := func(field, key string) bool {
			return slices.ContainsFunc(list(child(conf, key)), func(n *yaml.Node) bool {
				ok, err := path.Match(n.Value, field)
				return ok || err != nil
			})
		}
		for _, field := range comparable() {
			if fits(field, "remove") && !fits(field, "keep") {
				p.changed[field] = n.Line
			}
		}
	case "mask", "serialize", "serde":
		p.changed["_raw"] = n.Line
	case "lookup":
		for _, o := range list(child(conf, "outFields")) {
			p.changed[value(o, "eventField")] = n.Line
			p.changed[value(o, "lookupField")] = n.Line
		}
	default:
		p.changed["*"] = n.Line
	}
}

var namedGroup = regexp.MustCompile(`\(\?P?<(\w+)>`)

// comparable are the fields that filters may ask for.
func comparable() []string {
	return []string{"host", "appname", "message", "_raw", "sourcetype", "severity", "severityName", "facility", "facilityName", "__srcIpPort"}
}

func (p *functions) add(r rule) { p.to.rules = append(p.to.rules, r) }

func (p *functions) name(at Note, id string) string {
	return fmt.Sprintf("%s_%s_%d", path.Base(path.Dir(p.file)), id, at.Line)
}

// say says a function as rules.
func (p *functions) say(at Note, id string, conf *yaml.Node, w when) {
	r := rule{at: at, Name: p.name(at, id), When: w}
	switch id {
	case "drop":
		r.Drop = true
		p.add(r)
	case "eval":
		var s step
		for _, a := range list(child(conf, "add")) {
			if value(a, "disabled") != "true" {
				p.constant(&s, Note{File: p.file, Line: a.Line}, value(a, "name"), value(a, "value"))
			}
		}
		if len(list(child(conf, "remove")))+len(list(child(conf, "keep"))) != 0 {
			p.m.hint(at, "eval removes fields: the gateway makes none of the text, so there is nothing to remove; trim removes keys of the text itself (docs/rules.md)")
		}
		if r.Index, r.Sourcetype, r.Fields = s.index, s.sourcetype, s.fields; r.Index != "" || r.Sourcetype != "" || len(r.Fields) != 0 {
			p.add(r)
		}
	case "sampling":
		p.sampling(r, conf)
	case "suppress":
		p.suppress(r, conf)
	case "mask":
		p.mask(r, conf)
	case "lookup":
		p.lookup(r, conf)
	case "serde":
		p.trim(r, conf)
	default:
		p.m.cannot(at, "function %s", id)
	}
}

func (p *functions) sampling(r rule, conf *yaml.Node) {
	var before when
	for _, n := range list(child(conf, "rules")) {
		one := r
		one.at.Line = n.Line
		one.Name = p.name(one.at, "sampling")
		text := value(n, "filter")
		f, err := p.m.filter(text, p.changed)
		if err == nil && f.input != "" {
			err = fmt.Errorf("a rule cannot ask for the input")
		}
		if err == nil {
			one.When, err = both(one.When, f.when)
		}
		if err == nil && len(before) != 0 {
			one.When, err = both(one.When, when{{Not: before}})
		}
		if err != nil {
			p.m.cannot(one.at, "sampling: filter %s: %v; this and the rules behind it are left out", text, err)
			return
		}
		rate, err := strconv.Atoi(value(n, "rate"))
		switch {
		case err != nil || rate < 1:
			p.m.cannot(one.at, "sampling: the rate %q is no number", value(n, "rate"))
		case rate > 1:
			one.Sample = rate
			p.add(one)
		}
		if len(f.when) == 0 {
			return // it takes all that come here
		}
		before = slices.Concat(before, f.when)
	}
}

var keyPart = regexp.MustCompile(`^[A-Za-z_]\w*$`)

func (p *functions) suppress(r rule, conf *yaml.Node) {
	period, err := strconv.Atoi(value(conf, "suppressPeriodSec"))
	if err != nil || period < 1 || period > 86400 {
		p.m.cannot(r.at, "suppress: the period %q is no number of seconds from 1 to 86400", value(conf, "suppressPeriodSec"))
		return
	}
	if a := value(conf, "allow"); a != "" && a != "1" {
		p.m.cannot(r.at, "suppress: allow %s: a rule lets one through in each period", a)
		return
	}
	if value(conf, "dropEventsMode") == "false" {
		p.m.cannot(r.at, "suppress: dropEventsMode false: a rule leaves messages out")
		return
	}
	var by []any
	text := strings.NewReplacer("`", " ", "${", " ", "}", " ", ":", " ", "|", " ", "+", " ", "'", " ", "-", " ").Replace(value(conf, "keyExpr"))
	for _, part := range strings.Fields(text) {
		word, ok := map[string]string{"host": "host", "appname": "program", "sourcetype": "class"}[part]
		if !ok || !keyPart.MatchString(part) || p.changed[part] != 0 || p.changed["*"] != 0 {
			p.m.cannot(r.at, "suppress: keyExpr %s: kinds are made by host, class, program, sender, message_id or a key of the text", value(conf, "keyExpr"))
			return
		}
		by = append(by, word)
	}
	r.Suppress = &suppress{strconv.Itoa(period) + "s", by}
	p.add(r)
}

func (p *functions) mask(r rule, conf *yaml.Node) {
	for _, f := range list(child(conf, "fields")) {
		if f.Value != "_raw" && f.Value != "message" {
			p.m.cannot(r.at, "mask of the field %s: masks hide parts of the text", f.Value)
			return
		}
	}
	for _, n := range list(child(conf, "rules")) {
		one := r
		one.at.Line = n.Line
		one.Name = p.name(one.at, "mask")
		m := jsRegex.FindStringSubmatch(value(n, "matchRegex"))
		with, ok := jsConstant(value(n, "replaceExpr"))
		switch {
		case value(n, "disabled") == "true":
			continue
		case m == nil:
			p.m.cannot(one.at, "mask: %s is no expression", value(n, "matchRegex"))
			continue
		case !strings.Contains(m[2], "g"):
			p.m.cannot(one.at, "mask: %s replaces the first place only; masks replace all", value(n, "matchRegex"))
			continue
		case !ok || with == "":
			p.m.cannot(one.at, "mask: it is replaced by %s; masks put a fixed word there, or a keyed hash (docs/rules.md)", value(n, "replaceExpr"))
			continue
		}
		re := m[1]
		if strings.Contains(m[2], "i") {
			re = "(?i)" + re
		}
		one.Mask = []mask{{re, with}}
		p.add(one)
	}
}

// trim says a parser that writes the text anew without some keys.
func (p *functions) trim(r rule, conf *yaml.Node) {
	var keys []string
	for _, k := range list(child(conf, "remove")) {
		keys = append(keys, k.Value)
	}
	kind, source := value(conf, "type"), value(conf, "srcField")
	if value(conf, "mode") != "reserialize" || kind != "kvp" && kind != "json" || len(keys) == 0 || len(list(child(conf, "keep"))) != 0 || source != "" && source != "_raw" ||
		slices.ContainsFunc(keys, func(k string) bool { return !keyPart.MatchString(k) }) || value(conf, "fieldFilterExpr") != "" {
		p.m.cannot(r.at, "parser of type %s: packs read keys (docs/packs.md), and trim removes them from the text", kind)
		return
	}
	r.Trim = &trim{keys}
	p.add(r)
}

// lookup says a look-up of a CSV file by host or program.
func (p *functions) lookup(r rule, conf *yaml.Node) {
	in, out := list(child(conf, "inFields")), list(child(conf, "outFields"))
	file := value(conf, "file")
	if mode := value(conf, "matchMode"); mode != "" && mode != "exact" {
		p.m.cannot(r.at, "lookup %s with matchMode %s: write a look-up by sender for networks (docs/rules.md)", file, mode)
		return
	}
	if len(in) != 1 || len(out) == 0 || value(conf, "addToEvent") == "true" {
		p.m.cannot(r.at, "lookup %s: a look-up has one value that is searched for, and named columns", file)
		return
	}
	asks := value(in[0], "eventField")
	by, ok := map[string]string{"host": "host", "appname": "program"}[asks]
	if !ok || p.changed[asks] != 0 || p.changed["*"] != 0 {
		p.m.cannot(r.at, "lookup %s by the field %s: write a look-up by host, sender, program or a key of the text (docs/rules.md)", file, asks)
		return
	}
	rows, err := p.table(file)
	if err != nil {
		p.m.cannot(r.at, "lookup %s: %v", file, err)
		return
	}
	t := &table{name: name(strings.TrimSuffix(path.Base(file), ".csv"), "table"), Key: map[string]string{"host": "host", "program": "value"}[by], Columns: map[string]string{}}
	t.File = t.name + ".csv"
	column := func(name string) int { return slices.Index(rows[0], name) }
	columns, head := []int{column(orName(value(in[0], "lookupField"), asks))}, []string{"lookup_key"}
	for _, o := range out {
		to := orName(value(o, "eventField"), value(o, "lookupField"))
		gives := map[string]string{"index": "index", "sourcetype": "sourcetype", "host": "host"}[to]
		if gives == "" {
			if gives = "field"; !field(to, "x") {
				p.m.cannot(r.at, "lookup %s: the field %s cannot be set", file, to)
				return
			}
		}
		if slices.Contains(head, to) {
			p.m.cannot(r.at, "lookup %s: %s is set twice", file, to)
			return
		}
		columns, head = append(columns, column(value(o, "lookupField"))), append(head, to)
		t.Columns[to] = gives
	}
	if slices.Contains(columns, -1) {
		p.m.cannot(r.at, "lookup %s: the file lacks one of the columns that are asked for", file)
		return
	}
	t.rows = [][]string{head}
	seen, bad := map[string]bool{}, 0
	for _, row := range rows[1:] {
		cells := make([]string, len(columns))
		for i, col := range columns {
			cells[i] = strings.TrimSpace(row[col])
		}
		key := strings.ToLower(cells[0])
		switch {
		case key == "" || seen[key]: // the first row of a key counts
		case slices.ContainsFunc(cells, badCell) || strings.HasPrefix(key, "#"):
			bad++
		default:
			seen[key] = true
			for i := range cells {
				if gives := t.Columns[head[i]]; gives == "index" && pack.WrongIndex(cells[i]) != "" || gives == "sourcetype" && pack.WrongSourcetype(cells[i]) != "" {
					if cells[i] != "" {
						bad++
					}
					cells[i] = ""
				}
			}
			t.rows = append(t.rows, cells)
		}
	}
	if bad != 0 {
		p.m.cannot(r.at, "lookup %s: %d cells cannot be an index, a sourcetype or a value of one line and 256 bytes; they are left out", file, bad)
	}
	r.table, r.Lookup, r.By = t, t.name, by
	p.add(r)
}

func badCell(text string) bool {
	return len(text) > 256 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' })
}

func orName(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// table reads a CSV file of look-ups, wherever it is in the folder.
func (p *functions) table(file string) ([][]string, error) {
	found, err := p.f.find(".", path.Base(file))
	if err == nil && (len(found) == 0 || file == "") {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	text, err := p.f.read(found[0], maxTable)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err == nil && len(rows) < 2 {
		err = fmt.Errorf("the file has no rows")
	}
	return rows, err
}
