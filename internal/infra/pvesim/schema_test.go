package pvesim

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syslog-gateway/internal/infra/pvesim/api/guests"
	"syslog-gateway/internal/infra/pvesim/schema"
	"syslog-gateway/internal/testkit"
)

// smallSchema has the shape of apidoc.json, with a made-up method.
const smallSchema = `[{"path":"/pools","children":[],"info":{"POST":{"parameters":{"properties":{
 "poolid":{"type":"string"},"comment":{"type":"string","optional":1,"enum":["a","b"]}}}}}}]`

// TestMismatches: what only the official schema refuses is refused as well, and kept.
func TestMismatches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apidoc.json")
	testkit.Must(t, os.WriteFile(file, []byte(smallSchema), 0o600))
	official := testkit.Try(schema.Read(file))(t)
	sim := testkit.Try(New(Options{Schema: official}))(t)
	testkit.Must(t, sim.Mismatches())
	rec := record(sim, "POST", "/api2/json/pools?poolid=prod&comment=x")
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), `"comment"`) {
		t.Errorf("what only the schema refuses: %d %s", rec.Code, rec.Body)
	}
	if sim.Mismatches() == nil {
		t.Error("no mismatch is kept")
	}
}

// leftOut are parameters of the official schema that the tables here have not: what
// only a node sends to another during a migration.
var leftOut = []string{"migratedfrom", "migration_network", "migration_type", "nets-host-mtu", "stateuri", "targetstorage", "with-conntrack-state"}

// TestTablesAgainstSchema compares every table with the official schema, where PVE_SCHEMA names it.
func TestTablesAgainstSchema(t *testing.T) {
	s := testkit.Try(schema.FromEnv())(t)
	if s == nil {
		return
	}
	forms := testkit.Try(forms())(t)
	names := regexp.MustCompile(`\{[^}]*\}`)
	for _, r := range routes(nil, guests.CloneLimit{}) {
		mine := forms.Of(r)
		official, grammars, err := s.Params(r.Method, names.ReplaceAllString(r.Path, "x1"))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.HasPrefix(r.Path, "/storage") && (r.Method == "POST" || r.Method == "PUT") {
			for k := range official.ByName { // options of the many storage types
				if mine.ByName[k] == nil {
					delete(official.ByName, k)
				}
			}
		}
		comparePropsOf(t, r.String(), mine, official)
		for k, p := range official.ByName {
			own := mine.ByName[k]
			if p.Grammar == "" || own == nil {
				continue
			}
			if own.Grammar == "" {
				if !strings.Contains("audio0 numa spice_enhancements ivshmem usb virtiofs", strings.TrimRight(k, "0123456789")) && k != "audio0" {
					t.Errorf("%s: %s has a grammar in the schema", r.Path, k)
				}
				continue
			}
			comparePropsOf(t, r.Path+" "+k, forms.Tables().Grammars[own.Grammar], grammars[p.Grammar])
		}
	}
}

func comparePropsOf(t *testing.T, where string, mine, official *schema.Params) {
	t.Helper()
	for k, p := range official.ByName {
		m := mine.ByName[k]
		switch {
		case m == nil && slices.Contains(leftOut, k):
		case m == nil:
			t.Errorf("%s: %s is missing here", where, k)
		case m.Format == "storage" && m.Required: // the path gives it; the schema says optional
		case m.Alias != p.Alias || m.KeyAlias != p.KeyAlias || m.IsKey != p.IsKey:
			t.Errorf("%s: %s has another alias or default key", where, k)
		case p.Alias == "" && (m.Kind != p.Kind || m.Required != p.Required || m.Requires != p.Requires):
			t.Errorf("%s: %s is %s required=%v requires=%s, in the schema %s %v %s", where, k, m.Kind, m.Required, m.Requires, p.Kind, p.Required, p.Requires)
		case limits(m) != limits(p):
			t.Errorf("%s: %s has the limits %s, in the schema %s", where, k, limits(m), limits(p))
		}
	}
	for k := range mine.ByName {
		if official.ByName[k] == nil {
			t.Errorf("%s: the schema knows no %s", where, k)
		}
	}
}

func limits(p *schema.Param) string {
	show := func(f *float64) string {
		if f == nil {
			return "-"
		}
		return fmt.Sprint(*f)
	}
	enum := slices.Clone(p.Enum)
	slices.Sort(enum)
	if len(enum) > 40 { // written as a pattern here
		enum = nil
	}
	return fmt.Sprint(show(p.Min), show(p.Max), p.MinLen, p.MaxLen, enum)
}
