package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"syslog-gateway/internal/redact"

	"go.yaml.in/yaml/v3"
)

// conform checks one layer against the structure and returns its values in their final
// types. Values that do not fit are reported and omitted, so that the others can be
// checked too.
//
// The conversions of the decoder (mapstructure) are not used because they are too
// lenient: they accept 5 as 5 ns, 1.7 as 1, null as "not set" and keys in any case.
func conform(p keyPath, v any, t reflect.Type, ps *problems) (any, bool) {
	if v == nil {
		ps.add(p, "is empty; give it a value, or leave the key out for its default%s", allowed(p))
		return nil, false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		m, ok := v.(map[string]any)
		if !ok {
			ps.add(p, "is %s; write %s", kindOf(v), map[bool]string{true: "a section with keys of its own", false: "a map of name: value"}[t.Kind() == reflect.Struct || isSections(t)])
			return nil, false
		}
		return conformMap(p, m, t, ps), true
	}
	out, wrong := convert(v, t)
	if wrong != "" {
		ps.add(p, "%s%s", wrong, allowed(p))
		return nil, false
	}
	return out, true
}

func conformMap(p keyPath, m map[string]any, t reflect.Type, ps *problems) map[string]any {
	out := make(map[string]any, len(m))
	for _, name := range sortedKeys(m) {
		var inner reflect.Type
		var below keyPath
		switch {
		case t.Kind() == reflect.Struct:
			inner, below = field(t, name), p.key(name)
		case isSections(t):
			inner, below = t.Elem(), p.entry(name)
		default:
			inner, below = t.Elem(), p.item(name)
		}
		if inner == nil {
			ps.add(below, "unknown key%s", unknownHint(name, t))
			continue
		}
		if v, ok := conform(below, m[name], inner, ps); ok {
			out[name] = v
		}
	}
	return out
}

// unknownHint returns what an unknown key was probably meant to be.
func unknownHint(name string, section reflect.Type) string {
	if outer, inner, dotted := strings.Cut(name, "."); dotted && field(section, outer) != nil {
		return fmt.Sprintf("; write %s: on one line, and %s: below it, indented", outer, inner)
	}
	if hint := didYouMean(name, fieldNames(section)); hint != "" {
		return hint
	}
	if paths := elsewhere(name); len(paths) != 0 {
		return fmt.Sprintf("; %s belongs under %s", name, strings.Join(paths, " or "))
	}
	return "; known here: " + strings.Join(fieldNames(section), ", ")
}

// allowed returns "; allowed: …" for a key of the table.
func allowed(p keyPath) string {
	if k, ok := rows()[p.pattern]; ok {
		return "; allowed: " + k.rule.allowed
	}
	return ""
}

// convert converts a YAML value to type t, or returns what is wrong with it.
func convert(v any, t reflect.Type) (out any, wrong string) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return convertDuration(v)
	case reflect.TypeFor[Size]():
		return convertSize(v)
	case reflect.TypeFor[redact.Secret]():
		s, ok := v.(string)
		if !ok {
			return nil, "is " + kindOf(v) + "; write it in quotes"
		}
		return redact.Secret(s), ""
	case reflect.TypeFor[Count]():
		return convertCount(v)
	case reflect.TypeFor[[]KeyPair]():
		return convertKeyPairs(v)
	case reflect.TypeFor[TLSVersion]():
		// In YAML 1.2 without quotes is a number.
		if f, ok := v.(float64); ok {
			v = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	switch t.Kind() {
	case reflect.Int:
		if n, ok := v.(int); ok {
			return n, ""
		}
		return nil, shown(v) + "; write a whole number"
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			return b, ""
		}
		return nil, shown(v) + "; write true or false"
	case reflect.Slice:
		return convertList(v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, shown(v) + "; write it in quotes"
	}
	return reflect.ValueOf(s).Convert(t).Interface(), ""
}

func convertDuration(v any) (any, string) {
	switch v := v.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil || strings.Trim(v, "+-"+digits) == "" {
			return nil, display(v) + " is not a duration; write a number with its unit, such as 250ms, 5s, 10m or 1h"
		}
		return d, ""
	case int:
		return nil, fmt.Sprintf("%d has no unit; write %ds for seconds or %dms for milliseconds", v, v, v)
	}
	return nil, shown(v) + "; write a number with its unit, such as 250ms, 5s, 10m or 1h"
}

func convertSize(v any) (any, string) {
	switch v := v.(type) {
	case string:
		s, err := ParseSize(v)
		if err != nil {
			return nil, display(v) + " " + err.Error() + "; write a size such as 512KiB, 64MiB or 100GB"
		}
		return s, ""
	case int:
		if v < 0 {
			return nil, fmt.Sprintf("%d is negative", v)
		}
		return Size(v), ""
	}
	return nil, shown(v) + "; write a size such as 512KiB, 64MiB or 100GB"
}

func convertCount(v any) (any, string) {
	switch v := v.(type) {
	case string:
		if v == Count(0).String() {
			return Count(0), ""
		}
	case int:
		if v == 0 {
			return nil, "0 is out of range"
		}
		return Count(v), ""
	}
	return nil, shown(v) + "; write a whole number, or auto"
}

func convertList(v any) (any, string) {
	items, ok := v.([]any)
	if !ok {
		return nil, shown(v) + "; write a list: [a, b]"
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if item == nil {
			return nil, "holds an empty entry; remove it or fill it in"
		}
		if !ok {
			return nil, "holds " + shown(item) + "; write its entries in quotes"
		}
		list = append(list, s)
	}
	return list, ""
}

// shown describes a value of the wrong kind, and shows it if it is a scalar.
func shown(v any) string {
	switch v := v.(type) {
	case float64:
		if v != math.Trunc(v) {
			return display(v) + " is a fraction"
		}
		return display(v) + " is " + kindOf(v)
	case string, int, int64, uint64, bool:
		return display(v) + " is " + kindOf(v)
	}
	return "is " + kindOf(v)
}

// kindOf names the kind of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "empty"
	case string:
		return "text"
	case bool:
		return "true or false"
	case int, int64, uint64, float64:
		return "a number"
	case time.Time:
		return "a date"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	case map[any]any:
		return "a map with a name that is not text (put it in quotes)"
	}
	return "something else"
}

// fromText converts the text of a variable or flag to the value that YAML would give
// for type t. Text that cannot be converted stays text, and [conform] reports it.
func fromText(s string, t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[time.Duration](), t == reflect.TypeFor[Size]():
		return s
	case t.Kind() == reflect.Int:
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	case t.Kind() == reflect.Bool:
		if s == "true" || s == "false" {
			return s == "true"
		}
	case t.Kind() == reflect.Slice && !strings.HasPrefix(strings.TrimSpace(s), "["):
		list := []any{}
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		var v any
		if err := yaml.Unmarshal([]byte(s), &v); err == nil && v != nil {
			return v
		}
	}
	return s
}
