package pvesim

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	errUnknownProp = "property is not defined in schema and the schema does not allow additional properties"
	errMissingProp = "property is missing and it is not optional"
)

// check holds values against s and returns an error text for every wrong one
// (JSONSchema.pm check_object). prefix is "net0." inside a property string.
func (t *tables) check(s *schema, values map[string]string, prefix string) map[string]string {
	errs := map[string]string{}
	for _, k := range sortedKeys(values) {
		p, ok := s.props[k]
		if !ok || p.alias != "" {
			errs[prefix+k] = errUnknownProp
			continue
		}
		if text := t.checkValue(p, prefix+k, values[k]); text != "" {
			errs[prefix+k] = text
		}
		if _, ok := values[p.requires]; p.requires != "" && !ok {
			errs[prefix+p.requires] = "missing property required by '" + prefix + k + "'"
		}
	}
	for k, p := range s.props {
		if _, ok := values[k]; p.required && !ok {
			errs[prefix+k] = errMissingProp
		}
	}
	return errs
}

var (
	integerText = regexp.MustCompile(`^[+-]?[0-9]+$`)
	numberText  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// checkValue returns what is wrong with one value, or "".
func (t *tables) checkValue(p *prop, path, v string) string {
	kindNames := map[string]string{"int": "integer", "num": "number", "bool": "boolean"}
	switch p.kind {
	case "int", "num":
		re := integerText
		if p.kind == "num" {
			re = numberText
		}
		if !re.MatchString(v) {
			return "type check ('" + kindNames[p.kind] + "') failed - got '" + v + "'"
		}
		if text := checkRange(p, v); text != "" {
			return text
		}
	case "bool":
		if v != "0" && v != "1" {
			return "type check ('boolean') failed - got '" + v + "'"
		}
	case "str":
		if text := t.checkString(p, path, v); text != "" {
			return text
		}
	}
	if p.enum != nil && !slices.Contains(p.enum, v) {
		return "value '" + v + "' does not have a value in the enumeration '" + strings.Join(p.enum, ", ") + "'"
	}
	return ""
}

func checkRange(p *prop, v string) string {
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		return "type check ('number') failed - got '" + v + "'"
	case p.max != nil && n > *p.max:
		return "value must have a maximum value of " + strconv.FormatFloat(*p.max, 'f', -1, 64)
	case p.min != nil && n < *p.min:
		return "value must have a minimum value of " + strconv.FormatFloat(*p.min, 'f', -1, 64)
	}
	return ""
}

func (t *tables) checkString(p *prop, path, v string) string {
	switch {
	case p.re != nil && !p.re.MatchString(v):
		return "value does not match the regex pattern"
	case p.maxLen > 0 && len([]rune(v)) > p.maxLen:
		return "value may only be " + strconv.Itoa(p.maxLen) + " characters long"
	case p.minLen > 0 && len([]rune(v)) < p.minLen:
		return "value must be at least " + strconv.Itoa(p.minLen) + " characters long"
	}
	if p.format != "" {
		if err := checkFormat(p.format, v); err != "" {
			return "invalid format - " + err + "\n"
		}
	}
	if p.props != "" {
		if _, text := t.parseProps(p.props, path, v); text != "" {
			return "invalid format - " + text
		}
	}
	return ""
}

// parseProps reads a property string by its grammar and checks it. The error text is
// what stands after "invalid format - ".
func (t *tables) parseProps(grammar, path, v string) (map[string]string, string) {
	s, ok := t.grammars[grammar]
	if !ok {
		return nil, "no such grammar " + grammar + "\n"
	}
	values, text := splitProps(s, v)
	if text != "" {
		return nil, text + "\n"
	}
	errs := t.check(s, values, path+".")
	if len(errs) == 0 {
		return values, ""
	}
	return nil, flat("format error", errs)
}

// flat writes a parameter exception as one text, as Perl's exceptions do.
func flat(msg string, errs map[string]string) string {
	var b strings.Builder
	b.WriteString(msg + "\n")
	for _, k := range sortedKeys(errs) {
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
func splitProps(s *schema, v string) (map[string]string, string) {
	values := map[string]string{}
	for part := range strings.SplitSeq(v, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		k, val, ok := strings.Cut(part, "=")
		switch {
		case !ok && s.key == "":
			return nil, "value without key, but schema does not define a default key"
		case !ok:
			k, val = s.key, part
		case k == "" || val == "":
			return nil, "missing key in comma-separated list property"
		}
		p, known := s.props[k]
		if !known {
			return nil, "invalid key in comma-separated list property: " + k
		}
		if p.alias != "" {
			if p.keyAlias != "" {
				if _, dup := values[p.keyAlias]; dup {
					return nil, "key alias '" + p.keyAlias + "' is already defined"
				}
				values[p.keyAlias] = k
			}
			k = p.alias
			p = s.props[k]
		}
		if _, dup := values[k]; dup {
			return nil, "duplicate key in comma-separated list property: " + k
		}
		if p.kind == "bool" {
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

// printProps is JSONSchema.pm print_property_string: the default key first, without its
// name, then what is required, then the rest, each in alphabetical order.
func (t *tables) printProps(grammar string, values map[string]string) string {
	s := t.grammars[grammar]
	left := maps.Clone(values)
	var parts []string
	for name, p := range s.props { // model=virtio,macaddr=X is written virtio=X
		if p.keyAlias != "" && left[p.keyAlias] == name && left[p.alias] != "" {
			parts = append(parts, name+"="+left[p.alias])
			delete(left, p.alias)
			delete(left, p.keyAlias)
			break
		}
	}
	if v, ok := left[s.key]; ok && s.key != "" {
		parts = append(parts, v)
		delete(left, s.key)
	}
	for _, wanted := range []bool{true, false} {
		for _, k := range sortedKeys(left) {
			if s.props[k].required == wanted {
				parts = append(parts, k+"="+left[k])
			}
		}
	}
	return strings.Join(parts, ",")
}
