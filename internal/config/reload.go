package config

import (
	"reflect"
	"slices"
)

// Change is what a reload does to the running configuration.
type Change struct {
	// Next is the running configuration with the new values of all keys that can
	// change while the gateway runs.
	Next Config
	// Applied lists the keys that differ and have their new value in Next, Restart
	// those that differ and need a restart. A source that was added or removed is
	// one key, sources.NAME. Both are in the order of the reference.
	Applied, Restart []string
	// Stages are the stages that have to apply Next, each once. The HEC client and
	// the sources always have to: a reload also reads the token and the hosts file.
	Stages []Stage
}

// Reload compares the running configuration with a new one. The table says which
// keys can change while the gateway runs.
func (c Config) Reload(fresh Config) Change {
	ch := Change{Next: c, Stages: []Stage{StageHEC, StageSources}}
	ch.compare(reflect.ValueOf(&ch.Next).Elem(), reflect.ValueOf(fresh), keyPath{})
	return ch
}

// compare sets the keys of next that a reload applies to their values in fresh.
func (ch *Change) compare(next, fresh reflect.Value, p keyPath) {
	switch {
	case next.Kind() == reflect.Struct:
		for _, f := range fields(next.Type()) {
			ch.compare(next.FieldByIndex(f.Index), fresh.FieldByIndex(f.Index), p.key(f.Tag.Get("koanf")))
		}
	case isSections(next.Type()):
		ch.compareSections(next, fresh, p)
	case same(next, fresh):
	default:
		if ch.changed(p) {
			next.Set(fresh)
		}
	}
}

// compareSections compares sections whose names the user chooses. A source that was
// added or removed needs a restart; other sections come and go with a reload.
func (ch *Change) compareSections(next, fresh reflect.Value, p keyPath) {
	names := append(sortedKeys(next.Interface()), sortedKeys(fresh.Interface())...)
	slices.Sort(names)
	merged := reflect.MakeMap(next.Type()) // others read the map of the running configuration
	for _, name := range slices.Compact(names) {
		key, here := reflect.ValueOf(name), p.entry(name)
		before, after := next.MapIndex(key), fresh.MapIndex(key)
		result := after
		switch {
		case before.IsValid() && after.IsValid():
			result = reflect.New(next.Type().Elem()).Elem()
			result.Set(before)
			ch.compare(result, after, here)
		case p.pattern == "sources":
			ch.Restart = append(ch.Restart, here.String())
			result = before
		case after.IsValid():
			walkValue(after, here, func(p keyPath, _ reflect.Value) { ch.changed(p) })
		default:
			walkValue(before, here, func(p keyPath, _ reflect.Value) { ch.changed(p) })
		}
		if result.IsValid() {
			merged.SetMapIndex(key, result)
		}
	}
	if len(names) > 0 {
		next.Set(merged)
	}
}

// changed records a key that differs, and reports whether a reload applies it.
func (ch *Change) changed(p keyPath) bool {
	part := rows()[p.pattern].applies
	if part == restart {
		ch.Restart = append(ch.Restart, p.String())
		return false
	}
	ch.Applied = append(ch.Applied, p.String())
	if part != onUse && !slices.Contains(ch.Stages, part) {
		ch.Stages = append(ch.Stages, part)
	}
	return true
}

// same reports whether two values of a key are equal. An empty list or map is the
// same as none.
func same(a, b reflect.Value) bool {
	if k := a.Kind(); (k == reflect.Slice || k == reflect.Map) && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
