package schema

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The texts of a parameter that is not known, and of one that is missing.

const (
	UnknownParam = "property is not defined in schema and the schema does not allow additional properties"
	MissingParam = "property is missing and it is not optional"
)

// Check holds values against s and returns an error text for every wrong one
// (JSONSchema.pm check_object). prefix is "net0." inside a property string.
func (t *Tables) Check(s *Params, values map[string]string, prefix string) map[string]string {
	errs := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		p, ok := s.ByName[k]
		if !ok || p.Alias != "" {
			errs[prefix+k] = UnknownParam
			continue
		}
		if text := t.checkValue(p, prefix+k, values[k]); text != "" {
			errs[prefix+k] = text
		}
		if _, ok := values[p.Requires]; p.Requires != "" && !ok {
			errs[prefix+p.Requires] = "missing property required by '" + prefix + k + "'"
		}
	}
	for k, p := range s.ByName {
		if _, ok := values[k]; p.Required && !ok {
			errs[prefix+k] = MissingParam
		}
	}
	return errs
}

var (
	integerText = regexp.MustCompile(`^[+-]?[0-9]+$`)
	numberText  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// checkValue returns what is wrong with one value, or "".
func (t *Tables) checkValue(p *Param, path, v string) string {
	kindNames := map[string]string{"int": "integer", "num": "number", "bool": "boolean"}
	switch p.Kind {
	case "int", "num":
		re := integerText
		if p.Kind == "num" {
			re = numberText
		}
		if !re.MatchString(v) {
			return "type check ('" + kindNames[p.Kind] + "') failed - got '" + v + "'"
		}
		if text := checkRange(p, v); text != "" {
			return text
		}
	case "bool":
		if v != "0" && v != "1" {
			return "type check ('boolean') failed - got '" + v + "'"
		}
	case "array":
		for i, e := range Elements(v) {
			if text := t.checkString(p, path+"["+strconv.Itoa(i)+"]", e); text != "" {
				return text
			}
		}
	case "str":
		if text := t.checkString(p, path, v); text != "" {
			return text
		}
	}
	if p.Enum != nil && !slices.Contains(p.Enum, v) {
		return "value '" + v + "' does not have a value in the enumeration '" + strings.Join(p.Enum, ", ") + "'"
	}
	return ""
}

func checkRange(p *Param, v string) string {
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		return "type check ('number') failed - got '" + v + "'"
	case p.Max != nil && n > *p.Max:
		return "value must have a maximum value of " + strconv.FormatFloat(*p.Max, 'f', -1, 64)
	case p.Min != nil && n < *p.Min:
		return "value must have a minimum value of " + strconv.FormatFloat(*p.Min, 'f', -1, 64)
	}
	return ""
}

func (t *Tables) checkString(p *Param, path, v string) string {
	switch {
	case p.re != nil && !p.re.MatchString(v):
		return "value does not match the regex pattern"
	case p.MaxLen > 0 && len([]rune(v)) > p.MaxLen:
		return "value may only be " + strconv.Itoa(p.MaxLen) + " characters long"
	case p.MinLen > 0 && len([]rune(v)) < p.MinLen:
		return "value must be at least " + strconv.Itoa(p.MinLen) + " characters long"
	}
	if p.Format != "" {
		if err := CheckFormat(p.Format, v); err != "" {
			return "invalid format - " + err + "\n"
		}
	}
	if p.Grammar != "" {
		if _, text := t.ParseProps(p.Grammar, path, v); text != "" {
			return "invalid format - " + text
		}
	}
	return ""
}

// ParseProps reads a property string by its grammar and checks it. The error text is
// what stands after "invalid format - ".
func (t *Tables) ParseProps(grammar, path, v string) (map[string]string, string) {
	s, ok := t.Grammars[grammar]
	if !ok {
		return nil, "no such grammar " + grammar + "\n"
	}
	values, text := splitProps(s, v)
	if text != "" {
		return nil, text + "\n"
	}
	errs := t.Check(s, values, path+".")
	if len(errs) == 0 {
		return values, ""
	}
	return nil, Flat("format error", errs)
}

// Flat writes a parameter exception as one text, as Perl's exceptions do.
func Flat(msg string, errs map[string]string) string {
	var b strings.Builder
	b.WriteString(msg + "\n")
	for _, k := range slices.Sorted(maps.Keys(errs)) {
		b.WriteString(k + ": " + errs[k] + "\n")
	}
	return b.String()
}

var (
	yes = regexp.MustCompile(`(?i)^(1|on|yes|true)$`)
	no  = regexp.MustCompile(`(?i)^(0|off|no|false)$`)
)

// splitProps is JSONSchema.pm parse_property_string without the check of values:
// aliases are resolved, booleans made 0 or 1.
func splitProps(s *Params, v string) (map[string]string, string) {
	values := map[string]string{}
	for part := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		k, val, ok := strings.Cut(part, "=")
		switch {
		case !ok && s.Key == "":
			return nil, "value without key, but schema does not define a default key"
		case !ok:
			k, val = s.Key, part
		case k == "" || val == "":
			return nil, "missing key in comma-separated list property"
		}
		p, known := s.ByName[k]
		if !known {
			return nil, "invalid key in comma-separated list property: " + k
		}
		if p.Alias != "" {
			if p.KeyAlias != "" {
				if _, dup := values[p.KeyAlias]; dup {
					return nil, "key alias '" + p.KeyAlias + "' is already defined"
				}
				values[p.KeyAlias] = k
			}
			k = p.Alias
			p = s.ByName[k]
		}
		if _, dup := values[k]; dup {
			return nil, "duplicate key in comma-separated list property: " + k
		}
		if p.Kind == "bool" {
			if yes.MatchString(val) {
				val = "1"
			} else if no.MatchString(val) {
				val = "0"
			}
		}
		values[k] = val
	}
	return values, ""
}

// PrintProps is JSONSchema.pm print_property_string: the default key first, without its
// name, then what is required, then the rest, each in alphabetical order.
func (t *Tables) PrintProps(grammar string, values map[string]string) string {
	s := t.Grammars[grammar]
	rest := maps.Clone(values)
	var pairs []string
	for name, p := range s.ByName { // model=virtio,macaddr=X is written virtio=X
		if p.KeyAlias != "" && rest[p.KeyAlias] == name && rest[p.Alias] != "" {
			pairs = append(pairs, name+"="+rest[p.Alias])
			delete(rest, p.Alias)
			delete(rest, p.KeyAlias)
			break
		}
	}
	if v, ok := rest[s.Key]; ok && s.Key != "" {
		pairs = append(pairs, v)
		delete(rest, s.Key)
	}
	for _, wanted := range []bool{true, false} {
		for _, k := range slices.Sorted(maps.Keys(rest)) {
			if s.ByName[k].Required == wanted {
				pairs = append(pairs, k+"="+rest[k])
			}
		}
	}
	return strings.Join(pairs, ",")
}
