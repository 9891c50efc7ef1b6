package pvesim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallSchema has the shape of apidoc.json, with a made-up method.
const smallSchema = `[{"path":"/pools","children":[],"info":{
 "POST":{"parameters":{"additionalProperties":0,"properties":{
  "poolid":{"type":"string","maxLength":"4"},
  "comment":{"type":"string","optional":1,"enum":["a","b"]},
  "net[n]":{"type":"string","optional":1,"format":{"model":{"type":"string","default_key":1,"enum":["virtio"]},"tag":{"type":"integer","optional":1,"maximum":"9"}}}}}}}}]`

func TestSchemaRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apidoc.json")
	if err := os.WriteFile(file, []byte(smallSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{map[string]string{"poolid": "p", "comment": "a", "net3": "virtio,tag=9"}, ""},
		{map[string]string{"comment": "c"}, "comment: value 'c' does not have a value in the enumeration 'a, b'\npoolid: " + errMissingProp},
		{map[string]string{"poolid": "long5", "foo": "1"}, "foo: " + errUnknownProp + "\npoolid: value may only be 4 characters long"},
		{map[string]string{"poolid": "p", "net0": "virtio,tag=10"}, "net0: invalid format - format error\nnet0.tag: value must have a maximum value of 9"},
	} {
		got := ""
		if err := s.Check("POST", "/pools", c.params); err != nil {
			got = strings.TrimSpace(strings.TrimPrefix(err.Error(), "the schema refuses POST /pools: \n"))
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.params, got, c.want)
		}
	}
	sim, err := New(Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Options{})
	r.sim.opt.Schema = s
	if a := r.do("POST", "/pools", "poolid", "prod", "comment", "x"); a.Status != 400 || a.Errors["comment"] == "" {
		t.Errorf("what only the schema refuses: %d %v", a.Status, a.Errors)
	}
	if r.sim.Mismatches() == nil {
		t.Error("no mismatch is kept")
	}
	r.sim.mismatches = nil
	if err := sim.Mismatches(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "[", `{"a":1}`} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSchema(file); err == nil {
			t.Errorf("%q is taken for a schema", bad)
		}
	}
}

// leftOut are parameters of the official schema that the tables here have not: what
// only a node sends to another during a migration.
var leftOut = []string{"migratedfrom", "migration_network", "migration_type", "nets-host-mtu", "stateuri", "targetstorage", "with-conntrack-state"}

// TestTablesAgainstSchema compares every table with the official schema, where PVE_SCHEMA names it.
func TestTablesAgainstSchema(t *testing.T) {
	s, err := SchemaFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		return
	}
	sim, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sim.routes {
		elements := slices.Clone(r.elements)
		for i, e := range elements {
			if strings.HasPrefix(e, "{") {
				elements[i] = "x1"
			}
		}
		m := s.find(s.root, r.method, elements)
		if m == nil {
			t.Errorf("the schema has no %s %s", r.method, r.path)
			continue
		}
		official, err := tableOf(m.Parameters.Properties, true)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(r.path, "/storage") && (r.method == "POST" || r.method == "PUT") {
			for k := range official.props { // options of the many storage types
				if r.schema.props[k] == nil {
					delete(official.props, k)
				}
			}
		}
		comparePropsOf(t, r.method+" "+r.path, r.schema, official)
		for k, p := range official.props {
			mine := r.schema.props[k]
			if p.props == "" || mine == nil {
				continue
			}
			if mine.props == "" {
				if !strings.Contains("audio0 numa spice_enhancements ivshmem usb virtiofs", strings.TrimRight(k, "0123456789")) && k != "audio0" {
					t.Errorf("%s: %s has a grammar in the schema", r.path, k)
				}
				continue
			}
			keys, err := grammarOf(m.prop(k))
			if err != nil {
				t.Fatal(err)
			}
			comparePropsOf(t, r.path+" "+k, sim.tables.grammars[mine.props], keys)
		}
	}
}

func comparePropsOf(t *testing.T, where string, mine, official *schema) {
	t.Helper()
	for k, p := range official.props {
		m := mine.props[k]
		switch {
		case m == nil && slices.Contains(leftOut, k):
		case m == nil:
			t.Errorf("%s: %s is missing here", where, k)
		case m.format == "storage" && m.required: // the path gives it; the schema says optional
		case m.alias != p.alias || m.keyAlias != p.keyAlias || m.isKey != p.isKey:
			t.Errorf("%s: %s has another alias or default key", where, k)
		case p.alias == "" && (m.kind != p.kind || m.required != p.required || m.requires != p.requires):
			t.Errorf("%s: %s is %s required=%v requires=%s, in the schema %s %v %s", where, k, m.kind, m.required, m.requires, p.kind, p.required, p.requires)
		case limits(m) != limits(p):
			t.Errorf("%s: %s has the limits %s, in the schema %s", where, k, limits(m), limits(p))
		}
	}
	for k := range mine.props {
		if official.props[k] == nil {
			t.Errorf("%s: the schema knows no %s", where, k)
		}
	}
}

func limits(p *prop) string {
	show := func(f *float64) string {
		if f == nil {
			return "-"
		}
		return fmt.Sprint(*f)
	}
	enum := slices.Clone(p.enum)
	slices.Sort(enum)
	if len(enum) > 40 { // written as a pattern here
		enum = nil
	}
	return fmt.Sprint(show(p.min), show(p.max), p.minLen, p.maxLen, enum)
}
