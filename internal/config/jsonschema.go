package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"time"

	"syslog-gateway/internal/redact"
)

// Schema returns the JSON Schema (draft 7, which editors know) of the configuration file. It
// says less than [Load]: values that depend on each other, networks, URLs and names are for
// `gateway check`.
func Schema() ([]byte, error) {
	schema := schemaOf(reflect.TypeFor[Config](), keyPath{}, schemaDefaults())
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "gateway.yaml: the configuration of the syslog gateway"
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

// schemaDefaults are the defaults by pattern.
func schemaDefaults() map[string]any {
	all := make(map[string]any)
	walk(everyKey(), func(p keyPath, v reflect.Value) {
		switch value := v.Interface().(type) {
		case redact.Secret:
		case time.Duration, Size, Count:
			all[p.pattern] = display(value)
		default:
			if k := v.Kind(); (k != reflect.Slice && k != reflect.Map || v.Len() > 0) && p.pattern != "sources.*.port" {
				all[p.pattern] = value
			}
		}
	})
	return all
}

// everyKey is the default with a value for each row of the table.
func everyKey() Config {
	c := Default()
	c.Sources = map[string]Source{"any": newSource(0, "auto", "")}
	c.Metadata.Overrides = map[string]Override{"any": {}}
	return c
}

// schemaOf returns the schema of a section or a key.
func schemaOf(t reflect.Type, p keyPath, defaults map[string]any) map[string]any {
	switch {
	case t.Kind() == reflect.Struct:
		properties := make(map[string]any)
		for _, f := range fields(t) {
			name := f.Tag.Get("koanf")
			properties[name] = schemaOf(f.Type, p.key(name), defaults)
		}
		schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
		if p.pattern == "sources.*" {
			schema["required"] = []string{"port"}
		}
		return schema
	case isSections(t):
		schema := map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), p.entry("NAME"), defaults)}
		if p.pattern == "sources" {
			schema["minProperties"] = 1
			schema["propertyNames"] = map[string]any{"pattern": "^[a-z0-9][a-z0-9_-]*$", "maxLength": maxName}
		}
		return schema
	}
	schema := valueSchema(t)
	k := rows()[p.pattern]
	maps.Copy(schema, k.rule.schema)
	if t == reflect.TypeFor[TLSVersion]() { // without quotes it is a number
		schema["anyOf"] = []any{map[string]any{"enum": schema["enum"]}, map[string]any{"enum": []float64{1.2, 1.3}}}
		delete(schema, "enum")
	}
	schema["description"] = plain(k.meaning) + "\nAllowed: " + k.rule.allowed
	if value, ok := defaults[p.pattern]; ok {
		schema["default"] = value
	}
	return schema
}

// valueSchema returns what the type of a key says.
func valueSchema(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[Count](): // the rule says it
		return map[string]any{}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[Size]():
		var names []string
		for _, u := range units() {
			names = append(names, u.name)
		}
		return map[string]any{"type": []string{"string", "integer"}, "minimum": 0, "pattern": "^[0-9]+ *(" + strings.Join(names, "|") + ")?$"}
	case reflect.TypeFor[TLSVersion]():
		return map[string]any{}
	case reflect.TypeFor[[]KeyPair]():
		text := map[string]any{"type": "string", "minLength": 1}
		return map[string]any{"type": "array", "items": map[string]any{
			"type": "object", "additionalProperties": false, "required": []string{"cert_file", "key_file"},
			"properties": map[string]any{"cert_file": text, "key_file": text},
		}}
	}
	switch t.Kind() {
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": valueSchema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": valueSchema(t.Elem())}
	}
	return map[string]any{"type": "string"}
}

var link = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)

// plain returns text of the reference without its links.
func plain(markdown string) string { return link.ReplaceAllString(markdown, "$1") }
