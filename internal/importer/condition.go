package importer

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// condition is a condition of a pack (docs/packs.md). Its tags are the keys.
type condition struct {
	Program    []string            `yaml:"program,omitempty"`
	Text       []string            `yaml:"text,omitempty"`
	Keys       map[string][]string `yaml:"keys,omitempty"`
	Host       []string            `yaml:"host,omitempty"`
	Sender     []string            `yaml:"sender,omitempty"`
	Level      []string            `yaml:"level,omitempty"`
	Facility   []string            `yaml:"facility,omitempty"`
	Class      []string            `yaml:"class,omitempty"`
	Regex      string              `yaml:"regex,omitempty"`
	Any        when                `yaml:"any,omitempty"`
	Not        when                `yaml:"not,omitempty"`
	IgnoreCase bool                `yaml:"ignore_case,omitempty"`
}

// String returns the condition in YAML, in one line.
func (c condition) String() string {
	var n yaml.Node
	if err := n.Encode(&c); err != nil {
		return err.Error()
	}
	n.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&n)
	if err != nil {
		return err.Error()
	}
	return clean(strings.TrimSpace(string(text)))
}

// when is a list of conditions of which one must hold. An empty one always holds.
type when []condition

// maxConditions bounds a condition that is made of others.
const maxConditions = 128

var errLarge = errors.New("the condition is too large")

func (w when) size() int {
	n := 0
	for i := range w {
		n += 1 + w[i].Any.size() + w[i].Not.size()
	}
	return n
}

// both returns a condition that holds if a and b do.
func both(a, b when) (when, error) {
	switch {
	case len(a) == 0:
		return b, nil
	case len(b) == 0:
		return a, nil
	case a.size()+b.size() > maxConditions:
		return nil, errLarge
	}
	if len(a)*len(b) <= maxPairs {
		if pairs := pairs(a, b); pairs != nil {
			return pairs, nil
		}
	}
	return when{{Any: a, Not: when{{Not: b}}}}, nil
}

// maxPairs is how many conditions may stand for two lists of which one each must hold.
const maxPairs = 12

// pairs returns each condition of a joined with each of b, or nil if two cannot be joined.
func pairs(a, b when) when {
	var all when
	for i := range a {
		for j := range b {
			one, ok := merged(a[i], b[j])
			if !ok {
				return nil
			}
			all = append(all, one)
		}
	}
	return all
}

// cased reports whether a condition has words whose case may count.
func (c *condition) cased() bool {
	return len(c.Program)+len(c.Text)+len(c.Host)+len(c.Keys) != 0
}

// merged joins two conditions whose parts can stand together.
func merged(a, b condition) (condition, bool) {
	if a.IgnoreCase != b.IgnoreCase && a.cased() && b.cased() {
		return a, false
	}
	a.IgnoreCase = a.IgnoreCase || b.IgnoreCase
	to, from := reflect.ValueOf(&a).Elem(), reflect.ValueOf(b)
	for i := range to.NumField() {
		switch name := to.Type().Field(i).Name; {
		case name == "IgnoreCase" || from.Field(i).IsZero():
		case name == "Not":
			a.Not = slices.Concat(a.Not, b.Not) // none of these may hold
		case to.Field(i).IsZero():
			to.Field(i).Set(from.Field(i))
		case name == "Class" || name == "Level" || name == "Facility": // words without *
			x, y := to.Field(i).Interface().([]string), from.Field(i).Interface().([]string)
			x = slices.DeleteFunc(slices.Clone(x), func(w string) bool { return !slices.Contains(y, w) })
			if len(x) == 0 {
				return a, false
			}
			to.Field(i).Set(reflect.ValueOf(x))
		default:
			return a, false
		}
	}
	return a, true
}

// either returns a condition that holds if a or b does.
func either(a, b when) (when, error) {
	switch {
	case len(a) == 0 || len(b) == 0:
		return nil, nil
	case a.size()+b.size() > maxConditions:
		return nil, errLarge
	}
	return slices.Concat(a, b), nil
}

// none returns a condition that holds if w does not.
func none(w when) (when, error) {
	switch {
	case len(w) == 0:
		return nil, errors.New("the condition never holds")
	case len(w) == 1 && len(w[0].Not) != 0 && reflect.DeepEqual(w[0], condition{Not: w[0].Not}):
		return w[0].Not, nil
	case len(w) == 1 && reflect.DeepEqual(w[0], condition{Level: w[0].Level}):
		return others(w[0].Level, levels(), func(c *condition, list []string) { c.Level = list })
	case len(w) == 1 && reflect.DeepEqual(w[0], condition{Facility: w[0].Facility}):
		return others(w[0].Facility, facilities(), func(c *condition, list []string) { c.Facility = list })
	}
	return when{{Not: w}}, nil
}

// others returns the condition that a part is none of some words.
func others(words, all []string, set func(*condition, []string)) (when, error) {
	var c condition
	left := slices.DeleteFunc(all, func(w string) bool { return slices.Contains(words, w) })
	if len(left) == 0 {
		return nil, errors.New("the condition never holds")
	}
	set(&c, left)
	return when{c}, nil
}

// match is how a text is compared.
type match int

const (
	equals match = iota
	begins
	ends
	contains
	matches // an expression
	glob
)

var plainExpression = regexp.MustCompile(`^(\^?)((?:[A-Za-z0-9_ :,/%@=~!-]|\\[.\-/+*?()\[\]{}|^$\\:#"' ])*)(\$?)$`)

// word makes a word with at most one * of a comparison.
func word(how match, text string) (string, error) {
	switch how {
	case matches:
		p := plainExpression.FindStringSubmatch(strings.TrimSuffix(strings.TrimPrefix(text, ".*"), ".*"))
		if p == nil {
			return "", fmt.Errorf("the expression %q: names are compared with a word that has a * at one end", text)
		}
		plain := regexp.MustCompile(`\\(.)`).ReplaceAllString(p[2], "$1")
		switch {
		case p[1] != "" && p[3] != "":
			return word(equals, plain)
		case p[1] != "":
			return word(begins, plain)
		case p[3] != "":
			return word(ends, plain)
		}
		return "", fmt.Errorf("the expression %q is found anywhere in the name; a word can have a * at one end only", text)
	case glob:
		inside := strings.Trim(text, "*")
		if strings.ContainsAny(inside, "*?[") || strings.Contains(text, "?") {
			return "", fmt.Errorf("%q: a word can have a * at one end only", text)
		}
		switch {
		case strings.HasPrefix(text, "*") && strings.HasSuffix(text, "*"):
			return word(contains, inside)
		case strings.HasPrefix(text, "*"):
			return word(ends, inside)
		case strings.HasSuffix(text, "*"):
			return word(begins, inside)
		}
		return word(equals, inside)
	default:
	}
	if text == "" || strings.Contains(text, "*") {
		return "", fmt.Errorf("%q is empty or has a *", text)
	}
	switch how {
	case begins:
		return text + "*", nil
	case ends:
		return "*" + text, nil
	case contains:
		return "", fmt.Errorf("%q anywhere in the name: a word can have a * at one end only", text)
	default:
		return text, nil
	}
}

// expression makes an expression of RE2 that finds what the comparison does.
func expression(how match, text string) (string, error) {
	quoted := regexp.QuoteMeta(text)
	switch how {
	case matches:
		if _, err := regexp.Compile(text); err != nil {
			return "", fmt.Errorf("the expression %q is none of RE2", text)
		}
		return text, nil
	case begins:
		return "^" + quoted, nil
	case ends:
		return quoted + "$", nil
	case equals:
		return "^" + quoted + "$", nil
	case glob:
		return "", fmt.Errorf("%q: a pattern of the text", text)
	default:
		return quoted, nil
	}
}

// about makes a condition about a part of a message: host, program, text, facility, level.
func about(part string, how match, text string, fold bool) (when, error) {
	if part == "text" {
		re, err := expression(how, text)
		if err != nil {
			return nil, err
		}
		if fold {
			re = "(?i)" + re
		}
		return when{{Regex: re}}, nil
	}
	w, err := word(how, text)
	if err != nil {
		return nil, err
	}
	switch part {
	case "host":
		return when{{Host: []string{w}, IgnoreCase: fold}}, nil
	case "program":
		return when{{Program: []string{w}, IgnoreCase: fold}}, nil
	}
	return nil, fmt.Errorf("%q is nothing that rules compare", part)
}

func levels() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

func facilities() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

// number returns the place of a name or number in a list, or -1.
func number(text string, list []string) int {
	text = strings.ToLower(text)
	for _, alias := range [][2]string{{"panic", "emerg"}, {"emergency", "emerg"}, {"critical", "crit"}, {"error", "err"}, {"warn", "warning"}, {"informational", "info"}, {"security", "auth"}} {
		if text == alias[0] {
			text = alias[1]
		}
	}
	for i, name := range list {
		if text == name || text == fmt.Sprint(i) {
			return i
		}
	}
	return -1
}
