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

	"go.yaml.in/yaml/v3"

	"syslog-gateway/internal/pack"
)

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
		for _, field := range filterFields() {
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

// filterFields are the fields that filters may ask for.
func filterFields() []string {
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
