package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"syslog-gateway/internal/printable"
	"syslog-gateway/internal/redact"
)

// visitor is called for a key and its value.
type visitor func(p keyPath, v reflect.Value)

// walk calls visit for every key of a configuration, in the order of the structure;
// names that the user chose are sorted.
func walk(c Config, visit visitor) { walkValue(reflect.ValueOf(c), keyPath{}, visit) }

func walkValue(v reflect.Value, p keyPath, visit visitor) {
	switch {
	case v.Kind() == reflect.Struct:
		for _, f := range fields(v.Type()) {
			walkValue(v.FieldByIndex(f.Index), p.key(f.Tag.Get("koanf")), visit)
		}
	case isSections(v.Type()):
		for _, name := range sortedKeys(v.Interface()) {
			walkValue(v.MapIndex(reflect.ValueOf(name)), p.entry(name), visit)
		}
	default:
		visit(p, v)
	}
}

// isSections reports whether t is a map from names that the user chooses to sections.
func isSections(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct
}

// fields returns the keys of a section.
func fields(section reflect.Type) []reflect.StructField {
	return reflect.VisibleFields(section)
}

// fieldNames returns the names of the keys of a section.
func fieldNames(section reflect.Type) []string {
	var names []string
	for _, f := range fields(section) {
		names = append(names, f.Tag.Get("koanf"))
	}
	return names
}

// field returns the type of one key of a section, or nil.
func field(section reflect.Type, name string) reflect.Type {
	for _, f := range fields(section) {
		if f.Tag.Get("koanf") == name {
			return f.Type
		}
	}
	return nil
}

// resolve returns the type at a path of names, or nil.
func resolve(names []string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for _, name := range names {
		switch {
		case name == "" || t == nil:
			return nil
		case t.Kind() == reflect.Struct:
			t = field(t, name)
		case t.Kind() == reflect.Map:
			t = t.Elem()
		default:
			return nil
		}
	}
	return t
}

// display writes a value for an error text: quoted if it is text, shortened if it is
// long, and without secrets.
func display(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return durationText(v)
	case redact.Secret, Size, Count, int, int64, uint64, float64, bool:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%q", printable.Cut(redact.URL(v), 80)) // redacted before it is cut
	case TLSVersion:
		return fmt.Sprintf("%q", string(v))
	}
	return fmt.Sprintf("%T", v)
}

// sortedKeys returns the keys of a map with text keys.
func sortedKeys(m any) []string {
	v := reflect.ValueOf(m)
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}
