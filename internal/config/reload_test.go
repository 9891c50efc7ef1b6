package config

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// What a change says is applied is what the next configuration has, key by key.
func TestNextHasWhatAChangePromises(t *testing.T) {
	old, fresh := Default(), Default()
	change := func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Slice:
			item := reflect.New(v.Type().Elem()).Elem()
			if item.Kind() == reflect.String {
				item.SetString("x")
			}
			v.Set(reflect.Append(v, item))
		}
	}
	var everything func(v reflect.Value)
	everything = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				everything(v.Field(i))
			}
		case reflect.Map:
		default:
			change(v)
		}
	}
	sources := make(map[string]Source)
	for name, s := range fresh.Sources {
		everything(reflect.ValueOf(&s).Elem())
		s.Timezones = map[string]string{"10.0.0.0/8": "UTC"}
		s.Fields = map[string]string{"site": "berlin"}
		sources[name] = s
	}
	everything(reflect.ValueOf(&fresh).Elem())
	fresh.Sources = sources
	fresh.Metadata.Overrides = map[string]Override{"cef": {Index: "x"}}
	fresh.Metadata.Sample = map[string]int{"pan_traffic": 10}
	first := old.Reload(fresh)
	then := first.Next.Reload(fresh)
	if len(first.Applied) < 20 || len(then.Applied) != 0 || !slices.Equal(then.Restart, first.Restart) {
		t.Errorf("applied %v, left over %v, restart %v and then %v", first.Applied, then.Applied, first.Restart, then.Restart)
	}
	if !reflect.DeepEqual(old, Default()) {
		t.Error("the reload changed the running configuration itself")
	}
	if want := []Stage{StageHEC, StageSources, StageLog}; !slices.Equal(first.Stages, want) || !slices.Equal(then.Stages, want[:2]) {
		t.Errorf("parts %v and then %v", first.Stages, then.Stages)
	}
}

func TestReload(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Config)
		applied []string
		restart []string
	}{
		{"nothing", func(*Config) {}, nil, nil},
		{"empty lists and maps are none", func(c *Config) {
			edit(c, "linux", func(s *Source) { s.Allow, s.Timezones = []string{}, map[string]string{} })
			c.Metadata.Overrides = map[string]Override{}
		}, nil, nil},
		{"what SIGHUP applies", func(c *Config) {
			c.Log.Level = "debug"
			c.HEC.Token, c.HEC.Timeout, c.HEC.Retry.Max = "t", c.HEC.Timeout*2, c.HEC.Retry.Max*2
			c.HEC.Endpoints = []string{"https://other"}
			c.Metadata.Profile = "sc4s"
			c.Metadata.Overrides = map[string]Override{"cef": {Index: "x"}}
			edit(c, "linux", func(s *Source) {
				s.Index, s.Timezone, s.Allow = "x", "Europe/Berlin", []string{"10.0.0.0/8"}
				s.Timezones = map[string]string{"10.0.0.0/8": "UTC"}
				s.MaxConnections++
			})
		}, []string{
			"sources.linux.index", "sources.linux.timezone", "sources.linux.timezones", "sources.linux.allow", "sources.linux.max_connections",
			"metadata.profile", "metadata.overrides.cef.index", "metadata.overrides.cef.sourcetype", "metadata.overrides.cef.source",
			"hec.endpoints", "hec.token", "hec.timeout", "hec.retry.max", "log.level",
		}, nil},
		{"what needs a restart", func(c *Config) {
			edit(c, "linux", func(s *Source) { s.Port, s.Address, s.Protocols = 2, "::1", []string{"udp"} })
			c.Balancer.Shards, c.Queue.Path, c.Stats.Listen = 2, "/q", ":1"
		}, nil, []string{"sources.linux.port", "sources.linux.address", "sources.linux.protocols", "balancer.shards", "queue.path", "stats.listen"}},
		{"both", func(c *Config) {
			c.Log = Log{Level: "warn", Format: "json"}
		}, []string{"log.level"}, []string{"log.format"}},
		{"sources come and go", func(c *Config) {
			delete(c.Sources, "linux")
			c.Sources["lab"] = newSource(9999, "auto", "")
		}, nil, []string{"sources.lab", "sources.linux"}},
	} {
		changed := Default()
		changed.Sources = maps.Clone(changed.Sources)
		c.change(&changed)
		change := Default().Reload(changed)
		applied, restart := change.Applied, change.Restart
		if !slices.Equal(applied, c.applied) || !slices.Equal(restart, c.restart) {
			t.Errorf("%s:\napplied %v\nwant    %v\nrestart %v\nwant    %v", c.name, applied, c.applied, restart, c.restart)
		}
		if back := changed.Reload(Default()).Applied; len(back) != len(applied) {
			t.Errorf("%s: back again applies %v, not %v", c.name, back, applied)
		}
	}
}

func edit(c *Config, source string, change func(*Source)) {
	s := c.Sources[source]
	change(&s)
	c.Sources[source] = s
}

// TestEveryChangeIsSeen changes one key after the other: exactly that key is reported.
func TestEveryChangeIsSeen(t *testing.T) {
	for _, k := range table() {
		old, changed := oneOfEach(), oneOfEach()
		v := reflect.ValueOf(&changed).Elem()
		if !touch(v, k.pattern) {
			t.Fatalf("%s: the test cannot change it", k.pattern)
		}
		change := old.Reload(changed)
		if len(change.Applied)+len(change.Restart) != 1 || (len(change.Applied) == 1) != (k.applies != restart) {
			t.Errorf("%s: applied %v, restart %v", k.pattern, change.Applied, change.Restart)
		}
	}
}

func oneOfEach() Config {
	c := Default()
	c.Sources = map[string]Source{"x": newSource(1, "auto", "")}
	c.Metadata.Overrides = map[string]Override{"x": {Index: "x"}}
	return c
}

// touch changes the value of one key.
func touch(v reflect.Value, pattern string) bool {
	done := false
	var visit func(v reflect.Value, p keyPath)
	visit = func(v reflect.Value, p keyPath) {
		switch {
		case v.Kind() == reflect.Struct:
			for _, f := range fields(v.Type()) {
				visit(v.FieldByIndex(f.Index), p.key(f.Tag.Get("koanf")))
			}
		case isSections(v.Type()):
			entry := reflect.New(v.Type().Elem()).Elem()
			entry.Set(v.MapIndex(reflect.ValueOf("x")))
			visit(entry, p.entry("x"))
			v.SetMapIndex(reflect.ValueOf("x"), entry)
		case p.pattern == pattern:
			done = true
			switch v.Kind() {
			case reflect.String:
				v.SetString(v.String() + "x")
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.Slice:
				v.Set(reflect.MakeSlice(v.Type(), v.Len()+1, v.Len()+1))
			case reflect.Map:
				entries := reflect.MakeMap(v.Type())
				entries.SetMapIndex(reflect.ValueOf("x"), reflect.New(v.Type().Elem()).Elem())
				v.Set(entries)
			default:
				v.SetInt(v.Int() + 1)
			}
		}
	}
	visit(v, keyPath{})
	return done
}
