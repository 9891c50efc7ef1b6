package importer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// withAnd puts the actions of lines that begin with & to those of the filter before.
func withAnd(all []rstatement) []rstatement {
	var out []rstatement
	for _, s := range all {
		if s.kind == "and" && len(out) != 0 && out[len(out)-1].body != nil {
			last := &out[len(out)-1]
			last.body = slices.Concat(last.body, s.body)
			continue
		}
		out = append(out, s)
	}
	return out
}

// condition reads what filters the messages of a statement.
func (b *block) condition(s *rstatement) (when, error) {
	switch s.kind {
	case "selector":
		return selector(s.filter)
	case "property":
		return propertyFilter(s.filter, s.text)
	}
	e := &rexpression{all: s.tokens}
	w, err := e.or()
	if err == nil && len(e.all) != 0 {
		err = fmt.Errorf("%q is not understood", e.all[0].text)
	}
	return w, err
}

// selector reads facility.severity of syslog(5): *.info;mail,news.none;local0.=debug.
func selector(text string) (when, error) {
	var masks [24]int
	for _, part := range strings.Split(text, ";") {
		facs, pri, ok := strings.Cut(part, ".")
		if !ok {
			return nil, fmt.Errorf("%q is no selector", part)
		}
		pri, negative := strings.CutPrefix(pri, "!")
		pri, exact := strings.CutPrefix(pri, "=")
		mask := 0xff
		switch n := number(pri, levels()); {
		case pri == "none":
			mask, negative = 0xff, true
		case pri == "*":
		case n < 0:
			return nil, fmt.Errorf("the severity %q is unknown", pri)
		case exact:
			mask = 1 << n
		default:
			mask = 1<<(n+1) - 1
		}
		for _, f := range strings.Split(facs, ",") {
			n := number(f, facilities())
			if n < 0 && f != "*" {
				return nil, fmt.Errorf("the facility %q is unknown", f)
			}
			for i := range masks {
				switch {
				case f != "*" && i != n:
				case negative:
					masks[i] &^= mask
				default:
					masks[i] |= mask
				}
			}
		}
	}
	var w when
	seen := map[int]bool{0: true}
	for _, mask := range masks {
		if seen[mask] {
			continue
		}
		seen[mask] = true
		var one condition
		for i, m := range masks {
			if m == mask {
				one.Facility = append(one.Facility, facilities()[i])
			}
		}
		for i, l := range levels() {
			if mask&(1<<i) != 0 {
				one.Level = append(one.Level, l)
			}
		}
		if len(one.Level) == 8 {
			one.Level = nil
		}
		if len(one.Facility) == 24 {
			one.Facility = nil
		}
		if one.Level == nil && one.Facility == nil {
			return nil, nil
		}
		w = append(w, one)
	}
	if len(w) == 0 {
		return nil, errors.New("the selector takes nothing")
	}
	return w, nil
}

// propertyFilter reads :property, [!]operation, "value".
func propertyFilter(filter, value string) (when, error) {
	parts := strings.Split(strings.Trim(filter, ": \t"), ",")
	if len(parts) < 2 {
		return nil, errors.New("a property and an operation are missing")
	}
	op, negative := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parts[1])), "!")
	w, err := compare(strings.ToLower(strings.TrimSpace(parts[0])), op, value)
	if err == nil && negative {
		w, err = none(w)
	}
	return w, err
}

// prefixOf finds 10.1. at the beginning of an address.
var prefixOf = regexp.MustCompile(`^(?:\d{1,3}\.){1,3}$`)

// compare reads a comparison of a property.
func compare(property, op, value string) (when, error) {
	how, fold := equals, false
	switch op {
	case "==", "isequal":
	case "startswith":
		how = begins
	case "startswith_i":
		how, fold = begins, true
	case "endswith":
		how = ends
	case "contains":
		how = contains
	case "contains_i":
		how, fold = contains, true
	case "ereregex", "re_match":
		how = matches
	case "re_match_i":
		how, fold = matches, true
	case "<", "<=", ">", ">=":
		return ordered(property, op, value)
	default:
		return nil, fmt.Errorf("the operation %s", op)
	}
	switch property = strings.TrimPrefix(property, "$"); property {
	case "msg":
		if how == begins || how == equals {
			value = strings.TrimPrefix(value, " ") // which rsyslog leaves before the text
		}
		return about("text", how, value, fold)
	case "hostname", "source":
		return about("host", how, value, fold)
	case "programname", "app-name":
		return about("program", how, value, fold)
	case "syslogtag":
		if plain := strings.TrimRight(value, "[:"); how == begins && plain != value {
			return about("program", equals, plain, fold) // the tag is sshd[123]: or su:
		}
		if how == begins {
			return about("program", begins, value, fold)
		}
	case "fromhost-ip":
		if how == begins && prefixOf.MatchString(value) {
			n := strings.Count(value, ".")
			value, how = value+strings.Repeat("0.", 3-n)+"0/"+strconv.Itoa(8*n), equals
		}
		if n, ok := network(value); ok && how == equals {
			return when{{Sender: []string{n}}}, nil
		}
	case "syslogfacility-text", "syslogfacility":
		if n := number(value, facilities()); n >= 0 && how == equals {
			return when{{Facility: []string{facilities()[n]}}}, nil
		}
	case "syslogseverity-text", "syslogseverity", "syslogpriority-text", "syslogpriority":
		if n := number(value, levels()); n >= 0 && how == equals {
			return when{{Level: []string{levels()[n]}}}, nil
		}
	}
	return nil, fmt.Errorf("%s %s %q", property, op, value)
}

// ordered reads $syslogseverity <= 4.
func ordered(property, op, value string) (when, error) {
	names := levels()
	switch strings.TrimPrefix(property, "$") {
	case "syslogseverity", "syslogpriority":
	case "syslogfacility":
		names = facilities()
	default:
		return nil, fmt.Errorf("%s %s", property, op)
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return nil, fmt.Errorf("%q is no number", value)
	}
	var list []string
	for i, name := range names {
		if op == "<" && i < n || op == "<=" && i <= n || op == ">" && i > n || op == ">=" && i >= n {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the condition never holds")
	}
	if len(names) == 8 {
		return when{{Level: list}}, nil
	}
	return when{{Facility: list}}, nil
}

// rexpression reads an expression of RainerScript.
type rexpression struct {
	all   []token
	depth int
}

func (e *rexpression) is(texts ...string) bool {
	return len(e.all) != 0 && e.all[0].kind != 's' && slices.Contains(texts, strings.ToLower(e.all[0].text))
}

func (e *rexpression) or() (when, error) {
	if e.depth++; e.depth > maxDepth {
		return nil, errLarge
	}
	defer func() { e.depth-- }()
	w, err := e.and()
	for err == nil && e.is("or") {
		e.all = e.all[1:]
		var other when
		if other, err = e.and(); err == nil {
			w, err = either(w, other)
		}
	}
	return w, err
}

func (e *rexpression) and() (when, error) {
	w, err := e.not()
	for err == nil && e.is("and") {
		e.all = e.all[1:]
		var other when
		if other, err = e.not(); err == nil {
			w, err = both(w, other)
		}
	}
	return w, err
}

func (e *rexpression) not() (when, error) {
	if e.depth++; e.depth > 4*maxDepth {
		return nil, errLarge
	}
	defer func() { e.depth-- }()
	switch {
	case e.is("not"):
		e.all = e.all[1:]
		w, err := e.not()
		if err == nil {
			w, err = none(w)
		}
		return w, err
	case e.is("("):
		e.all = e.all[1:]
		w, err := e.or()
		if err == nil && !e.is(")") {
			return nil, errors.New("a bracket is not closed")
		}
		if err == nil {
			e.all = e.all[1:]
		}
		return w, err
	case e.is("re_match", "re_match_i", "prifilt"):
		return e.call()
	}
	return e.comparison()
}

// call reads re_match($msg, 'x') and prifilt("auth.*").
func (e *rexpression) call() (when, error) {
	name := strings.ToLower(e.all[0].text)
	end := slices.IndexFunc(e.all, func(t token) bool { return t.kind == ')' })
	if end < 0 || len(e.all) < 2 || e.all[1].kind != '(' {
		return nil, fmt.Errorf("%s without brackets", name)
	}
	args := words(e.all[2:end])
	e.all = e.all[end+1:]
	switch {
	case name == "prifilt" && len(args) == 1:
		return selector(args[0])
	case name != "prifilt" && len(args) == 2:
		return compare(args[0], name, args[1])
	}
	return nil, fmt.Errorf("%s with other arguments", name)
}

func (e *rexpression) comparison() (when, error) {
	if len(e.all) < 3 || e.all[0].kind != 'w' {
		return nil, errors.New("this is no comparison of a property with a text")
	}
	property, op := strings.ToLower(e.all[0].text), ""
	e.all = e.all[1:]
	for len(e.all) != 0 && strings.ContainsRune("=!<>", e.all[0].kind) {
		op += e.all[0].text
		e.all = e.all[1:]
	}
	if op == "" {
		op = strings.ToLower(e.all[0].text)
		e.all = e.all[1:]
	}
	negative := op == "!=" || op == "<>"
	if negative {
		op = "=="
	}
	var values []string
	switch {
	case len(e.all) == 0:
		return nil, errors.New("a value is missing")
	case e.all[0].kind == '[':
		end := slices.IndexFunc(e.all, func(t token) bool { return t.kind == ']' })
		if end < 0 {
			return nil, errors.New("a list is not closed")
		}
		values = words(e.all[1:end])
		e.all = e.all[end+1:]
	case e.all[0].kind == 's', e.all[0].kind == 'w' && !strings.HasPrefix(e.all[0].text, "$"):
		values = []string{e.all[0].text}
		e.all = e.all[1:]
	}
	if len(values) == 0 {
		return nil, errors.New("only texts and numbers can be compared with")
	}
	var w when
	for i, v := range values {
		one, err := compare(property, op, v)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			w = one
		} else if w, err = either(w, one); err != nil {
			return nil, err
		}
	}
	if negative {
		return none(w)
	}
	return w, nil
}
