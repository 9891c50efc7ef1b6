package config

import (
	"maps"
	"reflect"
	"slices"
)

// Default returns the configuration of an empty file: the defaults of the table
// and five sources, on the ports of the inventory's constants.syslog_ports.
func Default() Config {
	var c Config
	setDefaults(reflect.ValueOf(&c).Elem(), keyPath{})
	c.Sources = map[string]Source{
		"unifi":     newSource(1514, "unifi", "unifi"),
		"palo_alto": newSource(1515, "palo_alto", "firewall"),
		"cisco_asa": newSource(1516, "cisco_asa", "firewall"),
		"linux":     newSource(1517, "linux", "os"),
		"windows":   newSource(1518, "windows", "os"),
	}
	return c
}

// Dev returns the defaults of `gateway run --dev`: the five ports on localhost and all
// files in ./data. The endpoint is a placeholder for the embedded one.
func Dev() Config {
	c := Default()
	c.Sources = maps.Clone(c.Sources)
	for name, s := range c.Sources {
		s.Address = "127.0.0.1"
		c.Sources[name] = s
	}
	c.Queue.Path = "./data/queue"
	c.Queue.MaxSize = GiB // for a laptop
	c.Queue.MinFree = 100 * MB
	c.DeadLetter.Path = "./data/dead-letter"
	c.DeadLetter.MaxSize = 100 * MB
	c.HEC.Endpoints = []string{"http://127.0.0.1:8088"}
	c.Stats.Listen = "127.0.0.1:8404"
	c.Stats.Admin = true
	return c
}

// newSource returns a source with the defaults of the table and these values.
func newSource(port int, vendor, index string) Source {
	var s Source
	setDefaults(reflect.ValueOf(&s).Elem(), at("sources", "any"))
	s.Port, s.Vendor, s.Index = port, vendor, index
	return s
}

// setDefaults gives every key of a section its default.
func setDefaults(section reflect.Value, p keyPath) {
	for _, f := range fields(section.Type()) {
		v, here := section.FieldByIndex(f.Index), p.key(f.Tag.Get("koanf"))
		if v.Kind() == reflect.Struct {
			setDefaults(v, here)
			continue
		}
		switch initial := rows()[here.pattern].initial.(type) {
		case nil:
		case []string:
			v.Set(reflect.ValueOf(slices.Clone(initial)))
		default:
			v.Set(reflect.ValueOf(initial).Convert(v.Type()))
		}
	}
}
