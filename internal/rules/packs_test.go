package rules_test

import (
	"os"
	"path/filepath"
	"testing"
	_ "time/tzdata" // the zones of look-ups, on any machine

	"syslog-gateway/internal/pack"
	"syslog-gateway/internal/pack/catalog"
	"syslog-gateway/internal/packtest"
)

// site is a pack of rules for messages of others, with a test for each kind of rule. It runs
// in testdata/site.yaml as a site writes it.
const site = "testdata/site.yaml"

// TestSite runs the tests of the packs of rules, through the code that reads messages.
func TestSite(t *testing.T) {
	data, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(site)
	if err != nil {
		t.Fatal(err)
	}
	packs, problems := pack.Load([]pack.File{{Name: path, Data: data}})
	for _, p := range problems {
		t.Fatal(p)
	}
	embedded, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := packtest.New(packs, embedded)
	if err != nil {
		t.Fatal(err)
	}
	for i := range packs {
		for _, wrong := range r.Test(&packs[i]) {
			t.Error(wrong)
		}
	}
}
