package config

import (
	"fmt"
	"slices"
	"strings"

	"syslog-gateway/internal/pack"
)

// Limits of the fixed fields of a source.
const (
	maxFields     = 32
	maxFieldName  = 64
	maxFieldValue = 256
)

// className allows names that a class can have. The parsers check that the class
// exists.
func className() rule {
	return word("a class: a-z, 0-9 and _", func(v string) string {
		if v == "" || len(v) > maxName || strings.Trim(v, lower+digits+"_") != "" {
			return display(v) + " is not the name of a class"
		}
		return ""
	})
}

// samples allows a map from classes to N: one message in N is kept.
func samples() rule {
	rate := between(2, 1000000)
	return rule{allowed: "classes with a number from 2 to 1000000, such as {pan_traffic: 10}", check: func(value any) string {
		var wrong []string
		all := value.(map[string]int)
		for _, class := range sortedKeys(all) {
			if text := className().check(class); text != "" {
				wrong = append(wrong, text)
			}
			if text := rate.check(all[class]); text != "" {
				wrong = append(wrong, text+" (for "+display(class)+")")
			}
		}
		return strings.Join(wrong, ", ")
	}}
}

// fixedFields allows a map from names to values of indexed fields.
func fixedFields() rule {
	allowed := fmt.Sprintf("at most %d fields such as {site: berlin}; names of a-z, A-Z, 0-9 and _ that begin with a letter, none of the gateway's or Splunk's own; values of 1 to %d bytes",
		maxFields, maxFieldValue)
	return rule{allowed: allowed, check: func(value any) string {
		all := value.(map[string]string)
		if len(all) > maxFields {
			return fmt.Sprintf("has %d fields", len(all))
		}
		var wrong []string
		for _, name := range sortedKeys(all) {
			wrong = append(wrong, wrongField(name, all[name])...)
		}
		return strings.Join(wrong, ", ")
	}}
}

func wrongField(name, value string) (wrong []string) {
	switch {
	case name == "" || len(name) > maxFieldName || strings.Trim(name, lower+upper+digits+"_") != "" || !strings.Contains(lower+upper, name[:1]):
		wrong = append(wrong, display(name)+" is not the name of a field")
	case pack.OwnField(name):
		wrong = append(wrong, display(name)+" is a field of the gateway's or Splunk's own")
	}
	if value == "" || len(value) > maxFieldValue || strings.ContainsFunc(value, isControl) {
		wrong = append(wrong, display(value)+" is not a value (for "+display(name)+")")
	}
	return wrong
}

// packName allows names that a pack can have. Whether it exists is checked where the packs
// are known.
func packName() rule {
	return word("a pack: a-z, 0-9 and _", func(v string) string {
		if v == "" || len(v) > maxName || strings.Trim(v, lower+digits+"_") != "" {
			return display(v) + " is not the name of a pack"
		}
		return ""
	})
}

// packOption allows "pack.option".
func packOption() rule {
	return word("PACK.OPTION", func(v string) string {
		name, option, _ := strings.Cut(v, ".")
		if packName().check(name) != "" || packName().check(option) != "" {
			return display(v) + " is not the option of a pack, such as isc_bind.on_linux"
		}
		return ""
	})
}

// packsByNet allows a map from networks to packs.
func packsByNet() rule {
	return rule{allowed: "networks with a pack, such as {10.1.2.0/24: mikrotik_routeros}", check: func(value any) string {
		var wrong []string
		all := value.(map[string]string)
		for _, net := range sortedKeys(all) {
			if text := network().check(net); text != "" {
				wrong = append(wrong, text)
			}
			if text := packName().check(all[net]); text != "" {
				wrong = append(wrong, text)
			}
		}
		return strings.Join(wrong, ", ")
	}}
}

// indexesByRole allows a map from roles to indexes.
func indexesByRole() rule {
	roles := append(pack.Roles(), "*")
	return rule{allowed: "roles with an index, such as {netfw: firewall, \"*\": network}", check: func(value any) string {
		var wrong []string
		all := value.(map[string]string)
		for _, role := range sortedKeys(all) {
			if !slices.Contains(roles, role) {
				wrong = append(wrong, display(role)+" is not a role"+didYouMean(role, roles))
			}
			if text := indexName().check(all[role]); text != "" {
				wrong = append(wrong, text)
			}
		}
		return strings.Join(wrong, ", ")
	}}
}
