package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// filters reads filters of syslog-ng as conditions.
type filters struct {
	m     *model
	named map[string][]token
	depth int
	work  int // how many parts were read
}

// condition reads the tokens of a filter.
func (f *filters) condition(all []token) (when, error) {
	if f.depth++; f.depth > maxDepth {
		return nil, errors.New("filters name one another in a circle, or too deep")
	}
	defer func() { f.depth-- }()
	all = slices.DeleteFunc(slices.Clone(all), func(t token) bool { return t.kind == ';' })
	w, rest, err := f.or(all)
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("%q is not understood in a filter", first(rest))
	}
	if err == nil && len(w) == 0 {
		err = errors.New("the filter is empty")
	}
	return w, err
}

func (f *filters) or(all []token) (when, []token, error) {
	w, all, err := f.and(all)
	for err == nil && len(all) != 0 && all[0].kind == 'w' && all[0].text == "or" {
		var other when
		if other, all, err = f.and(all[1:]); err == nil {
			w, err = either(w, other)
		}
	}
	return w, all, err
}

func (f *filters) and(all []token) (when, []token, error) {
	w, all, err := f.not(all)
	for err == nil && len(all) != 0 && all[0].kind == 'w' && all[0].text == "and" {
		var other when
		if other, all, err = f.not(all[1:]); err == nil {
			w, err = both(w, other)
		}
	}
	return w, all, err
}

func (f *filters) not(all []token) (when, []token, error) {
	if f.work++; f.work > maxWork {
		return nil, nil, errLarge
	}
	if f.depth++; f.depth > 8*maxDepth {
		return nil, nil, errLarge
	}
	defer func() { f.depth-- }()
	switch {
	case len(all) == 0:
		return nil, nil, errors.New("the filter ends too early")
	case all[0].kind == 'w' && all[0].text == "not":
		w, all, err := f.not(all[1:])
		if err == nil {
			w, err = none(w)
		}
		return w, all, err
	case all[0].kind == '(':
		w, err := f.condition(all[0].kids)
		return w, all[1:], err
	case len(all) > 1 && all[0].kind == 'w' && all[1].kind == '(':
		w, err := f.call(all[0].text, all[1].kids)
		return w, all[2:], err
	case len(all) > 2 && all[1].kind == 'w':
		w, err := f.compare(all[0].text, all[1].text, all[2].text)
		return w, all[3:], err
	case len(all) > 3 && all[2].kind == '=':
		w, err := f.compare(all[0].text, all[1].text+all[2].text, all[3].text)
		return w, all[4:], err
	}
	return nil, all, fmt.Errorf("%q is not understood in a filter", all[0].text)
}

// call reads a function of a filter.
func (f *filters) call(name string, args []token) (when, error) {
	value, kind, flags := first(args), "pcre", []string(nil)
	of := ""
	for _, o := range options(args) {
		switch o.name {
		case "type":
			kind = first(o.args)
		case "flags":
			flags = words(o.args)
		case "value":
			of = first(o.args)
		}
	}
	how := matches
	switch {
	case kind == "glob":
		how = glob
	case kind != "string":
	case slices.Contains(flags, "prefix"):
		how = begins
	case slices.Contains(flags, "substring"):
		how = contains
	default:
		how = equals
	}
	fold := slices.Contains(flags, "ignore-case")
	switch name = strings.ReplaceAll(name, "_", "-"); name {
	case "host", "program":
		return about(name, how, value, fold)
	case "message":
		return about("text", how, value, fold)
	case "match":
		switch strings.Trim(of, "${}") {
		case "HOST":
			return about("host", how, value, fold)
		case "PROGRAM":
			return about("program", how, value, fold)
		case "MESSAGE", "MSG":
			return about("text", how, value, fold)
		}
		return nil, fmt.Errorf("match of %q", of)
	case "netmask", "netmask6":
		n, ok := network(value)
		if !ok {
			return nil, fmt.Errorf("%s(%q) is no network", name, value)
		}
		return when{{Sender: []string{n}}}, nil
	case "level", "priority", "severity":
		list, err := ranges(words(args), levels())
		return when{{Level: list}}, err
	case "facility":
		list, err := ranges(words(args), facilities())
		return when{{Facility: list}}, err
	case "filter":
		other, ok := f.named[value]
		if !ok {
			return nil, fmt.Errorf("there is no filter %q", value)
		}
		return f.condition(other)
	}
	return nil, fmt.Errorf("%s(…)", name)
}

// ranges reads names and ranges such as err..emerg.
func ranges(list, names []string) ([]string, error) {
	var out []string
	for _, text := range list {
		from, to, ok := strings.Cut(text, "..")
		if !ok {
			to = from
		}
		a, b := number(from, names), number(to, names)
		if a < 0 || b < 0 {
			return nil, fmt.Errorf("%q is unknown", text)
		}
		for i := min(a, b); i <= max(a, b); i++ {
			if !slices.Contains(out, names[i]) {
				out = append(out, names[i])
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("a severity or facility is missing")
	}
	return out, nil
}

// compare reads "${HOST}" eq "fw1".
func (f *filters) compare(of, operator, value string) (when, error) {
	if strings.HasPrefix(value, "$") && !strings.HasPrefix(of, "$") { // 'cisco' eq "${fields.sc4s_vendor}"
		of, value = value, of
	}
	negative := false
	switch operator {
	case "eq", "==":
	case "ne", "!=":
		negative = true
	default:
		return nil, fmt.Errorf("the operator %s", operator)
	}
	w, err := f.equal(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(of, "$"), "{"), "}"), value)
	if err == nil && negative {
		w, err = none(w)
	}
	return w, err
}

func (f *filters) equal(macro, value string) (when, error) {
	byKey := func(is func(c *class) bool) (when, error) {
		var list []string
		for i := range f.m.classes {
			if c := &f.m.classes[i]; c.key != "" && is(c) {
				list = append(list, c.name)
			}
		}
		if len(list) == 0 || len(list) > 100 {
			return nil, fmt.Errorf("%s is %q: no class of the gateway has this name", macro, value)
		}
		return when{{Class: list}}, nil
	}
	switch macro {
	case "HOST":
		return about("host", equals, value, false)
	case "PROGRAM":
		return about("program", equals, value, false)
	case "MESSAGE", "MSG":
		return about("text", equals, value, false)
	case "SOURCEIP":
		return f.call("netmask", []token{{kind: 's', text: value}})
	case "FACILITY":
		return f.call("facility", []token{{kind: 's', text: value}})
	case "LEVEL", "PRIORITY", "SEVERITY":
		return f.call("level", []token{{kind: 's', text: value}})
	case "fields.sc4s_vendor_product", ".netsource.sc4s_vendor_product", "sc4s_vendor_product":
		return byKey(func(c *class) bool { return c.vendor == value })
	case "fields.sc4s_vendor", "sc4s_vendor":
		return byKey(func(c *class) bool { return strings.HasPrefix(c.vendor, value+"_") })
	case "fields.sc4s_product", "sc4s_product":
		return byKey(func(c *class) bool { return strings.HasSuffix(c.vendor, "_"+value) })
	case "fields.sc4s_class", "sc4s_class", ".splunk.class":
		return byKey(func(c *class) bool { return c.key == c.vendor+"_"+value })
	case ".splunk.sourcetype":
		return f.m.bySourcetype(value)
	}
	return nil, fmt.Errorf("the value %s", macro)
}

// bySourcetype returns the classes that have a sourcetype in profile default.
func (m *model) bySourcetype(value string) (when, error) {
	var list []string
	for i := range m.classes {
		if c := &m.classes[i]; c.sourcetype == value {
			list = append(list, c.name)
		}
	}
	if len(list) == 0 || len(list) > 100 {
		return nil, fmt.Errorf("no class of the gateway has the sourcetype %q", value)
	}
	return when{{Class: list}}, nil
}
