package config

import (
	"maps"
	"reflect"
	"slices"
)

// Reloadable compares two configurations and returns the keys that differ: those
// that SIGHUP can apply while sockets, connections and the queue stay open, and
// those that need a restart. A source that was added or removed is one key,
// sources.NAME. Both lists are in the order of the reference.
//
// A caller that applies a reload must apply every key of applied; the column
// "Reload" of docs/configuration.md promises it to users.
func Reloadable(old, new Config) (applied, needRestart []string) {
	live := make(map[string]bool)
	for _, k := range table() {
		live[k.pattern] = k.reload
	}
	for _, name := range changedSources(old, new) {
		needRestart = append(needRestart, at("sources", name).String())
	}
	before := flatten(old)
	after := flatten(new)
	for _, p := range union(old, new) {
		key := p.String()
		if _, both := sourceIn(p, old, new); !both {
			continue // told as a whole above
		}
		if reflect.DeepEqual(before[key], after[key]) {
			continue
		}
		if live[p.pattern] {
			applied = append(applied, key)
		} else {
			needRestart = append(needRestart, key)
		}
	}
	return applied, needRestart
}

// WithReload returns the configuration with everything of fresh that SIGHUP can apply:
// [Reloadable] then finds nothing more to apply between the two. Sources that only one
// of them has stay as they are.
func (c Config) WithReload(fresh Config) Config {
	c.Metadata = fresh.Metadata
	c.HEC.Endpoints = fresh.HEC.Endpoints
	c.HEC.Token, c.HEC.TokenFile = fresh.HEC.Token, fresh.HEC.TokenFile
	c.HEC.Timeout, c.HEC.Retry = fresh.HEC.Timeout, fresh.HEC.Retry
	c.HEC.FallbackIndex = fresh.HEC.FallbackIndex
	c.Log.Level = fresh.Log.Level
	c.ShutdownTimeout = fresh.ShutdownTimeout
	sources := maps.Clone(c.Sources)
	for name, s := range sources {
		f, ok := fresh.Sources[name]
		if !ok {
			continue
		}
		s.Index, s.Sourcetype = f.Index, f.Sourcetype
		s.Timezone, s.Timezones = f.Timezone, f.Timezones
		s.Fields = f.Fields
		s.MaxMessageSize, s.Allow = f.MaxMessageSize, f.Allow
		s.MaxConnections, s.IdleTimeout = f.MaxConnections, f.IdleTimeout
		s.SilentAfter = f.SilentAfter
		sources[name] = s
	}
	c.Sources = sources
	return c
}

// changedSources returns the names of the sources that only one of the two has.
func changedSources(old, new Config) []string {
	var names []string
	for name := range old.Sources {
		if _, ok := new.Sources[name]; !ok {
			names = append(names, name)
		}
	}
	for name := range new.Sources {
		if _, ok := old.Sources[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// sourceIn returns the source that a key belongs to, and whether both
// configurations have it; keys of no source belong to both.
func sourceIn(p place, old, new Config) (name string, both bool) {
	if p.names[0] != "sources" {
		return "", true
	}
	_, before := old.Sources[p.names[1]]
	_, after := new.Sources[p.names[1]]
	return p.names[1], before && after
}

// flatten returns the values of all keys. An empty list or map is the same as
// none.
func flatten(c Config) map[string]any {
	values := make(map[string]any)
	walk(c, func(p place, v reflect.Value) {
		if k := v.Kind(); (k == reflect.Slice || k == reflect.Map) && v.Len() == 0 {
			return
		}
		values[p.String()] = v.Interface()
	})
	return values
}

// union returns the keys that either configuration has, each once.
func union(a, b Config) []place {
	var all []place
	seen := make(map[string]bool)
	visit := func(p place, _ reflect.Value) {
		if key := p.String(); !seen[key] {
			seen[key] = true
			all = append(all, p)
		}
	}
	walk(a, visit)
	walk(b, visit)
	return all
}
