package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"syslog-gateway/internal/redact"
)

// Manual returns the manual page gateway.yaml(5) in the form of md2man: Markdown with a title.
// It has what docs/configuration.md has.
func Manual() []byte {
	var b strings.Builder
	b.WriteString(manualHead)
	defaults := defaultTexts()
	eachKey(func(heading string, k key) {
		if heading != "" {
			fmt.Fprintf(&b, "\n# %s\n", strings.ToUpper(heading))
		}
		reload := "a reload applies a change"
		if k.applies == restart {
			reload = "a change needs a restart"
		}
		t := resolve(strings.Split(k.pattern, "."))
		fmt.Fprintf(&b, "\n**%s**\n: %s\n\n    Type: %s. Allowed: %s. Default: %s; %s.\n", strings.ReplaceAll(k.pattern, "*", "NAME"), // NAME is the user's
			plain(k.meaning), typeName(t), k.rule.allowed, strings.ReplaceAll(defaults[k.pattern], "`", ""), reload)
	})
	b.WriteString(manualTail)
	return []byte(b.String())
}

// eachKey has do called with each key in the order of the table, and with the heading of its
// section if it is the first one there.
func eachKey(do func(heading string, k key)) {
	section := ""
	for _, k := range table() {
		heading := ""
		if s, _, nested := strings.Cut(k.pattern, "."); s != section {
			section, heading = s, s
			if !nested {
				heading = "Other keys"
			}
		}
		do(heading, k)
	}
}

// defaultTexts returns the default of every key by its pattern.
func defaultTexts() map[string]string {
	texts := make(map[string]string)
	walk(everyKey(), func(p keyPath, v reflect.Value) { texts[p.pattern] = defaultText(v) })
	texts["sources.*.port"] = "required"
	return texts
}

func defaultText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, v.Index(i).String())
		}
		return "`[" + strings.Join(items, ", ") + "]`"
	case reflect.Map:
		return "`{}`"
	case reflect.String:
		if v.String() == "" {
			return "empty"
		}
		return "`" + v.String() + "`"
	}
	return "`" + display(v.Interface()) + "`"
}

// typeName returns what people call the type of a key.
func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[redact.Secret]():
		return "secret"
	}
	switch t.Kind() {
	case reflect.Int:
		return "whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "map"
	case reflect.Struct:
		return "section"
	}
	return "text"
}

const manualHead = `% "GATEWAY.YAML" "5" "" "syslog-gateway" "Syslog gateway"

# NAME

gateway.yaml - configuration of the syslog gateway

# SYNOPSIS

/etc/syslog-gateway/gateway.yaml

# DESCRIPTION

One YAML file. What it leaves out keeps its default; an empty file is valid. Variables of the environment win over
the file: GATEWAY_ and the key in capitals, with two underscores between levels, such as GATEWAY_QUEUE__MAX_SIZE=50GB.
Flags that have the name of a key win over both.

A size has a unit, KiB MiB GiB TiB (powers of 1024) or kB MB GB TB (powers of 1000); without one it is bytes. A
duration has a unit: 250ms, 5s, 10m, 1h30m. NAME stands for a name of your own: of a source, or of a class below
metadata.overrides.

**gateway check** reports all problems at once, **gateway config** prints what results, and **gateway config schema** prints a
JSON Schema for editors. On SIGHUP the gateway reads the file again.
`

const manualTail = `
# FILES

/etc/syslog-gateway/hec_token
: the HEC token, which systemd gives to the service

/etc/syslog-gateway/packs
: the site's own packs

/var/lib/syslog-gateway
: the queue and the dead letters

# SEE ALSO

**gateway(1)**, **gateway-check(1)**, **gateway-config(1)**
`
