package importer

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
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
